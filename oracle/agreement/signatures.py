"""Signatures of a committee's members: a member's own under a lock, those of its peers verified, k of them collected.

collector.sign(statement)                lock on disk, then both signatures, then the `signed` note
collector.add(organisation, statement)   a peer's signatures, verified both ways
on_quorum(signed, statement)             called when k members have signed a digest, and at each signature after
                                         that: one of the first k may have an interest in the subject, and not count
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oracle.agreement.context import MemberContext, Statement
from oracle.agreement.notes import Note, digests
from wuxin_evidence.attestation import (
    Attestation,
    Committee,
    Indicator,
    MemberSignature,
    SignedAttestation,
    check_quorum,
    check_quorum_evm,
)
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import pack_root

DIGESTS_KEPT = 2048
"""Statements remembered in memory; the oldest are forgotten first, their locks never."""

NO_ONE: frozenset[str] = frozenset()


@dataclass
class CollectedSignatures:
    """One digest with the signatures seen so far."""

    statement: Statement
    signatures: dict[str, MemberSignature] = field(default_factory=dict[str, MemberSignature])
    done: bool = False


class SignatureCollector:
    """Every statement somebody signed, by digest."""

    def __init__(self, context: MemberContext, on_quorum: Callable[[SignedAttestation, Statement], None]) -> None:
        self._context = context
        self._on_quorum = on_quorum
        self._by_digest: OrderedDict[bytes, CollectedSignatures] = OrderedDict()
        self._first_digests: OrderedDict[tuple[str, bytes, int, int], bytes] = OrderedDict()

    def sign(self, statement: Statement) -> bool:
        """Lock, sign and tell, in this order. False when another digest holds the lock; then nothing was signed."""
        context, attestation = self._context, statement.attestation
        digest = attestation.digest()
        if (own := self.own(digest)) is not None:
            self.publish(statement, own)
            return True
        if context.locks.take(attestation.subject, attestation.kind, attestation.sequence, digest) != digest:
            return False
        signature = MemberSignature(
            context.organisation, context.keys.sm2.sign(digest), context.keys.evm.sign_digest(digest)
        )
        self.publish(statement, signature)
        self._collect(digest, statement, signature)
        return True

    def publish(self, statement: Statement, signature: MemberSignature) -> None:
        """Send a statement with this member's signatures to its peers."""
        self._context.send_note(
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
        committee = self._context.require_committee(attestation.window_end)
        alone = Committee(committee.epoch, 1, tuple(m for m in committee.members if m.organisation == organisation), 0)
        check_quorum(digest, [signature], alone, NO_ONE).require()
        check_quorum_evm(digest, [signature], alone, NO_ONE).require()
        self._require_single_digest(organisation, attestation, digest)
        self._collect(digest, statement, signature)

    def own(self, digest: bytes) -> MemberSignature | None:
        """This member's signatures on a digest; None when it has not signed since its start."""
        collected = self._by_digest.get(digest)
        return None if collected is None else collected.signatures.get(self._context.organisation)

    def is_done(self, digest: bytes) -> bool:
        """Whether k members have signed it."""
        collected = self._by_digest.get(digest)
        return collected is not None and collected.done

    def _require_single_digest(self, organisation: str, attestation: Attestation, digest: bytes) -> None:
        """A member that signs two digests for one sequence is heard once, and named."""
        place = organisation, attestation.subject, attestation.kind, attestation.sequence
        first = self._first_digests.setdefault(place, digest)
        while len(self._first_digests) > DIGESTS_KEPT * len(self._context.current.members):
            self._first_digests.popitem(last=False)
        if first != digest:
            detail = f"{organisation} signed {first.hex()[:16]} and {digest.hex()[:16]} as {attestation.sequence}"
            raise EvidenceError("equivocation", detail, "ask that member; both signatures are in its notes")

    def _collect(self, digest: bytes, statement: Statement, signature: MemberSignature) -> None:
        collected = self._by_digest.setdefault(digest, CollectedSignatures(statement))
        is_first = signature.organisation not in collected.signatures
        collected.signatures[signature.organisation] = signature
        while len(self._by_digest) > DIGESTS_KEPT:
            self._by_digest.popitem(last=False)
        committee = self._context.require_committee(statement.attestation.window_end)
        signatures = tuple(collected.signatures[name] for name in sorted(collected.signatures) if committee.find(name))
        if is_first and committee.find(signature.organisation) and len(signatures) >= committee.threshold:
            collected.done = True
            self._on_quorum(SignedAttestation(statement.attestation, signatures), collected.statement)


def read_signed(note: Note, context: MemberContext) -> tuple[Statement, MemberSignature]:
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
    if attestation.subject != subject(*about) or attestation.consortium_id != context.consortium_id:
        raise malformed("the statement is about another subject or consortium")
    in_force = context.require_committee(attestation.window_end)
    if attestation.epoch != in_force.epoch:
        raise EvidenceError("wrong_epoch", f"epoch {attestation.epoch}, that of the window is {in_force.epoch}")
    if attestation.profile != context.profile.hash:
        raise EvidenceError("profile_mismatch", f"{note.organisation} works by another profile than ours")
    if attestation.pack_root != pack_root(statement.packs):
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
