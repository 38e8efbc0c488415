"""Vectors of what a facility owes, what it may borrow, and what blocks a draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace

from contracts.mirror import collateral, facility
from contracts.mirror.collateral import Attested, Latest
from contracts.mirror.facility import Facility, Funding
from contracts.mirror.interest import DAY_S, FRACTIONS, Debt, Payment, business_day
from contracts.mirror.terms import Terms
from tests.contracts.dice import (
    BP,
    DAY_OFFSET_S,
    INT128,
    T0,
    UINT32,
    UINT64,
    UINT96,
    UINT128,
    Dice,
    Row,
)
from wuxin_evidence.attestation import MISSING, OK, SUSPECT


def interest(dice: Dice) -> Iterator[Row]:
    """debt (5), time, day offset, rate | step, amount, fee | debt (5), owed, fees, interest, principal paid.

    Step 0 books interest, 1 draws, 2 pays. Histories of 20 steps: each begins with the debt that the one before left.
    """
    for _ in range(250):
        debt = _debt(dice)
        at_s, day_offset_s, rate_bp = dice.sized(2**40), dice.of([0, DAY_OFFSET_S, DAY_S - 1]), dice.of([0, 435, BP])
        for _ in range(20):
            at_s = _later(dice, at_s, day_offset_s)
            rate_bp = dice.of([0, 1, BP, dice.below(BP)]) if dice.chance(30) else rate_bp
            given = [*astuple(debt), at_s, day_offset_s, rate_bp]
            booked = debt.accrued_to(business_day(at_s, day_offset_s), rate_bp)
            step, amount, fee, paid = dice.below(3), 0, 0, Payment(0, 0, 0)
            debt = booked
            if step == 1:
                amount = min(dice.sized(UINT128), UINT128 - 1 - booked.principal_minor)
                fee = dice.sized(UINT128)
                debt = booked.drawn(amount, fee)
            elif step == 2:
                amount = _payment(dice, booked)
                debt, paid = booked.paid(amount)
            yield [*given, step, amount, fee, *astuple(debt), debt.owed_minor, *astuple(paid)]


def _debt(dice: Dice) -> Debt:
    if dice.chance(40):
        return Debt()
    fraction = dice.of([0, 1, FRACTIONS - 1, dice.below(FRACTIONS)])
    return Debt(dice.sized(UINT128), dice.sized(2**160), dice.sized(UINT128), fraction, dice.below(30_000))


def _later(dice: Dice, at_s: int, day_offset_s: int) -> int:
    """The same second, the seconds beside a midnight, days, years, a gap of ages; sometimes earlier."""
    midnight = (at_s + day_offset_s) // DAY_S * DAY_S + DAY_S - day_offset_s
    beside = [at_s, midnight - 1, midnight, midnight + 1, at_s + DAY_S, at_s + dice.below(90 * DAY_S)]
    return max(0, dice.of([*beside, at_s + 30 * 360 * DAY_S, at_s + dice.sized(2**44), at_s - DAY_S]))


def _payment(dice: Dice, debt: Debt) -> int:
    owed, before_principal = debt.owed_minor, debt.fees_minor + debt.interest_minor
    edges = [0, 1, debt.fees_minor, debt.fees_minor + 1, before_principal, before_principal + 1, owed - 1, owed]
    return min(max(0, dice.of([*edges, owed, dice.sized(owed + 1)])), owed)


def limit(dice: Dice) -> Iterator[Row]:
    """unit, receipt, quality, advance, line, three ages | four words (4 each) | now | six readings, released, limit."""
    for _ in range(3_000):
        now_s = dice.of([T0, T0 + dice.below(2**32), UINT32 + dice.sized(2**62)])
        terms = _terms(dice)
        attested = _attested(dice, terms, now_s)
        readings = [read(terms, attested, now_s) for read in (collateral.quantity, collateral.lien, collateral.price)]
        released = int(collateral.released(attested.lien_active))
        yield [
            *_valued(terms), *_words(attested), now_s,
            *(number for each in readings for number in (int(each.fresh), each.value)),
            released, collateral.limit_minor(terms, attested, now_s),
        ]  # fmt: skip


BASE = Terms(
    lender=b"\x01" * 20,
    borrower=b"\x02" * 20,
    insurer=bytes(20),
    borrower_organisation=b"\x03" * 32,
    storing_organisation=b"\x04" * 32,
    quantity_subject=b"\x05" * 32,
    lien_subject=b"\x06" * 32,
    price_subject=b"\x07" * 32,
    quantity_indicator=b"\x08" * 32,
    price_indicator=b"\x09" * 32,
    quantity_per_price_unit=1_000_000,
    receipt_quantity=100_000_000,
    min_quality_bp=5_000,
    advance_rate_bp=7_000,
    rate_bp=435,
    day_offset_s=DAY_OFFSET_S,
    line_minor=450_000_000,
    draw_fee_minor=100,
    quantity_max_age_s=3_600,
    lien_max_age_s=7_200,
    price_max_age_s=DAY_S,
    maturity_s=T0 + 180 * DAY_S,
    rule_pack=b"\x0a" * 32,
)
"""Terms as a bank gives them; the vectors change what is computed with."""


def _terms(dice: Dice) -> Terms:
    if dice.chance(40):
        return replace(BASE, min_quality_bp=dice.of([0, 5_000, BP]))
    return replace(
        BASE,
        quantity_per_price_unit=dice.of([1, 1_000_000, UINT64 - 1, 1 + dice.sized(UINT64 - 1)]),
        receipt_quantity=dice.of([1, UINT96 - 1, 1 + dice.sized(UINT96 - 1)]),
        min_quality_bp=dice.of([0, BP, dice.below(BP + 1)]),
        advance_rate_bp=dice.of([1, BP, 1 + dice.below(BP)]),
        line_minor=dice.of([1, UINT128 - 1, 1 + dice.sized(UINT128 - 1)]),
        quantity_max_age_s=dice.of([1, 900, UINT32 - 1, 1 + dice.below(UINT32 - 1)]),
        lien_max_age_s=dice.of([1, 900, UINT32 - 1, 1 + dice.below(UINT32 - 1)]),
        price_max_age_s=dice.of([1, 900, UINT32 - 1, 1 + dice.below(UINT32 - 1)]),
    )


def _valued(terms: Terms) -> Row:
    return [
        terms.quantity_per_price_unit, terms.receipt_quantity, terms.min_quality_bp, terms.advance_rate_bp,
        terms.line_minor, terms.quantity_max_age_s, terms.lien_max_age_s, terms.price_max_age_s,
    ]  # fmt: skip


def _attested(dice: Dice, terms: Terms, now_s: int) -> Attested:
    """Mostly four words that a facility lends on; each may be another one."""
    good = Attested(
        Latest(dice.of([terms.receipt_quantity, terms.receipt_quantity // 2 + 1]), BP, OK, now_s),
        Latest(1, BP, OK, now_s),
        Latest(dice.of([terms.receipt_quantity, terms.receipt_quantity // 3 + 1]), BP, OK, now_s),
        Latest(dice.of([7_000_000, 7_000_000, UINT96 - 1]), BP, OK, now_s),
    )
    other = Attested(
        _latest(dice, _figure(dice, terms.receipt_quantity), now_s, terms.quantity_max_age_s, terms.min_quality_bp),
        _latest(dice, dice.of([1, 1, 1, 0, 2, -1]), now_s, terms.lien_max_age_s, 0),
        _latest(dice, _figure(dice, terms.receipt_quantity), now_s, terms.lien_max_age_s, 0),
        _latest(dice, dice.of([UINT96, _figure(dice, 7_000_000)]), now_s, terms.price_max_age_s, 0),
    )
    return Attested(
        *(dice.of([usual, usual, usual, odd]) for usual, odd in zip(_each(good), _each(other), strict=True))
    )


def _each(attested: Attested) -> tuple[Latest, Latest, Latest, Latest]:
    return attested.quantity, attested.lien_active, attested.lien_quantity, attested.price


def _figure(dice: Dice, near: int) -> int:
    edges = [near, near - 1, near + 1, 1, 0, -1, INT128 - 1, -INT128]
    return dice.of([near, near // 2, dice.of(edges), dice.sized(INT128)])


def _latest(dice: Dice, value: int, now_s: int, max_age_s: int, min_quality_bp: int) -> Latest:
    """Half of them fresh; else at an edge of the age, of the quality, suspect or never attested."""
    if dice.chance(50):
        observed = max(1, now_s - dice.below(min(max_age_s, now_s)))
        return Latest(value, dice.of([min_quality_bp, BP]), dice.of([OK, OK, MISSING]), observed)
    if dice.chance(10):
        return Latest()
    observed = dice.of([now_s - max_age_s - 1, now_s - max_age_s, now_s - max_age_s + 1, now_s, now_s + 60, 0, 1])
    quality = dice.of([0, max(0, min_quality_bp - 1), min_quality_bp, BP])
    return Latest(value, quality, dice.of([OK, OK, MISSING, SUSPECT]), max(0, observed))


def _words(attested: Attested) -> Row:
    return [number for latest in astuple(attested) for number in latest]


CODES = (
    "facility_not_active", "facility_matured", "facility_frozen", "attestation_stale", "lien_missing", "price_stale",
    "limit_exceeded", "insufficient_funds", "forbidden",
)  # fmt: skip
"""A list of codes is one word: a hexadecimal digit each, counted from 1, the first code leftmost."""


def facilities(dice: Dice) -> Iterator[Row]:
    """valued terms (8), rate, day offset, fee, maturity | draw at T0, reasons, state | funding (4) | words (16) | now
    | blockers, principal, interest, fees, fraction, day, owed, limit, headroom, reasons."""
    for _ in range(1_000):
        terms = replace(
            _terms(dice),
            rate_bp=dice.of([0, 1, 435, BP]),
            day_offset_s=dice.of([0, DAY_OFFSET_S, DAY_S - 1]),
            draw_fee_minor=dice.of([0, 1, 100, dice.sized(UINT128)]),
            maturity_s=T0 + dice.of([1, 90 * DAY_S, 180 * DAY_S, 180 * DAY_S, 2**40]),
        )
        state = dice.of([1, 2, 2, 2, 2, 2, 2, 2, 3, 4])
        opened = Facility(
            state, terms, Debt(accrued_day=business_day(T0, terms.day_offset_s)), dice.of([0, 0, 0, 1, 3])
        )
        drawn = _drawable(dice, opened) if state == 2 else 0
        debt = opened.debt.drawn(drawn, terms.draw_fee_minor) if drawn else opened.debt
        booked = replace(opened, debt=debt, standing_reasons=opened.standing_reasons if state < 4 else 0)
        now_s = T0 + dice.of(
            [0, 1, 16 * 3600, DAY_S, *(dice.below(90 * DAY_S) for _ in range(4)), terms.maturity_s - T0, 2**33]
        )
        attested = _attested(dice, terms, now_s)
        balance, allowance = dice.of([0, 1, *[UINT128] * 6]), dice.of([0, 1, *[UINT128] * 6])
        listed = [dice.chance(95), dice.chance(95)]
        funding = Funding(min(balance, allowance), *listed)
        stands = facility.position(booked, attested, now_s)
        yield [
            *_valued(terms), terms.rate_bp, terms.day_offset_s, terms.draw_fee_minor, terms.maturity_s,
            drawn, booked.standing_reasons, state, balance, allowance, *map(int, listed), *_words(attested), now_s,
            _coded(facility.blockers(booked, attested, funding, now_s)), *astuple(stands.debt),
            stands.debt.owed_minor, stands.limit_minor, stands.headroom_minor, stands.standing_reasons,
        ]  # fmt: skip


def _drawable(dice: Dice, opened: Facility) -> int:
    """A draw at T0 over all that the terms allow: none, a little, a part, or everything."""
    most = Latest(INT128 - 1, BP, OK, T0)
    everything = Attested(most, Latest(1, BP, OK, T0), most, most)
    room = facility.position(replace(opened, standing_reasons=0), everything, T0).headroom_minor
    return dice.of([0, min(1, room), dice.sized(room + 1), dice.sized(room + 1), room])


def _coded(codes: Sequence[str]) -> int:
    number = 0
    for code in codes:
        number = number * 16 + CODES.index(code) + 1
    return number
