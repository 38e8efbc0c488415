"""Statements and signatures: what a member signs, and when k of them have.

    statement = desk.statement(…)          the struct, from values this member computed or read by itself
    ballots.sign(statement)                lock on disk, then both signatures, then the `signed` note
    ballots.add(organisation, statement)   a peer's signatures, verified both ways
    on_quorum(signed, statement)           when k members have signed a digest, and at each signature after that:
                                           one of the first k may have an interest in the subject, and not count

The `Desk` is what all parts of a member share: who it is, its keys, its store, its clock, and how it speaks.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from network.clock import Clock
from oracle.agreement.locks import Locks
from oracle.agreement.notes import Note, digests
from oracle.profile import Profile
from oracle.registry import Registry
from oracle.storage.store import Store
from wuxin_evidence.attestation import (
    Attestation,
    Committee,
    Indicator,
    MemberSignature,
    SignedAttestation,
    check_quorum,
    check_quorum_evm,
)
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import pack_root

BALLOTS_KEPT = 2048
"""Statements remembered in memory; the oldest are forgotten first, their locks never."""

COMMITTEES_KEPT = 4
"""The one in force, the next, and those before, whose last windows may not be settled."""

NO_ONE: frozenset[str] = frozenset()

log = logging.getLogger("wuxin.oracle")


@dataclass(frozen=True)
class Keys:
    """What a member signs with."""

    sm2: SigningKey
    evm: EvmKey


@dataclass(frozen=True)
class Statement:
    """An attestation, what it is about in words, and which packs it rests on."""

    attestation: Attestation
    subject_kind: str
    subject_id: str
    packs: frozenset[bytes] = frozenset()
    late: frozenset[bytes] = frozenset()


@dataclass
class Desk:
    """What the parts of one member share."""

    organisation: str
    consortium_id: bytes
    keys: Keys
    profile: Profile
    clock: Clock
    registry: Registry
    store: Store
    locks: Locks
    say: Callable[[str, Mapping[str, object]], None]
    monotonic: Callable[[], float]
    committees: tuple[Committee, ...] = ()

    def learn(self, committees: Iterable[Committee]) -> None:
        """Committees that the node names; an epoch that is known stays as it is."""
        known = {each.epoch: each for each in (*committees, *self.committees)}
        self.committees = tuple(known[epoch] for epoch in sorted(known)[-COMMITTEES_KEPT:])

    def committee_at(self, end_s: int) -> Committee | None:
        """The committee that answers for a window ending at `end_s`, with the edge that both ledgers have."""
        return next((each for each in reversed(self.committees) if each.active_from_s < end_s), None)

    @property
    def committee(self) -> Committee | None:
        """The one in force now."""
        return self.committee_at(self.now_s)

    @property
    def now_s(self) -> int:
        return self.clock.now_ms() // 1000

    @property
    def rank(self) -> int:
        """Place in the committee's order: who proposes first."""
        names = [each.organisation for each in self.current.members]
        return names.index(self.organisation) if self.organisation in names else len(names)

    @property
    def current(self) -> Committee:
        return self.require_committee(self.now_s)

    def require_committee(self, end_s: int) -> Committee:
        committee = self.committee_at(end_s)
        if committee is None:
            raise EvidenceError("unavailable", f"no committee of {end_s} is known", "wait for the node's answer")
        return committee

    def statement(
        self,
        kind: int,
        about: tuple[str, str],
        sequence: int,
        span_s: tuple[int, int],
        indicators: tuple[Indicator, ...],
        packs: frozenset[bytes] = frozenset(),
        late: frozenset[bytes] = frozenset(),
    ) -> Statement:
        """The statement of `indicators` over `span_s`, citing `packs`. Without packs the root is zero for what is
        read and not computed (kinds 2 and 3)."""
        computed = kind in (0, 1)
        attestation = Attestation(
            consortium_id=self.consortium_id,
            epoch=self.require_committee(span_s[1]).epoch,
            subject=subject(*about),
            kind=kind,
            sequence=sequence,
            window_start=span_s[0],
            window_end=span_s[1],
            profile=self.profile.hash,
            pack_root=pack_root(packs) if computed else bytes(32),
            pack_count=len(packs),
            late_count=len(late),
            indicators=indicators,
        )
        return Statement(attestation, *about, packs, late)


@dataclass
class Ballot:
    """One digest with the signatures seen so far."""

    statement: Statement
    signatures: dict[str, MemberSignature] = field(default_factory=dict[str, MemberSignature])
    done: bool = False


