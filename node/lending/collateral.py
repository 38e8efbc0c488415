"""Collateral: the one answer a bank can lend on.

    situation (both ledgers, one snapshot) ─▶ blockers ─▶ lendable, or who has to do what

The judgement mirrors what ``CreditFacility.draw`` asks, in its order, and adds what only the facts know. It is never
more generous than the contract: the contract decides in the end. Values are rounded as there (collateral down, debt
up), ages are measured on the consortium's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row

from node.gate.problems import Problem
from node.lending.duties import half_done
from node.lending.situation import (
    LIEN,
    LIEN_ACTIVE,
    PRICE,
    PRICE_PER_T,
    QUANTITY,
    RECEIPT,
    RECEIPT_QUANTITY,
    SCHEDULED,
    Situation,
    Value,
    load,
)
from node.projection.obligations import business_day, debt
from node.projection.records import missing

BP = 10_000
SUSPECT = 2
STATUS_NAMES = ("ok", "missing", "suspect")
PRICE_SOURCE = "oracle committee, attested price"

Json = dict[str, Any]


@dataclass(frozen=True)
class Blocker:
    """Why nothing can be drawn, since when, who changes that, and how."""

    code: str
    since_s: int | None
    next_actor: str
    hint: str


@dataclass(frozen=True)
class Figures:
    """What the collateral is worth and what is owed, in minor units; zero where anything is not fresh."""

    value_minor: int
    limit_minor: int
    debt_minor: int
    headroom_minor: int


def situation_of(connection: Connection, receipt_id: str) -> Situation:
    """The situation of a receipt; raises ``not_found``, ``unsupported_action`` (several slots)."""
    row = connection.execute(RECEIPT, {"receipt_id": receipt_id}).first()
    if row is None:
        raise missing("receipt", receipt_id)
    if len(row.record["slots"]) > 1:
        raise Problem(
            "unsupported_action",
            f"receipt {receipt_id} covers {len(row.record['slots'])} slots",
            "lend on a receipt over one slot; a facility follows one quantity",
        )
    return load(connection, row)


def answer(situation: Situation, now_s: int) -> Json:
    """The collateral answer, without the facility's own record, which the API adds."""
    figures = figures_of(situation, now_s)
    blockers = list(blockers_of(situation, figures, now_s))
    quantity = situation.value(situation.slot_subject, SCHEDULED, QUANTITY)
    lien = situation.value(situation.lien_subject, LIEN, LIEN_ACTIVE)
    price = situation.value(situation.price_subject, PRICE, PRICE_PER_T)
    held = situation.receipt.get("lien")
    return {
        "receipt_id": situation.receipt["receipt_id"],
        "lendable": not blockers,
        "blockers": [asdict(blocker) for blocker in blockers],
        "quantity": {
            "now_g": quantity.value if quantity else None,
            "receipted_g": situation.receipt["quantity_g"],
            "status": STATUS_NAMES[quantity.status] if quantity else "missing",
            "quality_bp": quantity.quality_bp if quantity else None,
            "as_of_s": _observed(quantity),
        },
        "lien": None if held is None else {**held, "attested_at_s": _observed(lien)},
        "price": _price(price, situation.facility),
        "freshness": {
            "quantity_age_s": _age(quantity, now_s),
            "lien_age_s": _age(lien, now_s),
            "price_age_s": _age(price, now_s),
        },
        "collateral_value_minor": figures.value_minor,
        "limit_minor": figures.limit_minor,
        "debt_minor": figures.debt_minor,
        "headroom_minor": figures.headroom_minor if not blockers else 0,
        "as_of": {
            **{
                {"f": "facts"}.get(ledger, ledger): {"block": block, "place": place}
                for ledger, (block, place) in situation.as_of.items()
            },
            "at_s": now_s,
        },
    }


def figures_of(situation: Situation, now_s: int) -> Figures:
    """Value, limit and headroom, as the contract computes them."""
    facility = situation.facility
    if facility is None:
        return Figures(0, 0, 0, 0)
    terms = facility.terms
    owed = debt(facility, business_day(now_s, int(terms["dayOffsetS"])))[2]
    quantity = situation.value(situation.slot_subject, SCHEDULED, QUANTITY)
    pledged = situation.value(situation.lien_subject, LIEN, RECEIPT_QUANTITY)
    price = situation.value(situation.price_subject, PRICE, PRICE_PER_T)
    if not (
        _fresh(quantity, now_s, int(terms["quantityMaxAgeS"]), int(terms["minQualityBp"]))
        and _lien_stands(situation, now_s)
        and _fresh(price, now_s, int(terms["priceMaxAgeS"]), 0)
    ):
        return Figures(0, 0, owed, 0)
    counted = min(_positive(quantity), _positive(pledged), int(terms["receiptQuantity"]))
    unit = int(terms["quantityPerPriceUnit"])
    value = counted * _positive(price) // unit
    advanced = counted * _positive(price) * int(terms["advanceRateBp"]) // (unit * BP)
    limit = min(advanced, int(facility.line_minor))
    return Figures(value, limit, owed, max(0, limit - owed - int(terms["drawFeeMinor"])))


