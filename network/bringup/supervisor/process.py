"""The supervisor's own process, and its parent, the guardian.

    main ─▶ takes the lock ─▶ forks the guardian and leaves the caller
    guardian ─▶ forks the supervisor, again whenever that one is killed or fails
    supervisor ─▶ each time a child ends, the list changes, or half a second: programs whose lease nobody holds leave
                  the list; what is listed is held against what runs; logs are kept small

There is one thread. A program is killed by the kernel when the supervisor dies (Linux), so that the next supervisor can
start it without making a second one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NoReturn

from network.bringup.supervisor.lease import is_held
from network.bringup.supervisor.programs import (
    LOCK,
    LOG,
    STATE,
    Program,
    editing,
    folder_of,
    listed,
    revision_of,
    write_whole,
)
from network.bringup.supervisor.run import BACK_OFF_FIRST_S, BACK_OFF_MAX_S, STEADY_S, WAKING, Run

TICK_S = 0.5
"""How long the supervisor sleeps when nothing happens; a child's end and a changed list wake it at once."""
LOG_BYTES_MAX = 16 * 2**20
"""A log larger than this moves to `<log>.1`: fourteen programs stay below half a gigabyte."""
LOG_LOOK_EVERY_S = 5.0


@dataclass
class _Supervisor:
    """What runs, held against what is listed, each time something happens."""

    home: Path
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    leaving: list[Run] = field(default_factory=list[Run])
    written: str = ""
    looked_at: float = 0.0

    def work(self, lock: IO[str]) -> None:
        """Until nothing is listed and nothing runs, or SIGTERM came."""
        ending = False
        while True:
            self._drop_lapsed()
            revision = revision_of(self.home)
            self._step({} if ending else listed(self.home))
            self._write(revision)
            if not self.runs and not self.leaving and (ending or self._may_leave(lock)):
                return
            woken = signal.sigtimedwait(WAKING, self._idle_s())
            ending = ending or (woken is not None and woken.si_signo == signal.SIGTERM)

    def _drop_lapsed(self) -> None:
        """Take programs off the list whose lease nobody holds: the command that listed them has ended."""
        leases = {each.lease for each in listed(self.home).values() if each.lease}
        lapsed = {lease for lease in leases if not is_held(Path(lease))}
        if lapsed:
            with editing(self.home) as programs:
                for name in [name for name, each in programs.items() if each.lease in lapsed]:
                    tell(f"{name} is ended: the command that started it is gone")
                    del programs[name]

    def _step(self, wanted: Mapping[str, Program]) -> None:
        now = time.monotonic()
        self._reap(now)
        for name in [name for name, run in self.runs.items() if wanted.get(name) != run.program]:
            self.leaving.append(self.runs.pop(name))
        for run in self.leaving:
            run.request_end(now)
        self.leaving = [run for run in self.leaving if run.process is not None]
        replaced = {run.program.name for run in self.leaving}
        for name, program in wanted.items():
            run = self.runs.get(name) or (Run(program) if name not in replaced else None)
            if run is not None:
                self.runs[name] = run
                if run.process is None and now >= run.start_at:
                    run.begin(now)
        if now - self.looked_at >= LOG_LOOK_EVERY_S:
            self.looked_at = now
            for run in self.runs.values():
                if bound(run.program.log):
                    run.log_from = 0
            bound(folder_of(self.home) / LOG)

    def _reap(self, now: float) -> None:
        for run in self.leaving:
            run.reap(now)
        for run in self.runs.values():
            if run.reap(now):
                tell(f"{run.told()}; started again in {run.start_at - now:.1f} s")

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


def bound(log: Path) -> bool:
    """Move what a log holds to `<log>.1` where it has become too long, and tell whether it had.

    It is copied and emptied, because the program keeps the file open; what it writes meanwhile is lost.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES_MAX:
            try:
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            finally:
                os.truncate(log, 0)
            return True
    return False


def tell(what: str) -> None:
    """One line in the supervisor's own log."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {what}", flush=True)


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
    signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
    try:
        _Supervisor(home).work(lock)
    except BaseException:  # noqa: BLE001  it ends here; the guardian starts another
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
