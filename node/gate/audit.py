"""The audit log: every decision of this node and every read of another organisation's records, hash-chained.

    entry_hash = SHA-256(previous_hash ‖ canonical JSON of the entry), the first previous_hash is 32 zero bytes

Rows are only ever added, under the write lock, so the sequence has no holes; ``verify_chain`` finds the first row
that was changed, removed or inserted. Whoever keeps the newest hash elsewhere also finds a shortened log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from node.stores.databases import Store
from node.stores.local_tables import audit
from wuxin_evidence.encoding.canonical import canonical_json

GENESIS_HASH = bytes(32)
ROWS_PER_READ = 1_000
DETAIL_CHARS_MAX = 500


@dataclass(frozen=True)
class Entry:
    """What was decided: who (organisation and key name), what, about which record, with which outcome."""

    at_ms: int
    organisation: str
    key_name: str
    action: str
    subject: str
    decision: str
    detail: str


def append(connection: Connection, entry: Entry) -> bytes:
    """Add one entry inside the caller's write transaction; returns its hash."""
    newest = connection.execute(
        select(audit.c.sequence, audit.c.entry_hash).order_by(audit.c.sequence.desc()).limit(1)
    ).first()
    previous = GENESIS_HASH if newest is None else bytes(newest.entry_hash)
    sequence = 1 if newest is None else int(newest.sequence) + 1
    fields = asdict(entry) | {"detail": entry.detail[:DETAIL_CHARS_MAX]}
    entry_hash = _entry_hash(previous, sequence, fields)
    connection.execute(insert(audit).values(sequence=sequence, previous_hash=previous, entry_hash=entry_hash, **fields))
    return entry_hash


def verify_chain(store: Store) -> int | None:
    """The sequence of the first entry that does not follow from the one before it, None when all do."""
    previous, expected = GENESIS_HASH, 1
    for row in _rows(store):
        fields = {name: row[name] for name in Entry.__dataclass_fields__}
        if row["sequence"] != expected or bytes(row["previous_hash"]) != previous:
            return expected
        if _entry_hash(previous, expected, fields) != bytes(row["entry_hash"]):
            return expected
        previous, expected = bytes(row["entry_hash"]), expected + 1
    return None


def _rows(store: Store) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        with store.read() as connection:
            page = (
                connection.execute(
                    select(audit).where(audit.c.sequence > after).order_by(audit.c.sequence).limit(ROWS_PER_READ)
                )
                .mappings()
                .all()
            )
        if not page:
            return
        for row in page:
            yield dict(row)
        after = int(page[-1]["sequence"])


def _entry_hash(previous: bytes, sequence: int, fields: dict[str, Any]) -> bytes:
    return hashlib.sha256(previous + canonical_json({"sequence": sequence, **fields})).digest()
