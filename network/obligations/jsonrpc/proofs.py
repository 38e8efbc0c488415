"""Headers, transactions and receipts as bytes, rebuilt from what any JSON-RPC endpoint says about a block.

Endpoints speak JSON; proofs need the hashed bytes. Each piece is encoded again and compared with the hash that it
must have (block hash, transaction hash, receipts root), so a wrong or lying endpoint is found here and not by the
reader of a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from network.obligations.jsonrpc.requests import to_bytes, to_int
from network.ports import Unavailable
from wuxin_evidence.encoding.rlp import encode, int_bytes
from wuxin_evidence.evm.proof import Header, Log, Receipt, ReceiptProof, prove_receipt
from wuxin_evidence.evm.trie import ordered_root
from wuxin_evidence.ids import keccak256

_LATER_FIELDS = (
    ("baseFeePerGas", True),
    ("withdrawalsRoot", False),
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
    ("requestsHash", False),
)
"""What London, Shanghai, Cancun and Prague appended, in order; true: a number."""

_OTHER_ENGINE = "proofs are supported for engines whose hashes follow Ethereum's rules; see docs/reference"

Json = Mapping[str, Any]


def header_of(block: Json) -> Header:
    """The header of a block, equal to its hash. Raises Unavailable, KeyError, ValueError."""
    header = Header(
        parent_hash=to_bytes(block["parentHash"]),
        ommers_hash=to_bytes(block["sha3Uncles"]),
        coinbase=to_bytes(block["miner"]),
        state_root=to_bytes(block["stateRoot"]),
        transactions_root=to_bytes(block["transactionsRoot"]),
        receipts_root=to_bytes(block["receiptsRoot"]),
        logs_bloom=to_bytes(block["logsBloom"]),
        difficulty=to_int(block["difficulty"]),
        number=to_int(block["number"]),
        gas_limit=to_int(block["gasLimit"]),
        gas_used=to_int(block["gasUsed"]),
        timestamp=to_int(block["timestamp"]),
        extra_data=to_bytes(block["extraData"]),
        mix_hash=to_bytes(block["mixHash"]),
        nonce=to_bytes(block["nonce"]),
        later=_later(block),
    )
    if header.hash() != to_bytes(block["hash"]):
        raise _unprovable(f"block {header.number} does not have the hash of its header")
    return header


def transaction_of(fields: Json) -> bytes:
    """The raw transaction, equal to its hash: legacy, 2930 or 1559. Raises Unavailable."""
    kind = to_int(fields.get("type") or "0x0")
    target = to_bytes(fields["to"]) if fields.get("to") else b""
    called = [int_bytes(to_int(fields["gas"])), target, int_bytes(to_int(fields["value"])), to_bytes(fields["input"])]
    signature = [int_bytes(to_int(fields[name])) for name in ("v", "r", "s")]
    nonce, access = int_bytes(to_int(fields["nonce"])), _access_list(fields)
    if kind == 0:
        raw = encode([nonce, _number(fields, "gasPrice"), *called, *signature])
    elif kind == 1:
        chain = _number(fields, "chainId")
        raw = b"\x01" + encode([chain, nonce, _number(fields, "gasPrice"), *called, access, *signature])
    elif kind == 2:
        fees = [_number(fields, "maxPriorityFeePerGas"), _number(fields, "maxFeePerGas")]
        raw = b"\x02" + encode([_number(fields, "chainId"), nonce, *fees, *called, access, *signature])
    else:
        raise _unprovable(f"transactions of type {kind} are not rebuilt here")
    if keccak256(raw) != to_bytes(fields["hash"]):
        raise _unprovable(f"transaction {fields['hash']} does not have the hash of its content")
    return raw


def receipt_of(fields: Json) -> bytes:
    """The receipt as under the receipts root."""
    logs = tuple(
        Log(to_bytes(log["address"]), tuple(to_bytes(topic) for topic in log["topics"]), to_bytes(log["data"]))
        for log in fields["logs"]
    )
    return Receipt(
        to_int(fields.get("type") or "0x0"),
        to_int(fields["status"]),
        to_int(fields["cumulativeGasUsed"]),
        to_bytes(fields["logsBloom"]),
        logs,
    ).raw()


def prove(block: Json, receipts: Sequence[Json], tx_hash: str) -> tuple[Header, bytes, ReceiptProof]:
    """Header, receipt and proof of one transaction, from its block (with whole transactions) and all receipts.

    Raises Unavailable when the rebuilt pieces do not hash to the block's roots; KeyError, TypeError, ValueError for
    what lacks or has another form.
    """
    header = header_of(block)
    transactions = [transaction_of(each) for each in block["transactions"]]
    rebuilt = [receipt_of(each) for each in receipts]
    if ordered_root(transactions) != header.transactions_root or ordered_root(rebuilt) != header.receipts_root:
        raise _unprovable(f"what the endpoint tells of block {header.number} does not hash to its roots")
    index = [each["hash"] for each in block["transactions"]].index(tx_hash)
    return header, rebuilt[index], prove_receipt(transactions, rebuilt, index)


def _later(block: Json) -> tuple[bytes, ...]:
    values: list[bytes] = []
    for name, is_number in _LATER_FIELDS:
        if block.get(name) is None:
            break
        values.append(int_bytes(to_int(block[name])) if is_number else to_bytes(block[name]))
    return tuple(values)


def _number(fields: Json, name: str) -> bytes:
    return int_bytes(to_int(fields[name]))


def _access_list(fields: Json) -> list[list[Any]]:
    entries: list[Json] = fields.get("accessList") or []
    rows: list[list[Any]] = []
    for entry in entries:
        keys: list[Any] = entry["storageKeys"]
        rows.append([to_bytes(entry["address"]), [to_bytes(key) for key in keys]])
    return rows


def _unprovable(detail: str) -> Unavailable:
    return Unavailable(detail, _OTHER_ENGINE)
