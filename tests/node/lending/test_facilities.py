"""Facilities: terms derived from the facts and declared once; a row shown in the circle's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from contracts.mirror.interest import DAY_S
from contracts.mirror.terms import Terms
from network.membership.consortium import Consortium
from node.commands.facility_arguments import ProposeFacility
from node.demo.founding import write_consortium
from node.gate.problems import Problem
from node.lending.facilities import LendingCircle, names_in, show_reason, summary, terms_of
from node.products import product, rule_packs
from node.projection import tables
from node.projection.facts import put
from tests.node.lending.situations import FACILITY_KEY, NOW_S, PLEDGED, QUANTITY_G, RECEIPT, facility_row, read_model
from tests.node.lending.test_reversal import Ledgers
from wuxin_evidence.ids import keccak256, subject

PRODUCT = product("weighed-stock")
ADDRESS = {"bank": "0x" + "01" * 20, "manufacturer": "0x" + "02" * 20, "insurer": "0x" + "03" * 20}
CIRCLE = LendingCircle(lambda address: address[:2], "EUR", rule_packs())


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    return _in_euro(write_consortium(tmp_path_factory.mktemp("consortium")))


def _in_euro(made: Consortium) -> Consortium:
    return replace(made, circles=tuple(replace(circle, currency="EUR") for circle in made.circles))


@pytest.fixture
def facts() -> Iterator[Connection]:
    """A receipt and the pledge that rests on it."""
    with read_model() as connection:
        place = {"block": 1, "tx_index": 0, "tx_id": "f", "made_block": 1, "made_index": 0, "made_s": NOW_S}
        put(connection, tables.receipt, place | {"id": "r-1", "record": {**RECEIPT, "warehouse": "warehouse"}})
        put(connection, tables.pledge, place | {"id": "p-1", "receipt_id": "r-1", "record": dict(PLEDGED)})
        yield connection


WISH = ProposeFacility(
    facility_id="f-1", receipt_id="r-1", pledge_id="p-1", borrower="manufacturer", line_minor=7, currency="EUR",
    advance_rate_bp=6_000, rate_bp=450, maturity_s=NOW_S + DAY_S, max_quantity_age_s=1, max_lien_age_s=2,
    max_price_age_s=3, draw_fee_minor=4, min_quality_bp=5, rule_pack=PRODUCT.pack.id, insurer=None,
)  # fmt: skip


def terms(
    facts: Connection, consortium: Consortium, wish: ProposeFacility = WISH, lender: str = "bank"
) -> dict[str, Any]:
    chain = consortium.circles[0].chain
    return terms_of(facts, wish, lender, consortium, chain, ADDRESS.__getitem__, Path("no-packs-here"))


def refusal(facts: Connection, consortium: Consortium, wish: ProposeFacility = WISH, lender: str = "bank") -> Problem:
    with pytest.raises(Problem) as caught:
        terms(facts, consortium, wish, lender)
    return caught.value


def test_terms_come_from_the_facts_the_product_and_the_wish(facts: Connection, consortium: Consortium) -> None:
    made = Terms.of(terms(facts, consortium))
    assert (made.quantity_subject, made.lien_subject) == (subject("slot", "s-1"), subject("pledge", "p-1"))
    assert (made.lender, made.borrower, made.insurer) == (b"\x01" * 20, b"\x02" * 20, b"\x03" * 20)
    assert made.storing_organisation == keccak256(b"warehouse")
    assert (made.receipt_quantity, made.line_minor, made.price_max_age_s) == (QUANTITY_G, 7, 3)
    assert made.quantity_per_price_unit == PRODUCT.valuation.quantity_per_price_unit
    assert made.rule_pack == PRODUCT.pack.hash


def test_deposits_are_in_the_circles_currency(facts: Connection, consortium: Consortium) -> None:
    refused = refusal(facts, consortium, replace(WISH, currency="USD"))
    assert (refused.code, refused.hint) == ("unsupported_action", "propose it in EUR")


@pytest.mark.parametrize(
    ("changed", "lender", "code"),
    [
        ({"receipt_id": "r-2"}, "bank", "not_found"),
        ({"pledge_id": "p-2"}, "bank", "not_found"),
        ({"borrower": "insurer"}, "bank", "not_owner"),
        ({"facility_id": "f-2"}, "bank", "conflict"),
        ({}, "insurer", "not_pledgee"),
    ],
)
def test_what_the_facts_do_not_bear_out_is_refused(
    facts: Connection, consortium: Consortium, changed: dict[str, Any], lender: str, code: str
) -> None:
    assert refusal(facts, consortium, replace(WISH, **changed), lender).code == code


def test_a_value_outside_its_type_never_reaches_a_chain(facts: Connection, consortium: Consortium) -> None:
    with pytest.raises(Exception, match=r"Terms\.rateBp: 65536 is no uint16"):
        terms(facts, consortium, replace(WISH, rate_bp=2**16))


def test_a_debt_is_shown_with_its_interest_up_to_the_day_asked_for() -> None:
    day = NOW_S // DAY_S
    row = facility_row(principal_minor=3_600_000, accrued_day=day)
    known = names_in(dict(PLEDGED), row, CIRCLE)
    told = summary(row, known, "r-1", (day + 10) * DAY_S)
    assert (told["facility_id"], told["pledge_id"], told["currency"]) == ("f-1", "p-1", "EUR")
    assert told["interest_minor"] == 10 * 435
    assert told["debt_minor"] == 3_600_000 + 10 * 435


def test_an_id_that_the_facts_have_not_named_is_shown_as_hex() -> None:
    row = facility_row()
    assert summary(row, names_in(None, row, CIRCLE), None, NOW_S)["facility_id"] == "0x" + FACILITY_KEY


def test_a_reason_is_named_by_the_pack_that_the_facility_follows() -> None:
    shipped = facility_row(terms=dict(facility_row().terms) | {"rulePack": "0x" + PRODUCT.pack.hash.hex()})
    pack = CIRCLE.pack_of(shipped)
    assert pack == PRODUCT.pack and CIRCLE.pack_of(facility_row()) is None
    with read_model() as connection:
        ledgers = Ledgers(connection)
        assert show_reason(connection, ledgers.reason, pack)["rule"] == ledgers.reason.cause
        put(connection, tables.freeze_reason, dict(ledgers.reason._mapping) | {"cause": pack.rules[0].id.hex()})
        assert show_reason(connection, ledgers.reason, pack)["rule"] == "unexplained-loss"
