"""A recorded series: the rows of a CSV file as packs, each with the time that was recorded.

    read_series(path, mapping) -> Series(packs in order of time, rows, filtered, set_aside)

A row that does not fit is named with row and column, and refuses the whole file; or, where the mapping says
`bad_rows = "set_aside"`, is left out with its reason, up to a share of the rows. Where the rows are not in the order of
their times, `oracle.sources.order` tells which ones are wrong. Rows are counted as in a spreadsheet: the head is row 1.
Values stay decimal text from the file to the reading.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Context, Decimal
from itertools import pairwise
from pathlib import Path

from oracle.sources.encodings import require_encoding, undecodable
from oracle.sources.mapping import PackRule, SeriesMapping
from oracle.sources.order import ordered
from oracle.sources.times import CellError, OrderError, TimeReader
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.senml import Reading

ROWS_MAX = 1_000_000
SERIES_BYTES_MAX = 256 * 1024 * 1024
COLUMNS_MAX = 1000
SET_ASIDE_MAX = 10_000
"""Bad rows that are kept with their reason; a file with more of them is not understood."""
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


@dataclass(frozen=True)
class _Row:
    """A row that was read: one time for each rule of the mapping, and its packs."""

    row: int
    times_ms: tuple[int, ...]
    packs: tuple[Due, ...]


@dataclass
class _Reading:
    """The state of reading one file: its head, one reader of times per column, what was found so far."""

    path: Path
    mapping: SeriesMapping
    head: list[str] = field(default_factory=list[str])
    times: dict[str, TimeReader] = field(default_factory=dict[str, TimeReader])
    taken: list[_Row] = field(default_factory=list["_Row"])
    rows: int = 0
    filtered: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])


def read_series(path: Path, mapping: SeriesMapping) -> Series:
    """Every pack of a file. Raises `malformed` naming row and column, `too_large`."""
    if (size := path.stat().st_size) > SERIES_BYTES_MAX:
        raise EvidenceError("too_large", f"{path.name} has {size} bytes", f"split it; at most {SERIES_BYTES_MAX}")
    require_encoding(path, mapping.encoding)
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
    rows = state.taken if mapping.order == "any" else _in_order(state)
    _require_understood(state, rows)
    packs = tuple(sorted((due for each in rows for due in each.packs), key=lambda due: due.at_ms))
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
            reader = csv.reader(file, delimiter=mapping.delimiter, strict=True)
            for row, cells in enumerate(reader, start=1):
                if any("\n" in each or "\r" in each for each in cells):
                    # two stray quotes make one cell of the rows between them, so nothing after the first one counts
                    detail = f"{path.name}: row {row}: a quoted cell goes over a line end, to line {reader.line_num}"
                    hint = "remove the stray quote; write cells without line breaks"
                    raise EvidenceError("malformed", detail, hint)
                stripped = [each.strip(" \t\ufeff") for each in cells]
                if len(stripped) > 1 or any(stripped):
                    yield row, stripped
    except UnicodeError:
        raise undecodable(path, encoding, mapping.encoding) from None
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
        times_ms: list[int] = []
        packs: list[Due] = []
        for rule in state.mapping.pack:
            column = rule.time
            at_ms = state.times[rule.time].read(_text(found[rule.time], state.mapping))
            times_ms.append(at_ms)
            packs.extend(_pack(rule, found, at_ms, row, state.mapping))
        state.taken.append(_Row(row, tuple(times_ms), tuple(packs)))
    except OrderError as error:
        raise _refused(state, row, column, error.reason, error.hint) from None
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


def _in_order(state: _Reading) -> list[_Row]:
    """The rows oldest first, also among equal times; those that break the order are set aside.

    Raises `malformed` naming two rows where the mapping sets no rows aside, where it cannot be told which rows are
    wrong, or where times of an hour that occurs twice were read by the order of the rows.
    """
    rows, wrong, direction = state.taken, dict[int, BadRow](), 0
    for column, number in {rule.time: number for number, rule in enumerate(state.mapping.pack)}.items():
        found = ordered([each.times_ms[number] for each in rows])
        direction = direction or found.direction
        if found.turn is None:
            continue
        if state.mapping.bad_rows == "refuse" or state.mapping.fold == "by_order" or found.outliers is None:
            raise _out_of_order(state, number, found.turn)
        for place in found.outliers:
            reason = f"{_iso(rows[place].times_ms[number])} is out of the order of the rows around it"
            wrong.setdefault(place, BadRow(rows[place].row, column, reason, "correct the time of this row"))
    for each in wrong.values():
        _set_aside(state, each)
    state.bad.sort(key=lambda each: each.row)
    kept = [each for place, each in enumerate(rows) if place not in wrong]
    return kept[::-1] if direction < 0 else kept


def _out_of_order(state: _Reading, number: int, turn: int) -> EvidenceError:
    """The refusal of a file whose times turn round. Times that go back by an hour are local, whatever the zone says."""
    above, turned = state.taken[turn - 1], state.taken[turn]
    at_ms, above_ms = turned.times_ms[number], above.times_ms[number]
    way = "back behind" if at_ms < above_ms else "forward past"
    reason = f"{_iso(at_ms)} goes {way} row {above.row} ({_iso(above_ms)})"
    hint = 'correct the row whose time is wrong; check zone and fold; write order = "any" if the rows are in no order'
    if state.mapping.bad_rows == "set_aside":
        reason += ", and it cannot be told which rows are wrong"
    return _refused(state, turned.row, state.mapping.pack[number].time, reason, hint)


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
        raise _refused(state, row, column, error.reason, error.hint + '; or write bad_rows = "set_aside"')
    _set_aside(state, BadRow(row, column, error.reason, error.hint))


def _set_aside(state: _Reading, bad: BadRow) -> None:
    if len(state.bad) >= SET_ASIDE_MAX:
        raise EvidenceError("too_large", f"{state.path.name} has more than {SET_ASIDE_MAX} bad rows", bad.hint)
    state.bad.append(bad)


def _refused(state: _Reading, row: int, column: str, reason: str, hint: str) -> EvidenceError:
    return EvidenceError("malformed", f"{state.path.name}: row {row}, column {column[:80]!r}: {reason}", hint)


def _require_understood(state: _Reading, rows: Sequence[_Row]) -> None:
    """Raise `malformed` for a file without packs, or with a larger share of bad rows than the mapping allows."""
    name, bad, total = state.path.name, len(state.bad), max(state.rows, len(state.bad))
    if bad * 100 > total * state.mapping.bad_rows_percent_max:
        first = state.bad[0]
        detail = (
            f"{name}: {bad} of {total} rows are bad, first row {first.row}, column {first.column!r}: {first.reason}"
        )
        raise EvidenceError("malformed", detail, first.hint)
    if not any(each.packs for each in rows):
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
