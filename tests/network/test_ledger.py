"""The embedded ledger through its port."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from network.clock import SystemClock
from network.consortium import Consortium
from network.local.blocks import statement_of
from network.local.engine import LocalFacts
from network.local.ledger import LocalLedger, bind
from network.ports import Invalid, Rejected, Unavailable
from network.published import certificate, root_certificates
from network.seats import Seat
from tests.network.conftest import OpenFacts
from wuxin_evidence.canonical import canonical_json
from wuxin_evidence.fabric_messages import parse_block, transaction_id
from wuxin_evidence.fabric_proof import BlockSigner, verify_block, verify_creator, verify_endorsements

NONCE = b"n" * 24


@pytest.fixture
def bank(open_facts: OpenFacts, seats: dict[str, Seat]) -> LocalLedger:
    return bind(open_facts(), seats["bank"])


async def take(ledger: LocalLedger, count: int, after: int = -1) -> list[bytes]:
    blocks: list[bytes] = []
    async for block in ledger.blocks(after):
        blocks.append(block)
        if len(blocks) == count:
            break
    return blocks


async def test_a_submit_returns_where_it_stands_and_what_the_chaincode_said(bank: LocalLedger) -> None:
    commit = await bank.submit("claim", {"key": "slot/a"})
    assert (commit.block, commit.index, commit.result) == (1, 0, {"claimed": "slot/a"})
    assert await bank.height() == 2
    assert await bank.status(commit.tx_id) == commit


async def test_a_refusal_carries_the_chaincodes_code_and_changes_nothing(bank: LocalLedger) -> None:
    await bank.submit("claim", {"key": "slot/a"})
    with pytest.raises(Rejected) as refused:
        await bank.submit("claim", {"key": "slot/a"})
    assert (refused.value.code, refused.value.hint) == ("slot_claimed", "take another")
    assert refused.value.tx_id and refused.value.organisation
    assert await bank.height() == 2


async def test_a_transaction_does_not_read_its_own_writes(bank: LocalLedger) -> None:
    commit = await bank.submit("put", {"key": "k", "value": "v"})
    assert commit.result == {"unchanged_within": True}


async def test_the_caller_is_whose_seat_the_ledger_was_opened_with(
    open_facts: OpenFacts, seats: dict[str, Seat]
) -> None:
    facts = open_facts()
    for name in ("bank", "inspector"):
        assert await bind(facts, seats[name]).evaluate("who", {}) == seats[name].msp_id


async def test_a_transaction_id_is_the_hash_of_nonce_and_creator(bank: LocalLedger, seats: dict[str, Seat]) -> None:
    commit = await bank.submit("claim", {"key": "slot/a"}, nonce=NONCE)
    assert commit.tx_id == transaction_id(NONCE, seats["bank"].fabric_signer.identity)


async def test_a_repeated_nonce_gives_the_earlier_commit_and_no_new_block(bank: LocalLedger) -> None:
    first = await bank.submit("claim", {"key": "slot/a"}, nonce=NONCE)
    assert await bank.submit("claim", {"key": "slot/a"}, nonce=NONCE) == first
    assert await bank.height() == 2


async def test_a_nonce_repeated_at_the_same_moment_commits_once(bank: LocalLedger) -> None:
    commits = await asyncio.gather(*(bank.submit("claim", {"key": "slot/a"}, nonce=NONCE) for _ in range(8)))
    assert len(set(map(repr, commits))) == 1


async def test_a_nonce_with_other_arguments_is_an_idempotency_mismatch(bank: LocalLedger) -> None:
    await bank.submit("claim", {"key": "slot/a"}, nonce=NONCE)
    with pytest.raises(Rejected) as refused:
        await bank.submit("claim", {"key": "slot/b"}, nonce=NONCE)
    assert refused.value.code == "idempotency_mismatch"


async def test_two_seats_may_use_the_same_nonce(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    facts = open_facts()
    one = await bind(facts, seats["bank"]).submit("claim", {"key": "slot/a"}, nonce=NONCE)
    other = await bind(facts, seats["insurer"]).submit("claim", {"key": "slot/b"}, nonce=NONCE)
    assert one.tx_id != other.tx_id


@pytest.mark.parametrize(
    ("args", "more", "code"),
    [
        ({"key": 1.5}, {}, "malformed"),
        ({"key": 2**53}, {}, "malformed"),
        ({"key": "x" * 2_000_000}, {}, "too_large"),
        ({"key": "k"}, {"nonce": b"short"}, "malformed"),
        ({"key": "k"}, {"private": {"secret": bytes(2_000_000)}}, "too_large"),
    ],
)
async def test_what_could_never_be_proposed_is_refused(
    bank: LocalLedger, args: dict[str, object], more: dict[str, object], code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        await bank.submit("claim", args, **more)
    assert refused.value.code == code
    assert await bank.height() == 1


async def test_an_evaluation_leaves_nothing_behind(bank: LocalLedger) -> None:
    assert await bank.evaluate("claim", {"key": "slot/a"}) == {"claimed": "slot/a"}
    assert await bank.evaluate("read", {"key": "slot/a"}) is None
    assert await bank.height() == 1


async def test_a_range_is_paged_by_bookmark_and_refused_in_a_submit(bank: LocalLedger) -> None:
    await asyncio.gather(*(bank.submit("claim", {"key": f"slot/{n}"}) for n in range(5)))
    wanted = {"start": "slot/", "end": "slot0", "limit": 2, "bookmark": ""}
    seen: list[str] = []
    while True:
        page = await bank.evaluate("pages", wanted)
        seen += page["keys"]
        if not page["bookmark"]:
            break
        wanted["bookmark"] = page["bookmark"]
    assert seen == [f"slot/{n}" for n in range(5)]
    with pytest.raises(Rejected) as refused:
        await bank.submit("pages", wanted)
    assert refused.value.code == "unsupported_action"


async def test_history_is_newest_first_and_knows_deletions(bank: LocalLedger) -> None:
    await bank.submit("blind", {"key": "k", "value": "one"})
    await bank.submit("blind", {"key": "k", "value": "two"})
    await bank.submit("drop", {"key": "k"})
    assert await bank.evaluate("changes", {"key": "k"}) == [None, "two", "one"]
    assert await bank.evaluate("read", {"key": "k"}) is None


async def test_of_many_that_read_one_key_at_once_one_is_valid(bank: LocalLedger) -> None:
    outcomes = await asyncio.gather(
        *(bank.submit("claim", {"key": "slot/a", "value": str(n)}) for n in range(10)), return_exceptions=True
    )
    lost = [each for each in outcomes if isinstance(each, (Invalid, Rejected))]
    assert len(lost) == 9
    for each in lost:
        assert isinstance(each, Rejected) or each.validation_code == "MVCC_READ_CONFLICT"


async def test_what_comes_together_is_committed_together(bank: LocalLedger) -> None:
    commits = await asyncio.gather(*(bank.submit("claim", {"key": f"slot/{n}"}) for n in range(60)))
    assert len({(each.block, each.index) for each in commits}) == 60
    assert await bank.height() - 1 < 60
    assert max(each.index for each in commits) > 0


async def test_the_event_loop_stays_free_while_transactions_are_made(bank: LocalLedger) -> None:
    work = asyncio.gather(*(bank.submit("claim", {"key": f"slot/{n}"}) for n in range(40)))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    await work
    assert turns > 40


async def test_a_caller_who_gives_up_does_not_stop_the_ledger(bank: LocalLedger) -> None:
    for n in range(5):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(bank.submit("claim", {"key": f"slot/{n}"}, nonce=bytes([n]) * 24), 0.001 * n)
    for n in range(5):
        commit = await bank.submit("claim", {"key": f"slot/{n}"}, nonce=bytes([n]) * 24)
        assert commit.result == {"claimed": f"slot/{n}"}


async def test_the_outcome_of_an_invalid_transaction_can_be_asked_again(bank: LocalLedger) -> None:
    nonces = [bytes([n]) * 24 for n in range(6)]
    outcomes = await asyncio.gather(
        *(bank.submit("put", {"key": "hot", "value": "v"}, nonce=nonce) for nonce in nonces), return_exceptions=True
    )
    lost = next(each for each in outcomes if isinstance(each, Invalid))
    with pytest.raises(Invalid) as asked:
        await bank.status(lost.tx_id)
    assert asked.value.validation_code == "MVCC_READ_CONFLICT"


async def test_an_unknown_transaction_has_no_status(bank: LocalLedger) -> None:
    assert await bank.status("00" * 32) is None


async def test_blocks_are_a_chain_that_an_outsider_can_check(
    bank: LocalLedger, home: Path, consortium: Consortium
) -> None:
    for n in range(3):
        await bank.submit("claim", {"key": f"slot/{n}"})
    blocks = [parse_block(raw) for raw in await take(bank, 4)]
    orderer = BlockSigner(certificate(home, "regulator", "orderer"))
    roots = root_certificates(home, consortium)
    for before, block in zip([None, *blocks], blocks, strict=False):
        assert verify_block(block, [orderer], 1) == 1
        assert block.previous_hash == (before.header_hash if before else b"")
    for block in blocks[1:]:
        transaction = block.transactions[0]
        assert verify_creator(transaction, roots).principal.msp_id == "BankMSP"
        signers = verify_endorsements(transaction, roots).signers
        assert sorted(each.msp_id for each in signers) == sorted(each.msp_id for each in consortium.endorsers)
        assert {each.role for each in signers} == {"PEER"}
        assert transaction.event_name == "wuxin"


async def test_block_0_carries_the_consortium_statement(bank: LocalLedger, consortium: Consortium) -> None:
    genesis = (await take(bank, 1))[0]
    assert statement_of(genesis) == canonical_json(consortium.statement())


async def test_a_ledger_of_another_consortium_is_not_opened(
    open_facts: OpenFacts, home: Path, consortium: Consortium
) -> None:
    open_facts()
    path = home / "consortium.toml"
    path.write_text(path.read_text().replace('name = "Wuxin demo"', 'name = "Other"'))
    with pytest.raises(Rejected) as refused:
        LocalFacts(home, Consortium.load(path), (), SystemClock())
    assert refused.value.code == "conflict"


async def test_a_follower_hears_of_commits_as_they_come(bank: LocalLedger) -> None:
    following = bank.blocks(0)
    waiting = asyncio.ensure_future(anext(following))
    commit = await bank.submit("claim", {"key": "slot/a"})
    block = parse_block(await asyncio.wait_for(waiting, 5))
    assert (block.number, block.transactions[0].tx_id) == (1, commit.tx_id)


async def test_a_follower_hears_of_what_another_engine_commits(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    here, there = bind(open_facts(), seats["bank"]), bind(open_facts(), seats["insurer"])
    waiting = asyncio.ensure_future(anext(here.blocks(0)))
    commit = await there.submit("claim", {"key": "slot/a"})
    assert parse_block(await asyncio.wait_for(waiting, 5)).transactions[0].tx_id == commit.tx_id


async def test_private_values_stay_with_their_organisation(
    open_facts: OpenFacts, seats: dict[str, Seat], home: Path
) -> None:
    facts = open_facts()
    bank, insurer = bind(facts, seats["bank"]), bind(facts, seats["insurer"])
    secret = b"rate 435 bp, agreed in private"
    where = {"msp": "BankMSP", "key": "terms"}
    await bank.submit("keep", where, private={"secret": secret})
    assert await bank.evaluate("kept", where) == secret.decode()
    assert await insurer.evaluate("kept_hash", where) == hashlib.sha256(secret).hexdigest()
    with pytest.raises(Rejected) as refused:
        await insurer.evaluate("kept", where)
    assert refused.value.code == "forbidden"
    files = (home / "ledger").glob("facts.db*")
    assert all(secret not in file.read_bytes() for file in files)
    assert all(secret not in block for block in await take(bank, 2))


async def test_a_chaincode_that_breaks_everywhere_is_unavailable(bank: LocalLedger) -> None:
    with pytest.raises(Unavailable, match="chaincode failed"):
        await bank.submit("breaks", {})
    assert await bank.height() == 1


async def test_a_closed_ledger_says_so(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    facts = open_facts()
    ledger = bind(facts, seats["bank"])
    facts.close()
    with pytest.raises(Unavailable):
        await ledger.height()
