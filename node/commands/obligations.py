"""Commands on the obligations, each beside the contract call that carries it out.

    argument (described fields) ─▶ make ─▶ the call's arguments: bytes as 0x hex, integers that JSON does not keep
                                           exactly as `int:` text

Roles follow the modifiers of the contracts; who is lender, borrower or insurer of a facility they decide themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from chaincode.access import ANYONE, BANK
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
from node.commands import deposits
from node.commands.declaration import Call, Make, Making, Obligation, obligation, obligations_in
from wuxin_evidence.ids import facility_key

ON_FACILITY: Final = ("not_found", "command_repeated", "reverted")
"""Problems of every action on a facility, beside those of every command."""

AGE_S_MAX: Final = 2**32 - 1
FACILITY_KEY: Final = re.compile(r"0x[0-9a-f]{64}")

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


def _on_facility(
    name: str,
    call: str,
    trace: str,
    *,
    path: str | None = None,
    roles: Iterable[str] = ANYONE,
    problems: tuple[str, ...] = (),
    **said: Any,
) -> Callable[[Make], Obligation]:
    """Declare what acts on one facility: `call` is a function of its contract, `trace` the event that it leaves there.

    The route ends with the command's verb, unless `path` says another. Problems are beside `ON_FACILITY`.
    """
    verb = name.removesuffix("_facility").replace("_", "-")
    return obligation(
        name,
        on="facility",
        path=f"/facilities/{{facility_id}}/{path or verb}",
        call=f"CreditFacility.{call}",
        trace=trace,
        roles=roles,
        problems=(*ON_FACILITY, *problems),
        **said,
    )


@obligation(
    "propose_facility", on="facility", creates=True, path="/facilities",
    call="CreditFacility.propose", trace="facility_proposed", roles={BANK}, party="pledgee",
    events=("facility_proposed", "facility_bound"),
    problems=(
        "not_found", "unsupported_action", "receipt_not_active", "pledge_not_active", "not_pledgee", "not_owner",
        "command_repeated", "reverted",
    ),
    en="Propose a facility over a pledge; the terms on the chain are derived from receipt and pledge.",
    zh="质权人以质押为基础提出授信。",
)  # fmt: skip
def propose_facility(making: Making, wanted: ProposeFacility) -> list[Any]:
    """Make the arguments of `propose`: the facility's key and its terms."""
    return [key_of(wanted.facility_id), making.facility_terms(wanted)]


@_on_facility(
    "withdraw_facility", "withdraw", "facility_withdrawn", roles={BANK}, party="lender",
    events=("facility_withdrawn", "facility_unbound"), en="Take a proposal back.", zh="撤回授信提议。",
)  # fmt: skip
def withdraw_facility(making: Making, wanted: FacilityReference) -> list[Any]:
    """Make the arguments of `withdraw`."""
    return [key_of(wanted.facility_id)]


@_on_facility(
    "activate_facility", "activate", "facility_activated", roles={BANK}, party="lender",
    events=("facility_activated",), problems=("lien_missing",),
    en="Activate a facility over an attested lien.", zh="在质权状态已存证后启用授信。",
)  # fmt: skip
def activate_facility(making: Making, wanted: FacilityReference) -> list[Any]:
    """Make the arguments of `activate`."""
    return [key_of(wanted.facility_id)]


@_on_facility(
    "lower_line", "lowerLine", "line_changed", roles={BANK}, party="lender",
    events=("line_changed",), en="Lower the line at once.", zh="立即调低额度。",
)  # fmt: skip
def lower_line(making: Making, wanted: LowerLine) -> list[Any]:
    """Make the arguments of `lowerLine`; minor units."""
    return [key_of(wanted.facility_id), wanted.line_minor]


@_on_facility(
    "draw", "draw", "drawn", party="borrower", events=("interest_accrued", "drawn", "transfer"),
    problems=(
        "facility_not_active", "facility_matured", "facility_frozen", "attestation_stale", "lien_missing",
        "price_stale", "limit_exceeded", "insufficient_funds",
    ),
    en="Draw on a facility, as its borrower; a refused draw is on the chain, with its code.",
    zh="借款人支用授信；被拒绝的支用同样上链并注明原因。",
)  # fmt: skip
def draw(making: Making, wanted: Draw) -> list[Any]:
    """Make the arguments of `draw`; minor units."""
    return [key_of(wanted.facility_id), wanted.amount_minor]


