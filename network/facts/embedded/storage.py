"""One SQLite file, shared by threads and processes: snapshots to read from, one writer at a time.

WAL lets readers go on while one process writes; `synchronous=FULL` syncs the log at each commit, so that COMMIT
returns only when the block survives a power cut. Whatever SQLite reports becomes `Unavailable`: a connection that
saw an error is closed and never used again, the next caller opens a fresh one.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from network.ports import Unavailable

Connect = Callable[[Path], sqlite3.Connection]
"""How a connection is opened; tests pass one that fails at the n-th statement."""

LOCK_WAIT_S = 30
"""Other processes hold the write lock for one block, some milliseconds; this long means that one hangs."""

IDLE_MAX = 8
"""Connections kept for the next reader."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (
    number INTEGER PRIMARY KEY, header_hash BLOB NOT NULL, block BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS transactions (
    tx_id TEXT PRIMARY KEY, block INTEGER NOT NULL, position INTEGER NOT NULL, code INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, policy BLOB, block INTEGER NOT NULL, position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS private_hashes (
    collection TEXT, key_hash BLOB, value_hash BLOB NOT NULL, block INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (collection, key_hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS private_values (
    collection TEXT, key TEXT, sealed BLOB NOT NULL, PRIMARY KEY (collection, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    key TEXT, block INTEGER, position INTEGER, tx_id TEXT NOT NULL, timestamp_s INTEGER NOT NULL, value BLOB,
    PRIMARY KEY (key, block, position)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """A plain connection that leaves transactions to us and may move between threads, one at a time."""
    return sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)


class Storage:
    """The ledger's file. `snapshot` and `writing` hand out a connection for one transaction."""

    def __init__(self, path: Path, connect: Connect = connect) -> None:
        self.path = path
        self._connect = connect
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.executescript(SCHEMA)

    @contextmanager
    def snapshot(self) -> Generator[sqlite3.Connection]:
        """Committed state as of now; what others commit meanwhile stays out of sight."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """The one writer's transaction: committed and synced when the block ends, undone when it raises."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close every idle connection; those in use close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            connection = self._borrow()
            yield connection
        except sqlite3.Error as error:
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
            raise Unavailable(
                f"{self.path.name} does not answer: {error}",
                "look at free space and the disk's health, then repeat the command with the same key",
            ) from error
        except BaseException:
            self._give_back(connection)
            raise
        else:
            self._give_back(connection)

    def _borrow(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise Unavailable(f"{self.path.name} is closed", "open the ledger again")
            if self._idle:
                return self._idle.pop()
        connection = self._connect(self.path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _give_back(self, connection: sqlite3.Connection | None) -> None:
        if connection is None:
            return
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()
