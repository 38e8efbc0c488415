"""Ethereum transactions as a Cosmos EVM chain carries them, and what the chain says each of them did.

The engine orders an envelope of its own, in which the Ethereum transaction stands field by field; ``read_transaction``
takes it out, builds Ethereum's bytes again, and names hash, chain and sender. The engine's result for it carries the
answer of the EVM module; ``read_outcome`` gives status and logs.

One envelope holds one Ethereum transaction and nothing else that could act: whatever differs is refused.
"""

from dataclasses import dataclass
from typing import Any, cast

from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.encoding.protobuf import Field, Kind, Message, Values, read
from wuxin_evidence.encoding.rlp import encode, int_bytes
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import Log
from wuxin_evidence.ids import keccak256

_ANY = Message("Any", (Field(1, "type", Kind.TEXT), Field(2, "value", Kind.BYTES)))
_ENVELOPE = Message(
    "TxRaw",
    (
        Field(1, "body", Kind.BYTES),
        Field(2, "fees_and_signers", Kind.BYTES),
        Field(3, "signatures", Kind.BYTES, repeated=True),
    ),
)
_BODY = Message("TxBody", (Field(1, "messages", _ANY, repeated=True), Field(1023, "extensions", _ANY, repeated=True)))
_ETHEREUM = Message("MsgEthereumTx", (Field(1, "data", _ANY), Field(3, "hash", Kind.TEXT)))
_ACCESS = Message("AccessTuple", (Field(1, "address", Kind.TEXT), Field(2, "keys", Kind.TEXT, repeated=True)))

_SIGNED = ("v", "r", "s")
_LEGACY_FIELDS = (
    ("nonce", Kind.UNSIGNED),
    ("gas_price", Kind.TEXT),
    ("gas", Kind.UNSIGNED),
    ("to", Kind.TEXT),
    ("value", Kind.TEXT),
    ("data", Kind.BYTES),
)
_FEE_FIELDS = (
    ("chain_id", Kind.TEXT),
    ("nonce", Kind.UNSIGNED),
    ("tip", Kind.TEXT),
    ("fee", Kind.TEXT),
    *_LEGACY_FIELDS[2:],
    ("access", _ACCESS),
)
_LIST_FIELDS = (("chain_id", Kind.TEXT), *_LEGACY_FIELDS, ("access", _ACCESS))


def _transaction(name: str, listed: tuple[tuple[str, Kind | Message], ...]) -> Message:
    signed = tuple((each, Kind.BYTES) for each in _SIGNED)
    fields = enumerate((*listed, *signed), start=1)
    return Message(name, tuple(Field(n, name, kind, isinstance(kind, Message)) for n, (name, kind) in fields))


_TYPES = {
    "/cosmos.evm.vm.v1.LegacyTx": (0, _transaction("LegacyTx", _LEGACY_FIELDS)),
    "/cosmos.evm.vm.v1.AccessListTx": (1, _transaction("AccessListTx", _LIST_FIELDS)),
    "/cosmos.evm.vm.v1.DynamicFeeTx": (2, _transaction("DynamicFeeTx", _FEE_FIELDS)),
}
_ETHEREUM_TYPE = "/cosmos.evm.vm.v1.MsgEthereumTx"
_ANSWER_TYPE = "/cosmos.evm.vm.v1.MsgEthereumTxResponse"

RESULT = Message(
    "ExecTxResult",
    (
        Field(1, "code", Kind.UNSIGNED),
        Field(2, "data", Kind.BYTES),
        Field(5, "gas_wanted", Kind.SIGNED),
        Field(6, "gas_used", Kind.SIGNED),
    ),
)
"""The part of a result that every validator computes alike; it is what stands under the results hash."""

_ANSWERS = Message("TxMsgData", (Field(2, "responses", _ANY, repeated=True),))
_LOG = Message(
    "Log",
    (
        Field(1, "address", Kind.TEXT),
        Field(2, "topics", Kind.TEXT, repeated=True),
        Field(3, "data", Kind.BYTES),
        Field(4, "block_number", Kind.UNSIGNED),
        Field(5, "tx_hash", Kind.TEXT),
        Field(6, "tx_index", Kind.UNSIGNED),
        Field(7, "block_hash", Kind.TEXT),
        Field(8, "index", Kind.UNSIGNED),
    ),
)
_ANSWER = Message(
    "MsgEthereumTxResponse",
    (
        Field(1, "hash", Kind.TEXT),
        Field(2, "logs", _LOG, repeated=True),
        Field(3, "returned", Kind.BYTES),
        Field(4, "vm_error", Kind.TEXT),
        Field(5, "gas_used", Kind.UNSIGNED),
    ),
)

NUMBER_DIGITS_MAX = 78
"""Digits of 2^256: the engine writes large numbers as decimal text."""


@dataclass(frozen=True)
class EvmTransaction:
    """An Ethereum transaction: hash (32 bytes), EIP-155 chain id, sender (20 bytes), its own bytes."""

    tx_hash: bytes
    chain_id: int
    sender: bytes
    raw: bytes


