"""Orderers, peers, chaincode servers and validators are killed and stopped under load: nothing acknowledged is lost,
nothing is done twice, and the ledgers go on by themselves."""

import os
import secrets
from random import Random

import pytest

from tests.engines import BOTH, Ledgers, on
from tests.faults.consortium_load import Load
from tests.faults.consortium_strikes import perform, plan
from tests.faults.crash_consortium import tell

SEED = int(os.environ.get("WUXIN_SEED", "20220102"))


@on(BOTH)
@pytest.mark.timeout(300)
async def test_each_kind_of_process_is_killed_and_stopped_under_load(ledgers: Ledgers) -> None:
    print(f"seed {SEED}")
    async with ledgers.everybody() as parties:
        load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
        await load.start()
        outcomes = []
        for each in plan(ledgers, Random(SEED)):
            outcomes.append(await perform(ledgers, load, each))
            print(outcomes[-1])
        await load.stop()
        await load.check()
        tell(load, outcomes)
        assert min(load.count("facts"), load.count("obligations")) > len(outcomes)
