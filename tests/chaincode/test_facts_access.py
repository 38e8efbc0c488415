"""Every function called by those who may not: outsiders, the wrong role, the right role of another organisation."""

from typing import Any

import pytest

from chaincode.contract import FUNCTIONS
from tests.chaincode.facts_world import ROLE_OF, TERMS, World, asset, device, msp, pledge, receipt, slot
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding.canonical import canonical_json

WRONG_ROLES = [
    (function, organisation)
    for function, rule in FUNCTIONS.items()
    for organisation, role in ROLE_OF.items()
    if role not in rule.roles
]
RIGHT_ROLES = [
    (function, organisation)
    for function, rule in FUNCTIONS.items()
    for organisation, role in ROLE_OF.items()
    if role in rule.roles and function != "init_consortium"
]


def raw(function: str, **arguments: Any) -> list[bytes]:
    return [function.encode(), canonical_json(arguments)]


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"init_consortium"}))
def test_an_outsider_calls_nothing(world: World, function: str) -> None:
    response = world.respond("StrangerMSP", raw(function))
    assert response.status == 403
    assert '"code":"forbidden"' in response.message


@pytest.mark.parametrize("msp_id", ["", "bankmsp", "BankMSP ", "BankMSP/x", "x" * 5000, "\x00"])
def test_an_msp_that_only_resembles_a_member_is_an_outsider(world: World, msp_id: str) -> None:
    assert world.respond(msp_id, raw("committee")).status == 403


@pytest.mark.parametrize(("function", "organisation"), WRONG_ROLES)
def test_the_wrong_role_is_refused_before_its_argument_is_read(world: World, function: str, organisation: str) -> None:
    response = world.respond(msp(organisation), raw(function))
    assert response.status == 403
    assert '"code":"forbidden"' in response.message


@pytest.mark.parametrize(("function", "organisation"), RIGHT_ROLES)
def test_the_right_role_gets_as_far_as_its_argument(world: World, function: str, organisation: str) -> None:
    response = world.respond(msp(organisation), raw(function, nonsense=1))
    assert response.status == 400
    assert "nonsense" in response.message


@pytest.fixture
def furnished(pledged: World) -> World:
    """Something of everything, each with its party."""
    key = SigningKey.generate("es256")
    pledged.call("warehouse", "enrol_device", **device(key, slots=[slot()]))
    pledged.call("warehouse", "enrol_device", **device(key, device_id="scale-2", slots=[slot()]))
    pledged.call("inspector", "suspend_device", device_id="scale-2", reason="seal")
    pledged.call("manufacturer", "register_asset", **asset())
    pledged.call("warehouse", "issue_receipt", **receipt("receipt-2", slots=[slot(2)]))
    pledged.call("warehouse", "register_slot", slot_id=slot(3))
    pledged.call("warehouse", "issue_receipt", **receipt("receipt-3", slots=[slot(3)]))
    pledged.call("manufacturer", "propose_pledge", terms=TERMS, **pledge("pledge-3", receipt_id="receipt-3"))
    return pledged


BESIDE_THE_PARTY = [
    ("bind_device", {"device_id": "scale-1", "slot_id": slot()}, ("other-warehouse", "manufacturer"), "forbidden"),
    ("suspend_device", {"device_id": "scale-1", "reason": "x"}, ("other-warehouse", "manufacturer"), "forbidden"),
    ("resume_device", {"device_id": "scale-2"}, ("warehouse", "other-warehouse"), "forbidden"),
    ("retire_device", {"device_id": "scale-1"}, ("other-warehouse", "manufacturer"), "forbidden"),
    ("request_delivery", {"receipt_id": "receipt-2"}, tuple(set(ROLE_OF) - {"manufacturer"}), "not_owner"),
    ("cancel_receipt", {"receipt_id": "receipt-2", "reason": "x"}, ("other-warehouse",), "forbidden"),
    ("deliver_receipt", {"receipt_id": "receipt-2"}, ("other-warehouse",), "forbidden"),
    ("propose_pledge", pledge("pledge-4", receipt_id="receipt-2"), tuple(set(ROLE_OF) - {"manufacturer"}), "not_owner"),
    ("accept_pledge", {"pledge_id": "pledge-3", "facility_id": "f"}, tuple(set(ROLE_OF) - {"bank"}), "not_pledgee"),
    ("release_pledge", {"pledge_id": "pledge-1"}, tuple(set(ROLE_OF) - {"bank"}), "not_pledgee"),
    ("lapse_pledge", {"pledge_id": "pledge-3"}, tuple(set(ROLE_OF) - {"manufacturer"}), "not_owner"),
    ("terms", {"pledge_id": "pledge-1"}, tuple(set(ROLE_OF) - {"manufacturer", "bank"}), "forbidden"),
]


@pytest.mark.parametrize(("function", "arguments", "organisations", "code"), BESIDE_THE_PARTY)
def test_the_right_role_of_another_organisation_is_refused(
    furnished: World, function: str, arguments: dict[str, Any], organisations: tuple[str, ...], code: str
) -> None:
    for organisation in sorted(organisations):
        assert furnished.refused(organisation, function, terms=TERMS, **arguments) == code


def test_every_party_of_the_table_is_tried_above_or_by_its_own_test() -> None:
    tried = {function for function, *_ in BESIDE_THE_PARTY}
    with_party = {function for function, rule in FUNCTIONS.items() if rule.party}
    assert with_party - tried == {"append_asset_event", "anchor_checkpoint"}


def test_roles_are_read_from_the_ledger_and_not_from_the_certificate(world: World) -> None:
    world.ledger.values["member/insurer"] = world.ledger.values["member/insurer"].replace(
        b'"insurer"]', b'"warehouse"]'
    )
    assert world.refused("insurer", "acknowledge_notice", event_id="f:1.0.0", content_hash="ab" * 32) == "forbidden"
