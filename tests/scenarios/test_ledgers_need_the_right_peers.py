"""Whose peer must have computed a transaction: a majority is not enough for a pledged receipt, and altered code cannot
endorse."""

import pytest

from network.ports import Commit, EndorsementMismatch, Invalid
from tests.altered_chaincode import Fault, altered
from tests.engines import FABRIC, FACTS_PAIRS, Ledgers, on
from tests.scenarios.chosen_endorsers import submit_endorsed_by
from tests.scenarios.ledger_story import LedgerStory
from wuxin_evidence.fabric import parse_block, parse_identity


async def pledged(story: LedgerStory) -> None:
    await story.issue()
    assert isinstance(await story.propose(), Commit)
    assert isinstance(await story.accept(), Commit)


@on(*FACTS_PAIRS)
async def test_a_majority_without_the_pledgee_cannot_move_a_pledged_receipt(ledgers: Ledgers) -> None:
    """Somebody has the bank's client key but not its peer, and four other peers at hand."""
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await pledged(story)
        others = [each.msp_id for each in ledgers.consortium.endorsers if each.name != "bank"]
        bank, release = parties["bank"].ledger, {"pledge_id": story.pledge_id}
        with pytest.raises(Invalid) as refused:
            await submit_endorsed_by(bank, "release_pledge", release, others)
        assert refused.value.validation_code == "ENDORSEMENT_POLICY_FAILURE"
        lien = await bank.evaluate("lien_check", {"receipt_id": story.receipt_id})
        assert (lien["lien"]["pledge_id"], lien["lien"]["status"]) == (story.pledge_id, "active")
        assert isinstance(await story.fact("bank", "release_pledge", release), Commit)


@on(*FACTS_PAIRS)
async def test_an_organisation_with_other_code_cannot_endorse_and_is_named(ledgers: Ledgers) -> None:
    """The pledgee's own peer is needed here, and it alone computes something else."""
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await pledged(story)
        run = story.run
    async with altered(ledgers, "bank"), ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties, run)
        refused = await story.fact("bank", "release_pledge", {"pledge_id": story.pledge_id})
        assert isinstance(refused, EndorsementMismatch), refused
        assert refused.organisations == ("bank",) and "bank" in refused.detail
        lien = await parties["regulator"].ledger.evaluate("lien_check", {"receipt_id": story.receipt_id})
        assert lien["lien"]["status"] == "active"
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties, run)
        assert isinstance(await story.fact("bank", "release_pledge", {"pledge_id": story.pledge_id}), Commit)


@on(FABRIC)
@pytest.mark.parametrize("fault", ["wrong", "slow"])
async def test_one_organisation_with_other_or_slow_code_stops_nobody_else(ledgers: Ledgers, fault: Fault) -> None:
    """The embedded ledger gives a transaction up as soon as one endorser differs; a consortium of machines must not."""
    async with altered(ledgers, "warehouse", fault), ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        commit = await story.fact("warehouse", "register_slot", {"slot_id": story.slot})
        assert isinstance(commit, Commit), commit
        raw = await anext(parties["bank"].ledger.blocks(commit.block - 1))
        endorsements = parse_block(raw).transactions[commit.index].endorsements
        signed = {parse_identity(each.endorser).msp_id for each in endorsements}
        assert len(signed) >= ledgers.consortium.facts.endorsements
        assert ledgers.consortium.organisation("warehouse").msp_id not in signed
