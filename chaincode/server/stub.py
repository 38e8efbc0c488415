"""One transaction's view of the ledger through a Fabric peer.

`PeerStub` is the `Stub` that the chaincode sees when a peer runs it. Every read is a request to the peer, asked
through `ask` and answered before the next; every write is kept and sent by `flush` once the chaincode agreed, so that
a refusal costs the peer nothing. As nothing is read back within a transaction, keeping writes changes no result.

Where the embedded ledger decides something itself, the same is decided here, with the same code: ranges in a
transaction meant for the ledger, the size of a page, keys that are empty or begin with NUL. What only the peer can
know arrives as its ERROR and becomes `PeerRefused`, or `forbidden` for a private value that this peer does not hold.

    PeerFailure            the world's fault, answered with its status; not for the chaincode to catch
    ├── PeerRefused        the peer answered ERROR
    ├── PeerGone           the stream to the peer ended; there is nobody left to answer
    └── OutOfTime          the transaction would outlive what the peer waits for
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from chaincode.server import messages
from chaincode.server.messages import Abilities, Call, Called, KeptWrite
from chaincode.world.composite_keys import CompositeKey, composite_range
from chaincode.world.errors import RangeInWrite, Refusal
from chaincode.world.stub import Caller, KeyChange, Page
from wuxin_evidence.errors import NamedError
from wuxin_evidence.fabric import parse_policy, peers_all

RANGE_LIMIT_MAX: Final = 1000
"""Entries of one page, as in the embedded ledger; a caller who wants more follows the bookmark."""

FIRST_PLAIN_KEY: Final = "\x01"
"""Where a range without a start begins: after all composite keys."""

BATCH_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of writes in one message, far below gRPC's limit of 100 MiB on either side."""

PEER_TEXT_CHARS_MAX: Final = 300
"""Of a peer's own words in an error: enough for the reason, not for a dump."""

PRIVATE_VALUE_ELSEWHERE: Final = (
    "private data matching public hash version is not available",
    "read access permission",
)
"""What a Fabric peer says when it knows the hash but not the value, or when the caller may not read it there."""

STATUS_FAILED: Final = 500
STATUS_UNAVAILABLE: Final = 503

Ask = Callable[[int, bytes], bytes]
"""Send one request, of this type and with this payload, and wait for the answer's payload; raises PeerFailure."""


class PeerFailure(NamedError):
    """The transaction cannot be finished; `status` is what the peer is answered, if it still listens."""

    status = STATUS_UNAVAILABLE

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__("unavailable", detail, hint)


class PeerRefused(PeerFailure):
    """The peer answered a request with ERROR. `request` is the request's name, `text` the peer's words, shortened."""

    status = STATUS_FAILED

    def __init__(self, request: str, text: str) -> None:
        self.request = request
        self.text = text[:PEER_TEXT_CHARS_MAX]
        super().__init__(f"the peer refused {request}: {self.text}", "look for the transaction in the peer's log")


class PeerGone(PeerFailure):
    """The stream ended while the transaction ran."""


class OutOfTime(PeerFailure):
    """The peer was too slow, or the chaincode."""


