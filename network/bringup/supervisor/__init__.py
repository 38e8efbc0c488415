"""Keeps programs of one machine running: one supervisor process per home starts, restarts, tells and ends them.

    start(home, programs) ─▶ programs.json ─▶ the supervisor starts what is listed ─▶ state.json
    a program ends ─▶ started again, after 0.1 s, 0.2 s, … 10 s while it keeps ending at once; supervisor.log says why
    stop(home, names) ─▶ its signal, after a grace SIGKILL; with nothing left to run the supervisor ends
    nobody holds a program's lease any more ─▶ it is ended as if it had been stopped

The supervisor outlives whoever called `start`, and there is one: it holds a lock for as long as it lives. The kernel
kills its programs with it (Linux), so that none runs on unseen and is started twice; a guardian, its parent, then
starts the supervisor again, and that starts the programs again. Where a foreground command lists programs under its own
`Lease`, they end with that command, also when it was killed. Everything lies in `run/supervisor/` of the home; the
programs' environments may hold secrets, so the folder is closed to others.
"""

from network.bringup.supervisor.control import await_ready, ready_line, restart, start, states, stop, supervisor_pid
from network.bringup.supervisor.lease import Lease, is_held
from network.bringup.supervisor.programs import (
    FOLDER,
    Program,
    State,
    SupervisorError,
    editing,
    last_lines,
    listed,
)

__all__ = [
    "FOLDER",
    "Lease",
    "Program",
    "State",
    "SupervisorError",
    "await_ready",
    "editing",
    "is_held",
    "last_lines",
    "listed",
    "ready_line",
    "restart",
    "start",
    "states",
    "stop",
    "supervisor_pid",
]
