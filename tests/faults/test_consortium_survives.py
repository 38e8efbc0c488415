"""Orderers, peers, chaincode servers and validators are killed and stopped under load: nothing acknowledged is lost,
nothing is done twice, and the ledgers go on by themselves."""

import asyncio
import os
import secrets
import time
from random import Random

import pytest

from tests.altered_chaincode import Fault, altered
from tests.engines import BOTH, Ledgers, on
from tests.faults.consortium_load import Load
from tests.faults.consortium_strikes import RECOVERY_S_MAX, Outcome, perform, plan
from tests.faults.crash_consortium import tell

ALTERED_S = 10.0
SEED = int(os.environ.get("WUXIN_SEED", "20220102"))


@on(BOTH)
@pytest.mark.timeout(300)
async def test_each_kind_of_process_is_killed_and_stopped_under_load(ledgers: Ledgers) -> None:
    print(f"seed {SEED}")
    async with ledgers.everybody() as parties:
        load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
        await load.start()
        outcomes: list[Outcome] = []
        for each in plan(ledgers, Random(SEED)):
            outcomes.append(await perform(ledgers, load, each))
            print(outcomes[-1])
        await load.stop()
        await load.check()
        tell(load, outcomes)
        assert min(load.count("facts"), load.count("obligations")) > len(outcomes)


@on(BOTH)
@pytest.mark.parametrize("fault", ["wrong", "slow"])
async def test_an_endorser_that_answers_wrongly_or_slowly_stops_nobody(ledgers: Ledgers, fault: Fault) -> None:
    """The warehouse's own, whose peer is also the gateway of the load."""
    async with ledgers.everybody() as parties:
        load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
        await load.start()
        async with altered(ledgers, "warehouse", fault):
            moment_s = time.monotonic()
            went_on_s = await load.acknowledged_after("facts", moment_s, RECOVERY_S_MAX)
            await asyncio.sleep(ALTERED_S)
            answered = [each for each in load.answered if each.side == "facts" and each.sent_s >= moment_s]
        await load.stop()
        await load.check()
        slowest_s = max(each.answered_s - each.sent_s for each in answered)
        told = f"{len(answered)} facts in {ALTERED_S:g} s, the first after {went_on_s:.1f} s"
        print(f"a {fault} endorser: {told}, the slowest took {slowest_s:.1f} s")
        assert len(answered) > 1
