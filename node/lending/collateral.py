"""Collateral: the one answer a bank can lend on.

    situation (both ledgers, one snapshot) ─▶ blockers ─▶ lendable, or who has to do what

What the contracts compute comes from their mirror: value, limit, debt, headroom, and what would refuse a draw. To that
this module adds what only the facts know. An input that is missing is a blocker by name, never a permission.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.mirror import collateral as mirror
from contracts.mirror.collateral import Latest
from contracts.mirror.facility import Facility, blockers, position
from node.gate.problems import Problem
from node.lending.duties import half_done
from node.lending.situation import RECEIPT, Situation, Value, load
from node.projection.records import missing

STATUS_NAMES = ("ok", "missing", "suspect")
PRICE_SOURCE = "oracle committee, attested price"

Json = dict[str, Any]


@dataclass(frozen=True)
class Blocker:
    """A reason why nothing can be drawn: its code, since when in seconds, who changes it, and how."""

    code: str
    since_s: int | None
    next_actor: str
    hint: str


@dataclass(frozen=True)
class Figures:
    """What the collateral is worth and what is owed, in minor units; the worth is zero unless all of it is fresh."""

    value_minor: int
    limit_minor: int
    debt_minor: int
    headroom_minor: int


def situation_of(connection: Connection, receipt_id: str) -> Situation:
    """The situation of a receipt. Raises `not_found`, `unsupported_action` (several slots)."""
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


def answer(situation: Situation, now_s: int, currency: str) -> Json:
    """The collateral answer in the circle's currency, without the facility's own record, which the API adds."""
    figures = figures_of(situation, now_s)
    found = list(blockers_of(situation, now_s))
    quantity, lien, price = situation.quantity, situation.lien_active, situation.price
    held = situation.receipt.get("lien")
    return {
        "receipt_id": situation.receipt["receipt_id"],
        "lendable": not found,
        "blockers": [asdict(blocker) for blocker in found],
        "quantity": {
            "now_g": quantity.value if quantity else None,
            "receipted_g": situation.receipt["quantity_g"],
            "status": STATUS_NAMES[quantity.status] if quantity else "missing",
            "quality_bp": quantity.quality_bp if quantity else None,
            "as_of_s": _observed(quantity),
        },
        "lien": None if held is None else {**held, "attested_at_s": _observed(lien)},
        "price": _price(situation, currency),
        "freshness": {
            "quantity_age_s": _age(quantity, now_s),
            "lien_age_s": _age(lien, now_s),
            "price_age_s": _age(price, now_s),
        },
        "collateral_value_minor": figures.value_minor,
        "limit_minor": figures.limit_minor,
        "debt_minor": figures.debt_minor,
        "headroom_minor": 0 if found else figures.headroom_minor,
        "as_of": {
            **{
                {"f": "facts"}.get(ledger, ledger): {"block": block, "place": place}
                for ledger, (block, place) in situation.as_of.items()
            },
            "at_s": now_s,
        },
    }


def figures_of(situation: Situation, now_s: int) -> Figures:
    """Value, limit, debt and headroom as the contract computes them; all zero without a facility."""
    facility = situation.mirrored
    if facility is None:
        return Figures(0, 0, 0, 0)
    stands = position(facility, situation.attested, now_s)
    value = mirror.value_minor(facility.terms, situation.attested, now_s)
    return Figures(value, stands.limit_minor, stands.debt.owed_minor, stands.headroom_minor)


def blockers_of(situation: Situation, now_s: int) -> Iterator[Blocker]:
    """Everything that stands in the way of a draw, each code once: the facts, half-done states, the contract."""
    seen: set[str] = set()
    for blocker in (
        *_of_the_facts(situation),
        *(Blocker(duty.code, duty.since_s, duty.next_actor, duty.hint) for duty in half_done(situation, now_s)),
        *_of_the_facility(situation, now_s),
    ):
        if blocker.code not in seen:
            seen.add(blocker.code)
            yield blocker
    if situation.facility is None and not seen:
        yield Blocker("facility_not_active", None, "lender", "no facility is over this lien: propose one")


def _of_the_facts(situation: Situation) -> Iterator[Blocker]:
    receipt = situation.receipt
    if receipt["status"] != "active":
        yield Blocker("receipt_not_active", None, receipt["owner"], f"the receipt is {receipt['status']}")
        return
    lien = receipt.get("lien")
    if lien is None:
        yield Blocker("pledge_not_active", None, receipt["owner"], "propose a pledge of this receipt")
    elif not situation.pledge_rests:
        hint = f"pledge {lien['pledge_id']} is {lien['status']}: accept it, naming the facility"
        yield Blocker("pledge_not_active", lien["since_s"], lien["pledgee"], hint)


def _of_the_facility(situation: Situation, now_s: int) -> Iterator[Blocker]:
    """What the contract would answer to a draw, with what to do about each code."""
    row, facility = situation.facility, situation.mirrored
    if row is None or facility is None:
        return
    idle = "activate it over the attested lien" if row.state == "proposed" else "it never lends again"
    frozen_since = min((reason.since_s for reason in situation.reasons), default=None)
    fresh_until = _fresh_until(facility, situation)
    told: dict[str, tuple[int | None, str, str]] = {
        "facility_not_active": (row.since_s, "lender", idle),
        "facility_matured": (facility.terms.maturity_s, "lender", "agree on a new facility"),
        "facility_frozen": (
            frozen_since,
            "approvers of the rule",
            "see GET /v1/facilities/{facility_id}/reasons: clean windows first, then the approvals",
        ),
        "attestation_stale": (fresh_until[0], "oracle", "wait for a scheduled attestation that is ok"),
        "lien_missing": (fresh_until[1], "oracle", "the oracle attests that the pledge stands"),
        "price_stale": (fresh_until[2], "oracle", "the oracle attests the price"),
        "limit_exceeded": (None, "borrower", "repay, or add collateral"),
        "insufficient_funds": (None, "lender", "fund the account, or let the facilities take more of it"),
        "forbidden": (None, "lender", "list lender and borrower with the deposit token"),
    }
    for code in blockers(facility, situation.attested, situation.funding, now_s):
        yield Blocker(code, *told[code])


def _fresh_until(facility: Facility, situation: Situation) -> tuple[int | None, int | None, int | None]:
    """Until when quantity, lien and price are fresh by age; None for what no contract has heard."""
    terms, attested = facility.terms, situation.attested

    def until(latest: Latest, max_age_s: int) -> int | None:
        return latest.observed_at_s + max_age_s if latest.observed_at_s else None

    return (
        until(attested.quantity, terms.quantity_max_age_s),
        until(attested.lien_active, terms.lien_max_age_s),
        until(attested.price, terms.price_max_age_s),
    )


def _observed(value: Value | None) -> int | None:
    return value.observed_at_s if value and value.observed_at_s else None


def _age(value: Value | None, now_s: int) -> int | None:
    observed = _observed(value)
    return None if observed is None else max(0, now_s - observed)


def _price(situation: Situation, currency: str) -> Json | None:
    price, terms = situation.price, situation.terms
    if price is None or not price.observed_at_s:
        return None
    return {
        "minor_per_t": price.value,
        "currency": currency,
        "source": PRICE_SOURCE,
        "priced_at_s": price.observed_at_s,
        "max_age_s": None if terms is None else terms.price_max_age_s,
    }
