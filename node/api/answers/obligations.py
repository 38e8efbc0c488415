"""What the node says of the obligations: facilities, reasons, movements, deposits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole, one_of
from node.api.answers.values import AtS, Block, Minor, TxId


@dataclass(frozen=True)
class Approval:
    """One role's approval of the clearing of a reason."""

    role: Annotated[Annotated[str, Text()] | None, Described("The role that approved.", example="bank")]
    opening_sequence: Annotated[int, Whole(0), Described("The opening that was approved.", example=113246208)]
    at_s: AtS
    tx_id: TxId
    void: Annotated[
        bool | None,
        Described(
            "Whether a later opening, a gap or a breach made it void; null where that is not known here.",
            example=False,
        ),
    ]


@dataclass(frozen=True)
class Reason:
    """Why a facility is, or was, frozen."""

    reason_key: Annotated[str, Text(), Described("Its key on the chain, hex.", example="3f" * 32)]
    manual: Annotated[bool, Described("Set by hand, and not by a rule.", example=False)]
    cause: Annotated[
        str,
        Text(),
        Described("By hand: the code or document hash; by a rule: the hash of its id.", example="site_visit_refused"),
    ]
    rule: Annotated[Annotated[str, Text()] | None, Described("The rule's id.", example="R03-loss")]
    version: Annotated[int, Whole(0), Described("The rule's version.", example=1)]
    subject: Annotated[str, Text(), Described("The attested subject that breached it, hex.", example="ab" * 32)]
    role: Annotated[Annotated[str, Text()] | None, Described("The role that set it by hand.", example="insurer")]
    opening_sequence: Annotated[
        int, Whole(0), Described("The sequence of the attestation that opened it last.", example=113246208)
    ]
    since_s: Annotated[int, Whole(0), Described("Since when it stands, UTC.", example=1641114000)]
    opened_at_s: Annotated[int, Whole(0), Described("When it was opened last, UTC.", example=1641114000)]
    cleared_at_s: Annotated[Annotated[int, Whole(0)] | None, Described("When it was cleared, UTC.", example=1641200400)]
    tx_id: TxId
    approvals: Annotated[tuple[Approval, ...], Described("The approvals given for it.")]


@dataclass(frozen=True)
class ReasonProgress(Reason):
    """A reason, with how far its undoing is; of a cleared one, of one set by hand, and where the chain does not answer,
    these are null."""

    clean_windows: Annotated[Annotated[int, Whole(0)] | None, Described("Clean windows since the opening.", example=2)]
    cure_windows: Annotated[
        Annotated[int, Whole(0)] | None, Described("Clean windows that the rule asks for.", example=4)
    ]
    required_roles: Annotated[
        tuple[Annotated[str, Text()], ...] | None,
        Described("Roles whose approval the rule asks for.", example=["bank", "insurer"]),
    ]
    approved_roles: Annotated[
        tuple[Annotated[str, Text()], ...] | None, Described("Roles that have approved this opening.", example=["bank"])
    ]


@dataclass(frozen=True)
class Movement:
    """A draw or a repayment."""

    block: Block
    kind: Annotated[str, one_of("draw", "repayment"), Described("Which of the two.", example="draw")]
    amount_minor: Annotated[Minor, Described("What was paid.", example=100000000)]
    fees_minor: Annotated[Minor, Described("Of it, fees.", example=0)]
    interest_minor: Annotated[Minor, Described("Of it, interest.", example=0)]
    principal_minor: Annotated[Minor, Described("Of it, principal.", example=100000000)]
    debt_minor: Annotated[Minor, Described("The debt after it.", example=100000000)]
    at_s: AtS
    tx_id: TxId


