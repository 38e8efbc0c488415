"""The collateral answer and the half-done states between the ledgers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole, one_of
from node.api.answers.obligations import FacilitySummary, Reason
from node.api.answers.values import BIG, Minor


@dataclass(frozen=True)
class Blocker:
    """Why nothing can be drawn."""

    code: Annotated[str, Text(), Described("A problem's code.", example="attestation_stale")]
    since_s: Annotated[
        Annotated[int, Whole(0)] | None, Described("Since when, UTC, where that is known.", example=1641114000)
    ]
    next_actor: Annotated[str, Text(), Described("Who has to act next.", example="oracle")]
    hint: Annotated[str, Text(), Described("What to do.", example="wait for a scheduled attestation that is ok")]


@dataclass(frozen=True)
class AttestedQuantity:
    """The quantity, as attested and as the receipt says."""

    now_g: Annotated[Annotated[int, Whole(-BIG, BIG)] | None, Described("As last attested.", example=20000000)]
    receipted_g: Annotated[int, Whole(0), Described("As the receipt says.", example=20000000)]
    status: Annotated[
        str, one_of("ok", "missing", "suspect"), Described("What the attestation says of it.", example="ok")
    ]
    quality_bp: Annotated[Annotated[int, Whole(0, 10_000)] | None, Described("Its quality.", example=10000)]
    as_of_s: Annotated[
        Annotated[int, Whole(0)] | None, Described("The end of the attested window, UTC.", example=1641114000)
    ]


@dataclass(frozen=True)
class AttestedLien:
    """The pledge on the receipt, and when it was last attested."""

    pledge_id: Annotated[str, Text(), Described("The pledge.", example="pledge-1")]
    pledgee: Annotated[str, Text(), Described("To whom.", example="bank")]
    status: Annotated[str, one_of("proposed", "active"), Described("Whether it was accepted.", example="active")]
    since_s: Annotated[int, Whole(0), Described("Since when, UTC.", example=1641114000)]
    attested_at_s: Annotated[
        Annotated[int, Whole(0)] | None, Described("When it was last attested, UTC.", example=1641114900)
    ]


@dataclass(frozen=True)
class AttestedPrice:
    """The price, as attested."""

    minor_per_t: Annotated[Annotated[int, Whole(-BIG, BIG)] | None, Described("Minor units a tonne.", example=7000000)]
    currency: Annotated[str, Text(), Described("ISO 4217.", example="CNY")]
    source: Annotated[str, Text(), Described("Whose word it is.", example="oracle committee, attested price")]
    priced_at_s: Annotated[int, Whole(0), Described("The date of the price, UTC.", example=1641110400)]
    max_age_s: Annotated[Annotated[int, Whole(0)] | None, Described("How old the facility lets it be.", example=86400)]


@dataclass(frozen=True)
class Freshness:
    """How old what the answer rests on is."""

    quantity_age_s: Annotated[Annotated[int, Whole(0)] | None, Described("Of the quantity.", example=300)]
    lien_age_s: Annotated[Annotated[int, Whole(0)] | None, Described("Of the lien.", example=300)]
    price_age_s: Annotated[Annotated[int, Whole(0)] | None, Described("Of the price.", example=3600)]


@dataclass(frozen=True)
class CollateralFacility(FacilitySummary):
    """The facility on a receipt, with what may still be drawn."""

    reasons: Annotated[tuple[Reason, ...], Described("The reasons that stand.")]
    limit_minor: Annotated[Minor, Described("The limit on this collateral.", example=400000000)]
    headroom_minor: Annotated[Minor, Described("What may be drawn now.", example=300000000)]


@dataclass(frozen=True)
class Collateral:
    """Whether a receipt can be lent on now, and if not, who has to do what."""

    receipt_id: Annotated[str, Text(), Described("The receipt.", example="receipt-1")]
    lendable: Annotated[bool, Described("Whether nothing stands in the way of a draw.", example=True)]
    blockers: Annotated[tuple[Blocker, ...], Described("What stands in the way.")]
    quantity: Annotated[AttestedQuantity, Described("How much there is.")]
    lien: Annotated[AttestedLien | None, Described("What rests on it.")]
    price: Annotated[AttestedPrice | None, Described("What it costs.")]
    freshness: Annotated[Freshness, Described("How old this is.")]
    collateral_value_minor: Annotated[Minor, Described("Its value, rounded down.", example=1400000000)]
    limit_minor: Annotated[Minor, Described("What may be owed on it.", example=500000000)]
    debt_minor: Annotated[Minor, Described("What is owed, rounded up.", example=100012500)]
    headroom_minor: Annotated[Minor, Described("What may be drawn now.", example=399987500)]
    as_of: Annotated[
        object,
        Described(
            "How far each ledger had been read, and `at_s`, the time of the answer.",
            example={"facts": {"block": 120, "place": 0}, "e1": {"block": 44, "place": 2}, "at_s": 1641114000},
        ),
    ]
    facility: Annotated[CollateralFacility | None, Described("The facility over its pledge.")]


@dataclass(frozen=True)
class Duty:
    """A half-done state between the two ledgers."""

    receipt_id: Annotated[str, Text(), Described("The receipt.", example="receipt-1")]
    pledge_id: Annotated[str, Text(), Described("The pledge.", example="pledge-1")]
    code: Annotated[str, Text(), Described("Which state.", example="pledge_without_facility")]
    since_s: Annotated[int, Whole(0), Described("Since when, UTC.", example=1641114000)]
    next_actor: Annotated[str, Text(), Described("Who has to act next.", example="bank")]
    deadline_s: Annotated[int, Whole(0), Described("Until when, UTC.", example=1641718800)]
    hint: Annotated[str, Text(), Described("What to do.", example="propose the facility that the pledge names")]
    overdue: Annotated[bool, Described("Whether the deadline has passed.", example=False)]
