"""The messages between a peer and its chaincode, as bytes and frozen values.

A peer opens one stream. On it stand, each in a `ChaincodeMessage`:

    chaincode → peer   REGISTER       `register`
    peer → chaincode   REGISTERED, READY with what the peer can do (`parse_abilities`; empty before Fabric 3.1)
    peer → chaincode   TRANSACTION or INIT (`open_call`)
    chaincode → peer   a request of that transaction, such as GET_STATE (`request`); the payloads are made here too
    peer → chaincode   RESPONSE or ERROR to it
    chaincode → peer   COMPLETED with the response and the event (`completed`)

Requests and answers carry channel and transaction id; transactions interleave on a stream, the requests of one do not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from chaincode.world.stub import Caller, Entry, KeyChange, Page
from wuxin_evidence.fabric import (
    CHAINCODE,
    CHAINCODE_EVENT,
    CHAINCODE_SHIM,
    PROPOSAL_RESPONSE,
    QUERY_RESULT,
    VALIDATION_PARAMETER,
    parse,
    parse_signed_proposal,
    serialize,
)

Message: Final[Any] = CHAINCODE_SHIM.ChaincodeMessage
"""The one message of the stream, in both directions."""

MESSAGE_BYTES_MAX: Final = 100 * 1024 * 1024
"""Fabric's own limit, in both directions; a larger message would end the stream and everyone's transactions."""

REGISTER: Final = 1
REGISTERED: Final = 2
INIT: Final = 3
READY: Final = 4
TRANSACTION: Final = 5
COMPLETED: Final = 6
ERROR: Final = 7
GET_STATE: Final = 8
PUT_STATE: Final = 9
DEL_STATE: Final = 10
INVOKE_CHAINCODE: Final = 11
RESPONSE: Final = 13
GET_STATE_BY_RANGE: Final = 14
QUERY_STATE_NEXT: Final = 16
QUERY_STATE_CLOSE: Final = 17
KEEPALIVE: Final = 18
GET_HISTORY_FOR_KEY: Final = 19
GET_STATE_METADATA: Final = 20
PUT_STATE_METADATA: Final = 21
GET_PRIVATE_DATA_HASH: Final = 22
PURGE_PRIVATE_DATA: Final = 23
WRITE_BATCH_STATE: Final = 24
GET_STATE_MULTIPLE: Final = 25


def kind_name(kind: int) -> str:
    """The name of a message's type, for logs and errors."""
    return str(Message.Type.Name(kind)) if kind in Message.Type.values() else f"TYPE_{kind}"


class Abilities(NamedTuple):
    """How many writes or keys the peer takes in one request; 0 where it takes them one by one."""

    writes_per_batch: int = 0
    keys_per_get: int = 0


class Place(NamedTuple):
    """Which transaction a message belongs to; a transaction may run on two channels at once."""

    channel: str
    tx_id: str


@dataclass(frozen=True)
class Call:
    """What a peer asks to run: the arguments, and what the signed proposal says about who asks and when."""

    place: Place
    args: tuple[bytes, ...]
    caller: Caller
    timestamp_s: int
    transient: Mapping[str, bytes]

    @property
    def function(self) -> str:
        """The first argument as text; empty where there is none."""
        return self.args[0].decode(errors="replace") if self.args else ""


class KeptWrite(NamedTuple):
    """One write as it will be sent: PUT_STATE, DEL_STATE, PUT_STATE_METADATA or PURGE_PRIVATE_DATA.

    `value` is the value of a put and the policy of PUT_STATE_METADATA; the public state has the empty collection.
    """

    kind: int
    collection: str
    key: str
    value: bytes = b""

    @property
    def size_bytes(self) -> int:
        """About what the write takes in a message: its fields, four bytes per character of a key at the most."""
        return len(self.value) + 4 * (len(self.key) + len(self.collection)) + 64


class Results(NamedTuple):
    """A part of an iterator's results; `iterator` is its id while the peer holds more."""

    items: tuple[bytes, ...]
    has_more: bool
    iterator: str
    bookmark: str


class Called(NamedTuple):
    """What another chaincode answered."""

    status: int
    message: str
    payload: bytes


def register(chaincode_id: str) -> Any:
    """The stream's first message: which installed package runs here."""
    return Message(type=REGISTER, payload=serialize(CHAINCODE.ChaincodeID(name=chaincode_id)))


def parse_abilities(payload: bytes) -> Abilities:
    """READY's payload. Raises EvidenceError `malformed`."""
    said = parse(CHAINCODE.ChaincodeAdditionalParams, payload)
    return Abilities(
        said.max_size_write_batch if said.use_write_batch else 0,
        said.max_size_get_multiple_keys if said.use_get_multiple_keys else 0,
    )


def place_of(message: Any) -> Place:
    """Channel and transaction id of a message."""
    return Place(message.channel_id, message.txid)


def open_call(message: Any) -> Call:
    """Read TRANSACTION or INIT. Raises EvidenceError `malformed` or `too_large`, also for a missing proposal."""
    proposal = parse_signed_proposal(serialize(message.proposal))
    return Call(
        place_of(message),
        tuple(parse(CHAINCODE.ChaincodeInput, message.payload).args),
        Caller(*proposal.creator),
        proposal.timestamp_s,
        proposal.transient,
    )


def request(place: Place, kind: int, payload: bytes) -> Any:
    """A request of one transaction to its peer."""
    return Message(type=kind, payload=payload, txid=place.tx_id, channel_id=place.channel)


def completed(place: Place, status: int, text: str, payload: bytes, event: tuple[str, bytes] = ("", b"")) -> Any:
    """The last message of a transaction; the event goes with it and has no other way."""
    response = PROPOSAL_RESPONSE.Response(status=status, message=text, payload=payload)
    message = request(place, COMPLETED, serialize(response))
    if event[0]:
        message.chaincode_event.CopyFrom(CHAINCODE_EVENT.ChaincodeEvent(event_name=event[0], payload=event[1]))
    return message


