"""Keeps programs running: one detached process per home, which starts them, restarts them and keeps their logs small.

    start(home, programs) ─▶ programs.json ─▶ the supervisor starts what is listed ─▶ state.json
    a program ends ─▶ started again, after 0.1 s, 0.2 s, … 10 s while it keeps ending at once
    stop(home, names) ─▶ its signal, after a grace SIGKILL; with nothing left to run the supervisor ends

It outlives whoever called `start`, and it is there once: it holds a lock for as long as it lives. The kernel kills its
programs with it (Linux), so that none runs on unseen and is started twice; a guardian, its parent, then starts the
supervisor again, and that starts the programs again. Everything lies in `run/supervisor/` of the home; the programs'
environments may hold secrets, so the folder is closed to others.
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
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

FOLDER = Path("run/supervisor")

TICK_S = 0.5
"""How long the supervisor sleeps when nothing happens; a child's end and a changed list wake it at once."""
BACK_OFF_FIRST_S, BACK_OFF_MAX_S = 0.1, 10.0
STEADY_S = 10.0
"""A program that has run this long begins again with the shortest back-off."""
GRACE_S = 10.0
"""From the stop signal to SIGKILL: a peer closes its databases within about two seconds."""
ANSWER_TIMEOUT_S = 30.0
LOG_BYTES_MAX = 16 * 2**20
"""A log larger than this moves to `<log>.1`: fourteen programs stay below half a gigabyte."""
LOG_LOOK_EVERY_S = 5.0

_PR_SET_PDEATHSIG = 1


