"""What shall run and what runs: the records of programs, and the files in `run/supervisor/` that hold them.

programs.json   what shall run, written by whoever starts and stops; each change counts its revision one up
state.json      what runs, written by the supervisor; it names the revision that it has acted on
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wuxin_evidence.errors import NamedError
from wuxin_evidence.printable import printable

FOLDER = Path("run/supervisor")
LIST, STATE, LOCK, LOG = "programs.json", "state.json", "supervisor.lock", "supervisor.log"
"""What shall run, what runs, the lock that the supervisor holds while it lives, and what it has to tell."""
TAIL_BYTES = 8_192
"""How much of a log is looked at for its last lines."""


class SupervisorError(NamedError):
    """The supervisor or one of its programs did not come up in time, or another command has the home."""

    def __init__(self, detail: str, hint: str, *, code: str = "unavailable") -> None:
        super().__init__(code, detail, hint)


@dataclass(frozen=True)
class Program:
    """One program to keep running.

    `env` is added to the supervisor's own environment, `log` takes both outputs, `stop_signal` asks it to end,
    `address` is where it serves others (`host:port`, or nothing). With a `lease` (a file's path) it runs only while
    some process holds that lease. Two programs are the same when all of this is; under a name that runs already,
    another one replaces it.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    stop_signal: str = "SIGTERM"
    address: str = ""
    lease: str = ""


@dataclass(frozen=True)
class State:
    """How one program is; times are Unix seconds.

    `pid` is None between two runs, `restarts` counts the ends since it was listed, `since` is the beginning of its
    newest run. `ended` says how the run before it ended (`SIGKILL`, `exit status 3`) at `ended_at`; nothing where it
    never did. `log_from` is where the newest run begins in the log, in bytes.
    """

    pid: int | None = None
    running: bool = False
    restarts: int = 0
    since: float = 0.0
    ended: str = ""
    ended_at: float = 0.0
    log_from: int = 0


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


def folder_of(home: Path) -> Path:
    """The folder of the supervisor's files; made if it lacks."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def listed(home: Path) -> dict[str, Program]:
    """What shall run, by name."""
    rows: list[dict[str, Any]] = _document(home / FOLDER / LIST).get("programs", [])
    return {row["name"]: _program(row) for row in rows}


def _program(row: Mapping[str, Any]) -> Program:
    typed: dict[str, Any] = {"cwd": Path(row["cwd"]), "log": Path(row["log"]), "argv": tuple(row["argv"])}
    return Program(**{**row, **typed})


def revision_of(home: Path) -> int:
    """How often the list has changed."""
    return _document(home / FOLDER / LIST).get("revision", 0)


def state_of(home: Path) -> dict[str, Any]:
    """The supervisor's file: `supervisor` (pid), `revision`, `programs`; empty before its first."""
    return _document(home / FOLDER / STATE)


def last_lines(log: Path, count: int, log_from: int = 0) -> list[str]:
    """The last lines of a log from that byte on, without blank ones, made printable."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(log_from if log_from <= size else 0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = [printable(line.expandtabs()) for line in text.splitlines() if line.strip()]
    return lines[-count:]


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
