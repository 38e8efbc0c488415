"""An obligations block, checked from its bytes alone.

Sealing: ``seal(header, sign)`` puts the sealer's signature into the last 65 bytes of extraData (Clique's
form: the signed hash is Keccak-256 of the header's RLP without those 65 bytes; r, s and a recovery id of 0
or 1). Checking: ``decode_header`` → ``sealed_by`` names the sealer → ``verify_receipt`` leads from the
receipts root to one receipt → ``attestation_logs`` finds what the feed accepted.

The state root is not used: what is proved is that a transaction ran, with which status and which logs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol

from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.encoding.rlp import Rlp, as_bytes, as_int, as_list, decode_list, encode, int_bytes
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.trie import prove_ordered, verify_proof
from wuxin_evidence.ids import keccak256

SEAL_BYTES = 65
"""The signature at the end of extraData."""

EXTRA_DATA_BYTES_MAX = 4096
"""extraData read; Clique checkpoints list their signers there, 20 bytes each."""

ATTESTATION_ACCEPTED = keccak256(b"AttestationAccepted(bytes32,bytes32,uint8,uint64)")
"""First topic of the event with which AttestationFeed takes an attestation: digest and subject are indexed."""

_INTEGERS = {"difficulty", "number", "gas_limit", "gas_used", "timestamp"}
_LENGTHS = {"coinbase": 20, "logs_bloom": 256, "nonce": 8}


@dataclass(frozen=True)
class Header:
    """A block header: the fifteen fields of old, and whatever later forks append (``later``, as they stand).

    Hashes are 32 bytes, coinbase 20, logs_bloom 256, nonce 8; ``timestamp`` in seconds. ``later[0]`` is the
    base fee (London), ``later[1]`` the withdrawals root (Shanghai), and so on.
    """

    parent_hash: bytes
    ommers_hash: bytes
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    later: tuple[bytes, ...] = ()

    def rlp(self) -> bytes:
        """The header as hashed and stored."""
        values: list[bytes] = []
        for field in fields(self)[:-1]:
            value: Any = getattr(self, field.name)
            values.append(int_bytes(value) if field.name in _INTEGERS else value)
        return encode([*values, *self.later])

    def hash(self) -> bytes:
        """The block hash."""
        return keccak256(self.rlp())


class Log(NamedTuple):
    """One event: contract address (20 bytes), topics (32 bytes each), data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """What a transaction did: type (0 legacy), status (1 success, 0 reverted), gas so far in the block,
    logs.
    """

    transaction_type: int
    status: int
    cumulative_gas_used: int
    logs_bloom: bytes
    logs: tuple[Log, ...]

    def raw(self) -> bytes:
        """The bytes under the receipts root."""
        body = encode(
            [
                int_bytes(self.status),
                int_bytes(self.cumulative_gas_used),
                self.logs_bloom,
                [[log.address, list(log.topics), log.data] for log in self.logs],
            ]
        )
        return bytes([self.transaction_type]) + body if self.transaction_type else body


class Executed(Protocol):
    """What an executed transaction left behind, on whatever engine: status (1 done, 0 reverted) and logs."""

    @property
    def status(self) -> int:
        """1 for a transaction that ran to its end, 0 for one that reverted."""
        ...

    @property
    def logs(self) -> tuple[Log, ...]:
        """Events in the order in which the transaction brought them."""
        ...


