"""The supervisor's own process, and its parent, the guardian; `network.bringup.supervisor` is how others talk to it.

    main ─▶ takes the lock ─▶ forks the guardian and leaves the caller
    guardian ─▶ forks the supervisor, again whenever that one is killed or fails
    supervisor ─▶ holds what is listed against what runs, each time a child ends, the list changes, or half a second

There is one thread. A program is killed by the kernel when the supervisor dies (Linux), so that the next supervisor can
start it without making a second one.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, NoReturn

from network.bringup.supervisor import (
    LOCK,
    STATE,
    Program,
    State,
    editing,
    folder_of,
    listed,
    revision_of,
    write_whole,
)

TICK_S = 0.5
"""How long the supervisor sleeps when nothing happens; a child's end and a changed list wake it at once."""
BACK_OFF_FIRST_S, BACK_OFF_MAX_S = 0.1, 10.0
STEADY_S = 10.0
"""A program that has run this long begins again with the shortest back-off."""
GRACE_S = 10.0
"""From the stop signal to SIGKILL: a peer closes its databases within about two seconds."""
LOG_BYTES_MAX = 16 * 2**20
"""A log larger than this moves to `<log>.1`: fourteen programs stay below half a gigabyte."""
LOG_LOOK_EVERY_S = 5.0

_PR_SET_PDEATHSIG = 1


@dataclass
class _Run:
    """A listed program and its present process, if it has one."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    since: float = 0.0
    begun_at: float = 0.0
    back_off_s: float = BACK_OFF_FIRST_S
    start_at: float = 0.0
    kill_at: float | None = None

    def begin(self, now: float) -> None:
        """Start it; one that cannot be started counts as ended at once, and its log says why."""
        try:
            self.program.log.parent.mkdir(parents=True, exist_ok=True)
            with self.program.log.open("ab") as log:
                self.process = self._spawn(log)
            self.since, self.begun_at = time.time(), now
        except (OSError, subprocess.SubprocessError) as error:
            with contextlib.suppress(OSError), self.program.log.open("a", encoding="utf-8") as log:
                log.write(f"cannot start: {error}\n")
            self.ended(now)

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

    def ended(self, now: float) -> None:
        steady = self.process is not None and now - self.begun_at >= STEADY_S
        self.back_off_s = BACK_OFF_FIRST_S if steady else self.back_off_s
        self.start_at = now + self.back_off_s
        self.back_off_s = min(2 * self.back_off_s, BACK_OFF_MAX_S)
        self.process = None
        self.restarts += 1

    def end(self, now: float) -> None:
        """Ask once, then use force."""
        if self.process is None:
            return
        if self.kill_at is None:
            self.process.send_signal(signal.Signals[self.program.stop_signal])
            self.kill_at = now + GRACE_S
        elif now >= self.kill_at:
            self.process.kill()

    def state(self) -> State:
        running = self.process is not None
        return State(self.process.pid if self.process else None, running, self.restarts, self.since)


@dataclass
class _Supervisor:
    """What runs, held against what is listed, each time something happens."""

    home: Path
    runs: dict[str, _Run] = field(default_factory=dict[str, _Run])
    leaving: list[_Run] = field(default_factory=list[_Run])
    written: str = ""
    looked_at: float = 0.0

    def work(self, lock: IO[str]) -> None:
        """Until nothing is listed and nothing runs, or SIGTERM came."""
        ending = False
        while True:
            revision = revision_of(self.home)
            self._step({} if ending else listed(self.home))
            self._write(revision)
            if not self.runs and not self.leaving and (ending or self._may_leave(lock)):
                return
            woken = signal.sigtimedwait(_WAKING, self._idle_s())
            ending = ending or (woken is not None and woken.si_signo == signal.SIGTERM)

    def _step(self, wanted: Mapping[str, Program]) -> None:
        now = time.monotonic()
        self._reap(now)
        for name in [name for name, run in self.runs.items() if wanted.get(name) != run.program]:
            self.leaving.append(self.runs.pop(name))
        for run in self.leaving:
            run.end(now)
        self.leaving = [run for run in self.leaving if run.process is not None]
        replaced = {run.program.name for run in self.leaving}
        for name, program in wanted.items():
            run = self.runs.get(name) or (_Run(program) if name not in replaced else None)
            if run is not None:
                self.runs[name] = run
                if run.process is None and now >= run.start_at:
                    run.begin(now)
        if now - self.looked_at >= LOG_LOOK_EVERY_S:
            self.looked_at = now
            for run in self.runs.values():
                _bound(run.program.log)

    def _reap(self, now: float) -> None:
        for run in [*self.runs.values(), *self.leaving]:
            if run.process is not None and run.process.poll() is not None:
                run.ended(now)

    def _idle_s(self) -> float:
        waiting = [run.start_at - time.monotonic() for run in self.runs.values() if run.process is None]
        return max(0.01, min([TICK_S, *waiting]))

    def _write(self, revision: int) -> None:
        """The revision counts as seen once nothing of the older list is still ending."""
        rows = {name: asdict(run.state()) for name, run in self.runs.items()}
        seen = None if self.leaving else revision
        document = {"supervisor": os.getpid(), "revision": seen, "programs": rows}
        text = json.dumps(document)
        if text != self.written:
            with contextlib.suppress(OSError):  # a full disk must not end what it runs
                write_whole(folder_of(self.home) / STATE, document)
                self.written = text

    def _may_leave(self, lock: IO[str]) -> bool:
        """Give up the lock while nobody can list another program; whoever lists one later starts a supervisor."""
        with editing(self.home) as programs:
            if programs:
                return False
            fcntl.flock(lock, fcntl.LOCK_UN)
            return True


def _bound(log: Path) -> None:
    """Copied and emptied, because the program keeps the file open; what it writes meanwhile is lost."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES_MAX:
            try:
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            finally:
                os.truncate(log, 0)


_WAKING = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM}
_LIBC = ctypes.CDLL(None)


def _dies_with(parent: int) -> Callable[[], None]:
    """What a new process does before it becomes the program: take signals again, and die with the supervisor."""

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAKING)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts what it puts in the background with it ignored
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def main(home: Path) -> None:
    """Take the lock and leave the caller; the guardian and the supervisor go on."""
    lock = (folder_of(home) / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (folder_of(home) / STATE).unlink(missing_ok=True)
    if os.fork() == 0:
        os.setsid()
        _guard(home, lock)


def _guard(home: Path, lock: IO[str]) -> NoReturn:
    """Start the supervisor as a child, again when it was killed or failed, and end when it ended by itself."""
    back_off_s = BACK_OFF_FIRST_S
    while True:
        begin = time.monotonic()
        child = os.fork()
        if child == 0:
            _supervise(home, lock)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == 0:
            os._exit(0)
        steady = time.monotonic() - begin >= STEADY_S
        time.sleep(BACK_OFF_FIRST_S if steady else back_off_s)
        back_off_s = BACK_OFF_FIRST_S if steady else min(2 * back_off_s, BACK_OFF_MAX_S)
        (folder_of(home) / STATE).unlink(missing_ok=True)


def _supervise(home: Path, lock: IO[str]) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)
    try:
        _Supervisor(home).work(lock)
    except BaseException:  # noqa: BLE001  it ends here; the guardian starts another
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
