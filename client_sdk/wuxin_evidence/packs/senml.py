"""Readings as SenML-CBOR (RFC 8428), resolved exactly: no binary float survives the door.

    encode_readings(readings) -> bytes            one base time, then name, unit, value and time of each
    decode_readings(raw) -> tuple[Reading, ...]   base name, time, unit and value resolved into every record

A CBOR float is taken as its shortest decimal (what a person would have typed), a decimal fraction (tag 4) as itself.
NaN and infinities are refused, and so are relative times: a reading says when it was, in milliseconds UTC.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from cbor2 import CBORTag

from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import malformed, too_large

READINGS_MAX = 10_000
"""Readings in one pack; at 1 Hz that is almost three hours of one device."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,127}")
UNIT_LENGTH_MAX = 32
DIGITS_MAX = 38
"""Significant digits of a value: more than an int128 could keep after scaling."""
EXPONENT_MAX = 30
ABSOLUTE_TIME_MIN_S = 2**28
"""RFC 8428 section 4.5.3: smaller times are relative to now, and signed evidence has no now."""
TIME_MS_MAX = 2**63 - 1
SENML_VERSION = 10

_BASE_VALUE, _BASE_UNIT, _BASE_TIME, _BASE_NAME, _BASE_VERSION = -5, -4, -3, -2, -1
_NAME, _UNIT, _VALUE, _TEXT_VALUE, _FLAG_VALUE, _SUM, _TIME, _DATA_VALUE = 0, 1, 2, 3, 4, 5, 6, 8
_BASE_SUM = -6
_BASE_LABELS = frozenset({_BASE_VALUE, _BASE_UNIT, _BASE_TIME, _BASE_NAME})
_NOT_NUMERIC = frozenset({_TEXT_VALUE, _FLAG_VALUE, _SUM, _DATA_VALUE, _BASE_SUM})
_EXACT = decimal.Context(prec=100, Emin=-999, Emax=999, traps=[decimal.Inexact, decimal.InvalidOperation])
_DECIMAL_FRACTION_TAG = 4


@dataclass(frozen=True)
class Reading:
    """One resolved reading. `value` is exact (int or finite Decimal); `time_ms` is int64 milliseconds UTC."""

    name: str
    value: Decimal | int
    unit: str
    time_ms: int

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise malformed(f"reading name {self.name[:140]!r}", "letters, digits and - : . / _, at most 128")
        if len(self.unit) > UNIT_LENGTH_MAX or not (self.unit == "" or self.unit.isprintable()):
            raise malformed(f"unit {self.unit[:40]!r}", f"at most {UNIT_LENGTH_MAX} printable characters")
        if not ABSOLUTE_TIME_MIN_S * 1000 <= self.time_ms <= TIME_MS_MAX:
            raise malformed(f"time {self.time_ms} ms", "absolute milliseconds since 1970, UTC")
        _require_bounded(self.value)


@dataclass(frozen=True)
class _Base:
    name: str = ""
    time_s: Decimal | int = 0
    unit: str = ""
    value: Decimal | int = 0

    def updated(self, record: Mapping[object, object]) -> _Base:
        return _Base(
            name=_text(record, _BASE_NAME, self.name),
            time_s=_number(record, _BASE_TIME, self.time_s),
            unit=_text(record, _BASE_UNIT, self.unit),
            value=_number(record, _BASE_VALUE, self.value),
        )


