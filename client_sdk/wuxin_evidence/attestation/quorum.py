"""Whether enough members signed one digest: by SM2 for the facts, by secp256k1 for the contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wuxin_evidence.attestation.committee import Committee, CommitteeMember
from wuxin_evidence.attestation.signed import MemberSignature, require_few_signatures
from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.crypto.suites import SM2_SM3
from wuxin_evidence.errors import EvidenceError


@dataclass(frozen=True)
class QuorumResult:
    """How many had to sign, who did, who did not, and whose signature did not count and why (an error code)."""

    required: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return len(self.signed) >= self.required

    def require(self) -> None:
        """Return when there is a quorum. Raises `conflicted_signer` when only such a signer is lacking, else
        `quorum_not_met`; the detail names everyone."""
        if self:
            return
        conflicted = sum(code == "conflicted_signer" for _, code in self.rejected)
        code = "conflicted_signer" if len(self.signed) + conflicted >= self.required else "quorum_not_met"
        detail = f"{len(self.signed)} of {self.required} signed ({', '.join(self.signed) or 'nobody'})"
        refused = "; ".join(f"{organisation}: {why}" for organisation, why in self.rejected)
        hint = "ask " + (", ".join(self.missing) or "the regulator for another committee")
        raise EvidenceError(code, detail + (f"; not counted: {refused}" if refused else ""), hint)


def check_quorum(
    digest: bytes, signatures: Sequence[MemberSignature], committee: Committee, conflicted: frozenset[str]
) -> QuorumResult:
    """Count the members whose SM2 signature over `digest` is good and who are not in conflict with the subject.

    A member counts once; strangers, repeats, bad signatures and conflicted members are listed with their code.
    """

    def check(member: CommitteeMember, signature: MemberSignature) -> None:
        SM2_SM3.verify(member.sm2_public_key, digest, signature.sm2)

    return _quorum(signatures, committee, conflicted, check)


def check_quorum_evm(
    digest: bytes, signatures: Sequence[MemberSignature], committee: Committee, conflicted: frozenset[str]
) -> QuorumResult:
    """The same count by the secp256k1 signatures, which the contracts will make again."""

    def check(member: CommitteeMember, signature: MemberSignature) -> None:
        if recover(digest, signature.secp256k1) != member.evm_address:
            raise EvidenceError("bad_signature", "another key signed")

    return _quorum(signatures, committee, conflicted, check)


def _quorum(
    signatures: Sequence[MemberSignature],
    committee: Committee,
    conflicted: frozenset[str],
    check: Callable[[CommitteeMember, MemberSignature], None],
) -> QuorumResult:
    require_few_signatures(signatures)
    members = {member.organisation: member for member in committee.members}
    signed: list[str] = []
    rejected: list[tuple[str, str]] = []
    for signature in signatures:
        code = _refusal(signature, members, signed, conflicted, check)
        if code is None:
            signed.append(signature.organisation)
        else:
            rejected.append((signature.organisation, code))
    missing = tuple(name for name in members if name not in signed and name not in conflicted)
    return QuorumResult(committee.threshold, tuple(signed), missing, tuple(rejected))


def _refusal(
    signature: MemberSignature,
    members: Mapping[str, CommitteeMember],
    signed: Sequence[str],
    conflicted: frozenset[str],
    check: Callable[[CommitteeMember, MemberSignature], None],
) -> str | None:
    """The code under which a signature does not count, None when it counts."""
    # what costs nothing comes first: strangers and repeats never make the facts compute a signature
    member = members.get(signature.organisation)
    if member is None:
        return "not_a_member"
    if signature.organisation in conflicted:
        return "conflicted_signer"
    if signature.organisation in signed:
        return "duplicate_signer"
    try:
        check(member, signature)
    except EvidenceError as error:
        return error.code
    return None
