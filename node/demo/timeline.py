"""Where the recorded series lies on a consortium's clock.

    scenario clock   all times are moved by one constant; who waits lets the clock run faster
    system clock     real ledgers run on real time: all intervals are divided by the pace too, and who waits, waits

A story counts in seconds of the series since its start, 2022-01-01 16:14:00Z, a minute before a window begins; so it is
the same story on both. A paced one begins where the grid of the (shorter) windows allows it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from network.clock import Clock, ScenarioClock
from oracle.windows import Windows

SERIES_START_MS = 1_641_053_640_000
"""2022-01-01T16:14:00Z in the recorded series."""
SCENARIO_START_MS = 1_772_468_040_000
"""2026-03-02T16:14:00Z on the scenario's clock."""
LEAD_S = 60
"""Seconds of the series from its start to the beginning of the first whole window."""
FACTOR = 300
"""Clock seconds per second while a scenario waits; readings, steps and alarms run at factor 1."""
PACE = 60
"""By how much a paced story is quicker: a window of 15 minutes takes 15 seconds, the whole story under two minutes."""
LATE_SHARE = 4
"""A paced story may begin as late as a quarter of its first window; what is due by then is published at once."""
STEP_S = 0.2


@dataclass(frozen=True)
class Timeline:
    """The series on a clock: it starts at `start_ms`, and `pace` of its seconds pass in one of the clock's."""

    home: Path
    clock: Clock
    start_ms: int
    pace: int = 1

    def at_ms(self, offset_s: int) -> int:
        """Clock time at so many seconds of the series after its start."""
        return self.start_ms + offset_s * 1000 // self.pace

    def moved(self, recorded_ms: int) -> int:
        """Clock time of a recorded moment."""
        return self.start_ms + (recorded_ms - SERIES_START_MS) // self.pace

    def interval_s(self, recorded_s: int) -> int:
        """Seconds of the clock for an interval of the series."""
        return -(-recorded_s // self.pace)

    def pass_until(self, offset_s: int) -> None:
        """Return at that place of the series; a scenario clock runs fast until then, and at factor 1 again."""
        until_ms = self.at_ms(offset_s)
        if not isinstance(self.clock, ScenarioClock):
            self.wait_until(until_ms)
            return
        ScenarioClock.set_factor(self.home, FACTOR)
        self.wait_until(until_ms, FACTOR)
        ScenarioClock.set_factor(self.home, 1)

    def wait_until(self, until_ms: int, factor: int = 1) -> None:
        """Sleep until the clock says so."""
        while (missing_ms := until_ms - self.clock.now_ms()) > 0:
            time.sleep(min(STEP_S, missing_ms / 1000 / factor + 0.001))


def scenario(home: Path, clock: Clock) -> Timeline:
    """The series on a scenario clock, which starts with it."""
    return Timeline(home, clock, SCENARIO_START_MS)


def paced(home: Path, clock: Clock, windows: Windows, pace: int = PACE) -> Timeline:
    """The series on a clock that cannot be turned; returns when its first whole window has begun. `windows` are those
    of the pace's own profile."""
    now_s = clock.now_ms() / 1000
    window = windows.index(int(now_s))
    if now_s - windows.start_s(window) > windows.window_s / LATE_SHARE:
        window += 1
    begins_ms = windows.start_s(window) * 1000
    timeline = Timeline(home, clock, begins_ms - LEAD_S * 1000 // pace, pace)
    timeline.wait_until(begins_ms)
    return timeline
