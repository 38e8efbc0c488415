"""Receipts: the §909 fields, exclusive slots, and the ways a receipt ends."""

from typing import Any

import pytest

from tests.chaincode.facts_world import START_S, TERMS, World, pledge, receipt, slot

REQUIRED = sorted(set(receipt()))


def test_a_receipt_claims_its_slots_under_a_policy_of_warehouse_and_owner(receipted: World) -> None:
    issued = receipted.record("receipt/receipt-1")
    assert (issued["status"], issued["lien"], issued["warehouse"]) == ("active", None, "warehouse")
    assert issued["storage_fee_currency"] == "CNY"
    assert receipted.record(f"slot-claim/{slot()}") == {"receipt_id": "receipt-1"}
    assert receipted.ledger.policies["receipt/receipt-1"] == ("WarehouseMSP", "ManufacturerMSP")
    assert receipted.events() == [
        {
            "type": "receipt_issued",
            "subject_kind": "receipt",
            "subject_id": "receipt-1",
            "owner": "manufacturer",
            "slots": [slot()],
            "quantity_g": 25_000_000,
        }
    ]


@pytest.mark.parametrize("field", REQUIRED)
def test_every_field_of_section_909_is_required(world: World, field: str) -> None:
    lacking = receipt()
    del lacking[field]
    refusal = world.refusal("warehouse", "issue_receipt", **lacking)
    assert refusal["code"] == "malformed"
    assert field in refusal["detail"]


@pytest.mark.parametrize(
    ("group", "field"),
    [("depositor", "address"), ("goods", "packaging"), ("goods", "pieces"), ("insurance", "insurer")],
)
def test_a_lacking_part_is_named_with_its_path(world: World, group: str, field: str) -> None:
    lacking = receipt()
    del lacking[group][field]
    refusal = world.refusal("warehouse", "issue_receipt", **lacking)
    assert refusal["detail"].startswith(f"{group}.{field}")


def test_a_second_receipt_over_a_claimed_slot_is_refused(receipted: World) -> None:
    assert receipted.refused("warehouse", "issue_receipt", **receipt("receipt-2")) == "slot_claimed"
    both = receipt("receipt-2", slots=[slot(2), slot(1)])
    assert receipted.refused("warehouse", "issue_receipt", **both) == "slot_claimed"


def test_a_claim_is_read_and_written_so_that_concurrent_issues_conflict(receipted: World) -> None:
    assert receipted.last is not None
    assert f"slot-claim/{slot()}" in receipted.last.reads
    assert f"slot-claim/{slot()}" in receipted.last.writes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slots": []}, "malformed"),
        ({"slots": [slot(), slot()]}, "malformed"),
        ({"slots": [slot(9)]}, "not_found"),
        ({"slots": [slot(number) for number in range(1, 66)]}, "malformed"),
        ({"owner": "nobody"}, "not_found"),
        ({"beneficiary": "nobody"}, "not_found"),
        ({"owner": "inspector"}, "conflict"),
        ({"quantity_g": 0}, "malformed"),
        ({"quantity_g": -1}, "malformed"),
        ({"loss_standard_bp": 10_001}, "malformed"),
        ({"storage_fee_minor": -1}, "malformed"),
        ({"storage_until_s": START_S}, "malformed"),
        ({"issued_at_s": START_S + 901}, "clock_skew"),
        ({"storage_fee_currency": "cny"}, "malformed"),
        ({"keeper": ""}, "malformed"),
    ],
)
def test_an_unsound_receipt_is_refused(world: World, changes: dict[str, Any], code: str) -> None:
    assert world.refused("warehouse", "issue_receipt", **receipt(**changes)) == code


def test_no_currency_is_taken_for_granted(world: World) -> None:
    """A circle may lend in any currency; a fee without one would be read in the reader's own."""
    issued = receipt()
    del issued["storage_fee_currency"]
    assert world.refused("warehouse", "issue_receipt", **issued) == "malformed"


def test_an_insurance_that_ends_before_it_begins_is_refused(world: World) -> None:
    insured = receipt()["insurance"] | {"until_s": START_S}
    assert world.refused("warehouse", "issue_receipt", **receipt(insurance=insured)) == "malformed"


def test_a_warehouse_receipts_only_its_own_slots(world: World) -> None:
    assert world.refused("other-warehouse", "issue_receipt", **receipt()) == "forbidden"


