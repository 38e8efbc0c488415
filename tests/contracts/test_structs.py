"""A struct's members come from the contract itself: what does not fit is named before a chain sees it."""

from dataclasses import dataclass
from typing import Any

import pytest

from contracts.loader import load_artifact
from contracts.structs import Member, Struct, camel, stated
from tests.contracts.facility_vectors import BASE
from wuxin_evidence.errors import EvidenceError

TERMS = load_artifact("CreditFacility").struct("Terms")
STATED = stated(BASE)


def refusal(values: dict[str, Any], struct: Struct = TERMS) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        struct.call(values)
    return caught.value


def test_members_stand_in_the_contracts_order_whatever_the_order_of_the_values() -> None:
    backwards = dict(reversed(STATED.items()))
    assert list(TERMS.call(backwards)) == [member.name for member in TERMS.members]
    assert TERMS.members[:2] == (Member("lender", "address"), Member("borrower", "address"))


def test_a_missing_and_an_unknown_member_are_named() -> None:
    assert "Terms.rateBp is missing" in refusal({k: v for k, v in STATED.items() if k != "rateBp"}).detail
    refused = refusal({**STATED, "surprise": 1})
    assert (refused.code, refused.detail) == ("malformed", "Terms.surprise is unknown")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rateBp", -1),
        ("rateBp", 2**16),
        ("rateBp", True),
        ("rateBp", "435"),
        ("rateBp", None),
        ("lineMinor", 2**128),
        ("receiptQuantity", 2**96),
        ("lender", "0x00"),
        ("lender", bytes(32)),
        ("lender", 0),
        ("rulePack", bytes(31)),
        ("rulePack", "00" * 32),
        ("rulePack", "0x" + "g" * 64),
    ],
)
def test_a_value_outside_its_type_is_named(name: str, value: object) -> None:
    refused = refusal({**STATED, name: value})
    assert refused.code == "malformed"
    assert f"Terms.{name}: " in refused.detail


@pytest.mark.parametrize(("name", "value"), [("rateBp", 2**16 - 1), ("lineMinor", 2**128 - 1), ("rulePack", bytes(32))])
def test_the_ends_of_a_type_are_within_it(name: str, value: object) -> None:
    assert TERMS.call({**STATED, name: value})[name] == value


def test_signed_numbers_flags_and_lists_are_known() -> None:
    book = load_artifact("RuleBook")
    condition = {"indicator": bytes(32), "comparator": 0, "threshold": -(2**127), "minQualityBp": 0}
    assert book.struct("Condition").call(condition) == condition
    assert "threshold" in refusal({**condition, "threshold": -(2**127) - 1}, book.struct("Condition")).detail
    assert "matchAny" in refusal(_rule(matchAny=1), book.struct("Rule")).detail
    assert "actions" in refusal(_rule(actions=()), book.struct("Rule")).detail


def _rule(**changed: object) -> dict[str, Any]:
    return {
        "id": bytes(32), "version": 1, "matchAny": False, "windows": 1, "onMissing": 0, "cureWindows": 1,
        "approverRoles": 0, "conditions": [], "actions": [], **changed,
    }  # fmt: skip


def test_an_unknown_struct_is_not_found() -> None:
    with pytest.raises(EvidenceError) as caught:
        load_artifact("CreditFacility").struct("Ter.*")
    assert caught.value.code == "not_found"


def test_a_record_is_stated_under_the_contracts_names() -> None:
    @dataclass
    class Record:
        max_age_s: int
        rule_pack: bytes

    assert stated(Record(5, b"\x01")) == {"maxAgeS": 5, "rulePack": "0x01"}
    assert camel("lender") == "lender"