def blockers_of(situation: Situation, figures: Figures, now_s: int) -> Iterator[Blocker]:
    """Everything that stands in the way of a draw, each once."""
    seen: set[str] = set()
    for blocker in (
        *_of_the_facts(situation),
        *_half_done(situation),
        *_of_the_facility(situation, figures, now_s),
    ):
        if blocker.code not in seen:
            seen.add(blocker.code)
            yield blocker


def _of_the_facts(situation: Situation) -> Iterator[Blocker]:
    receipt = situation.receipt
    if receipt["status"] != "active":
        yield Blocker("receipt_not_active", None, receipt["owner"], f"the receipt is {receipt['status']}")
        return
    lien = receipt.get("lien")
    if lien is None:
        yield Blocker("pledge_not_active", None, receipt["owner"], "propose a pledge of this receipt")
    elif lien["status"] != "active":
        hint = f"pledge {lien['pledge_id']} is {lien['status']}: accept it, naming the facility"
        yield Blocker("pledge_not_active", lien["since_s"], lien["pledgee"], hint)


def _half_done(situation: Situation) -> Iterator[Blocker]:
    for duty in half_done(situation):
        yield Blocker(duty.code, duty.since_s, duty.next_actor, duty.hint)


def _of_the_facility(situation: Situation, figures: Figures, now_s: int) -> Iterator[Blocker]:
    facility = situation.facility
    if facility is None:
        return
    terms = facility.terms
    if facility.state != "active":
        hint = "activate it over the attested lien" if facility.state == "proposed" else "it never lends again"
        yield Blocker("facility_not_active", facility.since_s, "lender", hint)
    if now_s >= int(terms["maturityS"]):
        yield Blocker("facility_matured", int(terms["maturityS"]), "lender", "agree on a new facility")
    if situation.reasons:
        hint = "see GET /v1/facilities/{facility_id}/reasons: clean windows first, then the approvals"
        yield Blocker("facility_frozen", situation.reasons[0].since_s, "approvers of the rule", hint)
    quantity = situation.value(situation.slot_subject, SCHEDULED, QUANTITY)
    if not _fresh(quantity, now_s, int(terms["quantityMaxAgeS"]), int(terms["minQualityBp"])):
        since = _stale_since(quantity, int(terms["quantityMaxAgeS"]))
        yield Blocker("attestation_stale", since, "oracle", "wait for a scheduled attestation that is ok")
    if not _lien_stands(situation, now_s):
        lien = situation.value(situation.lien_subject, LIEN, LIEN_ACTIVE)
        since = _stale_since(lien, int(terms["lienMaxAgeS"]))
        yield Blocker("lien_missing", since, "oracle", "the oracle attests that the pledge stands")
    price = situation.value(situation.price_subject, PRICE, PRICE_PER_T)
    if not _fresh(price, now_s, int(terms["priceMaxAgeS"]), 0):
        since = _stale_since(price, int(terms["priceMaxAgeS"]))
        yield Blocker("price_stale", since, "oracle", "the oracle attests the price")
    if figures.limit_minor and figures.headroom_minor == 0:
        yield Blocker("limit_exceeded", None, "borrower", "repay, or add collateral")


def _lien_stands(situation: Situation, now_s: int) -> bool:
    facility = situation.facility
    age_max = int(facility.terms["lienMaxAgeS"]) if facility is not None else 0
    active = situation.value(situation.lien_subject, LIEN, LIEN_ACTIVE)
    pledged = situation.value(situation.lien_subject, LIEN, RECEIPT_QUANTITY)
    fresh = _fresh(active, now_s, age_max, 0) and _fresh(pledged, now_s, age_max, 0)
    return fresh and _positive(active) == 1 and _positive(pledged) > 0


def _fresh(value: Value | None, now_s: int, age_max_s: int, quality_min_bp: int) -> bool:
    return (
        value is not None
        and value.observed_at_s > 0
        and now_s < value.observed_at_s + age_max_s
        and value.status != SUSPECT
        and value.quality_bp >= quality_min_bp
    )


def _positive(value: Value | None) -> int:
    return max(0, value.value or 0) if value else 0


def _observed(value: Value | None) -> int | None:
    return value.observed_at_s if value and value.observed_at_s else None


def _age(value: Value | None, now_s: int) -> int | None:
    observed = _observed(value)
    return None if observed is None else max(0, now_s - observed)


def _stale_since(value: Value | None, age_max_s: int) -> int | None:
    observed = _observed(value)
    return None if observed is None else observed + age_max_s


def _price(price: Value | None, facility: Row[Any] | None) -> Json | None:
    if price is None or not price.observed_at_s:
        return None
    return {
        "minor_per_t": price.value,
        "currency": "CNY",
        "source": PRICE_SOURCE,
        "priced_at_s": price.observed_at_s,
        "max_age_s": int(facility.terms["priceMaxAgeS"]) if facility is not None else None,
    }
