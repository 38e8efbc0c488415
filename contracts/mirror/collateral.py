"""What is attested about a facility's collateral: `contracts/src/Collateral.sol`.

    Latest ─▶ Reading (fresh or not) ─▶ limit

What is missing, too old, suspect or of low quality is not fresh, and what is not fresh is worth nothing. "The lien
stands" has one meaning in this house: `lien(...).fresh`.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.mirror.interest import BP
from contracts.mirror.terms import Terms
from wuxin_evidence.attestation import OK, SUSPECT

PRICE_COUNTED_MAX = 2**96 - 1
"""A larger price counts as this much, so that no product of the contract exceeds 256 bits."""


@dataclass(frozen=True)
class Latest:
    """`IAttestationFeed.Latest`: the newest value of one indicator within one kind; all zero when never attested.

    `value` and `quality_bp` are the last ok ones, `observed_at_s` when they held, `status` that of the newest word.
    """

    value: int = 0
    quality_bp: int = 0
    status: int = OK
    observed_at_s: int = 0


NEVER = Latest()
"""An indicator that was never attested, or whose attestation is not known: never fresh."""


@dataclass(frozen=True)
class Attested:
    """The four words that a facility depends on, read by its terms' subjects and indicators."""

    quantity: Latest = NEVER
    lien_active: Latest = NEVER
    lien_quantity: Latest = NEVER
    price: Latest = NEVER


@dataclass(frozen=True)
class Reading:
    """`Collateral.Reading`: one attested figure; `value` is never negative."""

    fresh: bool
    value: int
    observed_at_s: int


def quantity(terms: Terms, attested: Attested, now_s: int) -> Reading:
    """`Collateral.quantity`: the attested quantity, in quantity units."""
    return _read(attested.quantity, now_s, terms.quantity_max_age_s, terms.min_quality_bp)


def price(terms: Terms, attested: Attested, now_s: int) -> Reading:
    """`Collateral.price`: the attested price, minor units per priced unit."""
    return _read(attested.price, now_s, terms.price_max_age_s, 0)


def lien(terms: Terms, attested: Attested, now_s: int) -> Reading:
    """`Collateral.lien`: the pledged quantity; fresh only while the lien stands.

    A lien stands while a fresh attestation says that it is active and a fresh one gives it a quantity above zero.
    """
    active = _read(attested.lien_active, now_s, terms.lien_max_age_s, 0)
    pledged = _read(attested.lien_quantity, now_s, terms.lien_max_age_s, 0)
    stands = active.fresh and active.value == 1 and pledged.fresh and pledged.value > 0
    return Reading(stands, pledged.value, active.observed_at_s)


def released(lien_active: Latest) -> bool:
    """`Collateral.released`: whether the newest word on the lien is that it has ended, however old that word is."""
    return lien_active.status == OK and lien_active.observed_at_s > 0 and lien_active.value == 0


def limit_minor(terms: Terms, attested: Attested, now_s: int) -> int:
    """`Collateral.limit`: min(line, advance rate × min(attested, pledged, terms) × price), rounded down.

    Zero unless quantity, lien and price are fresh.
    """
    return min(_value(terms, attested, now_s, terms.advance_rate_bp), terms.line_minor)


def value_minor(terms: Terms, attested: Attested, now_s: int) -> int:
    """The collateral's whole value, of which the contract advances a share; zero unless all three are fresh."""
    return _value(terms, attested, now_s, BP)


def _value(terms: Terms, attested: Attested, now_s: int, share_bp: int) -> int:
    measured, pledged, priced = (read(terms, attested, now_s) for read in (quantity, lien, price))
    if not (measured.fresh and pledged.fresh and priced.fresh):
        return 0
    counted = min(measured.value, pledged.value, terms.receipt_quantity)
    return counted * min(priced.value, PRICE_COUNTED_MAX) * share_bp // (terms.quantity_per_price_unit * BP)


def _read(latest: Latest, now_s: int, max_age_s: int, min_quality_bp: int) -> Reading:
    fresh = (
        latest.observed_at_s > 0
        and now_s < latest.observed_at_s + max_age_s
        and latest.status != SUSPECT
        and latest.quality_bp >= min_quality_bp
    )
    return Reading(fresh, max(0, latest.value), latest.observed_at_s)