def test_a_receipt_id_is_taken_once(receipted: World) -> None:
    assert receipted.refused("warehouse", "issue_receipt", **receipt(slots=[slot(2)])) == "conflict"


@pytest.mark.parametrize(
    ("function", "extra", "status"),
    [("cancel_receipt", {"reason": "wrong grade"}, "cancelled"), ("deliver_receipt", {}, "delivered")],
)
def test_closing_a_receipt_frees_its_slots(receipted: World, function: str, extra: dict[str, Any], status: str) -> None:
    assert receipted.refused("warehouse", function, receipt_id="receipt-1", **extra) == "conflict"
    receipted.call("manufacturer", "request_delivery", receipt_id="receipt-1")
    closed = receipted.call("warehouse", function, receipt_id="receipt-1", **extra)
    assert closed["status"] == status
    assert f"slot-claim/{slot()}" not in receipted.ledger.values
    receipted.call("warehouse", "issue_receipt", **receipt("receipt-2"))
    assert receipted.refused("warehouse", function, receipt_id="receipt-1", **extra) == "receipt_not_active"


@pytest.mark.parametrize(("function", "extra"), [("cancel_receipt", {"reason": "error"}), ("deliver_receipt", {})])
def test_a_receipt_is_closed_only_by_its_warehouse_and_never_while_pledged(
    proposed: World, function: str, extra: dict[str, Any]
) -> None:
    assert proposed.refused("other-warehouse", function, receipt_id="receipt-1", **extra) == "forbidden"
    assert proposed.refused("warehouse", function, receipt_id="receipt-1", **extra) == "receipt_pledged"
    assert proposed.refused("warehouse", function, receipt_id="receipt-9", **extra) == "not_found"


@pytest.mark.parametrize(("function", "extra"), [("cancel_receipt", {"reason": "error"}), ("deliver_receipt", {})])
def test_a_receipt_under_an_active_pledge_is_not_closed(pledged: World, function: str, extra: dict[str, Any]) -> None:
    assert pledged.refused("warehouse", function, receipt_id="receipt-1", **extra) == "receipt_pledged"


@pytest.mark.parametrize(("function", "extra"), [("cancel_receipt", {"reason": "error"}), ("deliver_receipt", {})])
def test_a_warehouse_that_owns_its_goods_guards_them_under_the_channels_rule_and_closes_them_unasked(
    world: World, function: str, extra: dict[str, Any]
) -> None:
    world.call("warehouse", "issue_receipt", **receipt(owner="warehouse"))
    assert "receipt/receipt-1" not in world.ledger.policies, "AND of one organisation would be that one alone"
    world.call("warehouse", function, receipt_id="receipt-1", **extra)


def test_only_the_owner_requests_delivery_and_its_time_is_kept(receipted: World) -> None:
    for stranger in ("warehouse", "other-manufacturer", "bank", "regulator"):
        assert receipted.refused(stranger, "request_delivery", receipt_id="receipt-1") == "not_owner"
    assert receipted.refused("manufacturer", "request_delivery", receipt_id="receipt-9") == "not_found"
    requested = receipted.call("manufacturer", "request_delivery", receipt_id="receipt-1")
    assert requested["delivery_requested_s"] == START_S
    assert receipted.events() == [
        {
            "type": "delivery_requested",
            "subject_kind": "receipt",
            "subject_id": "receipt-1",
            "owner": "manufacturer",
        }
    ]
    receipted.now_s += 60
    assert receipted.call("manufacturer", "request_delivery", receipt_id="receipt-1") == requested
    receipted.call("warehouse", "deliver_receipt", receipt_id="receipt-1")
    assert receipted.refused("manufacturer", "request_delivery", receipt_id="receipt-1") == "receipt_not_active"


@pytest.mark.parametrize("status", ["proposed", "pledged"])
def test_goods_under_a_pledge_are_not_requested(status: str, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(status)
    assert world.refused("manufacturer", "request_delivery", receipt_id="receipt-1") == "receipt_pledged"


def test_a_pledge_takes_the_request_for_delivery_back(receipted: World) -> None:
    receipted.call("manufacturer", "request_delivery", receipt_id="receipt-1")
    receipted.call("manufacturer", "propose_pledge", terms=TERMS, **pledge())
    receipted.now_s += 86_401
    receipted.call("manufacturer", "lapse_pledge", pledge_id="pledge-1")
    assert receipted.refused("warehouse", "deliver_receipt", receipt_id="receipt-1") == "conflict"
