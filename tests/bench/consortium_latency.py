"""Reading published → draw refused, over everything and on both real ledgers: broker, three members, a node for each
organisation, four BFT orderers, five peers, four validators. As `tests.bench.latency`, for the patient borrower.

The series is paced, so that windows of 15 minutes take 30 seconds, and with them their attestations: one for every
slot, pledge and commodity, sent by one account block after block. A reading that meets an alarm while they are under
way waits for its turn. So it is measured twice: between two windows' attestations, which is where nearly all of a real
window lies, and behind them.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from node.demo.stock import Stock
from node.demo.world import World
from oracle.profile import Profile, profile_file
from oracle.windows import Windows
from tests.bench.latency import lent, patient
from tests.bench.rows import Row, Show, milliseconds

ROUNDS = 3
BETWEEN, BEHIND = 8, 2
"""Samples of a round. Each has a facility of its own; to lend on it takes some seconds, and its quantity goes stale:
more of them come from another round, founded anew."""
QUIET_SHARE = (0.5, 0.85)
"""Of a window: its predecessor's attestations are recorded by then, its own are not due."""


def measure(show: Show) -> list[Row]:
    quiet, busy = list[tuple[float, float]](), list[tuple[float, float]]()
    stocks = [Stock(str(200 + n), receipt_t=39, draw_minor=100) for n in range(BETWEEN + BEHIND)]
    for number in range(1, ROUNDS + 1):
        show(f"consortium {number} of {ROUNDS}")
        with tempfile.TemporaryDirectory() as folder, lent(Path(folder) / "home", stocks, ("fabric", "evm")) as world:
            windows = Profile.load(profile_file(world.home)).windows
            quiet += [_between(world, windows, stock) for stock in stocks[:BETWEEN]]
            busy += [_behind(world, windows, stock) for stock in stocks[BETWEEN:]]
    return [
        _row("line frozen (event seen), between two windows' attestations", [frozen for frozen, _ in quiet], "—"),
        _row("draw refused, between two windows' attestations", [refused for _, refused in quiet], "aim: p99 ≤ 2 s"),
        _row(f"draw refused, behind the attestations of {len(stocks)} slots", [refused for _, refused in busy], "—"),
    ]


def _between(world: World, windows: Windows, stock: Stock) -> tuple[float, float]:
    low, high = (share * windows.window_s for share in QUIET_SHARE)
    while not low <= _since_window_began(world, windows) <= high:
        time.sleep(0.05)
    return patient(world, stock)


def _behind(world: World, windows: Windows, stock: Stock) -> tuple[float, float]:
    """The reading comes when the last window is being closed."""
    while not windows.grace_s <= _since_window_began(world, windows) <= windows.grace_s + 0.5:
        time.sleep(0.05)
    return patient(world, stock)


def _since_window_began(world: World, windows: Windows) -> float:
    now_s = world.clock.now_ms() / 1000
    return now_s - windows.start_s(windows.index(int(now_s)))


def _row(measured: str, samples_s: list[float], peer: str) -> Row:
    return Row(
        f"reading published → {measured}, Fabric and EVM",
        milliseconds(samples_s),
        peer,
        "fsync per pack batch, lock, outbox entry, command; then the ledgers' own",
        "broker, 3 members, 6 nodes, 4 orderers, 5 peers, 4 validators",
        "pack of 1 reading, SM2; 2 of 3 signatures",
    )
