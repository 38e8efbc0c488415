"""A transaction of the facts run once more, over the state that its block left it, and compared with what was endorsed.

Every read of a valid transaction is current when it is committed, so the chaincode must come to the same reads, writes,
key policies, event and answer there. The private part of a proposal is in no block. Where the chaincode asks for it,
it gets a stand-in, and where it compares private hashes, the recorded ones decide: everything public is still compared,
and only the private values' hashes are taken from the block as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from chaincode import contract
from chaincode.security.private_terms import TRANSIENT_FIELD
from network.facts.embedded.private_data import Vault
from network.facts.embedded.simulator import Simulator
from network.facts.embedded.state import State
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import (
    HashedCollection,
    Identity,
    NamespaceChanges,
    SignedProposal,
    TransactionView,
    encode_rwset,
    parse_identity,
)

_STAND_IN = canonical_json({"salt": "00" * 32})
"""Terms that the chaincode takes for well-formed; what they say goes into no public record."""

_NOBODY = Vault("", bytes(32))
"""An auditor holds no organisation's private collection."""


@dataclass(frozen=True)
class Rerun:
    """What differs from the endorsed result; `private` when the run needed the private part of the proposal."""

    differences: tuple[str, ...]
    private: bool


def rerun(transaction: TransactionView, state: State) -> Rerun:
    """Run a valid transaction over the state before it."""
    stub = _Stub(state, transaction)
    try:
        response = contract.invoke(stub, (transaction.function.encode(), *transaction.args))
    except Exception as error:  # noqa: BLE001 - whatever breaks here, the endorsed result is not confirmed
        return Rerun((f"the chaincode fails: {type(error).__name__}: {error}",), stub.private)
    if response.status != transaction.response_status:
        return Rerun((f"the chaincode answers {response.status} {response.message}".strip(),), stub.private)
    differences = [*_changes(stub.changes(), transaction.changes[0], private=stub.private)]
    if response.payload != transaction.response:
        differences.append("the response differs")
    if stub.event != (transaction.event_name, transaction.event_payload):
        differences.append("the event differs")
    return Rerun(tuple(differences), stub.private)


class _Stub(Simulator):
    """The simulator of an endorser who was not told the private part."""

    def __init__(self, state: State, transaction: TransactionView) -> None:
        super().__init__(state, _proposal(transaction), _NOBODY, for_ledger=True)
        self.private = False
        collections = transaction.changes[0].collections
        self._recorded = {write.value_hash for collection in collections for write in collection.writes}

    @property
    def transient(self) -> Mapping[str, bytes]:
        self.private = True
        return {TRANSIENT_FIELD: _STAND_IN}

    def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """A copy equal to what this transaction hands in is equal to the stand-in too."""
        found = super().get_private_hash(collection, key)
        return sha256(_STAND_IN).digest() if self.private and found and found in self._recorded else found


def _proposal(transaction: TransactionView) -> SignedProposal:
    creator: Identity = parse_identity(transaction.creator)
    return SignedProposal(
        channel=transaction.channel,
        chaincode=transaction.chaincode,
        tx_id=transaction.tx_id,
        timestamp_s=transaction.timestamp_s,
        creator=creator,
        creator_bytes=transaction.creator,
        nonce=transaction.nonce,
        args=(transaction.function.encode(), *transaction.args),
        transient={},
        proposal=b"",
        signature=b"",
    )


def _changes(ours: NamespaceChanges, endorsed: NamespaceChanges, *, private: bool) -> Iterator[str]:
    """What of a read-write set differs, in words; private values' hashes are left out where they cannot be known."""
    if private:
        ours, endorsed = _without_hashes(ours), _without_hashes(endorsed)
    if encode_rwset([ours]) == encode_rwset([endorsed]):
        return
    yield from _differing(
        "writes", ((w.key, w.value) for w in ours.writes), ((w.key, w.value) for w in endorsed.writes)
    )
    yield from _differing(
        "sets the policy of",
        ((w.key, w.entries) for w in ours.metadata_writes),
        ((w.key, w.entries) for w in endorsed.metadata_writes),
    )
    yield from _differing(
        "reads", ((r.key, r.version) for r in ours.reads), ((r.key, r.version) for r in endorsed.reads)
    )
    if sorted(ours.collections, key=_name) != sorted(endorsed.collections, key=_name):
        yield "the private collections differ"


def _differing(verb: str, ours: Iterable[tuple[str, object]], endorsed: Iterable[tuple[str, object]]) -> Iterator[str]:
    mine, theirs = dict(ours), dict(endorsed)
    for key in sorted(mine.keys() | theirs.keys()):
        if key not in mine:
            yield f"it {verb} {key!r}, which the chaincode does not"
        elif key not in theirs:
            yield f"the chaincode {verb} {key!r}, it does not"
        elif mine[key] != theirs[key]:
            yield f"it {verb} {key!r} otherwise than the chaincode does"


def _without_hashes(changes: NamespaceChanges) -> NamespaceChanges:
    return replace(changes, collections=tuple(_without_hash(each) for each in changes.collections))


def _without_hash(collection: HashedCollection) -> HashedCollection:
    writes = tuple(write._replace(value_hash=b"" if write.value_hash else None) for write in collection.writes)
    return replace(collection, writes=writes, private_hash=b"")


def _name(collection: HashedCollection) -> str:
    return collection.name