def encode_readings(readings: Sequence[Reading]) -> bytes:
    """Canonical SenML-CBOR. Raises `malformed` when empty, `too_large` beyond `READINGS_MAX`."""
    _require_count(len(readings))
    base_s = readings[0].time_ms // 1000
    records: list[dict[int, object]] = []
    for position, reading in enumerate(readings):
        record: dict[int, object] = {_BASE_TIME: base_s} if position == 0 else {}
        record |= {_NAME: reading.name, _VALUE: _cbor_number(reading.value)}
        if reading.unit:
            record[_UNIT] = reading.unit
        if offset_ms := reading.time_ms - base_s * 1000:
            record[_TIME] = _cbor_number(offset_ms // 1000 if offset_ms % 1000 == 0 else Decimal(offset_ms).scaleb(-3))
        records.append(record)
    return cbor.encode(records)


def decode_readings(raw: bytes) -> tuple[Reading, ...]:
    """Every record resolved, in the order of the pack. Raises `malformed` or `too_large`."""
    records = cbor.decode(raw)
    if not isinstance(records, list):
        raise malformed("SenML is an array of records")
    _require_count(len(cast("list[object]", records)))
    base = _Base()
    readings: list[Reading] = []
    for record in cast("list[object]", records):
        if not isinstance(record, dict):
            raise malformed("a SenML record is a map")
        fields = cast("dict[object, object]", record)
        _require_understood(fields)
        if not _BASE_LABELS.isdisjoint(fields):
            base = base.updated(fields)
        readings.append(_resolved(fields, base))
    return tuple(readings)


def _resolved(record: Mapping[object, object], base: _Base) -> Reading:
    if _VALUE not in record:
        raise malformed("a SenML record without a numeric value", "send v (label 2) in every record")
    try:
        value = _sum(base.value, _number(record, _VALUE, 0))
        time_ms = _milliseconds(_sum(base.time_s, _number(record, _TIME, 0)))
    except decimal.DecimalException as error:
        raise malformed("a SenML number that cannot be resolved exactly", "send fewer digits") from error
    return Reading(
        name=base.name + _text(record, _NAME, ""),
        value=_plain(value),
        unit=_text(record, _UNIT, base.unit),
        time_ms=time_ms,
    )


def _require_understood(record: Mapping[object, object]) -> None:
    """RFC 8428 section 4.4: unknown fields are ignored, unless their name ends with an underscore."""
    for label in record:
        if label in _NOT_NUMERIC:
            raise malformed(f"SenML label {label!r} is not a numeric value", "send numbers as v (label 2)")
        if isinstance(label, str) and label.endswith("_"):
            raise malformed(f"SenML field {label!r} must be understood and is not", "leave it out")
    version = record.get(_BASE_VERSION, SENML_VERSION)
    if type(version) is not int or not 0 < version <= SENML_VERSION:
        raise malformed(f"SenML version {version!r}", f"version {SENML_VERSION} or lower is understood")


def _number(record: Mapping[object, object], label: int, default: Decimal | int) -> Decimal | int:
    value = record.get(label, default)
    if type(value) is int or isinstance(value, Decimal):
        number = value
    elif type(value) is float:
        number = Decimal(repr(value))
    else:
        number = _decimal_fraction(value)
    _require_bounded(number)
    return number


def _sum(left: Decimal | int, right: Decimal | int) -> Decimal | int:
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return _EXACT.add(Decimal(left), Decimal(right))


def _milliseconds(time_s: Decimal | int) -> int:
    if isinstance(time_s, int):
        return time_s * 1000
    return int(time_s.scaleb(3, _EXACT).to_integral_value(decimal.ROUND_HALF_EVEN))


def _decimal_fraction(value: object) -> Decimal:
    content = cast("object", value.value) if isinstance(value, CBORTag) and value.tag == _DECIMAL_FRACTION_TAG else None
    if not isinstance(content, list) or len(cast("list[object]", content)) != 2:
        raise malformed("a SenML number is an integer, a float or a decimal fraction (tag 4)")
    exponent, mantissa = cast("list[object]", content)
    if type(exponent) is not int or type(mantissa) is not int or abs(exponent) > EXPONENT_MAX:
        raise malformed(f"a decimal fraction has two integers, the exponent within {EXPONENT_MAX}")
    return Decimal(mantissa).scaleb(exponent, _EXACT)


def _text(record: Mapping[object, object], label: int, default: str) -> str:
    value = record.get(label, default)
    if not isinstance(value, str):
        raise malformed(f"SenML label {label} is text")
    return value


def _plain(value: Decimal | int) -> Decimal | int:
    """An int where the number is one, else the decimal without trailing zeros: equal readings compare equal."""
    if isinstance(value, int) or value == value.to_integral_value():
        return int(value)
    return value.normalize(_EXACT)


def _cbor_number(value: Decimal | int) -> object:
    if isinstance(value, int):
        return value
    sign, digits, exponent = value.normalize(_EXACT).as_tuple()
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    if cast(int, exponent) >= 0:
        return mantissa * 10 ** cast(int, exponent)
    return CBORTag(_DECIMAL_FRACTION_TAG, [exponent, mantissa])


def _require_bounded(value: Decimal | int) -> None:
    if isinstance(value, int):
        if abs(value) >= 10**DIGITS_MAX:
            raise malformed(f"a number of more than {DIGITS_MAX} digits")
        return
    if not value.is_finite():
        raise malformed("a reading that is not finite", "leave it out, or let the window be attested as missing")
    _, digits, exponent = value.as_tuple()
    if len(digits) > DIGITS_MAX or abs(cast(int, exponent)) > EXPONENT_MAX:
        raise malformed(f"a number of more than {DIGITS_MAX} digits or exponent beyond {EXPONENT_MAX}")


def _require_count(count: int) -> None:
    if count == 0:
        raise malformed("a pack without readings", "send at least one reading")
    if count > READINGS_MAX:
        raise too_large("readings in a pack", count, READINGS_MAX)
