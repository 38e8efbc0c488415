"""How a network is, asked as an operator asks: what its doctor says, and whether a peer has every block again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from network.facts.fabric.ledger import open_ledger
from network.membership.connections import Connections, FactsConnection
from network.ports import Ledger, Unavailable
from tests.engines import Ledgers
from tests.faults.islands import Island

SOUND_WITHIN_S = 60.0

Findings = Mapping[str, list[Mapping[str, str]]]
"""By place."""


async def run(*argv: str, island: Island | None = None) -> Any:
    """What a module of ours prints, as JSON; run on the island where one is given."""
    argv = (sys.executable, "-m", *argv)
    started = await asyncio.create_subprocess_exec(
        *(island.aboard(argv) if island else argv), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, said = await started.communicate()
    assert printed, said.decode()
    return json.loads(printed)


async def doctor(home: Path, island: Island | None = None) -> Findings:
    """`wuxin network doctor`, here or on the island."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for each in await run("node.cli.main", "network", "doctor", "--json", "--home", str(home), island=island):
        assert each["detail"] and each["hint"], each
        found.setdefault(each["place"], []).append(each)
    return found


async def sound(home: Path) -> float:
    """Seconds until the doctor finds nothing wrong."""
    begin_s = time.monotonic()
    while found := await doctor(home):
        assert time.monotonic() - begin_s < SOUND_WITHIN_S, found
    return time.monotonic() - begin_s


async def caught_up(ledgers: Ledgers, organisation: str, height: int) -> float:
    """Seconds until the organisation's own peer has so many blocks."""
    begin_s = time.monotonic()
    ledger = through_own_peer(ledgers, organisation)
    try:
        while not await _has(ledger, height):
            assert time.monotonic() - begin_s < SOUND_WITHIN_S, f"the peer of {organisation} did not catch up"
            await asyncio.sleep(0.2)
    finally:
        await ledger.aclose()
    return time.monotonic() - begin_s


def through_own_peer(ledgers: Ledgers, organisation: str) -> Ledger:
    """The organisation's ledger with nobody else's peer to turn to; the caller closes it."""
    connection = Connections.load(ledgers.home).facts
    assert connection is not None
    own = FactsConnection(tuple(peer for peer in connection.peers if peer.organisation == organisation))
    return open_ledger(ledgers.consortium, ledgers.seat(organisation), ledgers.clock, own)


async def _has(ledger: Ledger, height: int) -> bool:
    try:
        return await ledger.height() >= height
    except Unavailable:
        return False
