"""The collateral answer fails closed: what is missing, stale, suspect or not accepted is a blocker by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts.mirror.facility import Funding
from contracts.structs import stated
from node.lending.collateral import Blocker, answer, blockers_of, figures_of
from node.lending.situation import QUANTITY, Situation, Value
from tests.node.lending.situations import (
    ACTIVE_KEY,
    HEADS,
    NOW_S,
    PLEDGED,
    PLEDGED_KEY,
    PRICE_KEY,
    QUANTITY_G,
    QUANTITY_KEY,
    RECEIPT,
    SLOT,
    TERMS,
    VALUES,
    facility_row,
    lendable,
)
from wuxin_evidence.attestation import LIEN, MISSING, OK, PRICE, SCHEDULED, SUSPECT
from wuxin_evidence.ids import subject

T0 = NOW_S - 60
VALUE_MINOR = QUANTITY_G * 7_000_000 // 1_000_000
FRESH_FOR_S = {QUANTITY_KEY: 3_600, ACTIVE_KEY: 7_200, PLEDGED_KEY: 7_200, PRICE_KEY: 86_400}
CODE_OF = {
    QUANTITY_KEY: "attestation_stale",
    ACTIVE_KEY: "lien_missing",
    PLEDGED_KEY: "lien_missing",
    PRICE_KEY: "price_stale",
}
Key = tuple[str, int, str]


def codes(situation: Situation, now_s: int = NOW_S) -> list[str]:
    return [blocker.code for blocker in blockers_of(situation, now_s)]


def with_value(key: Key, value: Value | None) -> Situation:
    values = {each: known for each, known in VALUES.items() if each != key} | ({} if value is None else {key: value})
    return replace(lendable(), values=values)


def with_row(**changed: Any) -> Situation:
    return replace(lendable(), facility=facility_row(**changed))


def test_with_everything_in_place_it_is_lendable_to_the_minor_unit() -> None:
    told = answer(lendable(), NOW_S, "EUR")
    assert (told["lendable"], told["blockers"]) == (True, [])
    assert told["collateral_value_minor"] == VALUE_MINOR
    assert told["limit_minor"] == VALUE_MINOR * 7 // 10
    assert told["headroom_minor"] == told["limit_minor"] - TERMS.draw_fee_minor
    assert told["as_of"] == {"facts": {"block": 3, "place": 0}, "e1": {"block": 7, "place": 2}, "at_s": NOW_S}


def test_amounts_are_in_the_circles_currency() -> None:
    assert answer(lendable(), NOW_S, "EUR")["price"]["currency"] == "EUR"


@pytest.mark.parametrize("key", CODE_OF)
@pytest.mark.parametrize("spoilt", ["missing", "suspect", "never ok", "stale"])
def test_a_word_that_is_not_fresh_blocks_by_its_code_and_is_worth_nothing(key: Key, spoilt: str) -> None:
    value, now_s = VALUES[key], NOW_S
    if spoilt == "missing":
        situation = with_value(key, None)
    elif spoilt == "suspect":
        situation = with_value(key, replace(value, status=SUSPECT))
    elif spoilt == "never ok":
        situation = with_value(key, Value(None, 0, MISSING, 0, 5))
    else:
        situation = with_value(key, replace(value, observed_at_s=NOW_S - FRESH_FOR_S[key]))
    assert CODE_OF[key] in codes(situation, now_s)
    figures = figures_of(situation, now_s)
    assert (figures.value_minor, figures.limit_minor, figures.headroom_minor) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "code"), [(SCHEDULED, "attestation_stale"), (LIEN, "lien_missing"), (PRICE, "price_stale")]
)
@pytest.mark.parametrize("known", ["never accepted", "accepted an earlier one"])
def test_a_word_that_the_obligations_have_not_accepted_is_no_input(kind: int, code: str, known: str) -> None:
    heads = {key: head for key, head in HEADS.items() if key[1] != kind or known != "never accepted"}
    heads = {key: replace(head, sequence=4) if key[1] == kind else head for key, head in heads.items()}
    situation = replace(lendable(), heads=heads)
    assert code in codes(situation)
    assert "facts_ahead" in codes(situation)


def test_a_limit_of_zero_is_a_blocker() -> None:
    assert codes(with_value(QUANTITY_KEY, replace(VALUES[QUANTITY_KEY], value=0))) == ["limit_exceeded"]
    assert codes(with_value(PRICE_KEY, replace(VALUES[PRICE_KEY], value=-1))) == ["limit_exceeded"]


def test_a_price_beyond_96_bits_is_counted_as_the_contract_counts_it() -> None:
    dear = with_value(PRICE_KEY, replace(VALUES[PRICE_KEY], value=2**126))
    assert figures_of(dear, NOW_S).value_minor == QUANTITY_G * (2**96 - 1) // 1_000_000


def test_deposits_that_are_not_known_or_not_listed_block() -> None:
    assert codes(replace(lendable(), funding=Funding())) == ["insufficient_funds", "forbidden"]
    unlisted = Funding(1, lender_listed=True, borrower_listed=False)
    assert codes(replace(lendable(), funding=unlisted)) == ["forbidden"]


def test_the_quantity_and_price_are_those_of_the_terms_and_not_of_the_receipt() -> None:
    """A facility that was proposed over another slot is judged by that slot, as the contract does."""
    other = replace(TERMS, quantity_subject=subject("slot", "s-2"))
    assert "attestation_stale" in codes(with_row(terms=stated(other), quantity_subject=other.quantity_subject.hex()))


@pytest.mark.parametrize(
    ("changed", "code", "actor"),
    [
        ({"state": "proposed"}, "facility_not_active", "lender"),
        ({"state": "closed"}, "facility_not_active", "lender"),
        ({"standing_reasons": 1}, "facility_frozen", "approvers of the rule"),
        ({"line_minor": 100}, "limit_exceeded", "borrower"),
    ],
)
def test_each_blocker_says_who_changes_it(changed: dict[str, Any], code: str, actor: str) -> None:
    found = {each.code: each for each in blockers_of(with_row(**changed), NOW_S)}
    assert found[code].next_actor == actor
    assert found[code].hint


def test_maturity_blocks_from_its_own_second() -> None:
    last = TERMS.maturity_s
    assert "facility_matured" in codes(lendable(), last)
    assert "facility_matured" not in codes(lendable(), last - 1)


def test_a_stale_word_says_since_when() -> None:
    situation = with_value(QUANTITY_KEY, replace(VALUES[QUANTITY_KEY], observed_at_s=T0 - 3_600))
    assert next(blockers_of(situation, NOW_S)) == Blocker(
        "attestation_stale", T0, "oracle", "wait for a scheduled attestation that is ok"
    )


@pytest.mark.parametrize("status", ["delivered", "cancelled", "expired"])
def test_a_receipt_that_is_not_active_blocks(status: str) -> None:
    assert codes(replace(lendable(), receipt={**RECEIPT, "status": status}))[0] == "receipt_not_active"


def test_a_pledge_that_does_not_rest_on_the_receipt_blocks() -> None:
    assert codes(replace(lendable(), receipt={**RECEIPT, "lien": None}))[0] == "pledge_not_active"
    proposed = {**RECEIPT["lien"], "status": "proposed"}
    assert codes(replace(lendable(), receipt={**RECEIPT, "lien": proposed}))[0] == "pledge_not_active"
    released = replace(lendable(), pledge={**PLEDGED, "status": "released"})
    assert codes(released)[0] == "pledge_not_active"


def test_without_a_facility_nothing_is_lendable_even_when_no_record_says_why() -> None:
    assert codes(replace(lendable(), facility=None)) == ["pledge_without_facility"]
    assert codes(replace(lendable(), facility=None, pledge=None))[0] == "pledge_not_active"


def test_each_code_is_named_once() -> None:
    bare = replace(lendable(), values={}, heads={}, facts_heads={}, funding=Funding())
    found = codes(bare)
    assert len(found) == len(set(found))


def test_without_a_facility_the_slot_of_the_receipt_is_shown() -> None:
    values = {(SLOT.hex(), SCHEDULED, QUANTITY): Value(5, 9_000, OK, T0, 5)}
    told = answer(replace(lendable(), facility=None, values=values), NOW_S, "EUR")
    assert (told["quantity"]["now_g"], told["quantity"]["quality_bp"], told["price"]) == (5, 9_000, None)