@dataclass(frozen=True)
class FacilitySummary:
    """A facility as its own row says, with its debt as of today."""

    facility_id: Annotated[
        str, Text(), Described("Its id; its key as 0x hex while the facts do not name it.", example="facility-1")
    ]
    facility_key: Annotated[str, Text(), Described("Its key on the chain, hex.", example="5c" * 32)]
    status: Annotated[
        str,
        one_of("proposed", "active", "closing", "closed", "none"),
        Described("Where it stands.", example="active"),
    ]
    since_s: Annotated[int, Whole(0), Described("Since when it has this status, UTC.", example=1641114000)]
    lender: Annotated[str, Text(), Described("Who lends.", example="bank")]
    borrower: Annotated[str, Text(), Described("Who draws.", example="manufacturer")]
    pledge_id: Annotated[str, Text(), Described("The pledge behind it.", example="pledge-1")]
    receipt_id: Annotated[Annotated[str, Text()] | None, Described("The receipt that is pledged.", example="receipt-1")]
    currency: Annotated[str, Text(), Described("Of all its amounts, ISO 4217.", example="CNY")]
    line_minor: Annotated[Minor, Described("The most that may be owed as principal.", example=500000000)]
    advance_rate_bp: Annotated[
        int, Whole(0), Described("The share of the collateral's value lent on it.", example=6000)
    ]
    rate_bp: Annotated[int, Whole(0), Described("Interest a year, simple, actual/360.", example=450)]
    maturity_s: Annotated[int, Whole(0), Described("No draw after this, UTC.", example=1672646400)]
    max_quantity_age_s: Annotated[int, Whole(0), Described("How old the attested quantity may be.", example=2700)]
    max_lien_age_s: Annotated[int, Whole(0), Described("How old the attested lien may be.", example=86400)]
    max_price_age_s: Annotated[int, Whole(0), Described("How old the attested price may be.", example=86400)]
    rule_pack: Annotated[str, Text(), Described("The hash of its rule pack, hex.", example="7a" * 32)]
    principal_minor: Annotated[Minor, Described("Principal owed.", example=100000000)]
    interest_minor: Annotated[Minor, Described("Interest owed as of today.", example=12500)]
    fees_minor: Annotated[Minor, Described("Fees owed.", example=0)]
    debt_minor: Annotated[Minor, Described("All that is owed as of today, rounded up.", example=100012500)]
    drawn_total_minor: Annotated[Minor, Described("All draws.", example=100000000)]
    repaid_total_minor: Annotated[Minor, Described("All repayments.", example=0)]
    frozen: Annotated[bool, Described("Whether a reason stands.", example=False)]
    block: Block
    tx_id: TxId


@dataclass(frozen=True)
class Facility(FacilitySummary):
    """A facility, with the reasons that stand and its newest movements."""

    reasons: Annotated[tuple[Reason, ...], Described("The reasons that stand.")]
    movements: Annotated[tuple[Movement, ...], Described("The newest 50; its list of movements has them all.")]


@dataclass(frozen=True)
class FacilityTransaction:
    """A transaction about a facility: mined and done (1), or mined and refused (0), the caller's own only."""

    tx_id: TxId
    block: Block
    status: Annotated[int, Whole(0, 1), Described("1 done, 0 refused.", example=1)]
    code: Annotated[Annotated[str, Text()] | None, Described("Why it was refused.", example="facility_frozen")]
    events: Annotated[tuple[Annotated[str, Text()], ...], Described("The events that it left.", example=["drawn"])]
    at_s: AtS


@dataclass(frozen=True)
class Deposits:
    """An organisation's tokenised deposits, asked of the chain."""

    organisation: Annotated[str, Text(), Described("Whose.", example="bank")]
    address: Annotated[str, Text(), Described("Its address on the chain, 0x hex.", example="0x" + "5e" * 20)]
    balance_minor: Annotated[Minor, Described("What it holds.", example=1000000000)]
    allowance_minor: Annotated[Minor, Described("What its facilities may still take for draws.", example=900000000)]
    listed: Annotated[bool, Described("Whether it may hold deposits.", example=True)]
