"""What every ledger of facts must show, whichever engine runs it: refusals, conflicts, repetition, secrecy."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chaincode.contract import FUNCTIONS
from network.ports import Commit, Invalid, Ledger, Rejected
from tests.engines import FABRIC, FACTS_PAIRS, Bound, Ledgers, on
from tests.scenarios.ledger_story import CONTRACT_NUMBER, LedgerStory
from wuxin_evidence.fabric import parse_block

ROUNDS = 6
SKEW_MS = 20 * 60 * 1000
OVERTAKEN = ("MVCC_READ_CONFLICT", "ENDORSEMENT_POLICY_FAILURE")
"""What becomes of a transaction that another one overtook in the same block: Fabric says the second where the first
changed who must endorse the record, whoever endorsed the loser."""
THIRD = "regulator"
"""A member with a peer of its own that is no party to the pledge."""


class Shifted:
    """A clock that goes wrong by so much."""

    def __init__(self, ledgers: Ledgers, by_ms: int) -> None:
        self._clock, self._by_ms = ledgers.clock, by_ms

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._by_ms


def slot_of(ledgers: Ledgers) -> dict[str, str]:
    return {"slot_id": f"{ledgers.consortium.organisation('warehouse').uscc}/B-{secrets.token_hex(6).upper()}"}


@on(*FACTS_PAIRS)
async def test_a_repeated_nonce_repeats_nothing_and_another_command_under_it_is_refused(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        ledger, nonce, slot = parties["warehouse"].ledger, secrets.token_bytes(24), slot_of(ledgers)
        first = await ledger.submit("register_slot", slot, nonce=nonce)
        again = await ledger.submit("register_slot", slot, nonce=nonce)
        assert (again.tx_id, again.block, again.index) == (first.tx_id, first.block, first.index)
        assert again.result == first.result
        with pytest.raises(Rejected) as refused:
            await ledger.submit("register_slot", slot_of(ledgers), nonce=nonce)
        assert refused.value.code == "idempotency_mismatch" and refused.value.hint
        history = await ledger.evaluate("history", {"kind": "slot", "id": slot["slot_id"]})
        assert [each["tx_id"] for each in history] == [first.tx_id]


@on(*FACTS_PAIRS)
async def test_a_refusal_names_itself_and_leaves_no_block(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        warehouse, slot = parties["warehouse"].ledger, slot_of(ledgers)
        height = (await warehouse.submit("register_slot", slot)).block + 1
        refusals: list[tuple[str, str, dict[str, Any], str]] = [
            ("warehouse", "register_slot", slot, "conflict"),
            ("bank", "register_slot", slot_of(ledgers), "forbidden"),
            ("inspector", "register_slot", slot_of(ledgers), "forbidden"),
            ("warehouse", "register_slot", {"slot_id": 7}, "malformed"),
            ("warehouse", "no_such_function", {}, "not_found"),
        ]
        for who, function, args, code in refusals:
            with pytest.raises(Rejected) as refused:
                await parties[who].ledger.submit(function, args)
            assert refused.value.code == code, (function, refused.value)
            assert refused.value.detail and refused.value.hint
        assert await warehouse.height() == height
        assert await warehouse.status("ab" * 32) is None


@on(FABRIC)
async def test_a_proposal_with_a_clock_twenty_minutes_wrong_is_refused_as_that(ledgers: Ledgers) -> None:
    """The embedded ledger has one clock for all; its own check of the time is tested in tests/network."""
    for by_ms in (-SKEW_MS, SKEW_MS):
        async with bound(ledgers, "warehouse", clock=Shifted(ledgers, by_ms)) as wrong:
            with pytest.raises(Rejected) as refused:
                await wrong.ledger.submit("register_slot", slot_of(ledgers))
            assert refused.value.code == "clock_skew", refused.value


@on(*FACTS_PAIRS)
async def test_of_two_pledges_of_one_receipt_at_once_exactly_one_wins(ledgers: Ledgers) -> None:
    """Two offices of the owner, each with a pledge of its own, through the peers of two members."""
    lost: list[str] = []
    async with ledgers.everybody() as parties, bound(ledgers, "manufacturer", through="regulator") as office:
        for _ in range(ROUNDS):
            story = LedgerStory(ledgers, parties)
            await story.issue()
            offices = {"first": parties["manufacturer"].ledger, "second": office.ledger}
            wishes = {name: story.pledge(f"{name}-{story.run}") for name in offices}
            outcomes = await asyncio.gather(*(propose(story, offices[name], wishes[name]) for name in offices))
            won = [each for each in outcomes if isinstance(each, Commit)]
            assert len(won) == 1, outcomes
            lien = await parties["manufacturer"].ledger.evaluate("lien_check", {"receipt_id": story.receipt_id})
            assert lien["lien"]["pledge_id"] == won[0].result["pledge_id"]
            lost += [each for each in outcomes if isinstance(each, str)]
    assert set(lost) <= {"conflict", "receipt_pledged"}, lost
    assert "conflict" in lost, "no two of them were simulated on one state"


@asynccontextmanager
async def bound(ledgers: Ledgers, organisation: str, **how: Any) -> AsyncIterator[Bound]:
    opened = await asyncio.to_thread(ledgers.bind, organisation, **how)
    try:
        yield opened
    finally:
        await opened.aclose()


@on(*FACTS_PAIRS)
async def test_of_two_claims_of_one_id_at_once_exactly_one_wins(ledgers: Ledgers) -> None:
    lost: list[str] = []
    async with ledgers.everybody() as parties, bound(ledgers, "warehouse", through="bank") as office:
        for _ in range(ROUNDS):
            slot = slot_of(ledgers)
            asked = (each.ledger.submit("register_slot", slot) for each in (parties["warehouse"], office))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert [isinstance(each, Commit) for each in outcomes].count(True) == 1, outcomes
            lost += [str(getattr(each, "validation_code", each)) for each in outcomes if not isinstance(each, Commit)]
    assert "MVCC_READ_CONFLICT" in lost, lost


async def propose(story: LedgerStory, ledger: Ledger, wish: dict[str, Any]) -> Commit | str:
    """The commit, or the code with which it lost."""
    try:
        return await ledger.submit("propose_pledge", wish, private={"terms": story.terms})
    except Invalid as invalid:
        assert invalid.validation_code in OVERTAKEN
        return invalid.code
    except Rejected as refused:
        return refused.code


@on(*FACTS_PAIRS)
async def test_private_terms_are_unseen_by_a_third_member(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await story.issue()
        proposed = await story.propose()
        accepted = await story.accept()
        assert isinstance(proposed, Commit) and isinstance(accepted, Commit)
        for party in ("manufacturer", "bank"):
            told = await parties[party].ledger.evaluate("terms", {"pledge_id": story.pledge_id})
            assert told["contract"] == f"{CONTRACT_NUMBER}-{story.run}"
        third = parties[THIRD].ledger
        with pytest.raises(Rejected) as refused:
            await third.evaluate("terms", {"pledge_id": story.pledge_id})
        assert refused.value.code == "forbidden"
        secret = f"{CONTRACT_NUMBER}-{story.run}".encode()
        blocks = [raw async for raw in first_blocks(third, proposed.block - 1, accepted.block - proposed.block + 1)]
        assert any(story.pledge_id.encode() in raw for raw in blocks)
        assert not any(secret in raw for raw in blocks)
        assert not held_in(stores_of(ledgers, THIRD), secret)


@on(*FACTS_PAIRS)
async def test_a_question_is_never_put_into_a_block(ledgers: Ledgers) -> None:
    """Each could be answered, by an owner who may ask it; ordered, the private terms would be everybody's."""
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await story.issue()
        await story.propose()
        owner = parties["manufacturer"].ledger
        questions: dict[str, dict[str, Any]] = {
            "get": {"kind": "pledge", "id": story.pledge_id},
            "history": {"kind": "pledge", "id": story.pledge_id},
            "list": {"kind": "pledge", "limit": 1, "bookmark": ""},
            "lien_check": {"receipt_id": story.receipt_id},
            "committee": {},
            "terms": {"pledge_id": story.pledge_id},
        }
        assert set(questions) == {name for name, function in FUNCTIONS.items() if not function.submitting}
        height = await owner.height()
        for function, args in questions.items():
            assert await owner.evaluate(function, args)
            with pytest.raises(Rejected) as refused:
                await owner.submit(function, args)
            assert refused.value.code == "unsupported_action", (function, refused.value)
            assert refused.value.detail and refused.value.hint
        assert await owner.height() == height


