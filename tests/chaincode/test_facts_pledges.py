"""Pledges: proposed, accepted over the same terms, released by the pledgee, lapsed when forgotten."""

from typing import Any

import pytest

from chaincode.world.stub import implicit_collection
from tests.chaincode.facts_world import START_S, TERMS, World, pledge, receipt, slot
from wuxin_evidence.encoding.canonical import canonical_json

OTHER_TERMS = canonical_json({"salt": "5b" * 16, "contract_number": "HT-2022-001"})
ACCEPT = {"pledge_id": "pledge-1", "facility_id": "facility-1"}


def test_a_proposal_marks_the_receipt_and_keeps_the_pledgors_terms(proposed: World) -> None:
    lien = proposed.record("receipt/receipt-1")["lien"]
    assert lien == {"pledge_id": "pledge-1", "pledgee": "bank", "status": "proposed", "since_s": START_S}
    assert proposed.ledger.private[implicit_collection("ManufacturerMSP")] == {"pledge/pledge-1": TERMS}
    for key in ("receipt/receipt-1", "pledge/pledge-1"):
        assert proposed.ledger.policies[key] == ("WarehouseMSP", "ManufacturerMSP", "BankMSP")
    assert proposed.events()[0]["type"] == "pledge_proposed"
    assert TERMS not in proposed.ledger.values.values()


def test_accepting_names_the_facility_and_hands_the_receipt_to_warehouse_and_pledgee(pledged: World) -> None:
    accepted = pledged.record("pledge/pledge-1")
    assert (accepted["status"], accepted["facility_id"]) == ("active", "facility-1")
    assert pledged.record("receipt/receipt-1")["lien"]["status"] == "active"
    for key in ("receipt/receipt-1", "pledge/pledge-1"):
        assert pledged.ledger.policies[key] == ("WarehouseMSP", "BankMSP")
    assert pledged.ledger.private[implicit_collection("BankMSP")] == {"pledge/pledge-1": TERMS}


def test_releasing_frees_the_receipt_for_another_pledge(pledged: World) -> None:
    pledged.now_s += 60
    released = pledged.call("bank", "release_pledge", pledge_id="pledge-1")
    assert (released["status"], released["since_s"]) == ("released", START_S + 60)
    assert pledged.record("receipt/receipt-1")["lien"] is None
    assert pledged.ledger.policies["receipt/receipt-1"] == ("WarehouseMSP", "ManufacturerMSP")
    assert pledged.ledger.policies["pledge/pledge-1"] == ("WarehouseMSP", "ManufacturerMSP")
    pledged.call("manufacturer", "propose_pledge", terms=TERMS, **pledge("pledge-2"))


def test_a_lien_check_reads_the_receipt_once_and_nothing_else_of_the_pledge(pledged: World) -> None:
    checked = pledged.call("insurer", "lien_check", receipt_id="receipt-1")
    assert checked["lien"]["status"] == "active"
    assert pledged.last is not None
    assert list(pledged.last.reads) == ["msp/InsurerMSP", "member/insurer", "receipt/receipt-1"]


@pytest.mark.parametrize("status", ["proposed", "pledged"])
def test_a_second_pledge_of_the_same_receipt_is_refused(status: str, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(status)
    second = pledge("pledge-2", pledgee="other-bank")
    assert world.refused("manufacturer", "propose_pledge", terms=TERMS, **second) == "receipt_pledged"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"receipt_id": "receipt-9"}, "not_found"),
        ({"pledgee": "nobody"}, "not_found"),
        ({"pledgee": "insurer"}, "forbidden"),
        ({"pledgee": "manufacturer"}, "forbidden"),
        ({"pledgee": "inspector"}, "conflict"),
        ({"accept_until_s": START_S}, "malformed"),
        ({"accept_until_s": START_S + 367 * 86_400}, "malformed"),
        ({"registration_number": ""}, "malformed"),
    ],
)
def test_an_unsound_proposal_is_refused(receipted: World, changes: dict[str, Any], code: str) -> None:
    assert receipted.refused("manufacturer", "propose_pledge", terms=TERMS, **pledge(**changes)) == code


def test_only_the_owner_pledges(receipted: World) -> None:
    for stranger in ("warehouse", "other-manufacturer", "bank", "insurer"):
        assert receipted.refused(stranger, "propose_pledge", terms=TERMS, **pledge()) == "not_owner"


def test_a_bank_does_not_pledge_its_own_goods_to_itself(world: World) -> None:
    world.call("warehouse", "issue_receipt", **receipt(owner="bank"))
    assert world.refused("bank", "propose_pledge", terms=TERMS, **pledge()) == "forbidden"


def test_a_warehouse_that_pledges_its_own_goods_gets_no_key_to_itself(world: World) -> None:
    world.call("warehouse", "issue_receipt", **receipt(owner="warehouse"))
    world.call("warehouse", "propose_pledge", terms=TERMS, **pledge())
    for key in ("receipt/receipt-1", "pledge/pledge-1"):
        assert world.ledger.policies[key] == ("WarehouseMSP", "BankMSP")
    world.call("bank", "accept_pledge", terms=TERMS, **ACCEPT)
    world.call("bank", "release_pledge", pledge_id="pledge-1")
    for key in ("receipt/receipt-1", "pledge/pledge-1"):
        assert key not in world.ledger.policies, "three of n again"


