"""What members of a home did with published packs: read from their files, without a key and without asking a process.

look_up(member_home, packs) -> Verdicts(admitted digests, refused digest -> code)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.storage.quarantine import QUARANTINE_FILE
from oracle.storage.store import EVIDENCE_FILE

ASKED_AT_ONCE = 500
"""Variables of one SQL statement; SQLite takes 32766, older builds 999."""


@dataclass(frozen=True)
class Published:
    """A pack that was published: the digest of its content, and the SHA-256 of its envelope."""

    digest: bytes
    envelope_sha256: bytes


@dataclass(frozen=True)
class Verdicts:
    """Digests in a member's evidence log, and the code of each that lies in its quarantine."""

    admitted: frozenset[bytes]
    refused: Mapping[bytes, str]


def look_up(member_home: Path, packs: Sequence[Published]) -> Verdicts | None:
    """A member's verdict on each pack, as far as it has one; None when its files are not on this machine."""
    log, quarantine = member_home / EVIDENCE_FILE, member_home / QUARANTINE_FILE
    if not log.is_file() or not quarantine.is_file():
        return None
    digests = {each.digest for each in packs}
    by_sha256 = {each.envelope_sha256: each.digest for each in packs}
    try:
        admitted = {bytes(row[0]) for row in _rows(log, "SELECT digest FROM packs WHERE digest IN", digests)}
        refused = _rows(quarantine, "SELECT sha256, code FROM refused WHERE sha256 IN", by_sha256)
        return Verdicts(frozenset(admitted), {by_sha256[bytes(row[0])]: str(row[1]) for row in refused})
    except sqlite3.Error:
        return None


def _rows(database: Path, question: str, values: Iterable[bytes]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    asked = list(values)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for n in range(0, len(asked), ASKED_AT_ONCE):
            part = asked[n : n + ASKED_AT_ONCE]
            found += connection.execute(f"{question} ({', '.join('?' * len(part))})", part).fetchall()
    return found