async def first_blocks(ledger: Ledger, after: int, count: int) -> AsyncIterator[bytes]:
    async for raw in ledger.blocks(after):
        yield raw
        count -= 1
        if count == 0:
            return


def stores_of(ledgers: Ledgers, organisation: str) -> list[Path]:
    """Every file that the organisation's peer keeps: blocks, state, private and transient stores. The embedded
    engine's one file is everybody's, with each organisation's values sealed."""
    if ledgers.pair.facts == "embedded":
        return sorted((ledgers.home / "ledger").glob("facts.db*"))
    return sorted(path for path in (ledgers.network_home / "fabric" / organisation).rglob("*") if path.is_file())


def held_in(files: list[Path], secret: bytes) -> list[Path]:
    assert files
    return [path for path in files if secret in path.read_bytes()]


@on(*FACTS_PAIRS)
async def test_blocks_resume_exactly_where_a_reader_stopped(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        warehouse = parties["warehouse"].ledger
        commits = [await warehouse.submit("register_slot", slot_of(ledgers)) for _ in range(3)]
        first, last = commits[0].block, commits[-1].block
        reader = parties["inspector"].ledger
        whole = [raw async for raw in first_blocks(reader, first - 1, last - first + 1)]
        numbers = [parse_block(raw).number for raw in whole]
        assert numbers == list(range(first, last + 1))
        resumed = [raw async for raw in first_blocks(reader, first, last - first)]
        assert resumed == whole[1:]
        genesis = [raw async for raw in first_blocks(reader, -1, 1)]
        assert parse_block(genesis[0]).number == 0


@on(*FACTS_PAIRS)
async def test_a_receipt_lapses_and_is_free_again(ledgers: Ledgers) -> None:
    """Ends what the story leaves out: delivery is asked for, refused under a pledge, and done after its release."""
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await story.issue()
        await story.propose()
        await story.accept()
        requested = {"receipt_id": story.receipt_id}
        refused = await story.fact("manufacturer", "request_delivery", requested)
        assert refused.code == "receipt_pledged"  # type: ignore[union-attr] -- a commit has none, and fails here
        await story.fact("bank", "release_pledge", {"pledge_id": story.pledge_id})
        assert isinstance(await story.fact("manufacturer", "request_delivery", requested), Commit)
        assert isinstance(await story.fact("warehouse", "deliver_receipt", requested), Commit)
        assert isinstance(await story.fact("warehouse", "issue_receipt", story.receipt(f"next-{story.run}")), Commit)
