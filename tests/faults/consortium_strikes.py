"""What happens to processes: killed, stopped and continued, and how long the ledgers then acknowledge nothing.

Four orderers stand one fault at a time, so a strike on one waits until all four are level again: the same leader told
by each, and no more than a few blocks between them. That they become level, by themselves and in time, is asserted.

Strike("kill", "orderer", leader) ─▶ the process's pid from its supervisor ─▶ SIGKILL, or SIGSTOP and SIGCONT
afterwards: seconds until a command that was sent after the strike is acknowledged, and until the process is back
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from network.bringup import supervisor
from network.bringup.fabric.layout import Layout, OrdererPlace, layout_of
from network.bringup.supervisor import State
from tests.engines import Ledgers
from tests.faults.consortium_load import Load, Side

Act = Literal["kill", "pause"]
KINDS = ("leader", "orderer", "peer", "chaincode", "validator")
SIDE: Mapping[str, Side] = {
    "leader": "facts",
    "orderer": "facts",
    "peer": "facts",
    "chaincode": "facts",
    "validator": "obligations",
}
PREFIX = {"validator": "evm."}
"""How the names of a kind begin, where not with the kind itself."""
PAUSE_S = 4.0
BACK_WITHIN_S = 30.0
RECOVERY_S_MAX = 60.0
"""What a short run on two busy cores may take at most; what it took is told."""
LEVEL_S_MAX = 60.0
LEVEL_BLOCKS = 5
"""Between the orderers, under load: what they tell one after the other is a moment apart."""
METRICS_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Strike:
    """An act on one process; `kind` is what it is, `name` its name under the supervisor of `home`."""

    act: Act
    kind: str
    home: Path
    name: str


@dataclass(frozen=True)
class Outcome:
    """Seconds until the struck ledger acknowledged a command that was sent after the strike; until the process ran
    again; how often it was restarted since."""

    strike: Strike
    acknowledged_s: float
    back_s: float

    def __str__(self) -> str:
        what = f"{self.strike.act} {self.strike.kind} ({self.strike.name})"
        return f"{what}: acknowledged after {self.acknowledged_s:.1f} s, process back after {self.back_s:.1f} s"


def plan(ledgers: Ledgers, random: Random) -> list[Strike]:
    """Each kind killed once and paused once, in a seeded order, on seeded members."""
    strikes = [strike(ledgers, random, act, kind) for kind in KINDS for act in ("kill", "pause")]
    random.shuffle(strikes)
    return strikes


def strike(ledgers: Ledgers, random: Random, act: Act, kind: str) -> Strike:
    home = ledgers.chain_home if SIDE[kind] == "obligations" else ledgers.network_home
    if kind == "leader":
        return Strike(act, kind, home, "leader")
    prefix = PREFIX.get(kind, f"{kind}.")
    names = sorted(name for name in supervisor.states(home) if name.startswith(prefix))
    return Strike(act, kind, home, random.choice(names))


async def perform(ledgers: Ledgers, load: Load, wanted: Strike) -> Outcome:
    """Strike, and wait until the ledger goes on and the process is back. Raises AssertionError when they do not."""
    if wanted.kind in ("leader", "orderer"):
        await _until_level(ledgers)
    name = wanted.name if wanted.kind != "leader" else (await asyncio.to_thread(leader, ledgers)).name
    before = supervisor.states(wanted.home)[name]
    assert before.pid is not None, f"{name} does not run"
    moment_s = time.monotonic()
    if wanted.act == "kill":
        os.kill(before.pid, signal.SIGKILL)
        acknowledged = asyncio.create_task(load.acknowledged_after(SIDE[wanted.kind], moment_s, RECOVERY_S_MAX))
        back_s = await _back(wanted.home, name, before, moment_s)
    else:
        os.kill(before.pid, signal.SIGSTOP)
        try:
            acknowledged = asyncio.create_task(load.acknowledged_after(SIDE[wanted.kind], moment_s, RECOVERY_S_MAX))
            await asyncio.sleep(PAUSE_S)
        finally:
            os.kill(before.pid, signal.SIGCONT)
        back_s = PAUSE_S
    return Outcome(Strike(wanted.act, wanted.kind, wanted.home, name), await acknowledged, back_s)


async def _back(home: Path, name: str, before: State, moment_s: float) -> float:
    while True:
        now = supervisor.states(home)[name]
        if now.running and now.pid != before.pid:
            return time.monotonic() - moment_s
        assert time.monotonic() - moment_s < BACK_WITHIN_S, f"{name} was not started again"
        await asyncio.sleep(0.05)


async def _until_level(ledgers: Ledgers) -> None:
    begin_s, told = time.monotonic(), list[tuple[int, int] | None]()
    while time.monotonic() - begin_s < LEVEL_S_MAX:
        told = [await asyncio.to_thread(_told, place) for place in network_of(ledgers).orderers]
        known = [each for each in told if each is not None]
        leaders, heights = {each[0] for each in known}, [each[1] for each in known]
        if len(known) == len(told) and len(leaders) == 1 and max(heights) - min(heights) <= LEVEL_BLOCKS:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"the orderers are not level after {LEVEL_S_MAX:g} s: leader and height are {told}")


def leader(ledgers: Ledgers) -> OrdererPlace:
    """The orderer that most of them say leads; one that was away may still name an earlier one."""
    layout = network_of(ledgers)
    told = Counter(number for place in layout.orderers if (number := _leader_told(place)) is not None)
    assert told, "no orderer says who leads"
    number, _ = told.most_common(1)[0]
    return next(each for each in layout.orderers if each.number == number)


def network_of(ledgers: Ledgers) -> Layout:
    return layout_of(ledgers.network_home, ledgers.consortium)


def _leader_told(place: OrdererPlace) -> int | None:
    told = _told(place)
    return None if told is None else told[0]


def _told(place: OrdererPlace) -> tuple[int, int] | None:
    """Consenter number of the leader and height of the channel, as an orderer tells them; None before it knows."""
    try:
        url = f"http://127.0.0.1:{place.operations_port}/metrics"
        with urllib.request.urlopen(url, timeout=METRICS_TIMEOUT_S) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    found = [re.search(rf"^{name}\{{[^}}]*\}} (\d+)", text, re.MULTILINE) for name in (_LEADER, _HEIGHT)]
    number, height = (int(each[1]) if each else 0 for each in found)
    return (number, height) if number and height else None


_LEADER, _HEIGHT = "consensus_BFT_leader_id", "ledger_blockchain_height"
