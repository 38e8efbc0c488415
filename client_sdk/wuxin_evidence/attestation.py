"""Attestations: what the oracle says, the one digest it has, and whether enough members said it.

    Attestation(...).digest()                       EIP-712, 32 bytes, for every chain of the consortium
    member signs those 32 bytes with SM2 and with secp256k1 -> MemberSignature
    check_quorum(digest, signatures, committee, conflicted)   SM2, for the facts
    check_quorum_evm(...)                                     secp256k1, what the contracts will find

CBOR and JSON are transport; neither is ever signed. Times are seconds UTC, `sequence` is
windowIndex x 2^16 + n, indicators are sorted by id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.crypto.sm2 import check_public_key
from wuxin_evidence.crypto.suites import SM2_SM3
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError, malformed, too_large
from wuxin_evidence.ids import ORGANISATION_NAME, keccak256

SCHEDULED, ALARM, LIEN, PRICE = 0, 1, 2, 3
KIND_NAMES = ("scheduled", "alarm", "lien", "price")
OK, MISSING, SUSPECT = 0, 1, 2
STATUS_NAMES = ("ok", "missing", "suspect")

SCHEDULED_N = 65535
"""`n` of a scheduled attestation: after every alarm and lien change of its window."""
INDICATORS_MAX = 16
"""A contract loops over them; AttestationFeed accepts so many."""
MEMBERS_MAX = 16
"""Members of a committee, and so signatures worth looking at. OracleCommittee would take 32; the facts take so many."""
QUALITY_BP_MAX = 10_000

INDICATOR_TYPE = "Indicator(bytes32 id,int128 value,uint16 qualityBp,uint8 status)"
ATTESTATION_TYPE = (
    "Attestation(bytes32 consortiumId,uint64 epoch,bytes32 subject,uint8 kind,uint64 sequence,"
    "uint64 windowStart,uint64 windowEnd,bytes32 profile,bytes32 packRoot,uint32 packCount,uint32 lateCount,"
    "Indicator[] indicators)" + INDICATOR_TYPE
)
DOMAIN_TYPE = "EIP712Domain(string name,string version,bytes32 salt)"

_INDICATOR_TYPEHASH = keccak256(INDICATOR_TYPE.encode())
_ATTESTATION_TYPEHASH = keccak256(ATTESTATION_TYPE.encode())
_DOMAIN_PREFIX = keccak256(DOMAIN_TYPE.encode()) + keccak256(b"Wuxin") + keccak256(b"1")

_LOWER_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_INT128_TEXT = re.compile(r"0|-?[1-9][0-9]{0,38}")


@dataclass(frozen=True)
class Indicator:
    """A named integer with its unit in the name: `id` is keccak256 of that name, `value` an int128."""

    id: bytes
    value: int
    quality_bp: int
    status: int

    def __post_init__(self) -> None:
        _require_bytes32("indicator id", self.id)
        _require_integer("indicator value", self.value, -(2**127), 2**127 - 1)
        _require_integer("quality_bp", self.quality_bp, 0, QUALITY_BP_MAX)
        _require_integer("indicator status", self.status, OK, SUSPECT)

    def struct_hash(self) -> bytes:
        return keccak256(
            _INDICATOR_TYPEHASH + self.id + _word(self.value) + _word(self.quality_bp) + _word(self.status)
        )


@dataclass(frozen=True)
class Attestation:
    """One statement about one subject and window. Fields as in the EIP-712 struct; made wrong, it is `malformed`."""

    consortium_id: bytes
    epoch: int
    subject: bytes
    kind: int
    sequence: int
    window_start: int
    window_end: int
    profile: bytes
    pack_root: bytes
    pack_count: int
    late_count: int
    indicators: tuple[Indicator, ...]

    def __post_init__(self) -> None:
        for name in ("consortium_id", "subject", "profile", "pack_root"):
            _require_bytes32(name, getattr(self, name))
        for name in ("epoch", "sequence", "window_start", "window_end"):
            _require_integer(name, getattr(self, name), 0, 2**64 - 1)
        for name in ("pack_count", "late_count"):
            _require_integer(name, getattr(self, name), 0, 2**32 - 1)
        _require_integer("kind", self.kind, SCHEDULED, PRICE)
        if self.window_end < self.window_start:
            raise malformed("the window ends before it starts")
        if len(self.indicators) > INDICATORS_MAX:
            raise too_large("indicators of an attestation", len(self.indicators), INDICATORS_MAX)
        names = [indicator.id for indicator in self.indicators]
        if names != sorted(set(names)):
            raise malformed("indicators are not sorted by id, or one is given twice", "sort them by id")

    def digest(self) -> bytes:
        """The 32 bytes that members sign: EIP-712 with domain name Wuxin, version 1, salt = consortium id."""
        separator = keccak256(_DOMAIN_PREFIX + self.consortium_id)
        listed = keccak256(b"".join(indicator.struct_hash() for indicator in self.indicators))
        struct = keccak256(
            _ATTESTATION_TYPEHASH
            + self.consortium_id
            + _word(self.epoch)
            + self.subject
            + b"".join(_word(n) for n in (self.kind, self.sequence, self.window_start, self.window_end))
            + self.profile
            + self.pack_root
            + _word(self.pack_count)
            + _word(self.late_count)
            + listed
        )
        return keccak256(b"\x19\x01" + separator + struct)

    def to_cbor(self) -> bytes:
        """Canonical CBOR: the twelve fields as an array, each indicator as an array of four."""
        return cbor.encode(_attestation_fields(self))

    @classmethod
    def from_cbor(cls, raw: bytes) -> Attestation:
        """The inverse of `to_cbor`. Raises `malformed`."""
        return _attestation_of(cbor.decode(raw))

    def to_json(self) -> dict[str, Any]:
        """Bytes as lower-case hex, indicator values as decimal text, other numbers as integers."""
        return {
            "consortium_id": self.consortium_id.hex(),
            "epoch": self.epoch,
            "subject": self.subject.hex(),
            "kind": self.kind,
            "sequence": self.sequence,
            "window_start": self.window_start,
            "window_end": self.window_end,
            "profile": self.profile.hex(),
            "pack_root": self.pack_root.hex(),
            "pack_count": self.pack_count,
            "late_count": self.late_count,
            "indicators": [
                {"id": each.id.hex(), "value": str(each.value), "quality_bp": each.quality_bp, "status": each.status}
                for each in self.indicators
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> Attestation:
        """The inverse of `to_json`. Raises `malformed`."""
        fields = _object(value, "attestation", cls.__annotations__)
        indicators = [_object(each, "indicator", Indicator.__annotations__) for each in _list(fields["indicators"])]
        hexed = {name: _hex(fields[name]) for name in ("consortium_id", "subject", "profile", "pack_root")}
        fields |= hexed
        fields["indicators"] = tuple(
            Indicator(_hex(each["id"]), _int128(each["value"]), each["quality_bp"], each["status"])
            for each in indicators
        )
        return cls(**fields)


@dataclass(frozen=True)
class MemberSignature:
    """One member's two signatures over the digest; `secp256k1` may be empty where only the facts are asked."""

    organisation: str
    sm2: bytes
    secp256k1: bytes = b""

    def __post_init__(self) -> None:
        if not ORGANISATION_NAME.fullmatch(_str(self.organisation)):
            raise malformed(f"organisation name {self.organisation[:40]!r}")
        if len(_bytes(self.sm2)) != 64 or len(_bytes(self.secp256k1)) not in (0, 65):
            raise EvidenceError("bad_signature", "a member signs with 64 bytes of SM2 and 65 of secp256k1")