@dataclass(frozen=True)
class EvmOutcome:
    """What a transaction did: its hash, status (1 done, 0 failed), and the logs of a done one."""

    tx_hash: bytes
    status: int
    logs: tuple[Log, ...]


def read_transaction(envelope: bytes) -> EvmTransaction:
    """The one Ethereum transaction in an engine's envelope. Raises EvidenceError ``malformed`` or
    ``bad_signature``.
    """
    body = read(_BODY, read(_ENVELOPE, envelope)["body"])
    message = _only(body["messages"], _ETHEREUM_TYPE, "transaction")
    values = read(_ETHEREUM, message)
    data: Values = values["data"] or {"type": "", "value": b""}
    known = _TYPES.get(data["type"])
    if known is None:
        raise _malformed(f"a transaction of type {data['type'][:80]!r}")
    kind, shape = known
    transaction = _rebuilt(kind, read(shape, data["value"]))
    if values["hash"] != "0x" + transaction.tx_hash.hex():
        raise _malformed("the transaction does not have the hash it names")
    return transaction


def read_outcome(result: bytes) -> EvmOutcome:
    """Status and logs from a result's bytes. Raises EvidenceError ``malformed``, and ``not_found`` when the engine
    refused the transaction before the EVM saw it.
    """
    values = read(RESULT, result)
    if values["code"]:
        raise EvidenceError("not_found", f"the engine refused the transaction, code {values['code']}", _ACCEPTED)
    answer = read(_ANSWER, _only(read(_ANSWERS, values["data"])["responses"], _ANSWER_TYPE, "answer"))
    tx_hash = _hex(answer["hash"], 32)
    listed: list[Values] = answer["logs"]
    if any(_hex(log["tx_hash"], 32) != tx_hash for log in listed):
        raise _malformed("a log of another transaction")
    if answer["vm_error"]:
        return EvmOutcome(tx_hash, 0, ())
    return EvmOutcome(tx_hash, 1, tuple(_log(log) for log in listed))


def _rebuilt(kind: int, values: Values) -> EvmTransaction:
    called: list[Any] = [
        int_bytes(values["gas"]),
        _hex(values["to"], 20) if values["to"] else b"",
        _number(values["value"]),
        values["data"],
    ]
    if kind == 0:
        content = [int_bytes(values["nonce"]), _number(values["gas_price"]), *called]
        return _legacy(content, values)
    prices = [_number(values["gas_price"])] if kind == 1 else [_number(values["tip"]), _number(values["fee"])]
    access = [[_hex(each["address"], 20), [_hex(key, 32) for key in each["keys"]]] for each in values["access"]]
    content = [_number(values["chain_id"]), int_bytes(values["nonce"]), *prices, *called, access]
    parity, r, s = (int.from_bytes(values[name], "big") for name in _SIGNED)
    signed = bytes([kind]) + encode([*content, *(int_bytes(each) for each in (parity, r, s))])
    digest = keccak256(bytes([kind]) + encode(content))
    chain_id = int.from_bytes(cast(bytes, content[0]), "big")
    return EvmTransaction(keccak256(signed), chain_id, _sender(digest, parity, r, s), signed)


def _legacy(content: list[Any], values: Values) -> EvmTransaction:
    v, r, s = (int.from_bytes(values[name], "big") for name in _SIGNED)
    if v < 35:
        raise EvidenceError("bad_signature", "a transaction that names no chain (EIP-155)", "sign it for one chain")
    chain_id, parity = divmod(v - 35, 2)
    digest = keccak256(encode([*content, int_bytes(chain_id), b"", b""]))
    raw = encode([*content, *(int_bytes(each) for each in (v, r, s))])
    return EvmTransaction(keccak256(raw), chain_id, _sender(digest, parity, r, s), raw)


def _sender(digest: bytes, parity: int, r: int, s: int) -> bytes:
    if parity > 1 or max(r, s).bit_length() > 256:
        raise EvidenceError("bad_signature", "a signature outside its range", "take the transaction again, unchanged")
    return recover(digest, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity]))


def _only(messages: list[Values], wanted: str, what: str) -> bytes:
    if [each["type"] for each in messages] != [wanted]:
        raise _malformed(f"an envelope that does not hold exactly one Ethereum {what}")
    return messages[0]["value"]


def _log(values: Values) -> Log:
    topics: list[str] = values["topics"]
    return Log(_hex(values["address"], 20), tuple(_hex(topic, 32) for topic in topics), values["data"])


def _number(text: str) -> bytes:
    """Decimal text as RLP's integer; absent is zero."""
    if not text:
        return b""
    if len(text) > NUMBER_DIGITS_MAX or not text.isascii() or not text.isdigit():
        raise _malformed("a number that is not decimal text")
    return int_bytes(int(text))


def _hex(text: str, length: int) -> bytes:
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != length or len(text) != 2 + 2 * length:
        raise _malformed(f"an address or hash that is not 0x and {2 * length} hex digits")
    return raw


def _malformed(what: str) -> EvidenceError:
    return EvidenceError("malformed", what, "take transaction and result from the chain again, unchanged")


_ACCEPTED = "carry a transaction that the chain executed"
