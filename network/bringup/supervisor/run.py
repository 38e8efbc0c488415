"""One listed program and its present process: begun, ended, begun again after a back-off."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from network.bringup.supervisor.programs import Program, State

BACK_OFF_FIRST_S, BACK_OFF_MAX_S = 0.1, 10.0
STEADY_S = 10.0
"""A program that has run this long begins again with the shortest back-off."""
GRACE_S = 10.0
"""From the stop signal to SIGKILL: a peer closes its databases within about two seconds."""

WAKING = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM}
"""What the supervisor sleeps until; blocked in it, and open again in its programs."""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass
class Run:
    """A listed program with its process, if it has one; seconds are of the monotonic clock but for `since`."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    since: float = 0.0
    end: str = ""
    end_at: float = 0.0
    log_from: int = 0
    begun_at: float = 0.0
    back_off_s: float = BACK_OFF_FIRST_S
    start_at: float = 0.0
    kill_at: float | None = None

    def begin(self, now: float) -> None:
        """Start the program; one that cannot be started counts as ended at once, and its log says why."""
        self.begun_at = now
        try:
            self.program.log.parent.mkdir(parents=True, exist_ok=True)
            with self.program.log.open("ab") as log:
                self.log_from = log.tell()
                self.process = self._spawn(log)
            self.since = time.time()
        except (OSError, subprocess.SubprocessError) as error:
            with contextlib.suppress(OSError), self.program.log.open("a", encoding="utf-8") as log:
                log.write(f"cannot start: {error}\n")
            self.ended(now, None)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.program.argv,
            env={**os.environ, **self.program.env},
            cwd=self.program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_dies_with(os.getpid()),  # noqa: PLW1509  there is one thread
        )

    def reap(self, now: float) -> bool:
        """Take note of a process that has ended; tells whether one had."""
        status = self.process.poll() if self.process is not None else None
        if status is not None:
            self.ended(now, status)
        return status is not None

    def ended(self, now: float, status: int | None) -> None:
        """Note how the run ended and when the next one begins; `status` is Popen's, None where it never began."""
        steady = status is not None and now - self.begun_at >= STEADY_S
        self.back_off_s = BACK_OFF_FIRST_S if steady else self.back_off_s
        self.start_at = now + self.back_off_s
        self.back_off_s = min(2 * self.back_off_s, BACK_OFF_MAX_S)
        self.process = None
        self.restarts += 1
        self.end, self.end_at = _in_words(status), time.time()

    def request_end(self, now: float) -> None:
        """Ask once, then use force."""
        if self.process is None:
            return
        if self.kill_at is None:
            self.process.send_signal(signal.Signals[self.program.stop_signal])
            self.kill_at = now + GRACE_S
        elif now >= self.kill_at:
            self.process.kill()

    def told(self) -> str:
        """How the newest run ended, for the supervisor's log."""
        return f"{self.program.name} ended by {self.end} after {self.end_at - self.since:.0f} s, end {self.restarts}"

    def state(self) -> State:
        """The run as others may read it."""
        pid = self.process.pid if self.process else None
        return State(pid, pid is not None, self.restarts, self.since, self.end, self.end_at, self.log_from)


def _in_words(status: int | None) -> str:
    if status is None:
        return "a failed start"
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _dies_with(parent: int) -> Callable[[], None]:
    """What a new process does before it becomes the program: take signals again, and die with the supervisor."""

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts what it puts in the background with it ignored
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare
