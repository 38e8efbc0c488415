"""How others talk to a supervisor: they change the list, wake it, and read what it writes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from network.bringup.supervisor.lease import is_held
from network.bringup.supervisor.programs import (
    FOLDER,
    LOCK,
    LOG,
    Program,
    State,
    SupervisorError,
    editing,
    folder_of,
    last_lines,
    listed,
    revision_of,
    state_of,
)

ANSWER_TIMEOUT_S = 30.0
READY_WORD = "ready "
READY_WITHIN_BYTES = 65_536
"""How far into a run's log the ready line is looked for; what a program says before it is ready is short."""


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
    if is_held(home / FOLDER / LOCK):
        _until_seen(home)


def restart(home: Path, name: str) -> bool:
    """Ask a program to end, so that the supervisor starts it again. Gives whether it ran."""
    program, state = listed(home).get(name), states(home).get(name)
    if program is None or state is None or state.pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(state.pid, signal.Signals[program.stop_signal])
    return True


def states(home: Path) -> dict[str, State]:
    """Every listed program; none of them runs where no supervisor does."""
    known: dict[str, dict[str, Any]] = state_of(home).get("programs", {}) if is_held(home / FOLDER / LOCK) else {}
    return {name: State(**known[name]) if name in known else State() for name in listed(home)}


def supervisor_pid(home: Path) -> int | None:
    """The process that supervises, where one does."""
    return state_of(home).get("supervisor") if is_held(home / FOLDER / LOCK) else None


def await_ready(home: Path, name: str, timeout_s: float) -> dict[str, Any]:
    """The JSON that a program just started prints after the word `ready`.

    Raises SupervisorError where the program ended before it, or did not print it within `timeout_s` seconds.
    """
    program, deadline = listed(home)[name], time.monotonic() + timeout_s
    while True:
        state = states(home).get(name, State())
        said = ready_line(home, name)
        if said is not None:
            return said
        if state.restarts or time.monotonic() > deadline:
            last = last_lines(program.log, 1) or ["it printed nothing"]
            raise SupervisorError(f"{name} did not start: {last[0]}", f"read {program.log}")
        time.sleep(0.05)


def ready_line(home: Path, name: str) -> dict[str, Any] | None:
    """The JSON of the ready line of a program's newest run; None where it has not printed one."""
    program, state = listed(home).get(name), states(home).get(name)
    if program is None or state is None or not state.running:
        return None
    with contextlib.suppress(FileNotFoundError), program.log.open("rb") as log:
        log.seek(state.log_from)
        for line in log.read(READY_WITHIN_BYTES).splitlines(keepends=True):
            if line.startswith(READY_WORD.encode()) and line.endswith(b"\n"):
                return json.loads(line[len(READY_WORD) :])
    return None


def _until_seen(home: Path) -> None:
    """Wake the supervisor, start it if there is none, and wait until it has acted on the newest list."""
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    lock, revision = home / FOLDER / LOCK, revision_of(home)
    while (state_of(home).get("revision") or 0) < revision or (listed(home) and not is_held(lock)):
        if time.monotonic() > deadline:
            raise SupervisorError("the supervisor did not answer", f"read {home / FOLDER / LOG}")
        if not is_held(lock):
            _launch(home)
        elif pid := state_of(home).get("supervisor"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)
        time.sleep(0.02)


def _launch(home: Path) -> None:
    """Returns when the supervisor holds its lock, or another does."""
    with (folder_of(home) / LOG).open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "network.bringup.supervisor", str(home.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
            check=False,
            timeout=ANSWER_TIMEOUT_S,
        )
