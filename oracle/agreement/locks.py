"""One digest per subject, kind and sequence, for ever: the promise a member makes to itself before it signs.

    digest = locks.take(subject, kind, sequence, wanted)    on disk when it returns
    if digest == wanted: sign

A process killed between taking and signing finds the same digest afterwards, so it can only sign the same again. The
file must never be restored from an older copy: that is the one way to sign twice.
"""

from __future__ import annotations

from pathlib import Path

from oracle.storage.database import open_database
from wuxin_evidence.attestation import SCHEDULED_N, sequence_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS locks (
  subject BLOB NOT NULL, kind INTEGER NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (subject, kind, sequence)) WITHOUT ROWID;
"""


class Locks:
    """The locks of one member."""

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, _SCHEMA)

    def take(self, subject: bytes, kind: int, sequence: int, digest: bytes) -> bytes:
        """The digest that holds this lock from now on: `digest`, or the one that came first."""
        self._db.execute("INSERT OR IGNORE INTO locks VALUES (?, ?, ?, ?)", (subject, kind, sequence, digest))
        held = self.holder(subject, kind, sequence)
        assert held is not None
        return held

    def holder(self, subject: bytes, kind: int, sequence: int) -> bytes | None:
        """The digest that holds this lock; None while it is free."""
        row = self._db.execute(
            "SELECT digest FROM locks WHERE subject = ? AND kind = ? AND sequence = ?", (subject, kind, sequence)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def last_number(self, subject: bytes, kind: int, window: int) -> int:
        """The highest n of `window` that is locked, that of a scheduled statement left out; 0 when there is none."""
        first, end = sequence_of(window, 0), sequence_of(window, SCHEDULED_N)
        row = self._db.execute(
            "SELECT max(sequence) FROM locks WHERE subject = ? AND kind = ? AND sequence >= ? AND sequence < ?",
            (subject, kind, first, end),
        ).fetchone()
        return 0 if row[0] is None else int(row[0]) & 0xFFFF

    def close(self) -> None:
        """Close the file."""
        self._db.close()