class SupervisorError(Exception):
    """The supervisor did not come up or did not obey in time."""

    code = "unavailable"

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True)
class Program:
    """What to run: `env` is added to the supervisor's own, `log` takes both outputs, `stop_signal` asks it to end.

    Two programs are the same when all of this is; under a name that runs already, another one replaces it.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    stop_signal: str = "SIGTERM"


@dataclass(frozen=True)
class State:
    """One program: `pid` is None between two runs, `restarts` counts since it was listed, `since` is Unix seconds."""

    pid: int | None
    running: bool
    restarts: int
    since: float


def start(home: Path, programs: Sequence[Program]) -> None:
    """Have these run, beside what runs already; returns when each was started once. Raises SupervisorError."""
    with _editing(home) as listed:
        listed.update({program.name: program for program in programs})
    _until_seen(home)


def stop(home: Path, names: Sequence[str] | None = None) -> None:
    """End these programs, or all; returns when they have ended. Raises SupervisorError."""
    with _editing(home) as listed:
        for name in list(listed) if names is None else names:
            listed.pop(name, None)
    if _is_held(home):
        _until_seen(home)


def states(home: Path) -> dict[str, State]:
    """Every listed program; none of them runs where no supervisor does."""
    alive = _is_held(home)
    known: dict[str, dict[str, Any]] = _state(home).get("programs", {})
    found = {name: State(**row) for name, row in known.items()}
    lost = State(pid=None, running=False, restarts=0, since=0.0)
    return {name: found.get(name, lost) if alive else lost for name in _listed(home)}


def supervisor_pid(home: Path) -> int | None:
    """The process that supervises, where one does."""
    return _state(home).get("supervisor") if _is_held(home) else None


@contextlib.contextmanager
def _editing(home: Path) -> Generator[dict[str, Program]]:
    """The list of programs, for one editor at a time; written when the editor is done."""
    folder = _folder(home)
    with (folder / "edit.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = _listed(home)
        before = dict(listed)
        yield listed
        if listed != before or not (folder / "programs.json").exists():
            rows = [{**asdict(each), "cwd": str(each.cwd), "log": str(each.log)} for each in listed.values()]
            _replace(folder / "programs.json", {"revision": _revision(home) + 1, "programs": rows})


def _until_seen(home: Path) -> None:
    """Wake the supervisor, start it if there is none, and wait until it has acted on the newest list."""
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    revision = _revision(home)
    while (_state(home).get("revision") or 0) < revision or (_listed(home) and not _is_held(home)):
        if time.monotonic() > deadline:
            raise SupervisorError("the supervisor did not answer", f"read {home / FOLDER / 'supervisor.log'}")
        if not _is_held(home):
            _launch(home)
        elif pid := _state(home).get("supervisor"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)
        time.sleep(0.02)


def _launch(home: Path) -> None:
    """Returns when the supervisor holds its lock, or another does."""
    arguments = [sys.executable, "-m", "network.supervisor", str(home.resolve())]
    with (_folder(home) / "supervisor.log").open("ab") as log:
        subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[1],
            start_new_session=True,
            check=False,
            timeout=ANSWER_TIMEOUT_S,
        )


def _folder(home: Path) -> Path:
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _is_held(home: Path) -> bool:
    try:
        with (home / FOLDER / "supervisor.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _listed(home: Path) -> dict[str, Program]:
    rows: list[dict[str, Any]] = _document(home / FOLDER / "programs.json").get("programs", [])
    return {row["name"]: _program(row) for row in rows}


def _program(row: dict[str, Any]) -> Program:
    return Program(
        name=row["name"],
        argv=tuple(row["argv"]),
        env=row["env"],
        cwd=Path(row["cwd"]),
        log=Path(row["log"]),
        stop_signal=row["stop_signal"],
    )


def _revision(home: Path) -> int:
    """Of the list: each change counts one up."""
    return _document(home / FOLDER / "programs.json").get("revision", 0)


def _state(home: Path) -> dict[str, Any]:
    return _document(home / FOLDER / "state.json")


def _document(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}


def _replace(path: Path, document: Mapping[str, Any]) -> None:
    beside = path.with_suffix(f".{os.getpid()}.partial")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=1) + "\n")
    beside.replace(path)


@dataclass
class _Run:
    """A listed program and its present process, if it has one."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    since: float = 0.0
    back_off_s: float = BACK_OFF_FIRST_S
    start_at: float = 0.0
    kill_at: float | None = None

    def begin(self, now: float) -> None:
        """Start it; one that cannot be started counts as ended at once, and its log says why."""
        try:
            self.program.log.parent.mkdir(parents=True, exist_ok=True)
            with self.program.log.open("ab") as log:
                self.process = self._spawn(log)
            self.since = time.time()
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
        steady = self.process is not None and time.time() - self.since >= STEADY_S
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
            revision = _revision(self.home)
            self._step({} if ending else _listed(self.home))
            self._write(revision)
            if not self.runs and not self.leaving and (ending or self._may_leave(lock)):
                return
            woken = signal.sigtimedwait(_WAKING, self._idle_s())
            ending = ending or (woken is not None and woken.si_signo == signal.SIGTERM)

    def _step(self, listed: Mapping[str, Program]) -> None:
        now = time.monotonic()
        self._reap(now)
        for name in [name for name, run in self.runs.items() if listed.get(name) != run.program]:
            self.leaving.append(self.runs.pop(name))
        for run in self.leaving:
            run.end(now)
        self.leaving = [run for run in self.leaving if run.process is not None]
        replaced = {run.program.name for run in self.leaving}
        for name, program in listed.items():
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
                _replace(self.home / FOLDER / "state.json", document)
                self.written = text

    def _may_leave(self, lock: IO[str]) -> bool:
        """Give up the lock while nobody can list another program; whoever lists one later starts a supervisor."""
        with (self.home / FOLDER / "edit.lock").open("w") as edit:
            fcntl.flock(edit, fcntl.LOCK_EX)
            if _listed(self.home):
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
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def main(home: Path) -> None:
    """Take the lock and leave the caller; the guardian and the supervisor go on."""
    lock = (_folder(home) / "supervisor.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (home / FOLDER / "state.json").unlink(missing_ok=True)
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
        (home / FOLDER / "state.json").unlink(missing_ok=True)


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
