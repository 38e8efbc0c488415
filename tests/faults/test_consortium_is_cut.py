"""Parts of the network are cut off from the rest: a minority stops nobody, without a quorum nothing is acknowledged,
and both go on by themselves when the cut is over.

Orderers are cut off by network namespaces; where this machine allows none, by stopping their processes, as validators
are: their JSON-RPC clients share the loopback with them.
"""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from network import supervisor
from network.fabric.layout import OrdererPlace
from tests.engines import BOTH, Ledgers, on
from tests.faults.consortium_load import Load, Side
from tests.faults.consortium_strikes import RECOVERY_S_MAX, leader, network_of
from tests.faults.islands import can_be_made, islands

CUT_S = 8.0
"""Longer than the orderers take to notice a silent leader (3 s) and to choose another."""
SETTLED_S = 2.0
"""What was on its way when the cut came may still be acknowledged."""

Switch = Callable[[bool], None]
"""Cuts off with True, joins again with False."""


@asynccontextmanager
async def loaded(ledgers: Ledgers) -> AsyncIterator[Load]:
    """Commands to both ledgers during the block; then everything is counted."""
    async with ledgers.everybody() as parties:
        load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
        await load.start()
        for side in ("facts", "obligations"):
            await load.acknowledged_after(side, time.monotonic(), RECOVERY_S_MAX)
        yield load
        await load.stop()
        await load.check()


@asynccontextmanager
async def apart(ledgers: Ledgers, chosen: Sequence[OrdererPlace]) -> AsyncIterator[Switch]:
    """The orderers on islands, or a switch that stops them; the network is settled when this begins."""
    refused = can_be_made()
    if refused:
        print(f"no network namespaces here ({refused}): the processes are stopped instead")
        yield partial(stop, ledgers.network_home, [place.name for place in chosen])
        return
    async with islands(ledgers.network_home, chosen, network_of(ledgers).orderers) as made:

        def switch(cut: bool) -> None:
            for island in made:
                island.cut() if cut else island.heal()

        yield switch


def stop(home: Path, names: Sequence[str], stopped: bool) -> None:
    for name in names:
        pid = supervisor.states(home)[name].pid
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGSTOP if stopped else signal.SIGCONT)


@asynccontextmanager
async def cut(switch: Switch) -> AsyncIterator[None]:
    switch(True)
    try:
        yield
    finally:
        switch(False)


async def stands_still(load: Load, side: Side) -> None:
    """While the cut lasts nothing is acknowledged on that side, and the other one goes on."""
    other: Side = "obligations" if side == "facts" else "facts"
    await asyncio.sleep(SETTLED_S)
    before, others = load.count(side), load.count(other)
    await asyncio.sleep(CUT_S - SETTLED_S)
    assert load.count(side) == before, f"{side} acknowledged without a quorum"
    assert load.count(other) > others


@on(BOTH)
async def test_the_orderer_that_leads_is_cut_off_and_the_others_go_on(ledgers: Ledgers) -> None:
    """The one moved to an island was restarted for it, so that another leads at first; it is cut whoever leads."""
    async with apart(ledgers, [await asyncio.to_thread(leader, ledgers)]) as switch, loaded(ledgers) as load:
        moment_s = time.monotonic()
        async with cut(switch):
            went_on_s = await load.acknowledged_after("facts", moment_s, RECOVERY_S_MAX)
            await asyncio.sleep(max(0.0, CUT_S - went_on_s))
        joined_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
        print(f"one orderer cut off: acknowledged after {went_on_s:.1f} s; joined again: after {joined_s:.1f} s")


@on(BOTH)
async def test_without_a_quorum_of_orderers_nothing_is_acknowledged_until_it_is_back(ledgers: Ledgers) -> None:
    async with apart(ledgers, network_of(ledgers).orderers[:2]) as switch, loaded(ledgers) as load:
        async with cut(switch):
            await stands_still(load, "facts")
        back_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
        print(f"two of four orderers cut off for {CUT_S:g} s: acknowledged {back_s:.1f} s after the cut ended")


@on(BOTH)
async def test_without_a_quorum_of_validators_nothing_is_acknowledged_until_it_is_back(ledgers: Ledgers) -> None:
    names = sorted(name for name in supervisor.states(ledgers.chain_home) if name.startswith("evm."))[:2]
    async with loaded(ledgers) as load:
        async with cut(partial(stop, ledgers.chain_home, names)):
            await stands_still(load, "obligations")
        back_s = await load.acknowledged_after("obligations", time.monotonic(), RECOVERY_S_MAX)
        print(f"two of four validators stopped for {CUT_S:g} s: acknowledged {back_s:.1f} s after they went on")
