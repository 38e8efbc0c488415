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
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any, Literal

from oracle.windows import Windows
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import Pack
from wuxin_evidence.packs.senml import Reading

HOME_PROFILE = "profile.json"
"""In a home, a copy of the profile that its consortium uses."""

INT64_MAX = 2**63 - 1
SCALE_EXPONENT_MAX = 9
"""Nano-units; finer than any sensor here and far from overflowing int64."""

FORMULAS = ("quantity_g", "unexplained_loss_g", "gap_s", "run_length")
_EXACT = Context(prec=100)

Quantity = Literal["mass_g", "withdrawal_g"]


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
    unit: str
    scale_exponent: int
    min: int
    max: int


@dataclass(frozen=True)
class AlarmPredicate:
    """True when `indicator` > `value`; the only comparator that tightens on what this profile measures."""

    indicator: str
    value: int

    def holds(self, value: int) -> bool:
        return value > self.value


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
        return cls.parse(json.loads(path.read_text("utf-8")))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Profile:
        try:
            return cls(
                name=str(document["name"]),
                hash=hashlib.sha256(canonical_json(dict(document))).digest(),
                windows=_windows(document),
                heartbeat_s=_count(document, "heartbeat_s", 1),
                clock_skew_s=_count(document, "clock_skew_s", 0),
                drop_tolerance_g=_count(document, "drop_tolerance_g", 0),
                scales={str(name): _scale(row) for name, row in document["readings"].items()},
                indicators=_indicators(document["indicators"]),
                alarms=tuple(_alarm(row) for row in document["alarms"]),
                document=document,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EvidenceError("malformed", f"profile: {error!r}", "compare with docs/reference/profile.md") from error

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


def _windows(document: Mapping[str, Any]) -> Windows:
    return Windows(
        _count(document, "window_s", 1),
        _count(document, "grace_s", 0),
        _count(document, "day_offset_s", -86400),
    )


def _scale(row: Mapping[str, Any]) -> Scale:
    quantity = str(row["quantity"])
    if quantity not in ("mass_g", "withdrawal_g"):
        raise ValueError(f"quantity {quantity}")
    scale = Scale(
        quantity,
        str(row["unit"]),
        _count(row, "scale_exponent", 0),
        _count(row, "min", -INT64_MAX),
        _count(row, "max", -INT64_MAX),
    )
    if scale.scale_exponent > SCALE_EXPONENT_MAX or not scale.min <= scale.max <= INT64_MAX:
        raise ValueError(f"bounds of {quantity}")
    return scale


def _indicators(names: list[object]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in FORMULAS]:
        raise ValueError(f"no formula named {unknown[0]}")
    return tuple(str(name) for name in names)


def _alarm(row: Mapping[str, Any]) -> AlarmPredicate:
    if row["comparator"] != "gt" or row["indicator"] not in FORMULAS:
        raise ValueError(f"alarm {dict(row)}")
    return AlarmPredicate(str(row["indicator"]), _count(row, "value", 0))


def _count(row: Mapping[str, Any], name: str, least: int) -> int:
    value = row[name]
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is not an integer of at least {least}")
    return value
