"""What was refused, kept apart with its reason, so that a device's owner can be told what is wrong.

Rows are bounded in number and size: a flood of refused packs pushes out the oldest refused ones, never evidence. A
second pack at a place that is taken is evidence against whoever holds the device's key: such rows are bounded by
themselves, and no junk pushes them out.
The bytes of a refused pack are encrypted like those of an admitted one.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from oracle.storage.cipher import StorageCipher
from oracle.storage.database import open_database

QUARANTINE_FILE = "quarantine.db"
ROWS_MAX = 10_000
"""At a few KB each this stays far below a gigabyte."""
EQUIVOCATIONS_MAX = 1_000
BYTES_KEPT_MAX = 64 * 1024
"""Longer refused messages keep their hash and beginning only."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS refused (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, topic TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
  size INTEGER NOT NULL, sha256 BLOB NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS refused_equivocation ON refused ((code = 'pack_equivocation'), id);
"""
_TRIM = """
DELETE FROM refused WHERE (code = 'pack_equivocation') = ? AND id <= (
  SELECT id FROM refused WHERE (code = 'pack_equivocation') = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
"""


@dataclass(frozen=True)
class RefusedPack:
    """One row: when (ms), where from, why, how many bytes, their SHA-256 in hex."""

    at_ms: int
    topic: str
    code: str
    detail: str
    size: int
    sha256: str


class Quarantine:
    """One member's refused packs."""

    def __init__(self, path: Path, cipher: StorageCipher) -> None:
        self._db = open_database(path, _SCHEMA)
        self._cipher = cipher
        self._pending: list[tuple[object, ...]] = []

    def put(self, envelope: bytes, topic: str, code: str, detail: str, now_ms: int) -> None:
        """Note a refusal; `flush` makes it durable."""
        digest = hashlib.sha256(envelope).digest()
        body = self._cipher.seal(envelope[:BYTES_KEPT_MAX], digest)
        self._pending.append((now_ms, topic[:256], code, detail[:500], len(envelope), digest, body))

    def flush(self) -> None:
        """Everything put so far is durable when this returns."""
        if not self._pending:
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT INTO refused (at_ms, topic, code, detail, size, sha256, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._pending,
            )
            self._db.executemany(_TRIM, ((0, 0, ROWS_MAX), (1, 1, EQUIVOCATIONS_MAX)))
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._pending = []

    def newest(self, limit: int = 100) -> list[RefusedPack]:
        """The newest refused packs, newest first."""
        return _rows(self._db, limit)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @staticmethod
    def read(home: Path, organisation: str, limit: int = ROWS_MAX) -> list[RefusedPack]:
        """What the member of an installation's home refused, oldest first; needs no key and shows no reading."""
        path = home / "orgs" / organisation / "oracle" / QUARANTINE_FILE
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return _rows(database, limit)[::-1]


def _rows(database: sqlite3.Connection, limit: int) -> list[RefusedPack]:
    """Newest first."""
    rows = database.execute(
        "SELECT at_ms, topic, code, detail, size, sha256 FROM refused ORDER BY id DESC LIMIT ?", (limit,)
    )
    return [RefusedPack(*row[:5], sha256=bytes(row[5]).hex()) for row in rows]
