"""Parts of the network are cut off from the rest: a minority stops nobody, without a quorum nothing is acknowledged,
and both go on by themselves when the cut is over.

Orderers and validators are cut off by network namespaces; where this machine allows none, by stopping their processes.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from network.bringup import supervisor
from network.obligations.jsonrpc import sending
from tests.engines import BOTH, Ledgers, on
from tests.faults.consortium_health import doctor
from tests.faults.consortium_load import Load, Side, loaded
from tests.faults.consortium_strikes import RECOVERY_S_MAX, leader, network_of
from tests.faults.islands import ORDERERS, VALIDATORS, can_be_made, islands, programs_of

CUT_S = 8.0
"""Longer than the orderers take to notice a silent leader (3 s) and to choose another."""
SETTLED_S = 2.0
"""What was on its way when the cut came may still be acknowledged."""
PATIENCE_S = 4.0
"""In place of the minute for which a sent transaction is waited for."""

Switch = Callable[[bool], None]
"""Cuts off with True, joins again with False."""


@asynccontextmanager
async def apart(home: Path, kinds: Collection[str], organisations: Sequence[str]) -> AsyncIterator[Switch]:
    """These on islands, or a switch that stops them; the network is settled when this begins."""
    refused = can_be_made()
    if refused:
        print(f"no network namespaces here ({refused}): the processes are stopped instead")
        yield partial(stop, home, [each.name for org in organisations for each in programs_of(home, kinds, org)])
        return
    async with islands(home, kinds, organisations) as made:

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
    leads = (await asyncio.to_thread(leader, ledgers)).organisation.name
    async with apart(ledgers.network_home, ORDERERS, [leads]) as switch, loaded(ledgers) as load:
        moment_s = time.monotonic()
        async with cut(switch):
            went_on_s = await load.acknowledged_after("facts", moment_s, RECOVERY_S_MAX)
            await asyncio.sleep(max(0.0, CUT_S - went_on_s))
        joined_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
        print(f"one orderer cut off: acknowledged after {went_on_s:.1f} s; joined again: after {joined_s:.1f} s")


@on(BOTH)
async def test_without_a_quorum_of_orderers_nothing_is_acknowledged_until_it_is_back(ledgers: Ledgers) -> None:
    two = [each.organisation.name for each in network_of(ledgers).orderers[:2]]
    async with apart(ledgers.network_home, ORDERERS, two) as switch, loaded(ledgers) as load:
        async with cut(switch):
            await stands_still(load, "facts")
        back_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
        print(f"two of four orderers cut off for {CUT_S:g} s: acknowledged {back_s:.1f} s after the cut ended")


@on(BOTH)
async def test_without_a_quorum_of_validators_nothing_is_acknowledged_until_it_is_back(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last two are cut off, so that the load's own endpoint takes what it cannot bring into a block."""
    monkeypatch.setattr(sending, "RECEIPT_WAIT_S_MAX", PATIENCE_S)
    two = ledgers.consortium.circle("e1").validators[2:]
    async with apart(ledgers.chain_home, VALIDATORS, two) as switch, loaded(ledgers) as load:
        load.half_done.clear()
        async with cut(switch):
            _, found = await asyncio.gather(stands_still(load, "obligations"), doctor(ledgers.chain_home))
        named = dict(load.half_done)
        back_s = await load.acknowledged_after("obligations", time.monotonic(), RECOVERY_S_MAX)
        print(
            f"two of four validators cut off for {CUT_S:g} s: {len(named)} sends named as half done; acknowledged "
            f"{back_s:.1f} s after the cut ended"
        )
    assert set(found) == {f"evm.{organisation}" for organisation in two} | {"obligations.e1"}, found
    assert "no block after" in found["obligations.e1"][0]["detail"]
    answered = {each.key for each in load.answered}
    assert named and set(named) <= answered, "what was half done is acknowledged in the end"
    for told in named.values():
        assert f"{told.tx_id} was sent and is in no block" in told.detail and "repeating" in told.hint
