"""A SQLAlchemy store whose n-th write or commit reports an I/O error, before or after it took effect."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import event

from node.stores.databases import BUSY_TIMEOUT_MS, Store

WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")


class Faults:
    """`arm(7, applied=True)`: the 7th write from now is done, then reported as failed. `fired` says which it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self.applied = False
        self.fired: list[str] = []

    def arm(self, nth: int, *, applied: bool) -> None:
        with self._lock:
            self._left, self.applied = nth, applied

    def disarm(self) -> None:
        self.arm(0, applied=False)

    def due(self, what: str) -> bool:
        with self._lock:
            if self._left == 0 or not what.lstrip().startswith((*WRITES, "COMMIT")):
                return False
            self._left -= 1
            if self._left == 0:
                self.fired.append(what.split(" (")[0].strip()[:30])
            return self._left == 0

    def infect(self, store: Store, path: Path) -> None:
        """From its next connection on, every write of the store passes through here."""
        engine = store._writer
        event.listen(engine, "do_connect", lambda *_: self._connect(path))
        engine.dispose()

    def _connect(self, path: Path) -> sqlite3.Connection:
        faults = self

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
                return faults._done(sql, lambda: super(Cursor, self).execute(sql, *more))

            def executemany(self, sql: str, *more: Any) -> sqlite3.Cursor:
                return faults._done(sql, lambda: super(Cursor, self).executemany(sql, *more))

        class Connection(sqlite3.Connection):
            def cursor(self, *_: Any, **__: Any) -> sqlite3.Cursor:
                return super().cursor(Cursor)

            def commit(self) -> None:
                faults._done("COMMIT", lambda: super(Connection, self).commit())

        return sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False, factory=Connection)

    def _done(self, what: str, act: Any) -> Any:
        if not self.due(what):
            return act()
        if self.applied:
            act()
        raise sqlite3.OperationalError("disk I/O error")
