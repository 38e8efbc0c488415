"""Where a facility stands, and what refuses a draw now: `contracts/src/CreditFacility.sol`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.mirror import collateral
from contracts.mirror.collateral import Attested
from contracts.mirror.interest import Debt, business_day
from contracts.mirror.terms import Terms

STATES = ("none", "proposed", "active", "closing", "closed")
"""`ICreditFacility.State`, by number."""
ACTIVE = STATES.index("active")


@dataclass(frozen=True)
class Funding:
    """What the deposit token says of a facility's lender and borrower.

    `available_minor` is the smaller of the lender's balance and what it lets the facility take.
    """

    available_minor: int = 0
    lender_listed: bool = False
    borrower_listed: bool = False


@dataclass(frozen=True)
class Facility:
    """A facility as the contract stores it: state by number, terms, debt as booked, number of freeze reasons."""

    state: int
    terms: Terms
    debt: Debt
    standing_reasons: int

    def debt_at(self, now_s: int) -> Debt:
        """`CreditFacility._accrued`: the debt with interest up to the business day of `now_s`."""
        return self.debt.accrued_to(business_day(now_s, self.terms.day_offset_s), self.terms.rate_bp)


@dataclass(frozen=True)
class Position:
    """`ICreditFacility.Position`, the debt in one member; amounts in minor units."""

    debt: Debt
    limit_minor: int
    headroom_minor: int
    standing_reasons: int


def position(facility: Facility, attested: Attested, now_s: int) -> Position:
    """`CreditFacility.position`: debt, limit and headroom; the headroom is zero when anything blocks."""
    debt, limit = facility.debt_at(now_s), collateral.limit_minor(facility.terms, attested, now_s)
    is_open = facility.state == ACTIVE and now_s < facility.terms.maturity_s and facility.standing_reasons == 0
    room = headroom_minor(facility.terms, limit, debt.owed_minor) if is_open else 0
    return Position(debt, limit, room, facility.standing_reasons)


def headroom_minor(terms: Terms, limit_minor: int, owed_minor: int) -> int:
    """`CreditFacility._headroom`: the largest draw under a limit, with the fee of that draw taken off."""
    return max(0, limit_minor - owed_minor - terms.draw_fee_minor)


def blockers(facility: Facility, attested: Attested, funding: Funding, now_s: int) -> tuple[str, ...]:
    """`CreditFacility.blockers`: codes of everything that would refuse a draw now, in the order of `draw`."""
    return tuple(_blockers(facility, attested, funding, now_s))


def _blockers(facility: Facility, attested: Attested, funding: Funding, now_s: int) -> Iterator[str]:
    terms = facility.terms
    measured, pledged, priced = (
        read(terms, attested, now_s).fresh for read in (collateral.quantity, collateral.lien, collateral.price)
    )
    if facility.state != ACTIVE:
        yield "facility_not_active"
    if now_s >= terms.maturity_s:
        yield "facility_matured"
    if facility.standing_reasons:
        yield "facility_frozen"
    if not measured:
        yield "attestation_stale"
    if not pledged:
        yield "lien_missing"
    if not priced:
        yield "price_stale"
    if measured and pledged and priced:
        limit = collateral.limit_minor(terms, attested, now_s)
        if headroom_minor(terms, limit, facility.debt_at(now_s).owed_minor) == 0:
            yield "limit_exceeded"
    if funding.available_minor == 0:
        yield "insufficient_funds"
    if not (funding.lender_listed and funding.borrower_listed):
        yield "forbidden"