@dataclass(frozen=True)
class ReceiptProof:
    """Where a receipt stands in its block: index, trie nodes, and the same for the transaction itself."""

    index: int
    receipt_nodes: tuple[bytes, ...]
    transaction: bytes
    transaction_nodes: tuple[bytes, ...]

    @property
    def tx_hash(self) -> bytes:
        """Hash of the transaction (32 bytes)."""
        return keccak256(self.transaction)

    def to_json(self) -> dict[str, Any]:
        """As ``obligations/proof.json``: bytes in lower-case hex without prefix."""
        return {
            "index": self.index,
            "receipt_nodes": [node.hex() for node in self.receipt_nodes],
            "transaction": self.transaction.hex(),
            "transaction_nodes": [node.hex() for node in self.transaction_nodes],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ReceiptProof":
        """Read ``to_json``'s form. Raises EvidenceError ``malformed``."""
        names = {"index", "receipt_nodes", "transaction", "transaction_nodes"}
        if set(value) != names or type(value["index"]) is not int:
            raise EvidenceError("malformed", "proof.json has other fields than a receipt proof", _AGAIN)
        try:
            proof = cls(
                value["index"],
                tuple(bytes.fromhex(node) for node in value["receipt_nodes"]),
                bytes.fromhex(value["transaction"]),
                tuple(bytes.fromhex(node) for node in value["transaction_nodes"]),
            )
        except (TypeError, ValueError) as error:
            raise EvidenceError("malformed", "proof.json holds something that is not hex", _AGAIN) from error
        if proof.to_json() != dict(value):
            raise EvidenceError("malformed", "proof.json is not in lower-case hex", _AGAIN)
        return proof


_AGAIN = "ask the chain for the proof again"


def decode_header(raw: bytes) -> Header:
    """Read a header. Raises EvidenceError ``malformed`` for a wrong number, type or length of fields."""
    items = decode_list(raw)
    names = [field.name for field in fields(Header)][:-1]
    if len(items) < len(names):
        raise EvidenceError("malformed", f"a header of {len(items)} fields", "take the header's own RLP")
    values: dict[str, Any] = {}
    for name, item in zip(names, items, strict=False):
        if name in _INTEGERS:
            values[name] = as_int(item, bytes_max=8 if name != "difficulty" else 32)
        else:
            values[name] = as_bytes(item, None if name == "extra_data" else _LENGTHS.get(name, 32))
    if len(values["extra_data"]) > EXTRA_DATA_BYTES_MAX:
        raise EvidenceError("too_large", "extraData of this header", f"at most {EXTRA_DATA_BYTES_MAX} bytes")
    return Header(**values, later=tuple(as_bytes(item) for item in items[len(names) :]))


def seal_hash(header: Header) -> bytes:
    """What the sealer signs: Keccak-256 of the header's RLP with the last 65 bytes of extraData cut off.

    Raises EvidenceError ``malformed`` when extraData has no room for a seal.
    """
    if len(header.extra_data) < SEAL_BYTES:
        raise EvidenceError("malformed", "extraData is shorter than a seal", "leave 65 bytes for the seal")
    return replace(header, extra_data=header.extra_data[:-SEAL_BYTES]).hash()


def seal(header: Header, sign_digest: Callable[[bytes], bytes]) -> Header:
    """Seal a header whose extraData holds the vanity bytes only; ``sign_digest`` is ``EvmKey.sign_digest``."""
    blank = replace(header, extra_data=header.extra_data + bytes(SEAL_BYTES))
    signature = sign_digest(seal_hash(blank))
    clique = signature[:64] + bytes([signature[64] - 27])
    return replace(header, extra_data=header.extra_data + clique)


def sealed_by(header_rlp: bytes) -> bytes:
    """Address (20 bytes) of whoever sealed this header. Raises EvidenceError ``malformed`` or
    ``bad_signature``.
    """
    header = decode_header(header_rlp)
    digest = seal_hash(header)
    signature = header.extra_data[-SEAL_BYTES:]
    if signature[64] > 1:
        raise EvidenceError("bad_signature", "the seal's recovery id is neither 0 nor 1", "seal with evm.proof.seal")
    return recover(digest, signature[:64] + bytes([signature[64] + 27]))


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt, legacy or typed (EIP-2718). Raises EvidenceError ``malformed``."""
    transaction_type = raw[0] if raw[:1] and raw[0] < 0x80 else 0
    items = decode_list(raw[1:] if transaction_type else raw)
    if len(items) != 4:
        raise EvidenceError("malformed", f"a receipt of {len(items)} fields", "take the receipt's own bytes")
    status = as_int(items[0], bytes_max=1)
    if status > 1:
        raise EvidenceError("malformed", "a receipt status other than 0 or 1", "take a Byzantium receipt")
    return Receipt(
        transaction_type,
        status,
        as_int(items[1], bytes_max=8),
        as_bytes(items[2], 256),
        tuple(_log(item) for item in as_list(items[3])),
    )


def _log(item: Rlp) -> Log:
    parts = as_list(item)
    if len(parts) != 3:
        raise EvidenceError("malformed", f"a log of {len(parts)} fields", "take the receipt's own bytes")
    topics = tuple(as_bytes(topic, 32) for topic in as_list(parts[1]))
    return Log(as_bytes(parts[0], 20), topics, as_bytes(parts[2]))


def prove_receipt(transactions: Sequence[bytes], receipts: Sequence[bytes], index: int) -> ReceiptProof:
    """Proof for one transaction of a block, from the block's whole ordered lists."""
    return ReceiptProof(
        index,
        tuple(prove_ordered(receipts, index)),
        transactions[index],
        tuple(prove_ordered(transactions, index)),
    )


def verify_receipt(header: Header, receipt: bytes, proof: ReceiptProof) -> Receipt:
    """The receipt, once it and its transaction are shown to stand at one index of this block.

    Raises EvidenceError ``malformed`` when a proof breaks off or leads to other bytes.
    """
    if proof.index < 0:
        raise EvidenceError("malformed", "a negative index", _AGAIN)
    key = encode(int_bytes(proof.index))
    if verify_proof(header.receipts_root, key, proof.receipt_nodes) != receipt:
        raise EvidenceError("malformed", "the receipts root leads to another receipt", _AGAIN)
    if verify_proof(header.transactions_root, key, proof.transaction_nodes) != proof.transaction:
        raise EvidenceError("malformed", "the transactions root leads to another transaction", _AGAIN)
    return decode_receipt(receipt)


def signed_for(transaction: bytes) -> int:
    """Chain id that a transaction, legacy (EIP-155) or typed (EIP-2718), is signed for.

    Contracts of two chains can have the same address and blocks the same sealer; this is what tells them apart. Raises
    EvidenceError ``malformed``, also for a legacy transaction that names no chain.
    """
    is_typed = bool(transaction) and transaction[0] < 0x80
    items = decode_list(transaction[1:] if is_typed else transaction)
    if is_typed and items:
        return as_int(items[0])
    v = as_int(items[6]) if len(items) == 9 else 0
    if v < 35:
        raise EvidenceError("malformed", "a transaction that names no chain (EIP-155)", "sign it for one chain")
    return (v - 35) // 2


class Call(NamedTuple):
    """What a transaction calls: the contract (20 bytes, empty where the transaction creates one) and its call data."""

    to: bytes
    data: bytes


_PLACE_OF_TO = {0: 3, 1: 4, 2: 5}
"""By transaction type: legacy, access list (EIP-2930), dynamic fee (EIP-1559). The call data stands two behind."""


def call_of(transaction: bytes) -> Call:
    """The call of a transaction's own bytes. Raises EvidenceError ``malformed`` for another type or form."""
    is_typed = bool(transaction) and transaction[0] < 0x80
    items = decode_list(transaction[1:] if is_typed else transaction)
    place = _PLACE_OF_TO.get(transaction[0] if is_typed else 0)
    if place is None or len(items) < place + 3:
        raise EvidenceError("malformed", "a transaction of another type or form", "take the transaction again")
    return Call(as_bytes(items[place]), as_bytes(items[place + 2]))


def attestation_logs(receipt: Executed, feed: bytes) -> tuple[bytes, ...]:
    """Digests (32 bytes each) of the attestations that the contract at ``feed`` accepted in this transaction."""
    if receipt.status != 1:
        return ()
    return tuple(
        log.topics[1]
        for log in receipt.logs
        if log.address == feed and len(log.topics) == 3 and log.topics[0] == ATTESTATION_ACCEPTED
    )
