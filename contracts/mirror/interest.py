"""A debt with simple interest, actual/360, by business day: `contracts/src/Interest.sol` (FORMATS.md section 2).

    debt.accrued_to(day, rate_bp) ─▶ debt.drawn(amount, fee)  or  debt.paid(amount)

Interest is booked in whole minor units; the remainder is carried in 1/3 600 000 of a minor unit, so nothing is lost to
rounding. A debt is rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BP = 10_000
DAYS_PER_YEAR = 360
DAY_S = 86_400
FRACTIONS = BP * DAYS_PER_YEAR
"""Parts of a minor unit in which the remainder is carried."""


@dataclass(frozen=True)
class Payment:
    """How a payment was split, in minor units."""

    fees_minor: int
    interest_minor: int
    principal_minor: int


@dataclass(frozen=True)
class Debt:
    """`Interest.Debt`: amounts in minor units, `fraction` below 3 600 000, `accrued_day` not yet counted itself."""

    principal_minor: int = 0
    interest_minor: int = 0
    fees_minor: int = 0
    fraction: int = 0
    accrued_day: int = 0

    @property
    def owed_minor(self) -> int:
        """`Interest.owed`: everything owed, a fraction counting as one more minor unit."""
        return self.principal_minor + self.interest_minor + self.fees_minor + (1 if self.fraction else 0)

    def accrued_to(self, day: int, rate_bp: int) -> Debt:
        """`Interest.accruedTo`: the debt with interest up to `day`; an earlier day changes nothing."""
        if day <= self.accrued_day:
            return self
        carried = self.fraction + self.principal_minor * rate_bp * (day - self.accrued_day)
        booked, fraction = divmod(carried, FRACTIONS)
        return replace(self, interest_minor=self.interest_minor + booked, fraction=fraction, accrued_day=day)

    def drawn(self, amount_minor: int, fee_minor: int) -> Debt:
        """`CreditFacility.draw`: the debt after a draw and its fee."""
        return replace(
            self,
            principal_minor=self.principal_minor + amount_minor,
            fees_minor=self.fees_minor + fee_minor,
        )

    def paid(self, taken_minor: int) -> tuple[Debt, Payment]:
        """`Interest.pay`: fees first, then interest, then principal; at most `owed_minor` is taken.

        A payment of everything owed takes the rounded-up fraction as interest. Raises `ValueError` for more than is
        owed, which the contract never asks for.
        """
        owed = self.owed_minor
        if taken_minor > owed:
            raise ValueError(f"{taken_minor} is more than the {owed} owed")
        interest, fraction = self.interest_minor, self.fraction
        if taken_minor == owed and fraction:
            interest, fraction = interest + 1, 0
        fees_paid = min(taken_minor, self.fees_minor)
        interest_paid = min(taken_minor - fees_paid, interest)
        principal_paid = taken_minor - fees_paid - interest_paid
        left = replace(
            self,
            principal_minor=self.principal_minor - principal_paid,
            interest_minor=interest - interest_paid,
            fees_minor=self.fees_minor - fees_paid,
            fraction=fraction,
        )
        return left, Payment(fees_paid, interest_paid, principal_paid)


def business_day(at_s: int, day_offset_s: int) -> int:
    """`Interest.businessDay`: days since 1970, midnight cut `day_offset_s` east of UTC."""
    return (at_s + day_offset_s) // DAY_S
