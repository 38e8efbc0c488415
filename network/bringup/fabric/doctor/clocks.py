"""Clocks: by how much each node's is ahead of this machine's, and whose is wrong.

A peer that checks the time of proposals says its own when it refuses one; every operations listener dates its answers.
Both are good to a second, and 15 minutes is what Fabric allows.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from network.bringup.fabric.doctor.findings import Finding
from network.bringup.fabric.operations import Metrics, metrics_of

WARNING_S, ERROR_S = 30, 840
"""Nodes refuse what is 15 minutes away; a minute before that nothing should go on as if it were well."""


async def skew_by_operations(address: str, now_ms: int) -> float | None:
    """Seconds by which the clock behind an operations listener is ahead of `now_ms`; None where none answers."""
    return skew_of(await metrics_of(address), now_ms)


def skew_of(metrics: Metrics | None, now_ms: int) -> float | None:
    """Give the seconds by which a node's clock is ahead of this machine's; None where it did not tell its time."""
    return None if metrics is None or metrics.clock_s is None else metrics.clock_s - now_ms / 1000


def compare_clocks(skews_s: Mapping[str, float]) -> Iterator[Finding]:
    """Whose clock is away from this machine's, by name of the node; where all are by the same, this one is wrong."""
    away = {name: skew_s for name, skew_s in skews_s.items() if abs(skew_s) >= WARNING_S}
    if len(away) == len(skews_s) > 1 and max(away.values()) - min(away.values()) < WARNING_S:
        yield _clock("this machine", -statistics.median(away.values()), f"those of all {len(away)} nodes")
    else:
        for name, skew_s in away.items():
            yield _clock(name, skew_s, "this machine's")


def _clock(place: str, skew_s: float, than: str) -> Finding:
    detail = f"its clock is {_duration(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} {than}"
    hint = "synchronise both with NTP; nodes refuse what is 15 minutes away"
    return Finding("error" if abs(skew_s) >= ERROR_S else "warning", place, detail, hint)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
