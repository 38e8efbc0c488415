"""Time, passed in. There is one `Clock` per process and nobody else asks the operating system.

A consortium that runs for real uses `SystemClock`. The demo's consortium file says `scenario`: its time begins
on the day of the recorded data and may run faster than ours, by the segments in `run/clock.json`, so that all
processes of the machine agree:

    {"segments": [{"real_ms": 1795000000000, "scenario_ms": 1641114000000, "factor": 1}, …]}

From `real_ms` on, scenario time is scenario_ms + (real time − real_ms) × factor, until the next segment begins.
A factor of 0 holds the time: a demo that nobody runs does not grow old, and whatever runs over it resumes it first.
The file is written whole (rename) under a lock and read again when it changed.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from chaincode.parties.consortium import CLOCK_FACTOR_MAX
from network.membership.consortium import Consortium
from network.ports import Unavailable

CLOCK_FILE = Path("run") / "clock.json"
HELD = 0
"""The factor of a segment in which time stands still. No caller can set it but by `hold`."""


class Clock(Protocol):
    """Time as everything in one process sees it."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        ...


def system_ms() -> int:
    """Give the operating system's time, in milliseconds UTC."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """The operating system's time."""

    def now_ms(self) -> int:
        """Give the operating system's time, in milliseconds UTC."""
        return system_ms()


@dataclass(frozen=True)
class Segment:
    """A stretch of scenario time: it begins at `scenario_ms` when real time is `real_ms`, and runs `factor` times as
    fast."""

    real_ms: int
    scenario_ms: int
    factor: int

    def at(self, real_ms: int) -> int:
        """Give scenario time at a moment of real time, both in milliseconds."""
        return self.scenario_ms + (real_ms - self.real_ms) * self.factor


class ScenarioClock:
    """Scenario time of an installation; several processes over one home agree on it."""

    def __init__(self, home: Path, real_ms: Callable[[], int] = system_ms) -> None:
        self._path = home / CLOCK_FILE
        self._real_ms = real_ms
        self._seen: tuple[int, int] = (0, 0)
        self._segments: tuple[Segment, ...] = ()

    def now_ms(self) -> int:
        """Give scenario time in milliseconds UTC. Raises Unavailable where the clock's file cannot be used."""
        real_ms = self._real_ms()
        segments = self._current()
        begun = [segment for segment in segments if segment.real_ms <= real_ms]
        return (begun[-1] if begun else segments[0]).at(real_ms)

    def factor(self) -> int:
        """How many scenario seconds pass in a second."""
        return self._current()[-1].factor

    def _current(self) -> tuple[Segment, ...]:
        try:
            stat = self._path.stat()
        except FileNotFoundError as missing:
            raise _unusable(self._path, "is missing") from missing
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            self._segments = _read_segments(self._path)
            self._seen = seen
        return self._segments

    @staticmethod
    def start(home: Path, scenario_ms: int, factor: int, real_ms: int | None = None) -> None:
        """Begin scenario time at `scenario_ms` now, unless the installation's clock already runs."""
        begin = system_ms() if real_ms is None else real_ms
        with _Lock(home):
            if not (home / CLOCK_FILE).exists():
                _write_segments(home, (Segment(begin, scenario_ms, _checked_factor(factor)),))

    @staticmethod
    def set_factor(home: Path, factor: int) -> None:
        """From now on scenario time runs `factor` times as fast as real time, in every process."""
        _turn(home, _checked_factor(factor))

    @staticmethod
    def hold(home: Path) -> None:
        """Let scenario time stand still, because nothing runs over the home from now on."""
        _turn(home, HELD)

    @staticmethod
    def resume(home: Path) -> None:
        """Let held time go on at factor 1; a clock that runs is left as it is."""
        if _read_segments(home / CLOCK_FILE)[-1].factor == HELD:
            _turn(home, 1)


def open_clock(consortium: Consortium, home: Path) -> Clock:
    """The clock that the consortium file names; a scenario clock is started at its first opening."""
    if consortium.clock.kind == "system":
        return SystemClock()
    ScenarioClock.start(home, consortium.clock.start_ms, consortium.clock.factor)
    return ScenarioClock(home)


def _turn(home: Path, factor: int) -> None:
    """Begin a segment now, from where scenario time is."""
    with _Lock(home):
        segments = _read_segments(home / CLOCK_FILE)
        real_ms = system_ms()
        _write_segments(home, (*segments, Segment(real_ms, segments[-1].at(real_ms), factor)))


def _checked_factor(factor: int) -> int:
    if not 1 <= factor <= CLOCK_FACTOR_MAX:
        raise ValueError(f"clock factor {factor} is outside 1…{CLOCK_FACTOR_MAX}")
    return factor


def _read_factor(factor: int) -> int:
    return HELD if factor == HELD else _checked_factor(factor)


def _read_segments(path: Path) -> tuple[Segment, ...]:
    try:
        document = cast(dict[str, list[dict[str, Any]]], json.loads(path.read_text("utf-8")))
        segments = tuple(
            Segment(int(row["real_ms"]), int(row["scenario_ms"]), _read_factor(int(row["factor"])))
            for row in document["segments"]
        )
    except FileNotFoundError as missing:
        raise _unusable(path, "is missing") from missing
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(path, "does not hold segments of time") from error
    if not segments:
        raise _unusable(path, "holds no segment of time")
    return segments


def _unusable(path: Path, why: str) -> Unavailable:
    return Unavailable(f"{path} {why}", "remove it, and open the consortium's clock again: scenario time restarts")


def _write_segments(home: Path, segments: tuple[Segment, ...]) -> None:
    path = home / CLOCK_FILE
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps({"segments": [asdict(segment) for segment in segments]}), "utf-8")
    beside.replace(path)


class _Lock:
    """Excludes other processes of this machine while the segments change."""

    def __init__(self, home: Path) -> None:
        self._path = home / "run" / "clock.lock"

    def __enter__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()
