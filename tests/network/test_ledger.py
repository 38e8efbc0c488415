"""The embedded ledger through its port: the contract of every ledger, and what is its own."""

import asyncio
from pathlib import Path

import pytest

from network.clock import SystemClock
from network.facts.embedded.blocks import statement_of
from network.facts.embedded.engine import LocalFacts
from network.facts.embedded.ledger import LocalLedger, bind
from network.membership.consortium import Consortium
from network.membership.published import certificate, root_certificates
from network.membership.seats import Seat
from network.ports import Ledger, Rejected, Unavailable
from tests.network.conftest import OpenFacts
from tests.network.ledger_contract import LedgerContract, LedgerOf, take
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import BlockSigner, parse_block, verify_block, verify_creator, verify_endorsements


@pytest.fixture
def bank(open_facts: OpenFacts, seats: dict[str, Seat]) -> LocalLedger:
    return bind(open_facts(), seats["bank"])


class TestLocalLedger(LedgerContract):
    """The embedded ledger keeps the port's contract."""

    @pytest.fixture
    def ledger_of(self, open_facts: OpenFacts, seats: dict[str, Seat]) -> LedgerOf:
        facts = open_facts()
        return lambda name: bind(facts, seats[name])

    @pytest.fixture
    def bank(self, ledger_of: LedgerOf) -> Ledger:
        return ledger_of("bank")


async def test_a_range_is_refused_in_a_submit(bank: LocalLedger) -> None:
    with pytest.raises(Rejected) as refused:
        await bank.submit("pages", {"start": "slot/", "end": "slot0", "limit": 2, "bookmark": ""})
    assert refused.value.code == "unsupported_action"


async def test_private_values_are_in_no_file_of_the_ledger(bank: LocalLedger, home: Path) -> None:
    secret = b"rate 435 bp, agreed in private"
    await bank.submit("keep", {"msp": "BankMSP", "key": "terms"}, private={"secret": secret})
    files = (home / "ledger").glob("facts.db*")
    assert all(secret not in file.read_bytes() for file in files)


async def test_the_event_loop_stays_free_while_transactions_are_made(bank: LocalLedger) -> None:
    work = asyncio.gather(*(bank.submit("claim", {"key": f"slot/{n}"}) for n in range(40)))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    await work
    assert turns > 40


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


async def test_a_follower_hears_of_what_another_engine_commits(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    here, there = bind(open_facts(), seats["bank"]), bind(open_facts(), seats["insurer"])
    waiting = asyncio.ensure_future(anext(here.blocks(0)))
    commit = await there.submit("claim", {"key": "slot/a"})
    assert parse_block(await asyncio.wait_for(waiting, 5)).transactions[0].tx_id == commit.tx_id


async def test_a_closed_ledger_says_so(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    facts = open_facts()
    ledger = bind(facts, seats["bank"])
    facts.close()
    with pytest.raises(Unavailable):
        await ledger.height()