class PeerStub:
    """A `chaincode.world.stub.Stub` over `ask`, and what else a Fabric peer offers a chaincode."""

    def __init__(self, call: Call, ask: Ask, abilities: Abilities, *, for_ledger: bool) -> None:
        self._call = call
        self._ask = ask
        self._abilities = abilities
        self._for_ledger = for_ledger
        self._writes: dict[tuple[bool, str, str], KeptWrite] = {}
        self.event: tuple[str, bytes] = ("", b"")

    @property
    def tx_id(self) -> str:
        """Id of the transaction."""
        return self._call.place.tx_id

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return self._call.place.channel

    @property
    def timestamp_s(self) -> int:
        """The proposal's time in seconds UTC."""
        return self._call.timestamp_s

    @property
    def caller(self) -> Caller:
        """The creator of the proposal."""
        return self._call.caller

    @property
    def transient(self) -> Mapping[str, bytes]:
        """Private fields of the proposal."""
        return self._call.transient

    def get(self, key: str) -> bytes | None:
        """The committed value of a key, or None."""
        return self._ask(messages.GET_STATE, messages.get_state("", key)) or None

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of several keys in their order, in one request where the peer can do that."""
        return self._many("", keys)

    def put(self, key: str, value: bytes) -> None:
        """Write a key."""
        self._keep(KeptWrite(messages.PUT_STATE, "", key, _valued(value)))

    def delete(self, key: str) -> None:
        """Delete a key."""
        self._keep(KeptWrite(messages.DEL_STATE, "", key))

    def set_key_policy(self, key: str, msp_ids: tuple[str, ...] | None) -> None:
        """Fabric's protocol has no removal of a policy; an empty one has its effect."""
        self._keep(KeptWrite(messages.PUT_STATE_METADATA, "", key, b"" if msp_ids is None else peers_all(msp_ids)))

    def get_key_policy(self, key: str) -> tuple[str, ...] | None:
        """MSP ids of a key's own policy, or None."""
        answer = self._ask(messages.GET_STATE_METADATA, messages.get_state_metadata(key))
        policy = messages.parse_policy_entry(answer)
        if not policy:
            return None
        rules = parse_policy(policy).rule.rules
        return tuple(rule.signed_by.msp_id for rule in rules if rule.signed_by is not None)

    def get_private(self, collection: str, key: str) -> bytes | None:
        """The committed private value, where this peer has it, or None."""
        return self._read(messages.GET_STATE, collection, messages.get_state(collection, key)) or None

    def get_many_private(self, collection: str, keys: Sequence[str]) -> list[bytes | None]:
        """Like `get_many`, in a collection that this peer holds."""
        return self._many(collection, keys)

    def put_private(self, collection: str, key: str, value: bytes) -> None:
        """Write a private value."""
        self._keep(KeptWrite(messages.PUT_STATE, collection, key, _valued(value)))

    def delete_private(self, collection: str, key: str) -> None:
        """Delete a private value."""
        self._keep(KeptWrite(messages.DEL_STATE, collection, key))

    def purge_private(self, collection: str, key: str) -> None:
        """Delete the value and every earlier one, at every peer that holds them; the hashes stay in the blocks."""
        self._keep(KeptWrite(messages.PURGE_PRIVATE_DATA, collection, key))

    def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of the committed private value, or None."""
        return self._ask(messages.GET_PRIVATE_DATA_HASH, messages.get_state(collection, key)) or None

    def range(self, start: str, end: str, limit: int, bookmark: str) -> Page:
        """A page of committed keys; refused (RangeInWrite) where the transaction is meant for the ledger."""
        _require_plain(start)
        _require_plain(end)
        return self._page(start or FIRST_PLAIN_KEY, end, limit, bookmark)

    def composite_range(self, object_type: str, attributes: Sequence[str], limit: int, bookmark: str) -> Page:
        """Like `range`, over the composite keys that begin with these parts."""
        return self._page(*composite_range(object_type, attributes), limit, bookmark)

    def history(self, key: str, limit: int) -> Sequence[KeyChange]:
        """Committed changes of a key, the newest first."""
        changes: list[KeyChange] = []
        results = messages.parse_results(self._ask(messages.GET_HISTORY_FOR_KEY, messages.get_history(key)))
        while True:
            changes.extend(messages.parse_change(item) for item in results.items[: limit - len(changes)])
            if not results.has_more:
                return changes
            if len(changes) >= limit:
                self._ask(messages.QUERY_STATE_CLOSE, messages.close_iterator(results.iterator))
                return changes
            answer = self._ask(messages.QUERY_STATE_NEXT, messages.next_results(results.iterator))
            results = messages.parse_results(answer)

    def emit(self, name: str, payload: bytes) -> None:
        """Set the event of the transaction; the peer takes one."""
        if not name:
            raise Refusal("malformed", "an event without a name", "name the event")
        self.event = (name, payload)

    def call_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Called:
        """Run another chaincode within this transaction; on another channel its writes are dropped.

        Raises PeerRefused where it could not be run; what it answers, a refusal too, is for the caller to judge.
        """
        answer = self._ask(messages.INVOKE_CHAINCODE, messages.call_chaincode(name, channel, args))
        kind, payload = messages.parse_called(answer)
        if kind != messages.COMPLETED:
            raise PeerRefused(messages.kind_name(messages.INVOKE_CHAINCODE), payload.decode(errors="replace"))
        return messages.parse_response(payload)

    def flush(self) -> None:
        """Send what the chaincode wrote: in batches if the peer takes them, else one by one."""
        if self._abilities.writes_per_batch:
            for batch in _batches(self._writes.values(), self._abilities.writes_per_batch):
                self._ask(messages.WRITE_BATCH_STATE, messages.write_batch(batch))
        else:
            for write in self._writes.values():
                self._ask(write.kind, messages.single_write(write))
        self._writes.clear()

    def _keep(self, write: KeptWrite) -> None:
        """The last write of a key wins, as in the peer; a key's policy is written beside its value."""
        if not write.key or (write.key.startswith("\x00") and not isinstance(write.key, CompositeKey)):
            raise Refusal("malformed", "a key that is empty or begins with NUL", "name the record")
        self._writes[write.kind == messages.PUT_STATE_METADATA, write.collection, write.key] = write

    def _many(self, collection: str, keys: Sequence[str]) -> list[bytes | None]:
        size = self._abilities.keys_per_get
        if not size:
            single = (messages.get_state(collection, key) for key in keys)
            return [self._read(messages.GET_STATE, collection, payload) or None for payload in single]
        values: list[bytes | None] = []
        for first in range(0, len(keys), size):
            several = messages.get_state_multiple(collection, keys[first : first + size])
            answer = self._read(messages.GET_STATE_MULTIPLE, collection, several)
            values += [value or None for value in messages.parse_values(answer)]
        return values

    def _read(self, kind: int, collection: str, payload: bytes) -> bytes:
        """Ask for a value that may be private and kept elsewhere."""
        try:
            return self._ask(kind, payload)
        except PeerRefused as refused:
            if not any(text in refused.text for text in PRIVATE_VALUE_ELSEWHERE):
                raise
            raise Refusal(
                "forbidden",
                f"this endorser does not hold {collection}",
                "evaluate at an endorser of the organisation that the collection belongs to",
            ) from refused

    def _page(self, start: str, end: str, limit: int, bookmark: str) -> Page:
        """A bookmark outside the range is the caller's own; the peer would begin there all the same."""
        if self._for_ledger:
            raise RangeInWrite(self._call.function)
        if not 1 <= limit <= RANGE_LIMIT_MAX:
            raise Refusal("malformed", f"a page of {limit} entries", f"ask for 1 to {RANGE_LIMIT_MAX}")
        first = max(start, bookmark)
        if end and first >= end:
            return Page((), "")
        return messages.parse_page(self._ask(messages.GET_STATE_BY_RANGE, messages.get_page(first, end, limit)))


def _valued(value: bytes) -> bytes:
    if not value:
        raise Refusal("malformed", "an empty value, which Fabric takes for a deletion", "delete the key, or write one")
    return value


def _require_plain(key: str) -> None:
    if key.startswith("\x00"):
        raise Refusal("malformed", "a range that begins or ends among composite keys", "ask for a composite range")


def _batches(writes: Iterable[KeptWrite], size: int) -> Iterator[list[KeptWrite]]:
    """The writes in their order, at most `size` and about BATCH_BYTES_MAX together."""
    batch: list[KeptWrite] = []
    room_bytes = BATCH_BYTES_MAX
    for write in writes:
        if batch and (len(batch) == size or write.size_bytes > room_bytes):
            yield batch
            batch, room_bytes = [], BATCH_BYTES_MAX
        batch.append(write)
        room_bytes -= write.size_bytes
    if batch:
        yield batch
