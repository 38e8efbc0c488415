"""A recorded series: the rows of a CSV file as packs, each with the time that was recorded.

    read_series(path, mapping) -> Series(packs in order of time, rows, filtered, set_aside)

A row that does not fit is named with row and column, and refuses the whole file; or, where the mapping says
`bad_rows = "set_aside"`, is left out with its reason, up to a share of the rows. Rows are counted as in a spreadsheet:
the head is row 1. Values stay decimal text from the file to the reading.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Context, Decimal
from itertools import pairwise
from pathlib import Path

from oracle.sources.mapping import PackRule, SeriesMapping
from oracle.sources.times import CellError, TimeReader
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.senml import Reading

ROWS_MAX = 1_000_000
SERIES_BYTES_MAX = 256 * 1024 * 1024
COLUMNS_MAX = 1000
SET_ASIDE_MAX = 10_000
"""Bad rows that are kept with their reason; a file with more of them is not understood."""
DECODED_BYTES = 4096
DAY_MS = 24 * 3600 * 1000
_EXACT = Context(prec=100)
_NUMBER = r"[+-]?(?:[0-9]{1,38}(?:%s[0-9]{1,30})?|%s[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?"
_NUMBERS = {sign: re.compile(_NUMBER % (re.escape(sign), re.escape(sign))) for sign in (".", ",")}
_FULLWIDTH = str.maketrans("０１２３４５６７８９．，－＋", "0123456789.,-+")


@dataclass(frozen=True)
class Due:
    """One pack of a series: when a device sends it (`at_ms`, milliseconds UTC), its readings, its row in the file."""

    at_ms: int
    readings: tuple[Reading, ...]
    row: int = 0

    def moved_to(self, at_ms: int) -> Due:
        """The same pack at another time."""
        return Due(at_ms, tuple(replace(each, time_ms=at_ms) for each in self.readings), self.row)


@dataclass(frozen=True)
class BadRow:
    """A row that was set aside: where, why, and what to write."""

    row: int
    column: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Series:
    """What a file holds: `packs` in order of time, how many rows were read and filtered out, and the bad ones."""

    packs: tuple[Due, ...]
    rows: int
    filtered: int
    set_aside: tuple[BadRow, ...]


@dataclass
class _Reading:
    """The state of reading one file: its head, one reader of times per column, what was found so far."""

    path: Path
    mapping: SeriesMapping
    head: list[str] = field(default_factory=list[str])
    times: dict[str, TimeReader] = field(default_factory=dict[str, TimeReader])
    last_ms: dict[str, int] = field(default_factory=dict[str, int])
    direction: dict[str, int] = field(default_factory=dict[str, int])
    packs: list[Due] = field(default_factory=list[Due])
    rows: int = 0
    filtered: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])


def read_series(path: Path, mapping: SeriesMapping) -> Series:
    """Every pack of a file. Raises `malformed` naming row and column, `too_large`."""
    if (size := path.stat().st_size) > SERIES_BYTES_MAX:
        raise EvidenceError("too_large", f"{path.name} has {size} bytes", f"split it; at most {SERIES_BYTES_MAX}")
    state = _Reading(path, mapping)
    for row, cells in _rows(path, mapping):
        if not state.head:
            state.head = _head(path, mapping, cells)
            names = {rule.time for rule in mapping.pack}
            state.times = {
                name: TimeReader(mapping.time_form, mapping.zone, mapping.fold, mapping.midnight_24) for name in names
            }
        elif row > ROWS_MAX:
            raise EvidenceError("too_large", f"{path.name} has more than {ROWS_MAX} rows", "split the series")
        else:
            _take(state, row, cells)
    _require_understood(state)
    packs = tuple(sorted(state.packs, key=lambda due: due.at_ms))
    _require_near(packs, state)
    return Series(packs, state.rows, state.filtered, tuple(state.bad))


def read_number(text: str, decimal: str = ".") -> Decimal:
    """An exact decimal out of ASCII digits with that decimal sign. Raises CellError."""
    if _NUMBERS[decimal].fullmatch(text):
        return Decimal(text.replace(",", "."))
    shown = f"{text[:40]!r} is no number with the decimal sign {decimal!r}"
    other = "," if decimal == "." else "."
    if _NUMBERS[other].fullmatch(text):
        raise CellError(shown, f'write decimal = "{other}" if that is the file\'s decimal sign')
    if text.translate(_FULLWIDTH).isascii() and not text.isascii():
        raise CellError(f"{text[:40]!r} is in full-width digits", 'write digits = "fullwidth"')
    if not text:
        raise CellError("the cell is empty", 'write blanks = [""] if an empty cell is no reading')
    raise CellError(shown, "at most 38 digits and an exponent of two; list the texts that are no reading as blanks")


def _rows(path: Path, mapping: SeriesMapping) -> Iterator[tuple[int, list[str]]]:
    """Row number and stripped cells of every row that is not an empty line."""
    encoding = "utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding
    row = 0
    try:
        with path.open(newline="", encoding=encoding) as file:
            # strict: a quote in the wrong place would swallow the cells behind it
            for row, cells in enumerate(csv.reader(file, delimiter=mapping.delimiter, strict=True), start=1):
                stripped = [each.strip(" \t\ufeff") for each in cells]
                if len(stripped) > 1 or any(stripped):
                    yield row, stripped
    except UnicodeError:
        raise _undecodable(path, encoding, mapping.encoding) from None
    except csv.Error as error:
        hint = "correct quotes and line ends; a cell has at most 131072 characters"
        raise EvidenceError("malformed", f"{path.name}: row {row + 1}: {error}", hint) from None


def _head(path: Path, mapping: SeriesMapping, cells: list[str]) -> list[str]:
    """The column names. Raises `malformed` when one occurs twice or one that the mapping names is missing."""
    if len(cells) > COLUMNS_MAX:
        raise EvidenceError("too_large", f"{path.name}: {len(cells)} columns", f"at most {COLUMNS_MAX}")
    for number, name in enumerate(cells):
        if name and name in cells[:number]:
            detail = (
                f"{path.name}: row 1: column {name[:80]!r} occurs twice, as {cells.index(name) + 1} and {number + 1}"
            )
            raise EvidenceError("malformed", detail, "give each column its own name")
    wanted = [each.column for each in mapping.where]
    wanted += [name for rule in mapping.pack for name in (rule.time, *(each.column for each in rule.readings))]
    if missing := [name for name in wanted if name not in cells]:
        detail = f"{path.name}: row 1: no column {missing[0]!r}; the head is {', '.join(map(repr, cells))[:200]}"
        other = next((sign for sign in ";\t|," if sign != mapping.delimiter and sign in "".join(cells)), None)
        hint = "name the columns as the head does" if other is None else f"is delimiter = {other!r} meant?"
        raise EvidenceError("malformed", detail, hint)
    return cells


def _take(state: _Reading, row: int, cells: list[str]) -> None:
    """The packs of one row; or the row as a bad one, if the mapping sets those aside."""
    column = ""
    try:
        if len(cells) != len(state.head):
            column = state.head[len(cells)] if len(cells) < len(state.head) else str(len(state.head) + 1)
            reason = f"{len(cells)} cells where the head has {len(state.head)}"
            raise CellError(
                reason, f"quote cells that hold the delimiter {state.mapping.delimiter!r}, or correct the row"
            )
        found = dict(zip(state.head, cells, strict=True))
        state.rows += 1
        if any(found[each.column] not in each.values for each in state.mapping.where):
            state.filtered += 1
            return
        packs: list[Due] = []
        for rule in state.mapping.pack:
            column = rule.time
            at_ms = state.times[rule.time].read(_text(found[rule.time], state.mapping))
            _require_order(state, rule.time, at_ms)
            packs.extend(_pack(rule, found, at_ms, row, state.mapping))
        state.packs.extend(packs)
    except _ColumnError as error:
        _bad(state, row, error.column, error.error)
    except CellError as error:
        _bad(state, row, column, error)


class _ColumnError(Exception):
    """A CellError with its column."""

    def __init__(self, column: str, error: CellError) -> None:
        super().__init__(column, error)
        self.column = column
        self.error = error


def _require_order(state: _Reading, column: str, at_ms: int) -> None:
    """Raise CellError where the times of a column turn round: oldest first or newest first, but not both.

    A series that goes back by an hour is in local time, whatever zone the mapping says.
    """
    step = at_ms - state.last_ms.get(column, at_ms)
    direction = state.direction.get(column, 0)
    if step and state.mapping.order == "time":
        if step * direction < 0:
            reason = f"{_iso(at_ms)} goes {'back' if direction > 0 else 'forward'} against the rows above"
            raise CellError(reason, 'check zone and fold; order = "any" if the rows are in no order')
        state.direction[column] = 1 if step > 0 else -1
    state.last_ms[column] = at_ms


def _pack(rule: PackRule, found: Mapping[str, str], at_ms: int, row: int, mapping: SeriesMapping) -> list[Due]:
    """The pack of one rule; none where all of its cells are blank."""
    readings: list[Reading] = []
    for each in rule.readings:
        if found[each.column] in mapping.blanks:
            continue
        try:
            value = _EXACT.multiply(read_number(_text(found[each.column], mapping), mapping.decimal), each.multiply)
            readings.append(Reading(each.name, value, each.unit, at_ms))
        except CellError as error:
            raise _ColumnError(each.column, error) from None
        except EvidenceError as error:
            raise _ColumnError(each.column, CellError(error.detail, "give a value of that size")) from None
    return [Due(at_ms, tuple(readings), row)] if readings else []


def _text(cell: str, mapping: SeriesMapping) -> str:
    return cell.translate(_FULLWIDTH) if mapping.digits == "fullwidth" else cell


def _bad(state: _Reading, row: int, column: str, error: CellError) -> None:
    if state.mapping.bad_rows == "refuse":
        detail = f"{state.path.name}: row {row}, column {column[:80]!r}: {error.reason}"
        hint = error.hint + '; or write bad_rows = "set_aside"'
        raise EvidenceError("malformed", detail, hint)
    if len(state.bad) >= SET_ASIDE_MAX:
        raise EvidenceError("too_large", f"{state.path.name} has more than {SET_ASIDE_MAX} bad rows", error.hint)
    state.bad.append(BadRow(row, column, error.reason, error.hint))


def _require_understood(state: _Reading) -> None:
    """Raise `malformed` for a file without packs, or with a larger share of bad rows than the mapping allows."""
    name, bad, total = state.path.name, len(state.bad), max(state.rows, len(state.bad))
    if bad * 100 > total * state.mapping.bad_rows_percent_max:
        first = state.bad[0]
        detail = (
            f"{name}: {bad} of {total} rows are bad, first row {first.row}, column {first.column!r}: {first.reason}"
        )
        raise EvidenceError("malformed", detail, first.hint)
    if not state.packs:
        raise EvidenceError("malformed", f"{name} has no row with a reading", "give a head and at least one row")


def _require_near(packs: tuple[Due, ...], state: _Reading) -> None:
    """Raise `malformed` for a time that is far from all others: a clock that was reset, not a silence."""
    for before, after in pairwise(packs):
        if (gap_ms := after.at_ms - before.at_ms) > state.mapping.gap_days_max * DAY_MS:
            times = f"row {before.row} ({_iso(before.at_ms)}) and row {after.row} ({_iso(after.at_ms)})"
            detail = f"{state.path.name}: {gap_ms // DAY_MS} days between {times}"
            raise EvidenceError("malformed", detail, "leave out the rows of a wrong clock, or write gap_days_max")


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _undecodable(path: Path, encoding: str, said: str) -> EvidenceError:
    """The refusal of a file that is not in its encoding, with the row in which the first bad byte stands."""
    decoder, row, place = codecs.getincrementaldecoder(encoding)(), 1, 0
    with path.open("rb") as file:
        begin = file.read(2)
        file.seek(0)
        while chunk := file.read(DECODED_BYTES):
            before = decoder.getstate()
            try:
                row += decoder.decode(chunk).count("\n")
                place += len(chunk)
                continue
            except UnicodeError:
                decoder.setstate(before)
            try:
                for n in range(len(chunk)):
                    row += decoder.decode(chunk[n : n + 1]).count("\n")
                    place += 1
            except UnicodeError:
                break
    has_mark = begin in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    hint = 'write encoding = "utf-16"' if has_mark else 'write the file\'s encoding, such as encoding = "gb18030"'
    return EvidenceError("malformed", f"{path.name}: row {row}: byte {place} is not {said}", hint)
