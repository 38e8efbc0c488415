"""Which ordered transactions are valid: the committing peer's rules, in Fabric's order.

`inspect` does what needs no state, before the write lock is taken: parse, certificates, signatures. `decide` does the
rest inside the write transaction, where `State` already shows the valid transactions before in the same block:

    BAD_CREATOR_SIGNATURE       the envelope is not signed by its creator, or the creator is nobody here
    DUPLICATE_TXID              the transaction id is in an earlier block, or earlier in this one
    ENDORSEMENT_POLICY_FAILURE  too few sound endorsements for the chaincode, a key or a private collection
    MVCC_READ_CONFLICT          something it read was written since
    VALID

Fabric would call a write to a key whose policy changed earlier in the same block ENDORSEMENT_POLICY_FAILURE; here the
new policy is asked, and the version that the transaction read decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaincode.world.stub import implicit_collection
from network.facts.embedded.state import PrivateValue, State
from network.membership.identities import Roots, has_signed, may_create
from network.ports import Rejected
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    BAD_CREATOR_SIGNATURE,
    DUPLICATE_TXID,
    ENDORSEMENT_POLICY_FAILURE,
    ENDORSEMENTS_MAX,
    MVCC_READ_CONFLICT,
    VALID,
    NamespaceChanges,
    Policy,
    Principal,
    TransactionView,
    endorsement_message,
    parse_envelope,
    parse_policy,
    peers_all,
    peers_at_least,
    transaction_id,
)

IMPLICIT_PREFIX = implicit_collection("")

TRANSACTION_BYTES_MAX = 8 * 1024 * 1024
"""Arguments of 1 MiB and what they write, with endorsements; a block has to stay below Fabric's 10 MiB."""


@dataclass(frozen=True)
class Candidate:
    """An envelope whose signatures were checked: who created it, which peers endorsed it soundly."""

    view: TransactionView
    creator_sound: bool
    endorsers: tuple[Principal, ...]
    private: tuple[PrivateValue, ...] = ()

    @property
    def changes(self) -> NamespaceChanges:
        """What the transaction writes in the chaincode's own namespace."""
        return self.view.changes[0]


def inspect(
    envelope: bytes, channel: str, chaincode: str, roots: Roots, private: tuple[PrivateValue, ...] = ()
) -> Candidate:
    """Check everything about an envelope that does not depend on state.

    Certificates are held against the transaction's own time, which its endorsers held against their clocks: whoever
    replays the block later comes to the same answer. Raises Rejected `malformed`, `too_large` for what is no
    transaction of this channel at all; that is never ordered.
    """
    if len(envelope) > TRANSACTION_BYTES_MAX:
        raise Rejected("too_large", f"a transaction of {len(envelope)} bytes", "write less in one transaction")
    try:
        view = parse_envelope(envelope)
    except EvidenceError as error:
        raise Rejected(error.code, error.detail, error.hint) from error
    namespaces = [changes.namespace for changes in view.changes]
    if (view.channel, view.chaincode, namespaces) != (channel, chaincode, [chaincode]):
        raise Rejected("malformed", "the envelope is for another channel or chaincode", f"use {chaincode} on {channel}")
    if _names_twice(view.changes[0]):
        raise Rejected("malformed", "the write set names a key twice", "write each key once")
    if view.tx_id != transaction_id(view.nonce, view.creator):
        raise Rejected("malformed", "the transaction id is not the hash of nonce and creator", "derive it again")
    return Candidate(view, _creator_sound(view, roots), _sound_endorsers(view, roots), private)


def decide(candidate: Candidate, state: State, policies: Policies) -> int:
    """The validation code, given committed state and the transactions before."""
    if not candidate.creator_sound:
        return BAD_CREATOR_SIGNATURE
    if state.place(candidate.view.tx_id) is not None:
        return DUPLICATE_TXID
    if not _endorsed(candidate, state, policies):
        return ENDORSEMENT_POLICY_FAILURE
    if not _reads_current(candidate.changes, state):
        return MVCC_READ_CONFLICT
    return VALID


class Policies:
    """Who has to endorse what: n of the endorsing organisations, a key's own policy, a collection's organisation."""

    def __init__(self, endorsements: int, msp_ids: Sequence[str]) -> None:
        self.default = parse_policy(peers_at_least(endorsements, msp_ids))
        self._parsed: dict[bytes, Policy] = {}

    def unmet(self, changes: NamespaceChanges, signers: Sequence[Principal], state: State) -> tuple[str, ...]:
        """The policies in words that these endorsers do not satisfy; empty when all are met."""
        wanted = self._wanted(changes, state)
        return tuple(policy.describe() for policy in wanted if not policy.satisfied_by(signers))

    def _wanted(self, changes: NamespaceChanges, state: State) -> Iterable[Policy]:
        """A key's own policy takes the place of the default for that key; without writes the default stands."""
        keys = {write.key for write in changes.writes} | {write.key for write in changes.metadata_writes}
        own = [state.policy(key) for key in sorted(keys)]
        if not own or None in own:
            yield self.default
        for raw in {raw for raw in own if raw is not None}:
            yield self._read(raw)
        for collection in changes.collections:
            if collection.writes and collection.name.startswith(IMPLICIT_PREFIX):
                yield self._read(peers_all([collection.name.removeprefix(IMPLICIT_PREFIX)]))

    def _read(self, raw: bytes) -> Policy:
        policy = self._parsed.get(raw)
        if policy is None:
            policy = self._parsed[raw] = parse_policy(raw)
        return policy


def _endorsed(candidate: Candidate, state: State, policies: Policies) -> bool:
    try:
        return not policies.unmet(candidate.changes, candidate.endorsers, state)
    except EvidenceError:  # a policy that cannot be read is one that nobody meets
        return False


def _creator_sound(view: TransactionView, roots: Roots) -> bool:
    try:
        creator = roots.identify(view.creator, view.timestamp_ms)
        return may_create(creator) and has_signed(creator, view.payload, view.signature)
    except EvidenceError:
        return False


def _sound_endorsers(view: TransactionView, roots: Roots) -> tuple[Principal, ...]:
    """The distinct endorsers whose signatures hold, for a response to this very proposal."""
    if view.proposal_hash != view.proposal_hash_expected:
        return ()
    sound: dict[bytes, Principal] = {}
    for endorsement in view.endorsements[:ENDORSEMENTS_MAX]:
        try:
            endorser = roots.identify(endorsement.endorser, view.timestamp_ms)
        except EvidenceError:
            continue
        message = endorsement_message(view.response_payload, endorsement.endorser)
        if has_signed(endorser, message, endorsement.signature):
            sound[endorser.fingerprint] = endorser.principal
    return tuple(sound.values())


def _names_twice(changes: NamespaceChanges) -> bool:
    """Two writes to one key: readers could disagree on which one counts."""
    names: list[Sequence[object]] = [
        [write.key for write in changes.writes],
        [write.key for write in changes.metadata_writes],
        [collection.name for collection in changes.collections],
        *([write.key_hash for write in collection.writes] for collection in changes.collections),
    ]
    return any(len(set(each)) != len(each) for each in names)


def _reads_current(changes: NamespaceChanges, state: State) -> bool:
    for read in changes.reads:
        if state.version(read.key) != read.version:
            return False
    for collection in changes.collections:
        for read in collection.reads:
            held = state.private_hash(collection.name, read.key_hash)
            if (None if held is None else held.version) != read.version:
                return False
    return True