def test_a_closed_or_expired_receipt_is_not_pledged(receipted: World) -> None:
    receipted.call("warehouse", "issue_receipt", **receipt("receipt-2", slots=[slot(2)], storage_until_s=START_S + 60))
    receipted.now_s += 60
    expired = pledge(receipt_id="receipt-2")
    assert receipted.refused("manufacturer", "propose_pledge", terms=TERMS, **expired) == "receipt_not_active"
    receipted.call("manufacturer", "request_delivery", receipt_id="receipt-1")
    receipted.call("warehouse", "cancel_receipt", receipt_id="receipt-1", reason="error")
    assert receipted.refused("manufacturer", "propose_pledge", terms=TERMS, **pledge()) == "receipt_not_active"


def test_a_pledge_id_is_taken_once(pledged: World) -> None:
    pledged.call("bank", "release_pledge", pledge_id="pledge-1")
    assert pledged.refused("manufacturer", "propose_pledge", terms=TERMS, **pledge()) == "conflict"


@pytest.mark.parametrize("stranger", ["manufacturer", "warehouse", "other-bank", "regulator"])
def test_only_the_pledgee_accepts_and_releases(proposed: World, stranger: str) -> None:
    assert proposed.refused(stranger, "accept_pledge", terms=TERMS, **ACCEPT) == "not_pledgee"
    proposed.call("bank", "accept_pledge", terms=TERMS, **ACCEPT)
    assert proposed.refused(stranger, "release_pledge", pledge_id="pledge-1") == "not_pledgee"


def test_other_terms_than_the_pledgors_are_a_conflict(proposed: World) -> None:
    assert proposed.refused("bank", "accept_pledge", terms=OTHER_TERMS, **ACCEPT) == "conflict"


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (None, "malformed"),
        (b"", "malformed"),
        (b"{}", "malformed"),
        (b"[]", "malformed"),
        (b'{"salt": "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"}', "malformed"),
        (canonical_json({"salt": "short"}), "malformed"),
        (canonical_json({"salt": 5}), "malformed"),
        (canonical_json({"salt": "5a" * 16, "text": "x" * 33_000}), "too_large"),
        (b"[" * 20_000, "malformed"),
    ],
)
def test_terms_are_salted_canonical_and_bounded(receipted: World, terms: bytes | None, code: str) -> None:
    assert receipted.refused("manufacturer", "propose_pledge", terms=terms, **pledge()) == code


def test_accepting_twice_or_too_late_or_nothing_is_refused(proposed: World) -> None:
    assert proposed.refused("bank", "accept_pledge", terms=TERMS, **ACCEPT | {"pledge_id": "ghost"}) == "not_found"
    proposed.now_s = START_S + 86_401
    assert proposed.refused("bank", "accept_pledge", terms=TERMS, **ACCEPT) == "pledge_not_active"
    proposed.now_s = START_S + 86_400
    proposed.call("bank", "accept_pledge", terms=TERMS, **ACCEPT)
    assert proposed.refused("bank", "accept_pledge", terms=TERMS, **ACCEPT) == "pledge_not_active"


def test_only_an_accepted_pledge_is_released_and_only_once(proposed: World) -> None:
    assert proposed.refused("bank", "release_pledge", pledge_id="ghost") == "not_found"
    assert proposed.refused("bank", "release_pledge", pledge_id="pledge-1") == "pledge_not_active"
    proposed.call("bank", "accept_pledge", terms=TERMS, **ACCEPT)
    proposed.call("bank", "release_pledge", pledge_id="pledge-1")
    assert proposed.refused("bank", "release_pledge", pledge_id="pledge-1") == "pledge_not_active"


def test_a_proposal_lapses_after_its_deadline(proposed: World) -> None:
    proposed.now_s = START_S + 86_400
    assert proposed.refused("manufacturer", "lapse_pledge", pledge_id="pledge-1") == "conflict"
    proposed.now_s += 1
    assert proposed.refused("bank", "lapse_pledge", pledge_id="pledge-1") == "not_owner"
    assert proposed.refused("manufacturer", "lapse_pledge", pledge_id="ghost") == "not_found"
    assert proposed.call("manufacturer", "lapse_pledge", pledge_id="pledge-1")["status"] == "lapsed"
    assert proposed.record("receipt/receipt-1")["lien"] is None
    assert proposed.refused("manufacturer", "lapse_pledge", pledge_id="pledge-1") == "pledge_not_active"


def test_an_accepted_pledge_does_not_lapse(pledged: World) -> None:
    pledged.now_s = START_S + 86_401
    assert pledged.refused("manufacturer", "lapse_pledge", pledge_id="pledge-1") == "pledge_not_active"


def test_each_party_reads_its_own_copy_of_the_terms(proposed: World) -> None:
    assert proposed.call("manufacturer", "terms", pledge_id="pledge-1")["contract_number"] == "HT-2022-001"
    assert proposed.refused("bank", "terms", pledge_id="pledge-1") == "not_found"
    proposed.call("bank", "accept_pledge", terms=TERMS, **ACCEPT)
    assert proposed.call("bank", "terms", pledge_id="pledge-1")["contract_number"] == "HT-2022-001"
    for stranger in ("warehouse", "regulator", "other-bank"):
        assert proposed.refused(stranger, "terms", pledge_id="pledge-1") == "forbidden"
    assert proposed.refused("bank", "terms", pledge_id="ghost") == "not_found"


def test_a_pledge_over_a_closed_receipt_is_not_accepted(proposed: World) -> None:
    """No transition closes a receipt under a proposal; if a state ever says so, the pledgee gets no empty security."""
    closed = {**proposed.record("receipt/receipt-1"), "status": "delivered"}
    proposed.ledger.values["receipt/receipt-1"] = canonical_json(closed)
    accepting = {"pledge_id": "pledge-1", "facility_id": "facility-1"}
    assert proposed.refused("bank", "accept_pledge", terms=TERMS, **accepting) == "receipt_not_active"