def get_state(collection: str, key: str) -> bytes:
    """Payload of GET_STATE and GET_PRIVATE_DATA_HASH."""
    return serialize(CHAINCODE_SHIM.GetState(collection=collection, key=key))


def get_state_multiple(collection: str, keys: Sequence[str]) -> bytes:
    """Payload of GET_STATE_MULTIPLE: several keys of one collection."""
    return serialize(CHAINCODE_SHIM.GetStateMultiple(collection=collection, keys=keys))


def parse_values(payload: bytes) -> tuple[bytes, ...]:
    """The answer to GET_STATE_MULTIPLE, in the order of the keys."""
    return tuple(parse(CHAINCODE_SHIM.GetStateMultipleResult, payload).values)


def get_state_metadata(key: str) -> bytes:
    """Payload of GET_STATE_METADATA: the key policy of one key."""
    return serialize(CHAINCODE_SHIM.GetStateMetadata(key=key))


def parse_policy_entry(payload: bytes) -> bytes:
    """The key's policy in the answer to GET_STATE_METADATA; empty where it has none."""
    entries = parse(CHAINCODE_SHIM.StateMetadataResult, payload).entries
    return next((entry.value for entry in entries if entry.metakey == VALIDATION_PARAMETER), b"")


def single_write(write: KeptWrite) -> bytes:
    """Payload of a write that goes alone, under its own kind."""
    place = {"collection": write.collection, "key": write.key}
    if write.kind == PUT_STATE:
        return serialize(CHAINCODE_SHIM.PutState(value=write.value, **place))
    if write.kind == PUT_STATE_METADATA:
        return serialize(CHAINCODE_SHIM.PutStateMetadata(metadata=_policy_entry(write), **place))
    if write.kind == PURGE_PRIVATE_DATA:
        return serialize(CHAINCODE_SHIM.PurgePrivateState(**place))
    return serialize(CHAINCODE_SHIM.DelState(**place))


def write_batch(writes: Iterable[KeptWrite]) -> bytes:
    """Payload of WRITE_BATCH_STATE; its records are named by the numbers of the single requests."""
    return serialize(CHAINCODE_SHIM.WriteBatchState(rec=[_record(write) for write in writes]))


def _record(write: KeptWrite) -> Any:
    record = CHAINCODE_SHIM.WriteRecord(type=write.kind, collection=write.collection, key=write.key)
    if write.kind == PUT_STATE_METADATA:
        record.metadata.CopyFrom(_policy_entry(write))
    else:
        record.value = write.value
    return record


def _policy_entry(write: KeptWrite) -> Any:
    return CHAINCODE_SHIM.StateMetadata(metakey=VALIDATION_PARAMETER, value=write.value)


def get_page(start: str, end: str, limit: int) -> bytes:
    """Payload of GET_STATE_BY_RANGE for one page; the answer's bookmark is the start of the next."""
    page = serialize(CHAINCODE_SHIM.QueryMetadata(pageSize=limit))
    return serialize(CHAINCODE_SHIM.GetStateByRange(startKey=start, endKey=end, metadata=page))


def get_history(key: str) -> bytes:
    """Payload of GET_HISTORY_FOR_KEY: all changes of one key."""
    return serialize(CHAINCODE_SHIM.GetHistoryForKey(key=key))


def next_results(iterator: str) -> bytes:
    """Payload of QUERY_STATE_NEXT: more of an open range or history."""
    return serialize(CHAINCODE_SHIM.QueryStateNext(id=iterator))


def close_iterator(iterator: str) -> bytes:
    """Payload of QUERY_STATE_CLOSE: no more of a range or history is wanted."""
    return serialize(CHAINCODE_SHIM.QueryStateClose(id=iterator))


def parse_results(payload: bytes) -> Results:
    """A part of a range or history, and how to ask for more."""
    answer = parse(CHAINCODE_SHIM.QueryResponse, payload)
    page = parse(CHAINCODE_SHIM.QueryResponseMetadata, answer.metadata)
    return Results(tuple(each.resultBytes for each in answer.results), answer.has_more, answer.id, page.bookmark)


def parse_page(payload: bytes) -> Page:
    """The answer to GET_STATE_BY_RANGE for one page."""
    results = parse_results(payload)
    pairs = (parse(QUERY_RESULT.KV, item) for item in results.items)
    return Page(tuple(Entry(pair.key, pair.value) for pair in pairs), results.bookmark)


def parse_change(item: bytes) -> KeyChange:
    """One result of GET_HISTORY_FOR_KEY."""
    change = parse(QUERY_RESULT.KeyModification, item)
    return KeyChange(change.tx_id, change.timestamp.seconds, None if change.is_delete else change.value)


def call_chaincode(name: str, channel: str, args: Sequence[bytes]) -> bytes:
    """Payload of INVOKE_CHAINCODE; on the caller's own channel where `channel` is empty."""
    target = CHAINCODE.ChaincodeID(name=f"{name}/{channel}" if channel else name)
    return serialize(CHAINCODE.ChaincodeSpec(chaincode_id=target, input=CHAINCODE.ChaincodeInput(args=args)))


def parse_called(payload: bytes) -> tuple[int, bytes]:
    """The other chaincode's last message inside the answer: its type, COMPLETED or ERROR, and its payload."""
    message = parse(Message, payload)
    return message.type, message.payload


def parse_response(payload: bytes) -> Called:
    """Status, message and payload that another chaincode answered."""
    response = parse(PROPOSAL_RESPONSE.Response, payload)
    return Called(response.status, response.message, response.payload)