class Ballots:
    """Every statement somebody signed, by digest."""

    def __init__(self, desk: Desk, on_quorum: Callable[[SignedAttestation, Statement], None]) -> None:
        self._desk = desk
        self._on_quorum = on_quorum
        self._ballots: OrderedDict[bytes, Ballot] = OrderedDict()
        self._voices: OrderedDict[tuple[str, bytes, int, int], bytes] = OrderedDict()

    def sign(self, statement: Statement) -> bool:
        """Lock, sign and tell, in this order. False when another digest holds the lock; then nothing was signed."""
        desk, attestation = self._desk, statement.attestation
        digest = attestation.digest()
        if (own := self.own(digest)) is not None:
            self.tell(statement, own)
            return True
        if desk.locks.take(attestation.subject, attestation.kind, attestation.sequence, digest) != digest:
            return False
        signature = MemberSignature(desk.organisation, desk.keys.sm2.sign(digest), desk.keys.evm.sign_digest(digest))
        self.tell(statement, signature)
        self._collect(digest, statement, signature)
        return True

    def tell(self, statement: Statement, signature: MemberSignature) -> None:
        self._desk.say(
            "signed",
            {
                "statement": statement.attestation.to_cbor(),
                "subject_kind": statement.subject_kind,
                "subject_id": statement.subject_id,
                "packs": sorted(statement.packs),
                "late": sorted(statement.late),
                "sm2": signature.sm2,
                "secp256k1": signature.secp256k1,
            },
        )

    def add(self, organisation: str, statement: Statement, signature: MemberSignature) -> None:
        """A peer's signatures. Raises `quorum_not_met` when they are not good, `equivocation` for a second digest."""
        attestation = statement.attestation
        digest = attestation.digest()
        committee = self._desk.require_committee(attestation.window_end)
        alone = Committee(committee.epoch, 1, tuple(m for m in committee.members if m.organisation == organisation), 0)
        check_quorum(digest, [signature], alone, NO_ONE).require()
        check_quorum_evm(digest, [signature], alone, NO_ONE).require()
        self._require_one_voice(organisation, attestation, digest)
        self._collect(digest, statement, signature)

    def own(self, digest: bytes) -> MemberSignature | None:
        ballot = self._ballots.get(digest)
        return None if ballot is None else ballot.signatures.get(self._desk.organisation)

    def is_done(self, digest: bytes) -> bool:
        """Whether k members have signed it."""
        ballot = self._ballots.get(digest)
        return ballot is not None and ballot.done

    def _require_one_voice(self, organisation: str, attestation: Attestation, digest: bytes) -> None:
        """A member that signs two digests for one sequence is heard once, and named."""
        place = organisation, attestation.subject, attestation.kind, attestation.sequence
        first = self._voices.setdefault(place, digest)
        while len(self._voices) > BALLOTS_KEPT * len(self._desk.current.members):
            self._voices.popitem(last=False)
        if first != digest:
            detail = f"{organisation} signed {first.hex()[:16]} and {digest.hex()[:16]} as {attestation.sequence}"
            raise EvidenceError("equivocation", detail, "ask that member; both signatures are in its notes")

    def _collect(self, digest: bytes, statement: Statement, signature: MemberSignature) -> None:
        ballot = self._ballots.setdefault(digest, Ballot(statement))
        is_first = signature.organisation not in ballot.signatures
        ballot.signatures[signature.organisation] = signature
        while len(self._ballots) > BALLOTS_KEPT:
            self._ballots.popitem(last=False)
        committee = self._desk.require_committee(statement.attestation.window_end)
        signatures = tuple(ballot.signatures[name] for name in sorted(ballot.signatures) if committee.find(name))
        if is_first and committee.find(signature.organisation) and len(signatures) >= committee.threshold:
            ballot.done = True
            self._on_quorum(SignedAttestation(statement.attestation, signatures), ballot.statement)


def read_signed(note: Note, desk: Desk) -> tuple[Statement, MemberSignature]:
    """The statement and signatures of a `signed` note, checked for what needs no computation.

    Raises `malformed`, `wrong_epoch`, `profile_mismatch`.
    """
    body = note.body
    try:
        attestation = Attestation.from_cbor(body["statement"])
        about = str(body["subject_kind"]), str(body["subject_id"])
        statement = Statement(attestation, *about, digests(body["packs"]), digests(body["late"]))
        signature = MemberSignature(note.organisation, body["sm2"], body["secp256k1"])
    except (KeyError, TypeError) as error:
        raise malformed(f"a signed note without {error}") from error
    if attestation.subject != subject(*about) or attestation.consortium_id != desk.consortium_id:
        raise malformed("the statement is about another subject or consortium")
    in_force = desk.require_committee(attestation.window_end)
    if attestation.epoch != in_force.epoch:
        raise EvidenceError("wrong_epoch", f"epoch {attestation.epoch}, that of the window is {in_force.epoch}")
    if attestation.profile != desk.profile.hash:
        raise EvidenceError("profile_mismatch", f"{note.organisation} works by another profile than ours")
    if attestation.kind in (0, 1) and attestation.pack_root != pack_root(statement.packs):
        raise malformed("the statement's pack root is not over the packs it names")
    return statement, signature


def differences(mine: Mapping[str, Indicator], theirs: tuple[Indicator, ...]) -> list[dict[str, object]]:
    """Which indicators two members computed differently: name, mine, theirs."""
    by_id = {each.id: each for each in theirs}
    return [
        {"name": name, "mine": each.value, "theirs": by_id[each.id].value if each.id in by_id else None}
        for name, each in sorted(mine.items())
        if by_id.get(each.id) != each
    ]
