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
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wuxin_evidence.errors import NamedError

FOLDER = Path("run/supervisor")
LIST, STATE, LOCK = "programs.json", "state.json", "supervisor.lock"
"""What shall run, what runs, and the lock that the supervisor holds while it lives."""

ANSWER_TIMEOUT_S = 30.0


class SupervisorError(NamedError):
    """The supervisor did not come up or did not obey in time."""

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__("unavailable", detail, hint)


@dataclass(frozen=True)
class Program:
    """What to run: `env` is added to the supervisor's own, `log` takes both outputs, `stop_signal` asks it to end,
    `address` is where it serves others (`host:port`), for whoever looks.

    Two programs are the same when all of this is; under a name that runs already, another one replaces it.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    stop_signal: str = "SIGTERM"
    address: str = ""


@dataclass(frozen=True)
class State:
    """One program: `pid` is None between two runs, `restarts` counts since it was listed, `since` is Unix seconds."""

    pid: int | None
    running: bool
    restarts: int
    since: float


def start(home: Path, programs: Sequence[Program]) -> None:
    """Have these run, beside what runs already; returns when each was started once. Raises SupervisorError."""
    with editing(home) as wanted:
        wanted.update({program.name: program for program in programs})
    _until_seen(home)


def stop(home: Path, names: Sequence[str] | None = None) -> None:
    """End these programs, or all; returns when they have ended. Raises SupervisorError."""
    with editing(home) as wanted:
        for name in list(wanted) if names is None else names:
            wanted.pop(name, None)
    if _is_held(home):
        _until_seen(home)


def states(home: Path) -> dict[str, State]:
    """Every listed program; none of them runs where no supervisor does."""
    alive = _is_held(home)
    known: dict[str, dict[str, Any]] = _state(home).get("programs", {})
    found = {name: State(**row) for name, row in known.items()}
    lost = State(pid=None, running=False, restarts=0, since=0.0)
    return {name: found.get(name, lost) if alive else lost for name in listed(home)}


def supervisor_pid(home: Path) -> int | None:
    """The process that supervises, where one does."""
    return _state(home).get("supervisor") if _is_held(home) else None


@contextlib.contextmanager
def editing(home: Path) -> Generator[dict[str, Program]]:
    """The list of programs, for one editor at a time; written when the editor is done."""
    folder = folder_of(home)
    with (folder / "edit.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = listed(home)
        before = dict(wanted)
        yield wanted
        if wanted != before or not (folder / LIST).exists():
            rows = [{**asdict(each), "cwd": str(each.cwd), "log": str(each.log)} for each in wanted.values()]
            write_whole(folder / LIST, {"revision": revision_of(home) + 1, "programs": rows})


def _until_seen(home: Path) -> None:
    """Wake the supervisor, start it if there is none, and wait until it has acted on the newest list."""
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    revision = revision_of(home)
    while (_state(home).get("revision") or 0) < revision or (listed(home) and not _is_held(home)):
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
    arguments = [sys.executable, "-m", "network.bringup.supervision", str(home.resolve())]
    with (folder_of(home) / "supervisor.log").open("ab") as log:
        subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
            check=False,
            timeout=ANSWER_TIMEOUT_S,
        )


def folder_of(home: Path) -> Path:
    """Where the supervisor's files lie; made if it lacks."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _is_held(home: Path) -> bool:
    try:
        with (home / FOLDER / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def listed(home: Path) -> dict[str, Program]:
    """What shall run, by name."""
    rows: list[dict[str, Any]] = _document(home / FOLDER / LIST).get("programs", [])
    return {row["name"]: _program(row) for row in rows}


def _program(row: dict[str, Any]) -> Program:
    return Program(
        name=row["name"],
        argv=tuple(row["argv"]),
        env=row["env"],
        cwd=Path(row["cwd"]),
        log=Path(row["log"]),
        stop_signal=row["stop_signal"],
        address=row["address"],
    )


def revision_of(home: Path) -> int:
    """Of the list: each change counts one up."""
    return _document(home / FOLDER / LIST).get("revision", 0)


def _state(home: Path) -> dict[str, Any]:
    return _document(home / FOLDER / STATE)


def _document(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}


def write_whole(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a file by renaming; others may not read it."""
    beside = path.with_suffix(f".{os.getpid()}.partial")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=1) + "\n")
    beside.replace(path)
