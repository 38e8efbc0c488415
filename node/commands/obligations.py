"""Commands on the obligations, each beside the contract call that carries it out.

    argument (described fields) ─▶ make ─▶ the call's arguments: bytes as 0x hex, integers that JSON does not keep
                                           exactly as `int:` text

Roles follow the modifiers of the contracts; who is lender, borrower or insurer of a facility they decide themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from chaincode.access import ANYONE, BANK
from node.commands import deposits
from node.commands.declaration import Call, Make, Making, Obligation, obligation, obligations_in
from node.commands.facility_arguments import (
    ApproveUnfreeze,
    Draw,
    FacilityReference,
    FreezeFacility,
    LowerLine,
    ProposeFacility,
    ReasonReference,
    Repay,
)
from wuxin_evidence.ids import facility_key

ON_FACILITY: Final = ("not_found", "command_repeated", "reverted")
"""Problems of every action on a facility, beside those of every command."""

FACILITY_KEY: Final = re.compile(r"0x[0-9a-f]{64}")


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
