"""What members may ask, and that asking is not submitting."""

import json

import pytest

from chaincode.contract import FUNCTIONS
from chaincode.queries import KINDS
from tests.chaincode.certificates import certificate
from tests.chaincode.facts_world import START_S, World, device, msp, receipt, slot
from wuxin_evidence.crypto.suites import SigningKey


def test_a_record_is_got_as_it_stands(receipted: World) -> None:
    assert receipted.call("insurer", "get", kind="receipt", id="receipt-1") == receipted.record("receipt/receipt-1")
    assert receipted.call("insurer", "get", kind="slot-claim", id=slot()) == {"receipt_id": "receipt-1"}
    assert receipted.call("insurer", "get", kind="consortium")["day_offset_s"] == 28_800


@pytest.mark.parametrize("function", ["get", "history"])
def test_what_does_not_exist_is_not_found(world: World, function: str) -> None:
    assert world.refused("bank", function, kind="receipt", id="ghost") == "not_found"
    assert world.refused("bank", function, kind="receipt") == "not_found"
    assert world.refused("bank", function, kind="msp", id="BankMSP") == "malformed"
    assert world.refused("bank", function, kind="receipt", id="a\x00b") == "malformed"


def test_history_tells_the_newest_change_first(receipted: World) -> None:
    receipted.now_s += 60
    receipted.call("manufacturer", "request_delivery", receipt_id="receipt-1")
    receipted.call("warehouse", "cancel_receipt", receipt_id="receipt-1", reason="error")
    receipt_changes = receipted.call("bank", "history", kind="receipt", id="receipt-1")
    assert [change["value"]["status"] for change in receipt_changes] == ["cancelled", "active", "active"]
    assert [change["timestamp_s"] for change in receipt_changes] == [START_S + 60, START_S + 60, START_S]
    claim_changes = receipted.call("bank", "history", kind="slot-claim", id=slot())
    assert claim_changes[0]["value"] is None


def test_a_kind_is_listed_by_pages(world: World) -> None:
    for number in range(3, 6):
        world.call("warehouse", "register_slot", slot_id=slot(number))
    first = world.call("bank", "list", kind="slot", limit=3)
    rest = world.call("bank", "list", kind="slot", limit=3, bookmark=first["bookmark"])
    assert [item["id"] for item in first["items"] + rest["items"]] == [slot(number) for number in range(1, 6)]
    assert rest["bookmark"] == ""
    assert first["items"][0]["value"] == world.record(f"slot/{slot(1)}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_listed(pledged: World, kind: str) -> None:
    listed = pledged.call("regulator", "list", kind=kind)
    assert all(f"{kind}/{item['id']}" in pledged.ledger.values for item in listed["items"])


@pytest.mark.parametrize("limit", [0, -1, 201, 2**53])
def test_a_page_is_bounded(world: World, limit: int) -> None:
    arguments = json.dumps({"kind": "slot", "limit": limit}, separators=(",", ":")).encode()
    response = world.respond("BankMSP", [b"list", arguments], submit=False)
    assert json.loads(response.message)["code"] == "malformed"


def test_a_submitted_list_is_refused_as_a_range_in_a_write(world: World) -> None:
    response = world.respond(msp("bank"), [b"list", b'{"kind":"slot"}'])
    assert json.loads(response.message)["code"] == "unsupported_action"


def test_no_submitting_function_reads_a_range_or_writes_nothing_by_accident() -> None:
    assert {name for name, function in FUNCTIONS.items() if not function.submitting} == {
        "get",
        "lien_check",
        "history",
        "list",
        "committee",
        "terms",
    }


def test_a_lien_check_of_nothing_is_not_found(world: World) -> None:
    assert world.refused("bank", "lien_check", receipt_id="ghost") == "not_found"


def test_a_lien_check_of_a_free_receipt_says_so(receipted: World) -> None:
    assert receipted.call("bank", "lien_check", receipt_id="receipt-1") == {
        "receipt_id": "receipt-1",
        "status": "active",
        "owner": "manufacturer",
        "quantity_g": receipt()["quantity_g"],
        "lien": None,
    }


def test_an_answer_is_bounded_and_a_smaller_limit_gets_through(world: World) -> None:
    key = SigningKey.generate("eddsa")
    large = certificate(key, padding=5_500)
    for number in range(70):
        world.call("warehouse", "enrol_device", **device(key, device_id=f"scale-{number}", certificate=large))
    assert world.refused("bank", "list", kind="device") == "too_large"
    assert len(world.call("bank", "list", kind="device", limit=50)["items"]) == 50


def test_a_history_is_bounded_and_its_newest_part_gets_through(world: World) -> None:
    key = SigningKey.generate("eddsa")
    large = certificate(key, padding=5_500)
    world.call("warehouse", "enrol_device", **device(key, slots=[slot()], certificate=large))
    for _ in range(35):
        world.call("warehouse", "suspend_device", device_id="scale-1", reason="maintenance")
        world.call("warehouse", "resume_device", device_id="scale-1")
    assert world.refused("bank", "history", kind="device", id="scale-1") == "too_large"
    assert len(world.call("bank", "history", kind="device", id="scale-1", limit=10)) == 10
