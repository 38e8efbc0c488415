"""Times as people and loggers write them, read to milliseconds UTC or refused.

    reader = TimeReader(form, zone, fold, midnight_24)
    reader.read("2026-03-01T08:00:00Z") -> 1772352000000          raises CellError

Forms: `iso` (ISO 8601 date and time), `unix_s`, `unix_ms`, or a pattern of %Y %y %m %d %H %I %p %M %S %f %z. A time
without an offset needs a zone. Where a zone's clocks go back an hour occurs twice: `earlier` and `later` choose one of
both, `by_order` takes the earlier one until the series would go back. A time that clocks jump over is always refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TIME_LENGTH_MAX = 64
MS_MIN = 2**28 * 1000
"""1978-07-04: RFC 8428 takes smaller times as relative. A logger that lost its clock writes 1970."""
MS_MAX = 253_402_300_800_000
"""The year 10000 begins, which no calendar here can write."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = r"%Y-%m-%d[T ]%H:%M(?::%S(?:[.,]%f)?)? ?(?:%z)?"
_DIRECTIVES = {
    "%Y": r"(?P<year>[0-9]{4})", "%y": r"(?P<year2>[0-9]{2})", "%m": r"(?P<month>[0-9]{1,2})",
    "%d": r"(?P<day>[0-9]{1,2})", "%H": r"(?P<hour>[0-9]{1,2})", "%I": r"(?P<hour12>[0-9]{1,2})",
    "%p": r"(?P<half>[AaPp][Mm])", "%M": r"(?P<minute>[0-9]{1,2})", "%S": r"(?P<second>[0-9]{1,2})",
    "%f": r"(?P<fraction>[0-9]{1,9})", "%z": r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})",
}  # fmt: skip
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-5][0-9])")


