"""The arguments of the commands on a facility: the fields that a caller gives, described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.world.bounds import (
    Amount,
    BasisPoints,
    Currency,
    Described,
    Organisation,
    PledgeId,
    PositiveAmount,
    ReceiptId,
    Seconds,
    Text,
    Whole,
)

AGE_S_MAX: Final = 2**32 - 1
FacilityId = Annotated[
    str,
    Text(
        1,
        128,
        r"0x[0-9a-f]{64}|[A-Za-z1-9][A-Za-z0-9:._-]*|0([A-Za-wyz0-9:._-][A-Za-z0-9:._-]*)?",
        "a facility's id (letters, digits and : . _ -), or its key: 0x and 64 digits of lower-case hex",
    ),
    Described("The facility, by its id or by its key on the chain.", example="facility-1"),
]
NewFacilityId = Annotated[
    str,
    Text(1, 128, r"[A-Za-z1-9][A-Za-z0-9:._-]*|0([A-Za-wyz0-9:._-][A-Za-z0-9:._-]*)?", "an id that is no 0x hex"),
    Described("The facility's id, made by the lender and accepted once.", example="facility-1"),
]
ReasonKey = Annotated[
    str,
    Text(64, 66, r"(0x)?[0-9a-f]{64}", "the key of a reason, 32 bytes in lower-case hex"),
    Described("The key of the reason, as the list of reasons gives it.", example="3f" * 32),
]
Cause = Annotated[
    str,
    Text(1, 64, r"[a-z0-9_-]{1,32}|[0-9a-f]{64}", "a code of [a-z0-9_-], at most 32, or a SHA-256 in hex"),
    Described("Why: a code of up to 32 characters, or the SHA-256 of a document.", example="site_visit_refused"),
]
Age = Annotated[int, Whole(1, AGE_S_MAX)]


@dataclass(frozen=True)
class ProposeFacility:
    """What a lender proposes; the terms on the chain are derived from the receipt and the pledge."""

    facility_id: NewFacilityId
    receipt_id: Annotated[ReceiptId, Described("The receipt that is lent on; over one slot.", example="receipt-1")]
    pledge_id: Annotated[PledgeId, Described("The pledge that rests on the receipt.", example="pledge-1")]
    borrower: Annotated[Organisation, Described("Who owns the receipt and draws.", example="manufacturer")]
    line_minor: Annotated[PositiveAmount, Described("The most that may be owed as principal.", example=500000000)]
    currency: Annotated[Currency, Described("The currency of the circle's deposits.", example="CNY", source="ISO 4217")]
    advance_rate_bp: Annotated[BasisPoints, Described("The share of the collateral's value lent on it.", example=6000)]
    rate_bp: Annotated[BasisPoints, Described("Interest a year, simple, actual/360.", example=450)]
    maturity_s: Annotated[Seconds, Described("No draw after this; UTC.", example=1672646400)]
    max_quantity_age_s: Annotated[Age, Described("How old the attested quantity may be.", example=2700)]
    max_lien_age_s: Annotated[Age, Described("How old the attested lien may be.", example=86400)]
    max_price_age_s: Annotated[Age, Described("How old the attested price may be.", example=86400)]
    rule_pack: Annotated[
        str,
        Text(1, 64, r"[a-z0-9-]+", "the name of a rule pack, [a-z0-9-]{1,64}"),
        Described("The rule pack that tightens the facility, by its name.", example="warehouse-stock-1"),
    ]
    draw_fee_minor: Annotated[Amount, Described("A fee for each draw.", example=0)] = 0
    min_quality_bp: Annotated[BasisPoints, Described("The least quality that a value must have.", example=5000)] = 5000
    insurer: Annotated[
        Organisation | None,
        Described("Who may freeze as the insurer; left out: the circle's insurer.", example="insurer"),
    ] = None


@dataclass(frozen=True)
class FacilityReference:
    """A facility, and nothing beside it."""

    facility_id: FacilityId


@dataclass(frozen=True)
class LowerLine:
    """A lower line."""

    facility_id: FacilityId
    line_minor: Annotated[PositiveAmount, Described("The new line, lower than the one in force.", example=400000000)]


@dataclass(frozen=True)
class Draw:
    """An amount to draw."""

    facility_id: FacilityId
    amount_minor: Annotated[PositiveAmount, Described("What the borrower gets.", example=100000000)]


@dataclass(frozen=True)
class Repay:
    """An amount to repay; of more than the debt, the debt is taken."""

    facility_id: FacilityId
    amount_minor: Annotated[PositiveAmount, Described("The most that is taken.", example=100000000)]


@dataclass(frozen=True)
class FreezeFacility:
    """A freeze by hand."""

    facility_id: FacilityId
    reason: Cause


@dataclass(frozen=True)
class ReasonReference:
    """A reason of a facility."""

    facility_id: FacilityId
    reason_key: ReasonKey


@dataclass(frozen=True)
class ApproveUnfreeze:
    """An approval, for one opening of one reason."""

    facility_id: FacilityId
    reason_key: ReasonKey
    opening_sequence: Annotated[
        Amount | None,
        Described("The opening that the approver has looked at; left out: the one this node shows.", example=113246208),
    ] = None
