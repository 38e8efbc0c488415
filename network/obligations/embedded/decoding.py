"""A raw transaction read and checked against the chain it is for: its form, its chain id, its signature."""

# The specification has types but no marker that says so.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

from ethereum.crypto.hash import keccak256
from ethereum.exceptions import InvalidSignatureError
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.numeric import U64

from network.obligations.embedded.specification import fork, transactions
from network.obligations.embedded.types import SignedTransaction, TransactionRefused

_TYPES: dict[int, Any] = {1: transactions.AccessListTransaction, 2: transactions.FeeMarketTransaction}


def decode_transaction(raw: bytes, chain_id: int) -> SignedTransaction:
    """Read a raw transaction: legacy with EIP-155, 2930 or 1559. Raises TransactionRefused."""
    if not raw:
        raise TransactionRefused("the transaction is empty")
    if raw[0] in _TYPES:
        body = _decode_body(_TYPES[raw[0]], raw[1:])
        chain = int(body.chain_id)
        v = int(body.y_parity)
    elif raw[0] >= 0xC0:
        body = _decode_body(transactions.LegacyTransaction, raw)
        v = int(body.v)
        chain = (v - 35) // 2 if v >= 35 else 0
    else:
        raise TransactionRefused(f"transaction type {raw[0]} is not taken here; send a legacy, 2930 or 1559 one")
    if chain != chain_id:
        named = f"chain id {chain}" if chain else "no chain id (EIP-155)"
        raise TransactionRefused(f"invalid chain id for signer: the transaction has {named}, this chain is {chain_id}")
    return _signed(raw, body, chain_id, v)


def _decode_body(kind: Any, encoded: bytes) -> Any:
    try:
        body = rlp.decode_to(kind, encoded)
        canonical = rlp.encode(body) == encoded
    except (RLPException, ValueError, TypeError, OverflowError, RecursionError) as malformed:
        raise TransactionRefused(f"the transaction is not valid RLP: {malformed}") from malformed
    if not canonical:
        raise TransactionRefused("the transaction is not canonical RLP")
    return body


def _signed(raw: bytes, body: Any, chain_id: int, v: int) -> SignedTransaction:
    try:
        sender = fork.recover_sender(U64(chain_id), body)
    except (InvalidSignatureError, ValueError, OverflowError) as bad:
        raise TransactionRefused(f"invalid sender: {bad or 'no key made this signature'}") from bad
    raw_type = raw[0] if raw[0] in _TYPES else 0
    return SignedTransaction(
        raw=raw,
        hash=bytes(keccak256(raw)),
        type=raw_type,
        sender=bytes(sender),
        nonce=int(body.nonce),
        gas_limit=int(body.gas),
        gas_price=int(body.max_fee_per_gas if raw_type == 2 else body.gas_price),
        to=bytes(body.to) or None,
        value=int(body.value),
        data=bytes(body.data),
        v=v,
        r=int(body.r),
        s=int(body.s),
        body=body,
    )
