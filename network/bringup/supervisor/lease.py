"""A lease: a locked file that says that a command lives. The kernel lets go of the lock however the command ends."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import IO

from network.bringup.supervisor.programs import SupervisorError
from network.locks import open_lock

TAKE_TRIES, TAKE_PAUSE_S = 5, 0.1
"""The supervisor looks at a lease by locking it for an instant: that is no reason to refuse."""


class Lease:
    """Held by one process at a time, until `release` or its end."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Hold the lease; holding it already changes nothing. Raises SupervisorError where another process has it."""
        if self._lock is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = open_lock(self.path)
        for _ in range(TAKE_TRIES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(TAKE_PAUSE_S)
        else:
            lock.close()
            detail = f"another command runs the processes of {self.path.parents[1]}"
            raise SupervisorError(detail, "end it first, with ctrl-c or SIGTERM", code="conflict")
        self._lock = lock

    def release(self) -> None:
        """Let go. What the supervisor still runs under this lease, it ends."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of this file."""
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
