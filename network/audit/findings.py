"""What an audit found, and how it looks at a ledger's file without trusting it.

`beside` opens a database of our own with the file attached read-only as `file`, both in one SQL transaction: what the
audited node writes meanwhile stays out of sight. The audit fills the tables of its own database from the blocks alone;
`sound_tables` and `differences` then hold the file's tables against them. The file's schema is held against ours first:
a table with another collation or a view in its place could agree with anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AttestationKey = tuple[str, int, int]
"""Subject in hex, kind, sequence: of what a ledger holds one digest."""

FINDINGS_MAX = 20
"""Failures told of one check: after so many a person has to look, and the first names the place."""

SHOWN_CHARS = 160
"""Of a key or an error in a finding."""


@dataclass(frozen=True)
class Finding:
    """One check; `detail` says what was held against what, or where it fails."""

    check: str
    ok: bool
    detail: str


@dataclass
class Findings:
    """Gathers the findings of an audit: failures with their places, checks that held, and what was not checked."""

    found: list[Finding] = field(default_factory=list[Finding])
    assumed: list[str] = field(default_factory=list[str])
    missing: list[str] = field(default_factory=list[str])
    unreadable: list[str] = field(default_factory=list[str])

    def failed(self, check: str, detail: str) -> None:
        """Note that a check failed, up to FINDINGS_MAX times for each check."""
        failures = self._failures(check)
        if failures <= FINDINGS_MAX:
            told = detail if failures < FINDINGS_MAX else "and more, which is not listed"
            self.found.append(Finding(check, ok=False, detail=told))

    def held(self, check: str, detail: str) -> None:
        """Say that a whole check held, unless something of it failed."""
        if not self._failures(check):
            self.found.append(Finding(check, ok=True, detail=detail))

    @property
    def sound(self) -> bool:
        """Whether no check failed."""
        return all(finding.ok for finding in self.found)

    def _failures(self, check: str) -> int:
        return sum(finding.check == check and not finding.ok for finding in self.found)


@contextmanager
def beside(path: Path, prepare: Callable[[sqlite3.Connection], object]) -> Generator[sqlite3.Connection]:
    """A database of our own, made by `prepare`, beside the file. Raises FileNotFoundError, sqlite3.Error.

    Our own is a temporary file, so that a large ledger needs disk and not memory.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    with closing(sqlite3.connect("file:", uri=True, isolation_level=None)) as own:
        own.execute("PRAGMA trusted_schema = OFF")
        own.execute("PRAGMA synchronous = OFF")
        prepare(own)
        own.execute("ATTACH ? AS file", (_read_only(path),))
        own.execute("BEGIN")
        yield own


def _read_only(path: Path) -> str:
    """The file's URI. A file that nobody has open has no write-ahead log beside it, and gets none from being read:
    that works on read-only media, too.
    """
    at_rest = not path.with_name(f"{path.name}-wal").exists()
    return f"{path.resolve().as_uri()}?{'immutable=1' if at_rest else 'mode=ro'}"


def sound_tables(own: sqlite3.Connection, tables: Sequence[str]) -> Iterator[str]:
    """What is wrong with the file before any row is looked at."""
    for table in tables:
        sql = "SELECT sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?"
        ours, theirs = (own.execute(sql.format(name), (table,)).fetchall() for name in ("main", "file"))
        if ours != theirs:
            yield f"the file's table {table} is not the one this program makes"
    for (told,) in own.execute(f"PRAGMA file.integrity_check({FINDINGS_MAX})"):
        if told != "ok":
            yield _short(f"the file is damaged: {told}")


def differences(own: sqlite3.Connection, table: str) -> Iterator[str]:
    """Rows in which the file's table and ours differ, each named by its key; at most FINDINGS_MAX of either side."""
    rows = list(own.execute(f"PRAGMA main.table_info({table})"))
    columns = [str(row[1]) for row in rows]
    keys = [str(row[1]) for row in sorted(rows, key=lambda row: row[5]) if row[5]] or columns
    for row in _only_in(own, table, columns, "file", "main"):
        ours = _row_of(own, "main", table, columns, keys, row)
        name = _name(table, keys, row)
        if ours is None:
            yield f"{name} is in the file and does not follow from the blocks"
        else:
            changed = ", ".join(column for column in columns if row[column] != ours[column])
            yield f"{name}: {changed} in the file is not what follows from the blocks"
    for row in _only_in(own, table, columns, "main", "file"):
        if _row_of(own, "file", table, columns, keys, row) is None:
            yield f"{_name(table, keys, row)} follows from the blocks and is not in the file"


def _only_in(
    own: sqlite3.Connection, table: str, columns: Sequence[str], here: str, there: str
) -> list[dict[str, Any]]:
    names = ", ".join(columns)
    sql = f"SELECT {names} FROM {here}.{table} EXCEPT SELECT {names} FROM {there}.{table} LIMIT {FINDINGS_MAX}"
    return [dict(zip(columns, row, strict=True)) for row in own.execute(sql)]


def _row_of(
    own: sqlite3.Connection, where: str, table: str, columns: Sequence[str], keys: Sequence[str], row: dict[str, Any]
) -> dict[str, Any] | None:
    condition = " AND ".join(f"{key} IS ?" for key in keys)
    sql = f"SELECT {', '.join(columns)} FROM {where}.{table} WHERE {condition}"
    found = own.execute(sql, [row[key] for key in keys]).fetchone()
    return None if found is None else dict(zip(columns, found, strict=True))


def _name(table: str, keys: Sequence[str], row: dict[str, Any]) -> str:
    """`state 'receipt/r-1'`, `log 12 0`: the table and the row's key."""
    values = (row[key] for key in keys)
    return _short(" ".join([table, *(value.hex() if isinstance(value, bytes) else repr(value) for value in values)]))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
