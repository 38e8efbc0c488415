"""An attestation with its members' signatures, as relayed from node to node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from wuxin_evidence.attestation.attestation import Attestation, attestation_fields, attestation_of
from wuxin_evidence.attestation.committee import MEMBERS_MAX
from wuxin_evidence.attestation.fields import read_bytes, read_hex, read_list, read_object, read_text
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError, malformed, too_large
from wuxin_evidence.ids import ORGANISATION_NAME


@dataclass(frozen=True)
class MemberSignature:
    """One member's two signatures over the digest; `secp256k1` may be empty where only the facts are asked."""

    organisation: str
    sm2: bytes
    secp256k1: bytes = b""

    def __post_init__(self) -> None:
        if not ORGANISATION_NAME.fullmatch(read_text(self.organisation)):
            raise malformed(f"organisation name {self.organisation[:40]!r}")
        if len(read_bytes(self.sm2)) != 64 or len(read_bytes(self.secp256k1)) not in (0, 65):
            raise EvidenceError("bad_signature", "a member signs with 64 bytes of SM2 and 65 of secp256k1")


@dataclass(frozen=True)
class SignedAttestation:
    """An attestation with the members' signatures, as it is relayed. Carrying signatures is not having a quorum."""

    attestation: Attestation
    signatures: tuple[MemberSignature, ...]

    def __post_init__(self) -> None:
        require_few_signatures(self.signatures)

    def to_cbor(self) -> bytes:
        """Return canonical CBOR: the attestation's twelve fields, then each signature as [organisation, SM2,
        secp256k1]."""
        signed = [[each.organisation, each.sm2, each.secp256k1] for each in self.signatures]
        return cbor.encode([attestation_fields(self.attestation), signed])

    @classmethod
    def from_cbor(cls, raw: bytes) -> SignedAttestation:
        """Read the form that `to_cbor` writes. Raises `malformed`, `bad_signature` for a signature of another length,
        or `too_large` beyond 16 signatures."""
        fields, signed = read_list(cbor.decode(raw), 2)
        require_few_signatures(read_list(signed))
        return cls(
            attestation_of(fields),
            tuple(MemberSignature(*cast("list[Any]", read_list(each, 3))) for each in read_list(signed)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the attestation's JSON form and its signatures, each organisation with two signatures as lower-case
        hex."""
        return {
            "attestation": self.attestation.to_json(),
            "signatures": [
                {"organisation": each.organisation, "sm2": each.sm2.hex(), "secp256k1": each.secp256k1.hex()}
                for each in self.signatures
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> SignedAttestation:
        """Read the form that `to_json` returns. Raises `malformed`, `bad_signature` for a signature of another length,
        or `too_large` beyond 16 signatures."""
        fields = read_object(value, "signed attestation", cls.__annotations__)
        require_few_signatures(read_list(fields["signatures"]))
        signed = [
            read_object(each, "signature", MemberSignature.__annotations__) for each in read_list(fields["signatures"])
        ]
        return cls(
            Attestation.from_json(fields["attestation"]),
            tuple(
                MemberSignature(read_text(each["organisation"]), read_hex(each["sm2"]), read_hex(each["secp256k1"]))
                for each in signed
            ),
        )


def require_few_signatures(signatures: Sequence[object]) -> None:
    """Refuse more signatures than a committee has members, before any of them costs a check. Raises `too_large`."""
    if len(signatures) > MEMBERS_MAX:
        raise too_large("signatures of an attestation", len(signatures), MEMBERS_MAX)
