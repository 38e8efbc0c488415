"""The count after a run of faults finds what it is for: it is tried on commands that were lost or done twice."""

import secrets
import time
from dataclasses import replace

import pytest

from tests.engines import EMBEDDED, Bound, Ledgers, on
from tests.faults.consortium_load import Answered, Load, account_of
from wuxin_evidence.ids import command_id


async def calm(ledgers: Ledgers, parties: dict[str, Bound]) -> Load:
    """A load without faults, ended after each side has acknowledged something."""
    load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
    await load.start()
    for side in ("facts", "obligations"):
        await load.acknowledged_after(side, time.monotonic(), 30)
    await load.stop()
    return load


@on(EMBEDDED)
async def test_a_calm_run_counts_right_and_one_with_a_lost_or_moved_fact_does_not(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        load = await calm(ledgers, parties)
        await load.check()
        key, commit = next(iter(load.commits.items()))
        load.commits[f"{load.tag}-lost"] = commit
        with pytest.raises(AssertionError):
            await load.check()
        del load.commits[f"{load.tag}-lost"]
        load.commits[key] = replace(commit, index=commit.index + 1)
        with pytest.raises(AssertionError):
            await load.check()


@on(EMBEDDED)
async def test_one_command_lost_and_another_done_twice_do_not_make_it_right(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        load = await calm(ledgers, parties)
        load.answered.append(Answered(f"{load.tag}-lost", "obligations", 0.0, 0.0, 1))
        again = command_id("bank", f"{load.tag}-done-twice")
        assert (
            await load.bank.chain.transact("DepositToken", "mint", [again, account_of(ledgers.home), 1])
        ).status == 1
        with pytest.raises(AssertionError):
            await load.check()
