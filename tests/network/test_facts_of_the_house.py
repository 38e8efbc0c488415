"""The shipped chaincode on the embedded ledger: receipts and pledges under their key policies."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from network.clock import open_clock
from network.facts.embedded.ledger import open_ledger
from network.membership.consortium import Consortium
from network.membership.endorsers import start_endorser, stop_endorser
from network.membership.published import first_committee
from network.membership.seats import Seat
from network.ports import Ledger, Rejected, Unavailable
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import parse_block

TERMS = {"terms": canonical_json({"salt": "5a" * 16, "rate_bp": 435, "contract": "C-2022-001"})}


def founding(home: Path, consortium: Consortium) -> dict[str, Any]:
    """The argument of `init_consortium`, the first transaction of the facts."""
    statement = consortium.statement()
    kept = ("name", "msp_id", "uscc", "roles", "endorses")
    return {
        **{name: statement[name] for name in ("consortium_id", "name", "clock", "day_offset_s")},
        "organisations": [{name: each[name] for name in kept} for each in statement["organisations"]],
        "committee": first_committee(home, consortium).to_json(),
    }


class Organisations:
    def __init__(self, home: Path, consortium: Consortium, seats: dict[str, Seat]) -> None:
        clock = open_clock(consortium, home)
        self.now_s = clock.now_ms() // 1000
        self.ledgers: dict[str, Ledger] = {
            name: open_ledger(home, consortium, seat, clock) for name, seat in seats.items()
        }
        self.slots = [f"{consortium.organisation('warehouse').uscc}/A-{number}" for number in (1, 2)]

    def __getattr__(self, name: str) -> Ledger:
        return self.ledgers[name]

    def receipt(self, receipt_id: str = "r-1", slot: int = 0) -> dict[str, Any]:
        return {
            "receipt_id": receipt_id,
            "slots": [self.slots[slot]],
            "owner": "manufacturer",
            "beneficiary": "manufacturer",
            "commodity": "copper-cathode",
            "quantity_g": 30_000_000,
            "depositor": {"name": "Maker", "address": "Wuxi"},
            "goods": {"name": "阴极铜", "quality": "A", "packaging": "bundle", "pieces": 12, "marks": "W"},
            "loss_standard_bp": 5,
            "storage_place": "Shanghai, hall 3",
            "storage_until_s": self.now_s + 90 * 86_400,
            "storage_fee_minor": 120_000,
            "storage_fee_currency": "CNY",
            "insurance": {
                "amount_minor": 1, "currency": "CNY", "from_s": self.now_s,
                "until_s": self.now_s + 90 * 86_400, "insurer": "Insurer",
            },
            "issued_place": "Shanghai",
            "issued_at_s": self.now_s,
            "keeper": "Keeper",
        }  # fmt: skip

    def pledge(self, pledge_id: str = "p-1") -> dict[str, Any]:
        return {
            "pledge_id": pledge_id,
            "receipt_id": "r-1",
            "pledgee": "bank",
            "registration_number": "04250001",
            "accept_until_s": self.now_s + 86_400,
        }


@pytest.fixture
async def founded(home: Path, consortium: Consortium, seats: dict[str, Seat]) -> AsyncIterator[Organisations]:
    all_of_them = await asyncio.to_thread(Organisations, home, consortium, seats)
    await all_of_them.bank.submit("init_consortium", founding(home, consortium))
    for slot in all_of_them.slots:
        await all_of_them.warehouse.submit("register_slot", {"slot_id": slot})
    yield all_of_them
    for ledger in all_of_them.ledgers.values():
        await ledger.aclose()
        await ledger.aclose()


async def test_a_second_receipt_over_a_slot_is_refused_by_every_endorser(founded: Organisations) -> None:
    await founded.warehouse.submit("issue_receipt", founded.receipt())
    with pytest.raises(Rejected) as refused:
        await founded.warehouse.submit("issue_receipt", founded.receipt("r-2"))
    assert refused.value.code == "slot_claimed"


async def test_a_pledge_runs_from_proposal_to_release(founded: Organisations) -> None:
    await founded.warehouse.submit("issue_receipt", founded.receipt())
    await founded.manufacturer.submit("propose_pledge", founded.pledge(), private=TERMS)
    with pytest.raises(Rejected) as refused:
        await founded.manufacturer.submit("propose_pledge", founded.pledge("p-2"), private=TERMS)
    assert refused.value.code == "receipt_pledged"
    await founded.bank.submit("accept_pledge", {"pledge_id": "p-1", "facility_id": "f-1"}, private=TERMS)
    lien = await founded.regulator.evaluate("lien_check", {"receipt_id": "r-1"})
    assert lien["lien"]["pledgee"] == "bank"
    with pytest.raises(Rejected) as refused:
        await founded.manufacturer.submit("release_pledge", {"pledge_id": "p-1"})
    assert refused.value.code in ("not_pledgee", "forbidden")
    await founded.bank.submit("release_pledge", {"pledge_id": "p-1"})
    assert (await founded.bank.evaluate("lien_check", {"receipt_id": "r-1"}))["lien"] is None


async def test_each_party_reads_its_own_terms_at_its_own_endorser(founded: Organisations) -> None:
    await founded.warehouse.submit("issue_receipt", founded.receipt())
    await founded.manufacturer.submit("propose_pledge", founded.pledge(), private=TERMS)
    await founded.bank.submit("accept_pledge", {"pledge_id": "p-1", "facility_id": "f-1"}, private=TERMS)
    for party in (founded.manufacturer, founded.bank):
        assert (await party.evaluate("terms", {"pledge_id": "p-1"}))["rate_bp"] == 435


async def test_a_pledged_receipt_does_not_move_without_the_pledgees_endorser(
    founded: Organisations, home: Path
) -> None:
    await founded.warehouse.submit("issue_receipt", founded.receipt())
    await founded.manufacturer.submit("propose_pledge", founded.pledge(), private=TERMS)
    await founded.bank.submit("accept_pledge", {"pledge_id": "p-1", "facility_id": "f-1"}, private=TERMS)
    stop_endorser(home, "bank")
    with pytest.raises(Unavailable, match=r"BankMSP\.PEER"):
        await founded.bank.submit("release_pledge", {"pledge_id": "p-1"})
    start_endorser(home, "bank")
    await founded.bank.submit("release_pledge", {"pledge_id": "p-1"})


async def test_a_stranger_to_a_function_is_forbidden(founded: Organisations) -> None:
    for name in ("bank", "inspector", "manufacturer"):
        with pytest.raises(Rejected) as refused:
            await founded.ledgers[name].submit("issue_receipt", founded.receipt())
        assert refused.value.code == "forbidden"


async def test_the_blocks_tell_the_story_in_scenario_time(founded: Organisations, consortium: Consortium) -> None:
    functions: list[str] = []
    async for raw in founded.inspector.blocks(0):
        for transaction in parse_block(raw).transactions:
            functions.append(transaction.function)
            assert 0 <= transaction.timestamp_s - consortium.clock.start_ms // 1000 < 60
            assert transaction.event_name == "wuxin"
        if len(functions) == 3:
            break
    assert functions == ["init_consortium", "register_slot", "register_slot"]


async def test_history_and_list_are_evaluated(founded: Organisations) -> None:
    await founded.warehouse.submit("issue_receipt", founded.receipt())
    await founded.manufacturer.submit("request_delivery", {"receipt_id": "r-1"})
    await founded.warehouse.submit("cancel_receipt", {"receipt_id": "r-1", "reason": "typing error"})
    history = await founded.bank.evaluate("history", {"kind": "receipt", "id": "r-1"})
    assert len(history["changes"] if isinstance(history, dict) else history) == 3
    page = await founded.bank.evaluate("list", {"kind": "slot", "limit": 1, "bookmark": ""})
    assert page["bookmark"]
