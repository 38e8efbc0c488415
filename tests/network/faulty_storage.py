"""SQLite that fails when told: the n-th write or commit reports an I/O error, before or after it took effect.

faults = Faults()
LocalFacts(home, consortium, endorsers, clock, connect=faults.connect)
faults.arm(7, applied=True)      the 7th write from now is done, and then reported as failed
"""

import sqlite3
import threading
from pathlib import Path
from typing import Any

WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "COMMIT")


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._applied = False
        self.fired: list[str] = []

    def arm(self, nth: int, *, applied: bool) -> None:
        with self._lock:
            self._left, self._applied = nth, applied
            self.fired.clear()

    def due(self, sql: str) -> bool:
        with self._lock:
            if self._left == 0 or not sql.startswith(WRITES):
                return False
            self._left -= 1
            if self._left:
                return False
            self.fired.append(sql.split(" (")[0])
            return True

    @property
    def applied(self) -> bool:
        return self._applied

    def connect(self, path: Path) -> sqlite3.Connection:
        faults = self

        class Faulty(sqlite3.Connection):
            def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
                if not faults.due(sql):
                    return super().execute(sql, *more)
                if faults.applied:
                    super().execute(sql, *more)
                raise sqlite3.OperationalError("disk I/O error")

        return sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False, factory=Faulty)
