"""The asset profile: how readings of one kind of asset become indicators, as data that is hashed into attestations.

    Profile.load(path)        read, check every field, keep the hash of the canonical form
    profile_file(home)        the profile of an installation: its own profile.json
    profile.scale(pack)       decimal readings -> int64 in the profile's units, or `implausible`
    profile.windows           the window arithmetic

A reading enters as an exact decimal, is multiplied by a power of ten and rounded half to even. What does not fit the
bounds, is of another unit or has a name the profile does not know is refused, not repaired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast, get_args

from pydantic import ConfigDict, Field

from contracts.documents import STRICT, DocumentError, check, json_of
from oracle.windows import Windows
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import Pack
from wuxin_evidence.packs.senml import Reading

HOME_PROFILE = "profile.json"
"""In a home, a copy of the profile that its consortium uses."""

_EXACT_MAX = 2**53 - 1
SCALE_EXPONENT_MAX = 9
"""Nano-units; finer than any sensor here and far from overflowing int64."""

Formula = Literal["quantity_g", "unexplained_loss_g", "gap_s", "run_length"]
FORMULAS: tuple[str, ...] = get_args(Formula)
Quantity = Literal["mass_g", "withdrawal_g"]
Seconds = Annotated[int, Field(ge=0, le=_EXACT_MAX)]
Length = Annotated[int, Field(ge=1, le=_EXACT_MAX)]
Exact = Annotated[int, Field(ge=-_EXACT_MAX, le=_EXACT_MAX)]
Text = Annotated[str, Field(min_length=1, max_length=128)]
_EXACT = Context(prec=100)


@dataclass(frozen=True)
class Measurement:
    """One scaled reading: `value` in the unit of `quantity`, `time_ms` UTC."""

    quantity: Quantity
    value: int
    time_ms: int


@dataclass(frozen=True)
class Scale:
    """How one reading name is read: decimal × 10^scale_exponent, then min ≤ value ≤ max."""

    quantity: Quantity
    unit: Text
    scale_exponent: Annotated[int, Field(ge=0, le=SCALE_EXPONENT_MAX)]
    min: Exact
    max: Exact
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class AlarmPredicate:
    """What is attested at once: `indicator` greater than `value`, in the indicator's unit.

    The one comparator is that which tightens on what this profile measures.
    """

    indicator: Formula
    comparator: Literal["gt"]
    value: Annotated[int, Field(ge=0, le=_EXACT_MAX)]
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def holds(self, value: int) -> bool:
        """Compare an indicator's value."""
        return value > self.value


@dataclass(frozen=True)
class ProfileFile:
    """The fields of a profile file, as docs/reference/profile.md describes them; durations in seconds."""

    name: Text
    window_s: Length
    grace_s: Seconds
    day_offset_s: Annotated[int, Field(ge=-86_400, le=86_400)]
    heartbeat_s: Length
    clock_skew_s: Seconds
    readings: Annotated[dict[Text, Scale], Field(min_length=1)]
    indicators: Annotated[tuple[Formula, ...], Field(min_length=1)]
    drop_tolerance_g: Annotated[int, Field(ge=0, le=_EXACT_MAX)]
    alarms: tuple[AlarmPredicate, ...]
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Profile:
    """A checked profile. `hash` is SHA-256 over its canonical JSON; times in seconds, masses in grams."""

    name: str
    hash: bytes
    windows: Windows
    heartbeat_s: int
    clock_skew_s: int
    drop_tolerance_g: int
    scales: Mapping[str, Scale]
    indicators: tuple[str, ...]
    alarms: tuple[AlarmPredicate, ...]
    document: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Profile:
        """Read a profile file. Raises `malformed` naming the field."""
        try:
            return cls.parse(json_of(path.read_bytes()))
        except DocumentError as wrong:
            raise _malformed(str(wrong)) from wrong

    @classmethod
    def parse(cls, document: object) -> Profile:
        """Check a parsed profile. Raises `malformed` naming the first field that is wrong."""
        try:
            found = check(ProfileFile, document)
        except DocumentError as wrong:
            place, sentence = wrong.problems[0]
            raise _malformed(f"{place}: {sentence}") from wrong
        for name, scale in found.readings.items():
            if scale.min > scale.max:
                raise _malformed(f"readings.{name}: min {scale.min} is greater than max {scale.max}")
        fields = cast("dict[str, Any]", document)
        return cls(
            name=found.name,
            hash=hashlib.sha256(canonical_json(fields)).digest(),
            windows=Windows(found.window_s, found.grace_s, found.day_offset_s),
            heartbeat_s=found.heartbeat_s,
            clock_skew_s=found.clock_skew_s,
            drop_tolerance_g=found.drop_tolerance_g,
            scales=found.readings,
            indicators=found.indicators,
            alarms=found.alarms,
            document=fields,
        )

    def scale(self, pack: Pack) -> tuple[Measurement, ...]:
        """The pack's readings in its own order. Raises `implausible`, or `malformed` from the decoder."""
        return tuple(self._measure(reading) for reading in pack.readings)

    def _measure(self, reading: Reading) -> Measurement:
        scale = self.scales.get(reading.name)
        if scale is None or reading.unit != scale.unit:
            raise EvidenceError(
                "implausible",
                f"reading {reading.name} in {reading.unit!r} is no part of profile {self.name}",
                "send " + ", ".join(f"{name} in {each.unit}" for name, each in self.scales.items()),
            )
        scaled = Decimal(reading.value).scaleb(scale.scale_exponent, _EXACT)
        value = int(scaled.to_integral_value(ROUND_HALF_EVEN, _EXACT))
        if not scale.min <= value <= scale.max:
            raise EvidenceError(
                "implausible",
                f"{reading.name} of {reading.value} is outside {scale.min}…{scale.max} after scaling",
                "check the sensor and its unit",
            )
        return Measurement(scale.quantity, value, reading.time_ms)


def profile_file(home: Path) -> Path:
    """Where the profile of an installation is."""
    return home / HOME_PROFILE


def _malformed(detail: str) -> EvidenceError:
    return EvidenceError("malformed", f"profile: {detail}", "compare with docs/reference/profile.md")
