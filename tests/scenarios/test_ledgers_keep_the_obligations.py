"""What every chain of obligations must show, whichever engine runs it: commands once, nonces, refusals, logs."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from network.membership.published import public_keys
from network.ports import Chain, Log, Rejected, TxResult
from tests.engines import CHAIN_PAIRS, Ledgers, on
from tests.scenarios.ledger_story import DRAW_MINOR, LedgerStory, alarm, feed_arguments
from wuxin_evidence.attestation import PRICE

AT_ONCE = 6
TOKEN = "DepositToken"


@on(*CHAIN_PAIRS)
async def test_a_command_is_done_once_however_often_it_is_sent(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        chain, account = parties["bank"].chain, public_keys(ledgers.home, "manufacturer").evm_address
        before = await chain.call(TOKEN, "balanceOf", [account])
        command = secrets.token_bytes(32)
        first = await chain.transact(TOKEN, "mint", [command, account, 7])
        again = await chain.transact(TOKEN, "mint", [command, account, 7])
        assert (first.status, again.status, again.code) == (1, 0, "command_repeated")
        assert again.block >= first.block and not again.logs
        assert await chain.call(TOKEN, "balanceOf", [account]) == before + 7


@on(*CHAIN_PAIRS)
async def test_commands_of_one_account_at_once_are_each_done_once(ledgers: Ledgers) -> None:
    """Two handles stand for two processes: neither knows which nonces the other has used."""
    one, other = [await asyncio.to_thread(ledgers.bind, "bank") for _ in range(2)]
    account = public_keys(ledgers.home, "manufacturer").evm_address
    try:
        before = await one.chain.call(TOKEN, "balanceOf", [account])
        results = await asyncio.gather(
            *(mint((one, other)[number % 2].chain, account, 10**number) for number in range(AT_ONCE))
        )
        assert {each.status for each in results} == {1}, results
        assert len({each.tx_hash for each in results}) == AT_ONCE
        assert await one.chain.call(TOKEN, "balanceOf", [account]) == before + int("1" * AT_ONCE)
    finally:
        await one.aclose()
        await other.aclose()


async def mint(chain: Chain, account: bytes, amount_minor: int) -> TxResult:
    return await chain.transact(TOKEN, "mint", [secrets.token_bytes(32), account, amount_minor])


@on(*CHAIN_PAIRS)
async def test_a_refusal_is_mined_with_its_code_and_a_view_refuses_by_name(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        unknown = await story.parties["manufacturer"].chain.transact(
            "CreditFacility", "draw", [secrets.token_bytes(32), story.key, 1]
        )
        assert (unknown.status, unknown.code) == (0, "not_found")
        assert unknown.block > 0 and unknown.tx_hash
        height = await parties["bank"].chain.height()
        assert height >= unknown.block
        with pytest.raises(Rejected) as refused:
            await parties["bank"].chain.call("CreditFacility", "no_such_view", [])
        assert refused.value.code == "malformed"
        pack = [secrets.token_bytes(32), b"\x01" * 32, []]
        stranger = await parties["insurer"].chain.transact("RuleBook", "loadPack", pack)
        assert (stranger.status, stranger.code) == (0, "forbidden")


@on(*CHAIN_PAIRS)
async def test_an_attestation_counts_once_and_only_with_its_quorum(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        chain, values = parties["bank"].chain, {"price_minor_per_t": 7_000_000}
        lone = story.statement("commodity", story.commodity, PRICE, values, signers=("bank",))
        assert (await chain.transact("AttestationFeed", "submit", feed_arguments(lone))).code == "quorum_not_met"
        said = story.price()
        first = await chain.transact("AttestationFeed", "submit", feed_arguments(said))
        again = await chain.transact("AttestationFeed", "submit", feed_arguments(said))
        assert (first.status, len(first.logs), again.status, len(again.logs)) == (1, 1, 1, 0)


@on(*CHAIN_PAIRS)
async def test_logs_resume_exactly_after_the_last_one_seen(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        bank, account = parties["bank"].chain, public_keys(ledgers.home, "manufacturer").evm_address
        start = (await bank.height(), 10**6)
        mined = [await mint(bank, account, 100 + number) for number in range(4)]
        expected = [(each.block, log.log_index) for each in mined for log in each.logs]
        reader = parties["regulator"].chain
        whole = [log async for log in some(reader, start, len(expected))]
        assert [(log.block, log.log_index) for log in whole] == expected
        assert {log.tx_hash for log in whole} == {each.tx_hash for each in mined}
        resumed = [log async for log in some(reader, expected[1], len(expected) - 2)]
        assert resumed == whole[2:]


async def some(chain: Chain, after: tuple[int, int], count: int) -> AsyncIterator[Log]:
    async for log in chain.logs(after):
        yield log
        count -= 1
        if count == 0:
            return


@on(*CHAIN_PAIRS)
async def test_a_frozen_line_takes_repayments_and_no_draw(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await story.lend()
        assert (await story.obligation("manufacturer", "draw", story.key, DRAW_MINOR)).status == 1
        await story.relay(alarm(story), "slot", story.slot)
        drawn = await story.obligation("manufacturer", "draw", story.key, 1)
        assert (drawn.status, drawn.code) == (0, "facility_frozen") and drawn.detail
        facility = await parties["manufacturer"].chain.call(TOKEN, "facility", [])
        await story.transact("manufacturer", TOKEN, "approve", [facility, DRAW_MINOR])
        assert (await story.obligation("manufacturer", "repay", story.key, 1)).status == 1
