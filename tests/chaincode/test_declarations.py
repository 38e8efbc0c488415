"""The declarations hold together: names, routes, ids, words, and what they say about the types they name."""

import re
from types import ModuleType
from typing import Any

import pytest

from chaincode.access import ANYONE
from chaincode.contract import FUNCTIONS
from chaincode.declaration import Command, command, declared_in
from chaincode.parties.consortium import ClockSetting
from chaincode.queries import RECORDS, ReceiptQuery, RecordPage
from chaincode.world.description import components, describe, example_of, json_schema, record_types
from chaincode.world.fields import parse, plain
from chaincode.world.stub import Stub

ROUTES = {
    "enrol_device": "/devices",
    "bind_device": "/devices/{device_id}/bind",
    "suspend_device": "/devices/{device_id}/suspend",
    "resume_device": "/devices/{device_id}/resume",
    "retire_device": "/devices/{device_id}/retire",
    "register_asset": "/assets",
    "append_asset_event": "/assets/{asset_id}/events",
    "register_slot": "/slots",
    "issue_receipt": "/receipts",
    "request_delivery": "/receipts/{receipt_id}/request-delivery",
    "cancel_receipt": "/receipts/{receipt_id}/cancel",
    "deliver_receipt": "/receipts/{receipt_id}/deliver",
    "propose_pledge": "/pledges",
    "accept_pledge": "/pledges/{pledge_id}/accept",
    "release_pledge": "/pledges/{pledge_id}/release",
    "lapse_pledge": "/pledges/{pledge_id}/lapse",
    "record_attestation": "/attestations",
    "anchor_checkpoint": "/anchors",
    "acknowledge_notice": "/events/acknowledge",
}
"""The routes that other programs know."""


def question(stub: Stub, caller: Any, query: ReceiptQuery) -> object:
    """A transition that answers nothing."""
    return None


def test_the_routes_follow_from_the_declarations() -> None:
    assert {name: each.path for name, each in FUNCTIONS.items() if each.path} == ROUTES


@pytest.mark.parametrize("declared", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_what_a_route_and_an_id_name_are_fields_of_the_argument(declared: Command) -> None:
    fields = {field.name for field in describe(declared.argument)}
    assert declared.id_field in fields or declared.name == "init_consortium"
    assert set(re.findall(r"\{(\w+)\}", declared.path)) <= fields


@pytest.mark.parametrize("declared", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_a_command_is_said_in_a_sentence_of_both_languages(declared: Command) -> None:
    assert re.fullmatch(r"[A-Z][^\n]{10,120}\.", declared.en)
    assert re.fullmatch(r"[^\n]*[\u4e00-\u9fff][^\n]*。", declared.zh)


def test_only_what_is_submitted_brings_events_and_all_of_it_does() -> None:
    assert {name for name, each in FUNCTIONS.items() if each.events} == {
        name for name, each in FUNCTIONS.items() if each.submitting
    }


def test_a_name_is_declared_once() -> None:
    first, second = (ModuleType(name) for name in ("first", "second"))
    for module in (first, second):
        vars(module)["ask"] = command("ask", on="receipt", submitting=False, roles=ANYONE, en="Ask.", zh="问。")(
            question
        )
    with pytest.raises(ValueError, match="ask is declared twice"):
        declared_in(first, second)
    assert list(declared_in(first, first)) == ["ask"]


SAID = [*(one.argument for one in FUNCTIONS.values()), *(one.answers for one in FUNCTIONS.values()), *RECORDS.values()]
TYPES = sorted({each for said in SAID for each in record_types(said)}, key=lambda each: each.__name__)
"""Every argument, every answer, every record of the state, and what they are made of."""


@pytest.mark.parametrize("described", TYPES, ids=lambda each: each.__name__)
def test_every_field_says_what_it_means_with_an_example(described: type[Any]) -> None:
    assert "(" not in (described.__doc__ or "(").split("\n")[0].split(" ")[0], f"{described.__name__} has no docstring"
    for field in describe(described):
        assert re.fullmatch(r"[^\n]{10,120}[.]", field.text), f"{described.__name__}.{field.name} is not described"
        assert field.example is not ... or field.value.record, f"{described.__name__}.{field.name} has no example"


@pytest.mark.parametrize("described", TYPES, ids=lambda each: each.__name__)
def test_the_examples_are_what_the_type_takes(described: type[Any]) -> None:
    if any(field.value.kind == "any" for field in describe(described)):
        assert described.__name__ in {"ListedRecord", "RecordChange", "RecordPage"}
    elif described is not RecordPage:
        parse(described, plain(example_of(described)))


@pytest.mark.parametrize("described", TYPES, ids=lambda each: each.__name__)
def test_a_number_has_a_unit_or_counts(described: type[Any]) -> None:
    bare = {"epoch", "sequence", "kind", "number", "limit"}
    for field in describe(described):
        if field.value.kind == "integer":
            assert field.unit or field.name in bare, f"{described.__name__}.{field.name} has no unit"


def test_types_of_one_name_are_one_type() -> None:
    assert len({each.__name__ for each in TYPES}) == len(TYPES)


def test_the_components_refer_only_to_one_another() -> None:
    made = components([one.argument for one in FUNCTIONS.values()], [one.answers for one in FUNCTIONS.values()])
    referred = set(re.findall(r"#/components/schemas/(\w+)", repr(made)))
    assert referred <= set(made)
    assert made["IssueReceipt"]["properties"]["goods"]["$ref"] == "#/components/schemas/Goods"


def test_an_argument_may_leave_out_what_has_a_default_and_an_answer_nothing() -> None:
    assert json_schema(ClockSetting)["required"] == ["kind"]
    assert json_schema(ClockSetting, answered=True)["required"] == ["kind", "start_ms", "factor"]
