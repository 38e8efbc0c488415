"""Blocks, transactions, receipts and logs of the embedded chain, in one SQLite file with its state.

Everything of one block is written in one SQL transaction, whole or not at all; `synchronous=FULL` makes it
durable before anybody is told. Rows are never changed. The state tables are evm_state.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from network.obligations.embedded import state as evm_state
from network.obligations.embedded.types import EventLog, Executed
from wuxin_evidence.evm.proof import Header

FORMAT = 1
"""`user_version` of the file; a file of another format is refused, never migrated in silence."""

BUSY_TIMEOUT_S = 30
"""How long one process waits for another's block; a full block takes under a second."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (chain_id INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS block (
    number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, timestamp_s INTEGER NOT NULL, header BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tx (
    hash BLOB PRIMARY KEY, block INTEGER NOT NULL, position INTEGER NOT NULL, raw BLOB NOT NULL,
    receipt BLOB NOT NULL, gas_used INTEGER NOT NULL, first_log INTEGER NOT NULL, output BLOB NOT NULL,
    contract BLOB, UNIQUE (block, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    block INTEGER NOT NULL, log_index INTEGER NOT NULL, position INTEGER NOT NULL, address BLOB NOT NULL,
    topics BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (block, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS log_by_address ON log (address, block, log_index);
"""


@dataclass(frozen=True)
class StoredBlock:
    """A sealed block; `header` is its RLP."""

    number: int
    hash: bytes
    timestamp_s: int
    header: bytes


@dataclass(frozen=True)
class StoredTransaction:
    """A mined transaction; `output` is the revert data of a failed one, `contract` what a creation made."""

    hash: bytes
    block: int
    position: int
    raw: bytes
    receipt: bytes
    gas_used: int
    first_log: int
    output: bytes
    contract: bytes | None


@dataclass(frozen=True)
class StoredLog:
    """A log with its block, its index in the block, and the position of its transaction."""

    block: int
    log_index: int
    position: int
    event: EventLog


@dataclass(frozen=True)
class LogFilter:
    """Blocks inclusive; `topics` per position the accepted values, empty for any."""

    from_block: int
    to_block: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[tuple[bytes, ...], ...] = ()

    def accepts(self, event: EventLog) -> bool:
        """Whether a log has the wanted topics, place by place; an empty place takes any."""
        if len(event.topics) < len(self.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, event.topics, strict=False))


def connect(path: Path) -> sqlite3.Connection:
    """Open (or make) the file of a chain; transactions are begun by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables inside the open transaction. Raises ValueError for a file of another format."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found not in (0, FORMAT):
        raise ValueError(f"the chain's file has format {found}, this program writes {FORMAT}")
    for statement in (_SCHEMA + evm_state.SCHEMA).split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


class ChainStore:
    """Reads and appends; the caller holds the connection's lock and its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def chain_id(self) -> int | None:
        """Give the id of the chain in this file; None before it begins."""
        row = self._one("SELECT chain_id FROM chain")
        return None if row is None else row[0]

    def begin_chain(self, chain_id: int) -> None:
        """Say once which chain this file holds."""
        self._connection.execute("INSERT INTO chain VALUES (?)", (chain_id,))

    def head(self) -> StoredBlock | None:
        """Give the newest block; None before the first."""
        return self._block("ORDER BY number DESC LIMIT 1")

    def height(self) -> int:
        """Number of the newest block."""
        row = self._one("SELECT max(number) FROM block")
        return row[0] if row else 0

    def block(self, number: int) -> StoredBlock | None:
        """Give a block by its number."""
        return self._block("WHERE number = ?", number)

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """Give a block by the hash of its header."""
        return self._block("WHERE hash = ?", block_hash)

    def transaction(self, tx_hash: bytes) -> StoredTransaction | None:
        """Give a mined transaction by its hash."""
        row = self._one("SELECT * FROM tx WHERE hash = ?", tx_hash)
        return None if row is None else StoredTransaction(*row)

    def transactions(self, block: int) -> list[StoredTransaction]:
        """List a block's transactions in their order."""
        rows = self._connection.execute("SELECT * FROM tx WHERE block = ? ORDER BY position", (block,))
        return [StoredTransaction(*row) for row in rows]

    def logs(self, wanted: LogFilter, entries_max: int) -> list[StoredLog] | None:
        """Logs in order, None when more than `entries_max` match."""
        sql = "SELECT * FROM log WHERE block BETWEEN ? AND ?"
        values: list[int | bytes] = [wanted.from_block, wanted.to_block]
        if wanted.addresses:
            sql += f" AND address IN ({','.join('?' * len(wanted.addresses))})"
            values += wanted.addresses
        found: list[StoredLog] = []
        for row in self._connection.execute(sql + " ORDER BY block, log_index", values):
            log = StoredLog(row[0], row[1], row[2], EventLog(row[3], _split(row[4]), row[5]))
            if wanted.accepts(log.event):
                found.append(log)
            if len(found) > entries_max:
                return None
        return found

    def append(self, header: Header, executed: Sequence[Executed]) -> StoredBlock:
        """Write one block with all its transactions and logs."""
        raw = header.rlp()
        block = StoredBlock(header.number, header.hash(), header.timestamp, raw)
        self._connection.execute(
            "INSERT INTO block VALUES (?, ?, ?, ?)", (block.number, block.hash, block.timestamp_s, raw)
        )
        log_index = 0
        for position, each in enumerate(executed):
            self._append_transaction(block.number, position, each, log_index)
            log_index += len(each.logs)
        return block

    def _append_transaction(self, block: int, position: int, executed: Executed, first_log: int) -> None:
        signed = executed.transaction
        self._connection.execute(
            "INSERT INTO tx VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                signed.hash,
                block,
                position,
                signed.raw,
                executed.receipt,
                executed.gas_used,
                first_log,
                executed.output,
                executed.contract,
            ),
        )
        self._connection.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)",
            [
                (block, first_log + place, position, log.address, b"".join(log.topics), log.data)
                for place, log in enumerate(executed.logs)
            ],
        )

    def _block(self, where: str, *values: Any) -> StoredBlock | None:
        row = self._one(f"SELECT number, hash, timestamp_s, header FROM block {where}", *values)
        return None if row is None else StoredBlock(*row)

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        return self._connection.execute(sql, values).fetchone()


def _split(topics: bytes) -> tuple[bytes, ...]:
    return tuple(topics[at : at + 32] for at in range(0, len(topics), 32))