@dataclass(frozen=True)
class SignedAttestation:
    """An attestation with the members' signatures, as it is relayed. Carrying signatures is not having a quorum."""

    attestation: Attestation
    signatures: tuple[MemberSignature, ...]

    def __post_init__(self) -> None:
        _require_few(self.signatures)

    def to_cbor(self) -> bytes:
        signed = [[each.organisation, each.sm2, each.secp256k1] for each in self.signatures]
        return cbor.encode([_attestation_fields(self.attestation), signed])

    @classmethod
    def from_cbor(cls, raw: bytes) -> SignedAttestation:
        fields, signed = _list(cbor.decode(raw), 2)
        _require_few(_list(signed))
        return cls(
            _attestation_of(fields),
            tuple(MemberSignature(*cast("list[Any]", _list(each, 3))) for each in _list(signed)),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "attestation": self.attestation.to_json(),
            "signatures": [
                {"organisation": each.organisation, "sm2": each.sm2.hex(), "secp256k1": each.secp256k1.hex()}
                for each in self.signatures
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> SignedAttestation:
        fields = _object(value, "signed attestation", cls.__annotations__)
        _require_few(_list(fields["signatures"]))
        signed = [_object(each, "signature", MemberSignature.__annotations__) for each in _list(fields["signatures"])]
        return cls(
            Attestation.from_json(fields["attestation"]),
            tuple(
                MemberSignature(_str(each["organisation"]), _hex(each["sm2"]), _hex(each["secp256k1"]))
                for each in signed
            ),
        )


@dataclass(frozen=True)
class CommitteeMember:
    """An organisation's oracle keys: SM2 for the facts, an EVM address for the contracts."""

    organisation: str
    sm2_public_key: bytes
    evm_address: bytes

    def __post_init__(self) -> None:
        if not ORGANISATION_NAME.fullmatch(_str(self.organisation)):
            raise malformed(f"organisation name {self.organisation[:40]!r}")
        check_public_key(self.sm2_public_key)
        if len(self.evm_address) != 20:
            raise malformed("an EVM address is 20 bytes")


@dataclass(frozen=True)
class Committee:
    """The members of one epoch, from `active_from_s` on; `threshold` k of n with 2k > n."""

    epoch: int
    threshold: int
    members: tuple[CommitteeMember, ...]
    active_from_s: int

    def __post_init__(self) -> None:
        _require_integer("epoch", self.epoch, 0, 2**53 - 1)
        _require_integer("active_from_s", self.active_from_s, 0, 2**53 - 1)
        count = len(self.members)
        _require_integer("members of a committee", count, 1, MEMBERS_MAX)
        _require_integer("threshold", self.threshold, count // 2 + 1, count)
        for name in ("organisation", "sm2_public_key", "evm_address"):
            if len({getattr(member, name) for member in self.members}) != count:
                raise malformed(f"two members of the committee share one {name}", "one organisation, one key, one vote")

    def find(self, organisation: str) -> CommitteeMember | None:
        return next((each for each in self.members if each.organisation == organisation), None)

    def to_json(self) -> dict[str, Any]:
        """Keys and addresses as lower-case hex without prefix."""
        return {
            "epoch": self.epoch,
            "threshold": self.threshold,
            "active_from_s": self.active_from_s,
            "members": [
                {
                    "organisation": member.organisation,
                    "sm2_public_key": member.sm2_public_key.hex(),
                    "evm_address": member.evm_address.hex(),
                }
                for member in self.members
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> Committee:
        """The inverse of `to_json`. Raises `malformed`."""
        fields = _object(value, "committee", cls.__annotations__)
        members = [_object(each, "member", CommitteeMember.__annotations__) for each in _list(fields["members"])]
        return cls(
            fields["epoch"],
            fields["threshold"],
            tuple(
                CommitteeMember(_str(each["organisation"]), _hex(each["sm2_public_key"]), _hex(each["evm_address"]))
                for each in members
            ),
            fields["active_from_s"],
        )


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
        raise EvidenceError(code, detail + (f"; not counted: {refused}" if refused else ""), self._hint())

    def _hint(self) -> str:
        return "ask " + (", ".join(self.missing) or "the regulator for another committee")


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


def sequence_of(window_index: int, n: int) -> int:
    """windowIndex x 2^16 + n; n is 1, 2, … for alarms and lien changes, 65535 for the scheduled one."""
    _require_integer("window index", window_index, 0, 2**48 - 1)
    _require_integer("n", n, 0, SCHEDULED_N)
    return window_index << 16 | n


def window_index(t_s: int, window_s: int, day_offset_s: int) -> int:
    """floor((t + day_offset) / window length), all in seconds."""
    _require_integer("window length", window_s, 1, 2**32 - 1)
    return (t_s + day_offset_s) // window_s


def _quorum(
    signatures: Sequence[MemberSignature],
    committee: Committee,
    conflicted: frozenset[str],
    check: Callable[[CommitteeMember, MemberSignature], None],
) -> QuorumResult:
    _require_few(signatures)
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


def _attestation_fields(a: Attestation) -> list[object]:
    indicators = [[each.id, each.value, each.quality_bp, each.status] for each in a.indicators]
    return [
        *(a.consortium_id, a.epoch, a.subject, a.kind, a.sequence, a.window_start, a.window_end),
        *(a.profile, a.pack_root, a.pack_count, a.late_count, indicators),
    ]


def _attestation_of(value: object) -> Attestation:
    fields = cast("list[Any]", _list(value, 12))
    indicators = tuple(Indicator(*cast("list[Any]", _list(each, 4))) for each in _list(fields[11]))
    return Attestation(*fields[:11], indicators=indicators)


def _word(number: int) -> bytes:
    return (number % 2**256).to_bytes(32, "big")


def _require_bytes32(name: str, value: object) -> None:
    if not isinstance(value, bytes) or len(value) != 32:
        raise malformed(f"{name} is not 32 bytes")


def _require_integer(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise malformed(f"{name} is not an integer of {low} to {high}")


def _require_few(signatures: Sequence[object]) -> None:
    if len(signatures) > MEMBERS_MAX:
        raise too_large("signatures of an attestation", len(signatures), MEMBERS_MAX)


def _object(value: object, what: str, names: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(cast("dict[object, object]", value)) != set(names):
        raise malformed(f"the {what} is not an object of {', '.join(names)}")
    return dict(cast("dict[str, Any]", value))


def _list(value: object, length: int | None = None) -> list[object]:
    if not isinstance(value, list) or length not in (None, len(cast("list[object]", value))):
        raise malformed("a list" + (f" of {length}" if length is not None else "") + " is expected")
    return cast("list[object]", value)


def _hex(value: object) -> bytes:
    if not isinstance(value, str) or not _LOWER_HEX.fullmatch(value):
        raise malformed("bytes are written as lower-case hex without prefix")
    return bytes.fromhex(value)


def _int128(value: object) -> int:
    if not isinstance(value, str) or not _INT128_TEXT.fullmatch(value):
        raise malformed("an indicator's value is an integer as decimal text")
    return int(value)


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise malformed("text is expected")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise malformed("bytes are expected")
    return value
