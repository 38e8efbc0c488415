"""Processor seconds of the processes of a network, by kind: `orderer.bank` and `orderer.insurer` are both `orderer`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from network.bringup.supervisor import states

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def by_kind(home: Path) -> dict[str, float]:
    """Seconds since each process began, user and system, summed by the part of its name before the first dot."""
    found: dict[str, float] = {}
    for name, state in states(home).items():
        if state.pid is not None:
            kind = name.partition(".")[0]
            found[kind] = found.get(kind, 0.0) + seconds_of(state.pid)
    return found


def seconds_of(pid: int) -> float:
    """0 for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {kind: after[kind] - before.get(kind, 0.0) for kind in after}
