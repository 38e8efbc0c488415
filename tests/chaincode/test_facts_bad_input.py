"""Arguments from people and programs that mean harm or make mistakes: named, refused, nothing changed."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaincode.contract import ARGUMENT_BYTES_MAX, FUNCTIONS
from chaincode.world.bounds import WHOLE_MAX, Described, Text, Whole, one_of
from chaincode.world.errors import Refusal
from chaincode.world.fields import parse
from tests.chaincode.facts_world import World, receipt
from wuxin_evidence.encoding.canonical import canonical_json


def answer(world: World, *raw: bytes, msp_id: str = "WarehouseMSP") -> dict[str, Any]:
    response = world.respond(msp_id, raw)
    assert response.status >= 400, response.payload
    return {**json.loads(response.message), "status": response.status}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("quantity_kg", "quantity_g"),
        ("quantity_t", "quantity_g"),
        ("quantity", "quantity_g"),
        ("storage_fee", "storage_fee_minor"),
        ("storage_until_ms", "storage_until_s"),
        ("loss_standard_percent", "loss_standard_bp"),
    ],
)
def test_a_field_in_another_unit_is_unknown_and_the_known_ones_are_named(world: World, wrong: str, right: str) -> None:
    arguments = receipt()
    arguments[wrong] = arguments.pop(right)
    refusal = world.refusal("warehouse", "issue_receipt", **arguments)
    assert refusal["code"] == "malformed"
    assert wrong in refusal["detail"]
    assert right in refusal["hint"]


@pytest.mark.parametrize("value", ["25000000", True, None, [25_000_000], {"g": 1}, "25t"])
def test_a_quantity_that_is_no_integer_is_malformed(world: World, value: object) -> None:
    refusal = world.refusal("warehouse", "issue_receipt", **receipt(quantity_g=value))
    assert refusal["code"] == "malformed"
    assert refusal["detail"].startswith("quantity_g")


@pytest.mark.parametrize("field", ["quantity_g", "storage_fee_minor", "storage_until_s", "issued_at_s"])
def test_negative_amounts_and_times_are_malformed(world: World, field: str) -> None:
    assert world.refused("warehouse", "issue_receipt", **receipt(**{field: -1})) == "malformed"


@pytest.mark.parametrize("literal", [str(2**53), str(-(2**53)), str(2**64), "9" * 5000, "1.0", "1e3", "-0", "NaN"])
def test_numbers_that_json_readers_disagree_about_are_malformed(world: World, literal: str) -> None:
    raw = canonical_json(receipt()).replace(b'"quantity_g":25000000', b'"quantity_g":' + literal.encode())
    assert literal.encode() in raw
    assert answer(world, b"issue_receipt", raw)["code"] == "malformed"


def test_the_largest_integer_is_accepted(world: World) -> None:
    assert world.call("warehouse", "issue_receipt", **receipt(quantity_g=WHOLE_MAX))["quantity_g"] == WHOLE_MAX


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"slot"',
        b"{",
        b'{"slot_id":"a","slot_id":"b"}',
        b'{ "slot_id":"a"}',
        b'{"slot_id":"a"}\n',
        b'{"slot_id":"\xff"}',
        b'{"slot_id":"\\ud800"}',
        b'{"slot_id":"\\u0041"}',
        b"\xef\xbb\xbf{}",
        b"\x00",
    ],
)
def test_an_argument_that_is_not_one_canonical_json_object_is_malformed(world: World, raw: bytes) -> None:
    assert answer(world, b"register_slot", raw)["code"] == "malformed"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("depth", [9, 1000, 8000])
def test_deep_nesting_is_malformed_at_any_depth(world: World, opening: bytes, depth: int) -> None:
    assert answer(world, b"register_slot", opening * depth)["code"] == "malformed"


def test_brackets_within_a_text_are_not_nesting(world: World) -> None:
    keeper = '[[[[[[[[[[{{{{"\\"'
    assert world.call("warehouse", "issue_receipt", **receipt(keeper=keeper))["keeper"] == keeper


def test_unclosed_texts_are_read_once(world: World) -> None:
    assert answer(world, b"register_slot", b'"' + b'\\"' * 30_000)["code"] == "malformed"


def test_an_argument_of_two_mebibytes_is_too_large(world: World) -> None:
    raw = canonical_json({"slot_id": "x" * 100}).replace(b"x" * 100, b"x" * 2 * 1024 * 1024)
    refusal = answer(world, b"register_slot", raw)
    assert (refusal["code"], refusal["status"]) == ("too_large", 413)
    assert str(ARGUMENT_BYTES_MAX) in refusal["hint"]
    assert answer(world, b"x" * 2 * 1024 * 1024, b"{}")["code"] == "too_large"


@pytest.mark.parametrize("name", [b"", b"drop_table", b"Get", b"__init__", b"\xff", b"issue_receipt ", b"issue\x00"])
def test_a_function_that_does_not_exist_is_not_found(world: World, name: bytes) -> None:
    assert answer(world, name, b"{}")["code"] == "not_found"


@pytest.mark.parametrize("raw", [(), (b"get",), (b"get", b"{}", b"{}")])
def test_another_number_of_arguments_is_malformed(world: World, raw: tuple[bytes, ...]) -> None:
    assert answer(world, *raw)["code"] == "malformed"


@pytest.mark.parametrize("receipt_id", ["", "a/b", "a b", "../x", "仓单", "x" * 129, "\x00", "-a", "a\n"])
def test_an_id_that_could_be_taken_for_a_key_is_malformed(world: World, receipt_id: str) -> None:
    assert world.refused("warehouse", "issue_receipt", **receipt(receipt_id)) == "malformed"


def test_a_text_is_bounded(world: World) -> None:
    assert world.refused("warehouse", "issue_receipt", **receipt(keeper="张" * 513)) == "malformed"
    world.call("warehouse", "issue_receipt", **receipt(keeper="张" * 512))


@pytest.mark.parametrize("keeper", ["a\x00b", "a\nb", "\x7f", "\x1b[31m"])
def test_a_text_has_no_control_characters(world: World, keeper: str) -> None:
    assert world.refused("warehouse", "issue_receipt", **receipt(keeper=keeper)) == "malformed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-WHOLE_MAX, WHOLE_MAX) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
SHARED = World().found()


@settings(max_examples=150, deadline=None)
@given(function=st.sampled_from(sorted(FUNCTIONS)), value=JSON)
def test_no_json_whatever_makes_the_contract_raise(function: str, value: object) -> None:
    for msp_id in ("WarehouseMSP", "ManufacturerMSP", "BankMSP", "RegulatorMSP"):
        response = SHARED.respond(msp_id, [function.encode(), canonical_json(value)], submit=False)
        assert response.status in (200, 400, 403, 404, 409)


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=200))
def test_no_bytes_whatever_make_the_contract_raise(raw: bytes) -> None:
    response = SHARED.respond("WarehouseMSP", [b"issue_receipt", raw], submit=False)
    assert response.status in (400, 403, 404, 409)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_receipt_with_one_field_replaced_is_issued_or_refused_by_name(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(receipt())))
    arguments = receipt(**{field: data.draw(JSON)})
    response = SHARED.respond("WarehouseMSP", [b"issue_receipt", canonical_json(arguments)], submit=False)
    assert response.status >= 400
    refusal = json.loads(response.message)
    assert refusal["code"] == "not_found" or field in refusal["detail"]


@dataclass(frozen=True)
class Asked:
    """Fields of each kind."""

    limit: Annotated[int, Whole(1, 500)] = 1
    quantity_g: Annotated[int, Whole(1)] = 1
    since: Annotated[int | None, Whole(0), Described("From when on.", unit="seconds since 1970, UTC")] = None
    status: Annotated[str | None, one_of("active", "cancelled", "x")] = None
    digest: Annotated[str, Text(64, 64, r"[0-9a-f]{64}", "32 bytes in lower-case hex")] = "0" * 64


@pytest.mark.parametrize(
    ("given", "detail", "hint"),
    [
        ({"limit": 0}, "limit: is out of bounds", "pass an integer from 1 to 500"),
        ({"limit": "5"}, "limit: is not an integer", "pass an integer from 1 to 500"),
        ({"quantity_g": 0}, "quantity_g: is out of bounds", f"pass an integer from 1 to {WHOLE_MAX}, in the unit g"),
        ({"since": -1}, "since: is out", f"pass an integer from 0 to {WHOLE_MAX}, in the unit seconds since 1970, UTC"),
        ({"status": "bogus"}, "status: is not one of active, cancelled, x", "pass one of active, cancelled, x"),
        ({"status": "bogusbogus"}, "status: is not one of active, cancelled, x", "pass one of active, cancelled, x"),
        ({"status": ""}, "status: is not one of active, cancelled, x", "pass one of active, cancelled, x"),
        ({"digest": "nonsense"}, "digest: has 8 characters and is not 32 bytes in lower-case hex", "pass 32 bytes"),
    ],
    ids=str,
)
def test_a_refused_value_says_what_is_allowed_and_in_which_unit(given: dict[str, Any], detail: str, hint: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(Asked, given)
    assert refused.value.detail.startswith(detail)
    assert refused.value.hint == hint or (hint == "pass 32 bytes" and refused.value.hint.startswith(hint))
