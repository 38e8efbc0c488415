"""Lock files: one process at a time, and the kernel lets go of what a killed process held."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO


def open_lock(path: Path) -> IO[str]:
    """Open a file to lock with `fcntl.flock`. Nobody else can open the file: a reader could hold the lock for ever."""
    lock = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "w")
    os.fchmod(lock.fileno(), 0o600)
    return lock
