"""One endorser's simulation: the chaincode's `Stub` over a snapshot, which remembers what was read and written.

Reads see committed state only, never the transaction's own writes; each read is kept with the version it saw and
each write stays in memory. `changes` is the read-write set that goes into the transaction, `private_writes` the
clear private values that never do. A range is refused in a simulation meant for the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from chaincode.world.errors import RangeInWrite, Refusal
from chaincode.world.stub import Caller, KeyChange, Page
from network.facts.embedded.private_data import Vault
from network.facts.embedded.state import Held, State
from wuxin_evidence.fabric import (
    VALIDATION_PARAMETER,
    HashedCollection,
    MetadataWrite,
    NamespaceChanges,
    Read,
    SignedProposal,
    Version,
    Write,
    parse_policy,
    peers_all,
)

RANGE_LIMIT_MAX = 1000
"""Entries of one page; a caller who wants more follows the bookmark."""


class Simulator:
    """A `chaincode.world.stub.Stub` for one proposal at one endorser."""

    def __init__(self, state: State, proposal: SignedProposal, vault: Vault, *, for_ledger: bool) -> None:
        self._state = state
        self._proposal = proposal
        self._vault = vault
        self._for_ledger = for_ledger
        self._reads: dict[str, Version | None] = {}
        self._writes: dict[str, bytes | None] = {}
        self._policies: dict[str, bytes | None] = {}
        self._private_reads: dict[str, dict[str, Version | None]] = {}
        self.private_writes: dict[str, dict[str, bytes | None]] = {}
        self.event: tuple[str, bytes] = ("", b"")

    @property
    def tx_id(self) -> str:
        """The id of the transaction, in hex."""
        return self._proposal.tx_id

    @property
    def timestamp_s(self) -> int:
        """The proposal's own time, in seconds UTC."""
        return self._proposal.timestamp_s

    @property
    def caller(self) -> Caller:
        """Who signed the proposal."""
        return Caller(*self._proposal.creator)

    @property
    def transient(self) -> Mapping[str, bytes]:
        """The private fields that came beside the arguments."""
        return self._proposal.transient

    def get(self, key: str) -> bytes | None:
        """Read a key from the snapshot and remember the version that was read; own writes are not seen."""
        held = self._read(key)
        return None if held is None else held.value

    def put(self, key: str, value: bytes) -> None:
        """Write a key, once the transaction is valid."""
        _require_key(key)
        self._writes[key] = value

    def delete(self, key: str) -> None:
        """Delete a key, once the transaction is valid."""
        _require_key(key)
        self._writes[key] = None

    def set_key_policy(self, key: str, msp_ids: tuple[str, ...] | None) -> None:
        """Bind a key to the endorsement of all these organisations; None gives it back to the channel's policy."""
        _require_key(key)
        self._policies[key] = None if msp_ids is None else peers_all(msp_ids)

    def get_key_policy(self, key: str) -> tuple[str, ...] | None:
        """Tell which organisations must endorse a change of the key; None where the channel's policy applies."""
        held = self._read(key)
        if held is None or held.policy is None:
            return None
        rules = parse_policy(held.policy).rule.rules
        return tuple(rule.signed_by.msp_id for rule in rules if rule.signed_by is not None)

    def get_private(self, collection: str, key: str) -> bytes | None:
        """Read a private value of this endorser's own organisation. Raises Refusal `forbidden` for another's
        collection."""
        if collection != self._vault.collection:
            raise Refusal(
                "forbidden",
                f"this endorser does not hold {collection}",
                "evaluate at an endorser of the organisation that the collection belongs to",
            )
        value_hash = self.get_private_hash(collection, key)
        sealed = self._state.private_sealed(collection, key)
        if value_hash is None or sealed is None:
            return None
        value = self._vault.open(key, sealed)
        # A transaction that came without its private part changes the hash only: the value kept here is then stale.
        return value if sha256(value).digest() == value_hash else None

    def put_private(self, collection: str, key: str, value: bytes) -> None:
        """Write a private value to an organisation's collection; its hash goes to the ledger."""
        _require_key(key)
        self.private_writes.setdefault(collection, {})[key] = value

    def delete_private(self, collection: str, key: str) -> None:
        """Delete a private value from an organisation's collection."""
        _require_key(key)
        self.private_writes.setdefault(collection, {})[key] = None

    def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """Read the hash that everybody holds of a private value."""
        held = self._state.private_hash(collection, sha256(key.encode()).digest())
        self._private_reads.setdefault(collection, {})[key] = None if held is None else held.version
        return None if held is None else held.value_hash

    def range(self, start: str, end: str, limit: int, bookmark: str) -> Page:
        """Read a page of keys from `start` up to `end`. Raises RangeInWrite in a transaction that may be ordered."""
        if self._for_ledger:
            raise RangeInWrite(self._proposal.args[0].decode(errors="replace"))
        if not 1 <= limit <= RANGE_LIMIT_MAX:
            raise Refusal("malformed", f"a page of {limit} entries", f"ask for 1 to {RANGE_LIMIT_MAX}")
        return self._state.range(start, end, limit, bookmark)

    def history(self, key: str, limit: int) -> Sequence[KeyChange]:
        """List the newest changes of a key."""
        return self._state.history(key, limit)

    def emit(self, name: str, payload: bytes) -> None:
        """Set the transaction's one event."""
        self.event = (name, payload)

    def changes(self) -> NamespaceChanges:
        """The read-write set of the chaincode's namespace."""
        collections = sorted({*self._private_reads, *self.private_writes})
        return NamespaceChanges(
            self._proposal.chaincode,
            tuple(Read(key, version) for key, version in self._reads.items()),
            tuple(_write(key, value) for key, value in self._writes.items()),
            tuple(
                MetadataWrite(key, () if policy is None else ((VALIDATION_PARAMETER, policy),))
                for key, policy in self._policies.items()
            ),
            tuple(self._hashed(collection) for collection in collections),
        )

    def _hashed(self, collection: str) -> HashedCollection:
        reads = self._private_reads.get(collection, {})
        writes = self.private_writes.get(collection, {})
        return HashedCollection.of(
            collection,
            (Read(key, version) for key, version in reads.items()),
            (_write(key, value) for key, value in writes.items()),
        )

    def _read(self, key: str) -> Held | None:
        held = self._state.get(key)
        self._reads[key] = None if held is None else held.version
        return held


def _write(key: str, value: bytes | None) -> Write:
    return Write(key, value, value is None)


def _require_key(key: str) -> None:
    if not key or key.startswith("\x00"):
        raise Refusal("malformed", "a key that is empty or begins with NUL", "name the record")
