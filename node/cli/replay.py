"""`wuxin device replay`: a recorded series, signed by a device of this home and published; or shown, with `--dry-run`.

    read_series ──▶ place on the clock ──▶ sign and publish, with progress ──▶ ask the members' files what was admitted

The exit status says what became of the packs: 0 all admitted, 1 some refused, 5 published and not answered in time.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

from network.clock import Clock, SystemClock, open_clock
from network.membership.consortium import Consortium
from network.membership.homes import home_of
from node.cli.device import device_of, only_device
from node.cli.exit_status import DONE, REFUSED, UNKNOWN
from oracle.sources.mapping import load_mapping
from oracle.sources.replay import place, replay
from oracle.sources.series import Due, Series, read_number, read_series
from oracle.sources.times import CellError
from oracle.storage.verdicts import Published, look_up
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import parse_pack
from wuxin_evidence.printable import printable

SPEED_MAX = 1_000_000
ADMISSION_WAIT_S = 10.0
"""How long members are waited for after the last pack; they store a batch within a tenth of a second."""
ADMISSION_LOOK_S = 0.2
SHOWN_MAX = 5
"""Packs that `--dry-run` shows."""
SET_ASIDE_SHOWN_MAX = 100
PROGRESS_S, LINE_S = 0.2, 10.0
"""Between two updates of the bar on a terminal, and between two lines elsewhere."""


@dataclass(frozen=True)
class Plan:
    """What a replay signs: the series as read and the packs where they lie on the clock."""

    series: Series
    placed: list[Due]
    device: str | None
    speed: Fraction | None


def show_plan(home: Path, series: Path, mapping: Path, device_id: str | None, speed: str) -> dict[str, Any]:
    """What would be signed: counts, times and the first packs. Needs no key, no broker and no consortium."""
    plan = _planned(series, mapping, device_id, speed, _clock_of(home))
    first = [
        {
            "row": due.row,
            "recorded": _iso(recorded.at_ms),
            "signed": _iso(due.at_ms),
            "readings": [
                {"name": r.name, "value": format(Decimal(r.value), "f"), "unit": r.unit} for r in due.readings
            ],
        }
        for recorded, due in zip(plan.series.packs[:SHOWN_MAX], plan.placed, strict=False)
    ]
    return {"dry_run": True, **_counts(plan), "first": first}


def replay_series(
    home: Path, series: Path, mapping: Path, device_id: str | None, speed: str, told: TextIO | None = None
) -> tuple[dict[str, Any], int]:
    """Publish a series as a device; returns what became of its packs, and the exit status."""
    consortium = Consortium.load(home)
    clock = open_clock(consortium, home)
    plan = _planned(series, mapping, device_id, speed, clock)
    device = device_of(home, plan.device or only_device(home))
    published: list[Published] = []

    def keep(envelope: bytes) -> None:
        digest = parse_pack(envelope, consortium.consortium_id).digest
        published.append(Published(digest, hashlib.sha256(envelope).digest()))
        progress(len(published))

    progress, started = _progress(len(plan.placed), told or sys.stderr), time.monotonic()
    try:
        replay(plan.placed, device, clock.now_ms, lambda missing_ms: time.sleep(min(0.2, missing_ms / 1000)), keep)
    finally:
        device.close()
    outcome, status = _admission(home, consortium, published)
    seconds = round(time.monotonic() - started, 3)
    return {"device": device.device_id, **_counts(plan), **outcome, "seconds": seconds}, status


def _planned(series: Path, mapping: Path, device_id: str | None, speed: str, clock: Clock) -> Plan:
    """Raises `malformed`, `too_large`."""
    rules, factor = load_mapping(mapping), _speed(speed)
    read = read_series(series, rules)
    return Plan(read, place(read.packs, clock.now_ms(), factor), device_id or rules.device, factor)


def _speed(text: str) -> Fraction | None:
    """Series seconds per clock second; None for `max`. Raises `malformed`."""
    if text == "max":
        return None
    try:
        speed = Fraction(read_number(text))
    except CellError:
        speed = Fraction(0)
    if not Fraction(1, 1000) <= speed <= SPEED_MAX:
        raise EvidenceError("malformed", f"speed {text[:40]!r}", f"a number from 0.001 to {SPEED_MAX}, or max")
    return speed


def _clock_of(home: Path) -> Clock:
    try:
        return open_clock(Consortium.load(home), home)
    except FileNotFoundError:  # a dry run needs no home
        return SystemClock()


def _counts(plan: Plan) -> dict[str, Any]:
    bad = plan.series.set_aside
    return {
        "rows": plan.series.rows,
        "packs": len(plan.placed),
        "filtered": plan.series.filtered,
        "set_aside": len(bad),
        "bad_rows": [asdict(each) for each in bad[:SET_ASIDE_SHOWN_MAX]],
        "speed": "max" if plan.speed is None else str(plan.speed),
        "recorded": [_iso(plan.series.packs[0].at_ms), _iso(plan.series.packs[-1].at_ms)],
        "signed": [_iso(plan.placed[0].at_ms), _iso(plan.placed[-1].at_ms)],
    }


def _admission(home: Path, consortium: Consortium, published: list[Published]) -> tuple[dict[str, Any], int]:
    """Wait for the verdicts of the members whose files are on this machine.

    A pack is admitted when as many of them store it as the committee's threshold says (or all, where fewer are here),
    and refused when too many refuse it for that.
    """
    member_homes = [home_of(home, each.name) / "orgs" / each.name / "oracle" for each in consortium.oracles]
    until = time.monotonic() + ADMISSION_WAIT_S
    while True:
        members = [each for each in (look_up(path, published) for path in member_homes) if each is not None]
        needed = max(1, min(consortium.committee.threshold, len(members)))
        storing = Counter(digest for each in members for digest in each.admitted)
        refusing = Counter(digest for each in members for digest in each.refused)
        admitted = {digest for digest, count in storing.items() if count >= needed}
        refused = {digest for digest, count in refusing.items() if count > len(members) - needed}
        unknown = len({each.digest for each in published} - admitted - refused)
        if not unknown or not members or time.monotonic() > until:
            break
        time.sleep(ADMISSION_LOOK_S)
    code_of = {digest: code for each in members for digest, code in each.refused.items()}
    codes = dict(sorted(Counter(code_of[digest] for digest in refused).items()))
    status = REFUSED if refused else UNKNOWN if unknown else DONE
    return {"admitted": len(admitted), "refused": len(refused), "codes": codes, "unknown": unknown}, status


def _progress(total: int, told: TextIO) -> Callable[[int], None]:
    """A bar on a terminal, and a line now and then elsewhere."""
    last_s = [time.monotonic()]

    def show(done: int) -> None:
        now_s, is_terminal = time.monotonic(), told.isatty()
        is_due = now_s - last_s[0] >= (PROGRESS_S if is_terminal else LINE_S)
        if is_due or (is_terminal and done == total):
            last_s[0] = now_s
            bar = "#" * (30 * done // total)
            line = f"\r[{bar:<30}] {done} of {total} packs" if is_terminal else f"{done} of {total} packs published\n"
            told.write(line + ("\n" if is_terminal and done == total else ""))
            told.flush()

    return show


def print_outcome(outcome: dict[str, Any], told: TextIO | None = None) -> None:
    """One JSON object on standard output; what a person has to know in words on standard error."""
    print(json.dumps(outcome))
    for line in _words(outcome):
        print(printable(line), file=told or sys.stderr)


def _words(outcome: dict[str, Any]) -> Iterable[str]:
    for each in outcome["bad_rows"]:
        yield f"set aside: row {each['row']}, column {each['column']!r}: {each['reason']}"
    if outcome.get("refused"):
        codes = ", ".join(f"{code} {count}" for code, count in outcome["codes"].items())
        yield f"{outcome['refused']} of {outcome['packs']} packs were refused: {codes}; see wuxin quarantine ls"
    if outcome.get("unknown"):
        yield f"published, admission unknown: {outcome['unknown']} packs; no answer of the members of this machine"


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
