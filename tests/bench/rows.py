"""What a benchmark says: one row a measurement, each with the peer or limit that was measured in the same run."""

import math
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULT_FILE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
EMBEDDED, REAL = "last result", "last result on real ledgers"
"""The two tables of that page; each stands between its own marks."""
Show = Callable[[str], None]
"""Hears what is being measured, before each step that takes seconds."""
HEADINGS = ("measured", "result", "peer or limit, same run", "durability", "processes", "payload")


@dataclass(frozen=True)
class Row:
    """One line of the table, in words and figures that stand for themselves."""

    measured: str
    result: str
    peer: str
    durability: str
    processes: str
    payload: str

    def cells(self) -> tuple[str, ...]:
        return (self.measured, self.result, self.peer, self.durability, self.processes, self.payload)


class LeftOut(Exception):
    """A part cannot be measured here, because a program is missing that Python packages do not bring."""

    def __init__(self, engine: str, enable: str) -> None:
        super().__init__(engine)
        self.engine = engine
        self.enable = enable


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of all are not above (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(samples_s: Sequence[float]) -> str:
    p50, p99 = (1000 * percentile(samples_s, p) for p in (50, 99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms ({len(samples_s)} samples)"


def table(rows: Sequence[Row], left_out: Sequence[str] = ()) -> str:
    """The rows as a Markdown table, then a line for each part that has none."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *(row.cells() for row in rows)]
    told = [f"| {' | '.join(cells)} |" for cells in lines]
    if left_out:
        told += ["", "Left out of this run:", "", *(f"- {each}" for each in left_out)]
    return "\n".join(told)


def machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _cpu_info() if line.startswith("model name")), platform.machine()
    )
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {system}"


def keep(rows: Sequence[Row], date: str, name: str = EMBEDDED, left_out: Sequence[str] = ()) -> None:
    """Writes the table between its marks in docs/benchmarks.md; the text around it stays."""
    begin, end = (f"<!-- {name}: {place} -->" for place in ("begin", "end"))
    text = RESULT_FILE.read_text(encoding="utf-8")
    result = f"{begin}\n\n{date}, {machine()}\n\n{table(rows, left_out)}\n\n{end}"
    pattern = re.compile(re.escape(begin) + ".*" + re.escape(end), re.DOTALL)
    RESULT_FILE.write_text(pattern.sub(lambda _: result, text), encoding="utf-8")


def _cpu_info() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
