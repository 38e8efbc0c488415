"""One organisation's peer, or its validator, is cut off from everybody: the others go on, its own client is told by
name what is wrong, the doctor says it on both sides, and when the cut is over it catches up by itself.

What the cut off client could not have done is done once when it is repeated under the same key.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from network.bringup.cosmos.validators import status
from tests.engines import BOTH, Ledgers, on
from tests.faults.consortium_health import caught_up, doctor, run, sound
from tests.faults.consortium_load import Load, Side, loaded
from tests.faults.consortium_strikes import RECOVERY_S_MAX
from tests.faults.islands import PEERS, VALIDATORS, Island, can_be_made, islands

PATIENCE_S = 3.0
LEVEL_BLOCKS = 3


@pytest.fixture(autouse=True)
def namespaces() -> None:
    if refused := can_be_made():
        end = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        end(f"no network namespaces here: {refused}")


@on(BOTH)
async def test_the_peer_that_its_own_clients_use_is_cut_off(ledgers: Ledgers) -> None:
    """The warehouse's, with its chaincode server: the gateway of the load, whose commands are on their way there."""
    home = ledgers.network_home
    async with islands(home, PEERS, ["warehouse"]) as (island,), loaded(ledgers) as load:
        key = f"{load.tag}-CASTAWAY"
        async with cut_off(island, load, "facts") as went_on:
            sent = send(ledgers, island, "warehouse", "facts", key)
            went_on_s, told, here, there = await asyncio.gather(went_on, sent, doctor(home), doctor(home, island))
        height = await load.warehouse.ledger.height()
        caught_up_s = await caught_up(ledgers, "warehouse", height)
        await load.command("facts", key)
        print(f"cut off: acknowledged after {went_on_s:.1f} s; had every block {caught_up_s:.1f} s after it\n{told}")
    assert told["code"] == "unavailable" and not told["tx_id"], told
    assert "insurer" in told["detail"] and "doctor" in told["hint"], told
    assert set(here) <= {"peer.warehouse", "chaincode.warehouse"} and "peer.warehouse" in here, here
    assert {"orderer.bank", "peer.insurer", "channel"} <= set(there) and "peer.warehouse" not in there, there
    assert "0 of 4 orderers answer" in there["channel"][0]["detail"]
    print(f"the doctor has nothing more to say {await sound(home):.1f} s later")


@on(BOTH)
async def test_the_validator_that_its_own_clients_use_is_cut_off(ledgers: Ledgers) -> None:
    """The bank's: the endpoint of the load."""
    home = ledgers.chain_home
    async with islands(home, VALIDATORS, ["bank"]) as (island,), loaded(ledgers) as load:
        key = f"{load.tag}-CASTAWAY"
        async with cut_off(island, load, "obligations") as went_on:
            sent = send(ledgers, island, "bank", "obligations", key)
            went_on_s, told, here, there = await asyncio.gather(went_on, sent, doctor(home), doctor(home, island))
        level_s = await level(ledgers)
        await load.command("obligations", key)
        print(f"cut off: acknowledged after {went_on_s:.1f} s; level {level_s:.1f} s after it\n{told}")
    assert told["code"] == "unavailable" and told["tx_id"], told
    assert "was sent and is in no block" in told["detail"] and "repeating" in told["hint"], told
    assert set(here) == {"evm.bank"}, here
    assert {"evm.insurer", "evm.manufacturer", "evm.regulator"} <= set(there), there
    print(f"the doctor has nothing more to say {await sound(home):.1f} s later")


@asynccontextmanager
async def cut_off(island: Island, load: Load, side: Side) -> AsyncIterator[Awaitable[float]]:
    """During the block; gives the seconds after which the others go on. They still do when it ends."""
    island.cut()
    try:
        yield load.acknowledged_after(side, time.monotonic(), RECOVERY_S_MAX)
        await load.acknowledged_after(side, time.monotonic(), RECOVERY_S_MAX)
    finally:
        island.heal()


async def send(ledgers: Ledgers, island: Island, organisation: str, side: Side, key: str) -> dict[str, str]:
    """What the organisation's client is told on the island."""
    sent = ("tests.faults.castaway", str(ledgers.home), organisation, side, key, str(PATIENCE_S))
    return await run(*sent, island=island)


async def level(ledgers: Ledgers) -> float:
    """Seconds until every validator has the blocks of the others."""
    begin_s = time.monotonic()
    while True:
        heights = [each.height for each in await asyncio.to_thread(status, ledgers.chain_home)]
        known = [height for height in heights if height is not None]
        if len(known) == len(heights) and max(known) - min(known) <= LEVEL_BLOCKS:
            return time.monotonic() - begin_s
        assert time.monotonic() - begin_s < RECOVERY_S_MAX, heights
        await asyncio.sleep(0.2)
