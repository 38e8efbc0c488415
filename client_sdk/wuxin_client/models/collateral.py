# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of collateral."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.models.shared import Reason
from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedLien:
    """The pledge on the receipt, and when it was last attested."""

    pledge_id: str
    """The pledge. At most 512 characters."""
    pledgee: str
    """To whom. At most 512 characters."""
    status: str
    """Whether it was accepted."""
    since_s: int
    """Since when, UTC. Unit: s. At least 0."""
    attested_at_s: int | None
    """When it was last attested, UTC. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedPrice:
    """The price, as attested."""

    minor_per_t: int | None
    """Minor units a tonne. At least -5.7896e+76."""
    currency: str
    """ISO 4217. At most 512 characters."""
    source: str
    """Whose word it is. At most 512 characters."""
    priced_at_s: int
    """The date of the price, UTC. Unit: s. At least 0."""
    max_age_s: int | None
    """How old the facility lets it be. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedQuantity:
    """The quantity, as attested and as the receipt says."""

    now_g: int | None
    """As last attested. Unit: g. At least -5.7896e+76."""
    receipted_g: int
    """As the receipt says. Unit: g. At least 0."""
    status: str
    """What the attestation says of it."""
    quality_bp: int | None
    """Its quality. Unit: 0.01 %. From 0 to 10000."""
    as_of_s: int | None
    """The end of the attested window, UTC. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """Why nothing can be drawn."""

    code: str
    """A problem's code. At most 512 characters."""
    since_s: int | None
    """Since when, UTC, where that is known. Unit: s. At least 0."""
    next_actor: str
    """Who has to act next. At most 512 characters."""
    hint: str
    """What to do. At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old what the answer rests on is."""

    quantity_age_s: int | None
    """Of the quantity. Unit: s. At least 0."""
    lien_age_s: int | None
    """Of the lien. Unit: s. At least 0."""
    price_age_s: int | None
    """Of the price. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralFacility:
    """The facility on a receipt, with what may still be drawn."""

    facility_id: str
    """Its id; its key as 0x hex while the facts do not name it. At most 512 characters."""
    facility_key: str
    """Its key on the chain, hex. At most 512 characters."""
    status: str
    """Where it stands."""
    since_s: int
    """Since when it has this status, UTC. Unit: s. At least 0."""
    lender: str
    """Who lends. At most 512 characters."""
    borrower: str
    """Who draws. At most 512 characters."""
    pledge_id: str
    """The pledge behind it. At most 512 characters."""
    receipt_id: str | None
    """The receipt that is pledged. At most 512 characters."""
    currency: str
    """Of all its amounts, ISO 4217. At most 512 characters."""
    line_minor: int
    """The most that may be owed as principal. Unit: minor unit of the currency. At least -5.7896e+76."""
    advance_rate_bp: int
    """The share of the collateral's value lent on it. Unit: 0.01 %. At least 0."""
    rate_bp: int
    """Interest a year, simple, actual/360. Unit: 0.01 %. At least 0."""
    maturity_s: int
    """No draw after this, UTC. Unit: s. At least 0."""
    max_quantity_age_s: int
    """How old the attested quantity may be. Unit: s. At least 0."""
    max_lien_age_s: int
    """How old the attested lien may be. Unit: s. At least 0."""
    max_price_age_s: int
    """How old the attested price may be. Unit: s. At least 0."""
    rule_pack: str
    """The hash of its rule pack, hex. At most 512 characters."""
    principal_minor: int
    """Principal owed. Unit: minor unit of the currency. At least -5.7896e+76."""
    interest_minor: int
    """Interest owed as of today. Unit: minor unit of the currency. At least -5.7896e+76."""
    fees_minor: int
    """Fees owed. Unit: minor unit of the currency. At least -5.7896e+76."""
    debt_minor: int
    """All that is owed as of today, rounded up. Unit: minor unit of the currency. At least -5.7896e+76."""
    drawn_total_minor: int
    """All draws. Unit: minor unit of the currency. At least -5.7896e+76."""
    repaid_total_minor: int
    """All repayments. Unit: minor unit of the currency. At least -5.7896e+76."""
    frozen: bool
    """Whether a reason stands."""
    block: int
    """The block on its ledger. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    reasons: tuple[Reason, ...]
    """The reasons that stand."""
    limit_minor: int
    """The limit on this collateral. Unit: minor unit of the currency. At least -5.7896e+76."""
    headroom_minor: int
    """What may be drawn now. Unit: minor unit of the currency. At least -5.7896e+76."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Whether a receipt can be lent on now, and if not, who has to do what."""

    receipt_id: str
    """The receipt. At most 512 characters."""
    lendable: bool
    """Whether nothing stands in the way of a draw."""
    blockers: tuple[Blocker, ...]
    """What stands in the way."""
    quantity: AttestedQuantity
    """How much there is."""
    lien: AttestedLien | None
    """What rests on it."""
    price: AttestedPrice | None
    """What it costs."""
    freshness: Freshness
    """How old this is."""
    collateral_value_minor: int
    """Its value, rounded down. Unit: minor unit of the currency. At least -5.7896e+76."""
    limit_minor: int
    """What may be owed on it. Unit: minor unit of the currency. At least -5.7896e+76."""
    debt_minor: int
    """What is owed, rounded up. Unit: minor unit of the currency. At least -5.7896e+76."""
    headroom_minor: int
    """What may be drawn now. Unit: minor unit of the currency. At least -5.7896e+76."""
    as_of: Any
    """How far each ledger had been read, and `at_s`, the time of the answer."""
    facility: CollateralFacility | None
    """The facility over its pledge."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
