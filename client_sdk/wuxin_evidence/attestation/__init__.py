"""Attestations: what the oracle says, the one digest it has, and whether enough members said it.

    Attestation(...).digest()                       EIP-712, 32 bytes, for every chain of the consortium
    member signs those 32 bytes with SM2 and with secp256k1 -> MemberSignature
    check_quorum(digest, signatures, committee, conflicted)   SM2, for the facts
    check_quorum_evm(...)                                     secp256k1, what the contracts will find

CBOR and JSON are transport; neither is ever signed. Times are seconds UTC, `sequence` is
windowIndex x 2^16 + n, indicators are sorted by id.
"""

from wuxin_evidence.attestation.attestation import (
    ALARM,
    ATTESTATION_TYPE,
    DOMAIN_TYPE,
    INDICATOR_TYPE,
    INDICATORS_MAX,
    KIND_NAMES,
    LIEN,
    MISSING,
    OK,
    PRICE,
    QUALITY_BP_MAX,
    SCHEDULED,
    SCHEDULED_N,
    STATUS_NAMES,
    SUSPECT,
    Attestation,
    Indicator,
    sequence_of,
    window_index,
)
from wuxin_evidence.attestation.committee import MEMBERS_MAX, Committee, CommitteeMember
from wuxin_evidence.attestation.quorum import QuorumResult, check_quorum, check_quorum_evm
from wuxin_evidence.attestation.signed import MemberSignature, SignedAttestation

__all__ = [
    "ALARM",
    "ATTESTATION_TYPE",
    "DOMAIN_TYPE",
    "INDICATORS_MAX",
    "INDICATOR_TYPE",
    "KIND_NAMES",
    "LIEN",
    "MEMBERS_MAX",
    "MISSING",
    "OK",
    "PRICE",
    "QUALITY_BP_MAX",
    "SCHEDULED",
    "SCHEDULED_N",
    "STATUS_NAMES",
    "SUSPECT",
    "Attestation",
    "Committee",
    "CommitteeMember",
    "Indicator",
    "MemberSignature",
    "QuorumResult",
    "SignedAttestation",
    "check_quorum",
    "check_quorum_evm",
    "sequence_of",
    "window_index",
]