class CellError(Exception):
    """A cell that cannot be read: why, and what to write in the file or the mapping."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint


class OrderError(CellError):
    """A time that depends on the order of the rows, and the rows are not in the order that it needs."""


@dataclass
class TimeReader:
    """Reads the times of one column, in the order of the file."""

    form: str = "iso"
    zone: str | None = None
    fold: str = "refuse"
    midnight_24: bool = False
    _last_ms: int | None = None

    def __post_init__(self) -> None:
        self._pattern = None if self.form in ("unix_s", "unix_ms") else _compiled(self.form)
        self._tzinfo = None if self.zone is None else _tzinfo(self.zone)

    def read(self, text: str) -> int:
        """Milliseconds since 1970 UTC; digits beyond the millisecond are dropped. Raises CellError."""
        if len(text) > TIME_LENGTH_MAX:
            raise CellError(f"the time {text[:40]!r} is too long", f"at most {TIME_LENGTH_MAX} characters")
        at_ms = self._unix(text) if self._pattern is None else self._calendar(text, self._pattern)
        if not at_ms >= MS_MIN:
            raise CellError(f"the time {text!r} is before 1978-07-04", "leave rows out that a reset clock has written")
        if at_ms >= MS_MAX:
            raise CellError(f"the time {text!r} is after the year 9999 in UTC", "correct the cell")
        self._last_ms = at_ms
        return at_ms

    def _unix(self, text: str) -> int:
        allowed = r"([0-9]{1,11})(?:\.([0-9]{1,9}))?" if self.form == "unix_s" else r"([0-9]{1,14})"
        match = re.fullmatch(allowed, text)
        if match is None:
            raise CellError(f"the time {text!r} is not {self.form}", "write time_form as the file has its times")
        return int(match[1]) if self.form == "unix_ms" else int(match[1]) * 1000 + _fraction_ms(match[2])

    def _calendar(self, text: str, pattern: re.Pattern[str]) -> int:
        match = pattern.fullmatch(text)
        if match is None:
            hint = 'write time_form as the file has its times, such as "%d.%m.%Y %H:%M:%S" or "unix_ms"'
            raise CellError(f"the time {text!r} is not of the form {self.form!r}", hint)
        found = match.groupdict()
        try:
            day = datetime(_year(found), int(found["month"]), int(found["day"]))  # noqa: DTZ001 -- local, zone below
            local = day + self._of_day(found, text)
            return self._utc_ms(local, found.get("offset"), text) + _fraction_ms(found.get("fraction"))
        except (ValueError, OverflowError) as error:
            raise CellError(f"the time {text!r} does not exist: {error}", "correct the cell") from None

    def _of_day(self, found: dict[str, str | None], text: str) -> timedelta:
        """Time since midnight. Raises ValueError for a time that no clock shows."""
        hour, minute, second = _hour(found), int(found.get("minute") or 0), int(found.get("second") or 0)
        if (hour, minute, second) == (24, 0, 0) and not int(found.get("fraction") or 0):
            if not self.midnight_24:
                hint = "write midnight_24 = true if 24:00 is the end of the day"
                raise CellError(f"the time {text!r} is at 24 o'clock", hint)
            return timedelta(hours=24)
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError(f"{hour:02}:{minute:02}:{second:02}")
        return timedelta(hours=hour, minutes=minute, seconds=second)

    def _utc_ms(self, local: datetime, offset: str | None, text: str) -> int:
        if offset is not None:
            return _ms(local.replace(tzinfo=UTC if offset == "Z" else _tzinfo(offset)))
        if self._tzinfo is None:
            hint = 'write zone = "UTC", a zone such as "Asia/Shanghai", or an offset such as "+08:00"'
            raise CellError(f"the time {text!r} has no offset from UTC, and the mapping names no zone", hint)
        first = local.replace(tzinfo=self._tzinfo, fold=0)
        second = local.replace(tzinfo=self._tzinfo, fold=1)
        before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
        if before < after:
            raise CellError(
                f"clocks in {self.zone} jumped over {text!r}", "check the zone; this device did not follow its clocks"
            )
        return _ms(first) if before == after else self._chosen(_ms(first), _ms(second), text)

    def _chosen(self, earlier_ms: int, later_ms: int, text: str) -> int:
        if self.fold == "refuse":
            hint = 'write fold = "earlier", "later", or "by_order" if the rows are in the order of their times'
            raise CellError(f"{text!r} occurred twice in {self.zone}", hint)
        if self.fold == "by_order":
            chosen_ms = earlier_ms if self._last_ms is None or earlier_ms >= self._last_ms else later_ms
            if self._last_ms is not None and chosen_ms < self._last_ms:
                hint = 'sort the rows by time, oldest first: fold = "by_order" needs that'
                raise OrderError(f"{text!r} is before the row above", hint)
            return chosen_ms
        return earlier_ms if self.fold == "earlier" else later_ms


def check_form(form: str) -> None:
    """Raise ValueError for a time form that cannot be read."""
    if form not in ("unix_s", "unix_ms"):
        _compiled(form)


def check_zone(zone: str) -> None:
    """Raise ValueError for a zone that is neither an offset nor in the IANA database of this machine."""
    _tzinfo(zone)


def _compiled(form: str) -> re.Pattern[str]:
    if len(form) > TIME_LENGTH_MAX:
        raise ValueError(f"a time form has at most {TIME_LENGTH_MAX} characters")
    pieces = re.split(r"(%.)", form)
    if form != "iso":
        unknown = [each for each in pieces if each.startswith("%") and each not in _DIRECTIVES]
        complete = {"%m", "%d"} <= set(pieces) and {"%Y", "%y"} & set(pieces) and {"%H", "%I"} & set(pieces)
        if unknown or not complete or len(pieces) // 2 != len({*pieces[1::2]}) or ("%I" in pieces) != ("%p" in pieces):
            allowed = ", ".join(_DIRECTIVES)
            raise ValueError(f"iso, unix_s, unix_ms, or a pattern with year, month, day and hour out of {allowed}")
        return re.compile("".join(_DIRECTIVES.get(each) or re.escape(each) for each in pieces))
    return re.compile(re.sub("%.", lambda found: _DIRECTIVES[found[0]], _ISO))


def _tzinfo(zone: str) -> tzinfo:
    if zone == "UTC":
        return UTC
    if (match := _OFFSET.fullmatch(zone)) is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        return timezone(-offset if match["sign"] == "-" else offset)
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"zone {zone!r} is not known here: {error}") from None


def _year(found: dict[str, str | None]) -> int:
    return int(found["year"] or 0) if found.get("year") else 2000 + int(found["year2"] or 0)


def _hour(found: dict[str, str | None]) -> int:
    if found.get("hour") is not None:
        return int(found["hour"] or 0)
    hour = int(found["hour12"] or 0)
    if not 1 <= hour <= 12:
        raise ValueError(f"hour {hour} of twelve")
    return hour % 12 + (12 if (found["half"] or "").lower() == "pm" else 0)


def _fraction_ms(digits: str | None) -> int:
    return int((digits or "0").ljust(3, "0")[:3])


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
