"""Stores: the two databases of a node, each with one writer at a time and many readers.

``local.db`` is the node's own memory (commands, keys, audit log): every commit is on disk before it returns.
``readmodel.db`` is a copy of what the ledgers say: it may be deleted at any time, so its commits do not wait for
the disk. Both are SQLite in WAL mode, opened by several processes at once; a write takes the write lock when it
begins (BEGIN IMMEDIATE), so that a transaction never fails half-way because another process was first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event

BUSY_TIMEOUT_MS = 15_000  # longer than any projection batch; beyond it another process is stuck, not slow
READERS_MAX = 16
PRIVATE_MODE = 0o600  # from the moment it exists; SQLite gives its side files the same


class Store:
    """One SQLite file with the tables of ``metadata``; ``durable`` waits for the disk on every commit."""

    def __init__(self, path: Path, metadata: MetaData, *, durable: bool) -> None:
        self.path = path
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_MODE))
        self._metadata = metadata
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", durable=durable, connections=1)
        self._readers = _engine(path, begin="BEGIN", durable=durable, connections=READERS_MAX)
        with self.write() as connection:
            metadata.create_all(connection)

    @contextlib.contextmanager
    def write(self) -> Generator[Connection]:
        """One transaction holding the write lock; commits on leaving, rolls back on any error."""
        with self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Generator[Connection]:
        """One consistent snapshot; sees nothing that commits after its first statement."""
        with self._readers.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._readers.dispose()


def _engine(path: Path, *, begin: str, durable: bool, connections: int) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction] called by SQLAlchemy
        connection.isolation_level = None  # BEGIN is ours to say, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_explicitly(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)

    return engine
