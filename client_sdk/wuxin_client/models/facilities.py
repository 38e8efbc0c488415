# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of facilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.models.shared import Approval, Reason
from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A draw or a repayment."""

    block: int
    """The block on its ledger. At least 0."""
    kind: str
    """Which of the two."""
    amount_minor: int
    """What was paid. Unit: minor unit of the currency. At least -5.7896e+76."""
    fees_minor: int
    """Of it, fees. Unit: minor unit of the currency. At least -5.7896e+76."""
    interest_minor: int
    """Of it, interest. Unit: minor unit of the currency. At least -5.7896e+76."""
    principal_minor: int
    """Of it, principal. Unit: minor unit of the currency. At least -5.7896e+76."""
    debt_minor: int
    """The debt after it. Unit: minor unit of the currency. At least -5.7896e+76."""
    at_s: int
    """When, UTC. Unit: s. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A facility, with the reasons that stand and its newest movements."""

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
    movements: tuple[Movement, ...]
    """The newest 50; its list of movements has them all."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityTransaction:
    """A transaction about a facility: mined and done (1), or mined and refused (0), the caller's own only."""

    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int
    """The block on its ledger. At least 0."""
    status: int
    """1 done, 0 refused. From 0 to 1."""
    code: str | None
    """Why it was refused. At most 512 characters."""
    events: tuple[str, ...]
    """The events that it left."""
    at_s: int
    """When, UTC. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonProgress:
    """A reason, with how far its undoing is; of a cleared one, of one set by hand, and where the chain does not
    answer, these are null.
    """

    reason_key: str
    """Its key on the chain, hex. At most 512 characters."""
    manual: bool
    """Set by hand, and not by a rule."""
    cause: str
    """By hand: the code or document hash; by a rule: the hash of its id. At most 512 characters."""
    rule: str | None
    """The rule's id. At most 512 characters."""
    version: int
    """The rule's version. At least 0."""
    subject: str
    """The attested subject that breached it, hex. At most 512 characters."""
    role: str | None
    """The role that set it by hand. At most 512 characters."""
    opening_sequence: int
    """The sequence of the attestation that opened it last. At least 0."""
    since_s: int
    """Since when it stands, UTC. Unit: s. At least 0."""
    opened_at_s: int
    """When it was opened last, UTC. Unit: s. At least 0."""
    cleared_at_s: int | None
    """When it was cleared, UTC. Unit: s. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    approvals: tuple[Approval, ...]
    """The approvals given for it."""
    clean_windows: int | None
    """Clean windows since the opening. At least 0."""
    cure_windows: int | None
    """Clean windows that the rule asks for. At least 0."""
    required_roles: tuple[str, ...] | None
    """Roles whose approval the rule asks for."""
    approved_roles: tuple[str, ...] | None
    """Roles that have approved this opening."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
