"""The statement itself: the EIP-712 struct, the one digest that members sign, CBOR and JSON forms.

CBOR and JSON are transport; neither is ever signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from wuxin_evidence.attestation.fields import (
    read_hex,
    read_int128,
    read_list,
    read_object,
    require_bytes32,
    require_integer,
)
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import malformed, too_large
from wuxin_evidence.ids import keccak256

SCHEDULED, ALARM, LIEN, PRICE = 0, 1, 2, 3
KIND_NAMES = ("scheduled", "alarm", "lien", "price")
OK, MISSING, SUSPECT = 0, 1, 2
STATUS_NAMES = ("ok", "missing", "suspect")

SCHEDULED_N = 65535
"""`n` of a scheduled attestation: after every alarm and lien change of its window."""
INDICATORS_MAX = 16
"""A contract loops over them; AttestationFeed accepts so many."""
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


@dataclass(frozen=True)
class Indicator:
    """A named integer with its unit in the name: `id` is keccak256 of that name, `value` an int128."""

    id: bytes
    value: int
    quality_bp: int
    status: int

    def __post_init__(self) -> None:
        require_bytes32("indicator id", self.id)
        require_integer("indicator value", self.value, -(2**127), 2**127 - 1)
        require_integer("quality_bp", self.quality_bp, 0, QUALITY_BP_MAX)
        require_integer("indicator status", self.status, OK, SUSPECT)

    def struct_hash(self) -> bytes:
        """Return the EIP-712 `hashStruct`, 32 bytes: over the type hash, then each field as a 32-byte word."""
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
            require_bytes32(name, getattr(self, name))
        for name in ("epoch", "sequence", "window_start", "window_end"):
            require_integer(name, getattr(self, name), 0, 2**64 - 1)
        for name in ("pack_count", "late_count"):
            require_integer(name, getattr(self, name), 0, 2**32 - 1)
        require_integer("kind", self.kind, SCHEDULED, PRICE)
        if self.window_end < self.window_start:
            raise malformed("the window ends before it starts")
        if len(self.indicators) > INDICATORS_MAX:
            raise too_large("indicators of an attestation", len(self.indicators), INDICATORS_MAX)
        names = [indicator.id for indicator in self.indicators]
        if names != sorted(set(names)):
            raise malformed("indicators are not sorted by id, or one is given twice", "sort them by id")

    def digest(self) -> bytes:
        """The 32 bytes that members sign: EIP-712 with domain name Wuxin, version 1, salt = consortium id."""
        # no chain id and no verifying contract in the domain: one signature counts on every chain of the consortium
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
        return cbor.encode(attestation_fields(self))

    @classmethod
    def from_cbor(cls, raw: bytes) -> Attestation:
        """The inverse of `to_cbor`. Raises `malformed`."""
        return attestation_of(cbor.decode(raw))

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
        fields = read_object(value, "attestation", cls.__annotations__)
        indicators = [
            read_object(each, "indicator", Indicator.__annotations__) for each in read_list(fields["indicators"])
        ]
        hexed = {name: read_hex(fields[name]) for name in ("consortium_id", "subject", "profile", "pack_root")}
        fields |= hexed
        fields["indicators"] = tuple(
            Indicator(read_hex(each["id"]), read_int128(each["value"]), each["quality_bp"], each["status"])
            for each in indicators
        )
        return cls(**fields)


def sequence_of(window_index: int, n: int) -> int:
    """windowIndex x 2^16 + n; n is 1, 2, … for alarms and lien changes, 65535 for the scheduled one."""
    require_integer("window index", window_index, 0, 2**48 - 1)
    require_integer("n", n, 0, SCHEDULED_N)
    return window_index << 16 | n


def window_index(t_s: int, window_s: int, day_offset_s: int) -> int:
    """floor((t + day_offset) / window length), all in seconds."""
    require_integer("window length", window_s, 1, 2**32 - 1)
    return (t_s + day_offset_s) // window_s


def attestation_fields(a: Attestation) -> list[object]:
    """Return the twelve fields in the struct's order as CBOR takes them; each indicator is [id, value, quality_bp,
    status]."""
    indicators = [[each.id, each.value, each.quality_bp, each.status] for each in a.indicators]
    return [
        *(a.consortium_id, a.epoch, a.subject, a.kind, a.sequence, a.window_start, a.window_end),
        *(a.profile, a.pack_root, a.pack_count, a.late_count, indicators),
    ]


def attestation_of(value: object) -> Attestation:
    """Make an attestation of its twelve fields as CBOR gave them. Raises `malformed` or, beyond 16 indicators,
    `too_large`."""
    fields = cast("list[Any]", read_list(value, 12))
    indicators = tuple(Indicator(*cast("list[Any]", read_list(each, 4))) for each in read_list(fields[11]))
    return Attestation(*fields[:11], indicators=indicators)


def _word(number: int) -> bytes:
    # two's complement, as Solidity's ABI encodes an int128
    return (number % 2**256).to_bytes(32, "big")
