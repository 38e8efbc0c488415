"""A whole loan on every pair of ledgers: the same codes, events, states and history, act for act."""

import asyncio

import pytest

from tests.engines import EMBEDDED, PAIRS, Ledgers, Networks, on
from tests.scenarios.ledger_story import DRAW_MINOR, Entry, LedgerStory, alarm

CODES = {
    "warehouse: issue_receipt": ["done", "slot_claimed"],
    "manufacturer: propose_pledge": ["done", "receipt_pledged"],
    "bank: accept_pledge": ["done"],
    "bank: release_pledge": ["done"],
    "bank: CreditFacility.propose": ["done"],
    "bank: CreditFacility.activate": ["lien_missing", "done"],
    "manufacturer: CreditFacility.draw": ["attestation_stale", "done", "facility_frozen"],
    "manufacturer: CreditFacility.repay": ["done"],
    "bank: CreditFacility.startClosing": ["done"],
    "bank: CreditFacility.close": ["closing_unreleased", "done"],
}
"""What each act must answer, in its order; the transcripts are compared besides."""


async def tell(ledgers: Ledgers) -> tuple[list[Entry], dict[str, object]]:
    """The story from the slot to the closed facility; gives its transcript and the histories that it leaves."""
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await story.issue()
        await story.fact("warehouse", "enrol_device", story.device())
        await story.fact("warehouse", "issue_receipt", story.receipt(f"second-{story.run}"))
        await story.propose()
        await story.obligation("bank", "propose", story.key, story.facility())
        second = story.pledge(f"second-{story.run}")
        await story.fact("manufacturer", "propose_pledge", second, terms=True)
        await story.accept()
        await story.obligation("bank", "activate", story.key)
        await borrow_and_freeze(story)
        await pay_back_and_close(story)
        keys = (f"receipt/{story.receipt_id}", f"pledge/{story.pledge_id}", f"slot-claim/{story.slot}")
        return story.transcript, {story.plain(key): await story.history("regulator", key) for key in keys}


async def borrow_and_freeze(story: LedgerStory) -> None:
    await story.relay(story.lien(active=True), "pledge", story.pledge_id)
    await story.obligation("bank", "activate", story.key)
    await story.relay(story.price(), "commodity", story.commodity)
    await story.obligation("manufacturer", "draw", story.key, DRAW_MINOR)
    await story.relay(story.quantity(), "slot", story.slot)
    await story.obligation("manufacturer", "draw", story.key, DRAW_MINOR)
    assert await story.relay(alarm(story), "slot", story.slot) == ("done", "done")
    await story.obligation("manufacturer", "draw", story.key, 1)


async def pay_back_and_close(story: LedgerStory) -> None:
    token = "DepositToken"
    facility = await story.parties["bank"].chain.call(token, "facility", [])
    await story.transact("manufacturer", token, "approve", [facility, DRAW_MINOR])
    await story.obligation("manufacturer", "repay", story.key, DRAW_MINOR)
    await story.obligation("bank", "startClosing", story.key)
    await story.obligation("bank", "close", story.key)
    await story.fact("bank", "release_pledge", {"pledge_id": story.pledge_id}, touched=[f"pledge/{story.pledge_id}"])
    await story.relay(story.lien(active=False), "pledge", story.pledge_id)
    await story.obligation("bank", "close", story.key)


Told = tuple[list[Entry], dict[str, object]]


@pytest.fixture(scope="package")
def expected(networks: Networks) -> Told:
    """The embedded pair's transcript and histories."""
    return asyncio.run(tell(networks.founded(EMBEDDED)))


@on(*PAIRS)
async def test_every_act_has_the_same_code_events_and_states(ledgers: Ledgers, expected: Told) -> None:
    transcript, histories = await tell(ledgers)
    for act, codes in CODES.items():
        assert [each.code for each in transcript if each.act == act] == codes, act
    assert [each.act for each in transcript] == [each.act for each in expected[0]]
    for entry, wanted in zip(transcript, expected[0], strict=True):
        assert entry == wanted
    assert histories == expected[1]