@_on_facility(
    "repay", "repay", "repaid", party="anyone but the lender", events=("interest_accrued", "repaid", "transfer"),
    problems=("insufficient_funds",),
    en="Repay, in every state of a facility; of more than the debt, the debt is taken.",
    zh="还款，任何状态下均可；超出部分不收取。",
)  # fmt: skip
def repay(making: Making, wanted: Repay) -> list[Any]:
    """Make the arguments of `repay`; minor units."""
    return [key_of(wanted.facility_id), wanted.amount_minor]


@_on_facility(
    "freeze_facility", "freeze", "freeze_opened", party="lender, insurer or regulator",
    events=("freeze_opened",), en="Freeze a facility by hand.", zh="人工冻结授信。",
)  # fmt: skip
def freeze_facility(making: Making, wanted: FreezeFacility) -> list[Any]:
    """Make the arguments of `freeze`; the cause as 32 bytes."""
    return [key_of(wanted.facility_id), _cause(wanted.reason)]


@_on_facility(
    "lift_freeze", "lift", "freeze_cleared", path="lift", party="the role that set it",
    events=("freeze_cleared",), en="Lift a freeze that your role set by hand.", zh="解除本角色人工设置的冻结。",
)  # fmt: skip
def lift_freeze(making: Making, wanted: ReasonReference) -> list[Any]:
    """Make the arguments of `lift`; the reason's key as 32 bytes."""
    return [key_of(wanted.facility_id), _bytes32(wanted.reason_key)]


@_on_facility(
    "approve_unfreeze", "approveUnfreeze", "unfreeze_approved", path="approve", party="a role that the rule names",
    events=("unfreeze_approved",), problems=("not_clean",),
    en="Approve the clearing of a rule's reason, for one opening, after enough clean windows.",
    zh="在足够的正常窗口之后，批准解除某一次规则冻结。",
)  # fmt: skip
def approve_unfreeze(making: Making, wanted: ApproveUnfreeze) -> list[Any]:
    """Make the arguments of `approveUnfreeze`, for the opening that is named or stands."""
    opening = wanted.opening_sequence
    if opening is None:
        opening = making.standing_opening(wanted.facility_id, wanted.reason_key)
    return [key_of(wanted.facility_id), _bytes32(wanted.reason_key), f"int:{opening}"]


@_on_facility(
    "unfreeze_facility", "unfreeze", "freeze_cleared", party="lender, borrower, insurer or regulator",
    events=("freeze_cleared",), problems=("not_clean", "approval_missing"),
    en="Clear a rule's reason once its remediation is done and approved.", zh="补救期完成并获批准后解冻。",
)  # fmt: skip
def unfreeze_facility(making: Making, wanted: ReasonReference) -> list[Any]:
    """Make the arguments of `unfreeze`; the reason's key as 32 bytes."""
    return [key_of(wanted.facility_id), _bytes32(wanted.reason_key)]


@_on_facility(
    "start_closing", "startClosing", "closing_started", party="lender or borrower",
    events=("closing_started",), en="With no debt, end all drawing.", zh="债务清零后停止一切支用。",
)  # fmt: skip
def start_closing(making: Making, wanted: FacilityReference) -> list[Any]:
    """Make the arguments of `startClosing`."""
    return [key_of(wanted.facility_id)]


@_on_facility(
    "close_facility", "close", "facility_closed", party="lender or borrower",
    events=("facility_closed", "facility_unbound"), problems=("closing_unreleased",),
    en="Close a facility once the release of the pledge is attested.", zh="质权解除已存证后关闭授信。",
)  # fmt: skip
def close_facility(making: Making, wanted: FacilityReference) -> list[Any]:
    """Make the arguments of `close`."""
    return [key_of(wanted.facility_id)]


def key_of(facility_id: str) -> str:
    """The bytes32 of a facility, 0x hex: of its id, or the key itself."""
    return facility_id if FACILITY_KEY.fullmatch(facility_id) else "0x" + facility_key(facility_id).hex()


def _cause(reason: str) -> str:
    """A cause as bytes32, 0x hex: the text itself, or 64 hex digits as they are."""
    return "0x" + (reason if len(reason) == 64 else reason.encode().ljust(32, b"\x00").hex())


def _bytes32(key: str) -> str:
    return key if key.startswith("0x") else "0x" + key


OBLIGATIONS: Final = obligations_in({**globals(), **vars(deposits)})
"""Name to obligation: all that the node does on a chain for a caller."""

SUBMIT_ATTESTATION: Final = "submit_attestation"
CALLS: Final[dict[str, Call]] = {
    **{name: each.call for name, each in OBLIGATIONS.items()},
    SUBMIT_ATTESTATION: Call("AttestationFeed.submit", takes_command_id=False),
}
"""What is kept of a step on a chain, to what is called for it; that of a relayed attestation is no command alone."""
