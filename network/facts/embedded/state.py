"""Committed state, as one SQLite transaction sees it, and what a valid transaction does to it.

`State` reads: values with the version that wrote them (block, position), key policies, hashes of private values,
pages of a range, history, blocks and the index of transaction ids. `apply` writes the changes of one transaction
that was found valid. The same class serves the endorsers' snapshots and the validator inside the write transaction,
where it already shows the transactions before in the same block.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chaincode.world.stub import Entry, KeyChange, Page
from wuxin_evidence.fabric import NamespaceChanges, Version, key_policies


class Held(NamedTuple):
    """A key's value, the version that wrote it and its own endorsement policy, if it has one."""

    value: bytes
    version: Version
    policy: bytes | None


class HeldHash(NamedTuple):
    """SHA-256 of a private value and the version that wrote it."""

    value_hash: bytes
    version: Version


class Place(NamedTuple):
    """Where a transaction stands, and its validation code."""

    block: int
    position: int
    code: int


@dataclass(frozen=True)
class PrivateValue:
    """One private write as the collection's own endorser sealed it; None deletes."""

    collection: str
    key: str
    sealed: bytes | None


class State:
    """The committed ledger as one SQLite transaction sees it: state, private hashes, blocks, and where transactions
    are."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> Held | None:
        """Give a key's value with its version and policy."""
        row = self._connection.execute(
            "SELECT value, block, position, policy FROM state WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else Held(row[0], Version(row[1], row[2]), row[3])

    def version(self, key: str) -> Version | None:
        """Give the version of a key; None where there is no such key."""
        row = self._connection.execute("SELECT block, position FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else Version(*row)

    def policy(self, key: str) -> bytes | None:
        """Give a key's own policy as Fabric's bytes; None where the channel's applies."""
        row = self._connection.execute("SELECT policy FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def private_hash(self, collection: str, key_hash: bytes) -> HeldHash | None:
        """Give the hash of a private value with its version."""
        row = self._connection.execute(
            "SELECT value_hash, block, position FROM private_hashes WHERE collection = ? AND key_hash = ?",
            (collection, key_hash),
        ).fetchone()
        return None if row is None else HeldHash(row[0], Version(row[1], row[2]))

    def private_sealed(self, collection: str, key: str) -> bytes | None:
        """Give a private value as it rests, sealed for its organisation."""
        row = self._connection.execute(
            "SELECT sealed FROM private_values WHERE collection = ? AND key = ?", (collection, key)
        ).fetchone()
        return None if row is None else row[0]

    def range(self, start: str, end: str, limit: int, bookmark: str) -> Page:
        """At most `limit` keys from `bookmark` or `start` on, before `end` (to the last key when empty)."""
        first = max(start, bookmark) if bookmark else start
        upper, bound = ("AND key < ?", (end,)) if end else ("", ())
        rows = self._connection.execute(
            f"SELECT key, value FROM state WHERE key >= ? {upper} ORDER BY key LIMIT ?", (first, *bound, limit + 1)
        ).fetchall()
        following = rows[limit][0] if len(rows) > limit else ""
        return Page(tuple(Entry(key, value) for key, value in rows[:limit]), following)

    def history(self, key: str, limit: int) -> Sequence[KeyChange]:
        """The newest first."""
        rows = self._connection.execute(
            "SELECT tx_id, timestamp_s, value FROM history WHERE key = ? ORDER BY block DESC, position DESC LIMIT ?",
            (key, limit),
        )
        return tuple(KeyChange(*row) for row in rows)

    def place(self, tx_id: str) -> Place | None:
        """Give the place of a transaction, valid or not; None where it is in no block."""
        row = self._connection.execute(
            "SELECT block, position, code FROM transactions WHERE tx_id = ?", (tx_id,)
        ).fetchone()
        return None if row is None else Place(*row)

    def height(self) -> int:
        """Count the blocks."""
        newest = self._connection.execute("SELECT max(number) FROM blocks").fetchone()[0]
        return 0 if newest is None else newest + 1

    def block(self, number: int) -> bytes:
        """Give a block by its number, which must exist."""
        row = self._connection.execute("SELECT block FROM blocks WHERE number = ?", (number,)).fetchone()
        return row[0]

    def header_hash(self, number: int) -> bytes:
        """Give the hash of a block's header by its number, which must exist."""
        row = self._connection.execute("SELECT header_hash FROM blocks WHERE number = ?", (number,)).fetchone()
        return row[0]

    def blocks(self, first: int, limit: int) -> list[tuple[int, bytes]]:
        """List up to `limit` blocks from number `first` on, as (number, block)."""
        rows = self._connection.execute(
            "SELECT number, block FROM blocks WHERE number >= ? ORDER BY number LIMIT ?", (first, limit)
        )
        return [(number, block) for number, block in rows]

    def add_block(self, number: int, header_hash: bytes, block: bytes) -> None:
        """Store the next block."""
        self._connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", (number, header_hash, block))

    def add_place(self, tx_id: str, place: Place) -> None:
        """Store where a transaction is."""
        self._connection.execute("INSERT INTO transactions VALUES (?, ?, ?, ?)", (tx_id, *place))

    def apply(self, changes: NamespaceChanges, version: Version, tx_id: str, timestamp_s: int) -> None:
        """Make a valid transaction's writes the committed state. Metadata of a key that does not exist is dropped."""
        for write in changes.writes:
            if write.value is None:
                self._connection.execute("DELETE FROM state WHERE key = ?", (write.key,))
            else:
                self._connection.execute(
                    "INSERT INTO state VALUES (?, ?, NULL, ?, ?) ON CONFLICT (key) DO UPDATE"
                    " SET value = excluded.value, block = excluded.block, position = excluded.position",
                    (write.key, write.value, *version),
                )
            self._connection.execute(
                "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)",
                (write.key, *version, tx_id, timestamp_s, write.value),
            )
        for key, policy in key_policies(changes).items():
            self._connection.execute(
                "UPDATE state SET policy = ?, block = ?, position = ? WHERE key = ?", (policy, *version, key)
            )
        for row in _hash_rows(changes, version):
            self._connection.execute(
                "DELETE FROM private_hashes WHERE collection = ? AND key_hash = ?", (row[0], row[1])
            )
            if row[2] is not None:
                self._connection.execute("INSERT INTO private_hashes VALUES (?, ?, ?, ?, ?)", row)

    def apply_private(self, values: Sequence[PrivateValue]) -> None:
        """Replace private values; one without a sealed body is deleted."""
        for value in values:
            self._connection.execute(
                "DELETE FROM private_values WHERE collection = ? AND key = ?", (value.collection, value.key)
            )
            if value.sealed is not None:
                self._connection.execute(
                    "INSERT INTO private_values VALUES (?, ?, ?)", (value.collection, value.key, value.sealed)
                )


def _hash_rows(changes: NamespaceChanges, version: Version) -> Iterator[tuple[str, bytes, bytes | None, int, int]]:
    for collection in changes.collections:
        for write in collection.writes:
            yield collection.name, write.key_hash, write.value_hash, version.block, version.tx
