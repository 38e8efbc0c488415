"""Facilities 授信: proposed over a pledge, activated on an attested lien, drawn, repaid, frozen, unfrozen, closed."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints
from sqlalchemy import select

from network.ports import PortError
from node.api.context import PREFIX, Caller, Here, Limit, Node, note_read, noted_page
from node.api.fields import (
    Age,
    Amount,
    BasisPoints,
    Body,
    Currency,
    Ident,
    Json,
    Nothing,
    Organisation,
    PositiveAmount,
    ReasonKey,
    Seconds,
)
from node.api.sending import Sender, Sends
from node.lending import facilities
from node.projection import tables

router = APIRouter(prefix=PREFIX, tags=["facilities"])

Cause = Annotated[str, StringConstraints(pattern=r"^([a-z0-9_-]{1,32}|[0-9a-f]{64})$")]
PackName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
FacilityId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$")]


class ProposeFacility(Body):
    """The on-chain terms are derived from the receipt and the pledge; ages are how old each attestation may be."""

    facility_id: Ident = Field(examples=["facility-1"])
    receipt_id: Ident = Field(examples=["receipt-1"])
    pledge_id: Ident = Field(examples=["pledge-1"])
    borrower: Organisation = Field(examples=["manufacturer"])
    line_minor: PositiveAmount = Field(examples=[500000000])
    currency: Currency = Field(examples=["CNY"])
    advance_rate_bp: BasisPoints = Field(examples=[6000])
    rate_bp: BasisPoints = Field(examples=[450])
    maturity_s: Seconds = Field(examples=[1672646400])
    max_quantity_age_s: Age = Field(examples=[2700])
    max_lien_age_s: Age = Field(examples=[86400])
    max_price_age_s: Age = Field(examples=[86400])
    draw_fee_minor: Amount = 0
    min_quality_bp: BasisPoints = 5000
    rule_pack: PackName = "warehouse-stock-1"
    insurer: Organisation | None = None


class AmountBody(Body):
    amount_minor: PositiveAmount = Field(examples=[100000000])


class LineBody(Body):
    line_minor: PositiveAmount = Field(examples=[400000000])


class FreezeBody(Body):
    """A code of up to 32 characters, or the SHA-256 of a document."""

    reason: Cause = Field(examples=["site_visit_refused"])


class ReasonBody(Body):
    reason_key: ReasonKey


class ApproveBody(Body):
    """`opening_sequence` is the opening that the approver has looked at; left out: the one this node shows."""

    reason_key: ReasonKey
    opening_sequence: Amount | None = None


@router.post("/facilities")
async def propose_facility(sender: Sends, body: ProposeFacility) -> Response:
    """The pledgee proposes a facility over a pledge. 422 for a receipt over several slots."""
    wish = facilities.Wish(**body.model_dump())

    def args() -> list[Any]:
        node = sender.node
        chain = node.act_as(sender.principal).chain.name
        with node.read_model.read() as connection:
            terms = facilities.terms_of(
                connection, wish, sender.principal.organisation, node.consortium, chain, node.address_of, node.home
            )
        return [_key(body.facility_id), terms]

    return await sender.obligation(
        "propose_facility", "CreditFacility.propose", body.facility_id, body.model_dump(), args
    )


@router.post("/facilities/{facility_id}/withdraw")
async def withdraw_facility(sender: Sends, facility_id: FacilityId, body: Nothing) -> Response:
    return await _act(sender, "withdraw_facility", "withdraw", facility_id)


@router.post("/facilities/{facility_id}/activate")
async def activate_facility(sender: Sends, facility_id: FacilityId, body: Nothing) -> Response:
    """The lender activates; the chain refuses with `lien_missing` until the lien is attested."""
    return await _act(sender, "activate_facility", "activate", facility_id)


@router.post("/facilities/{facility_id}/lower-line")
async def lower_line(sender: Sends, facility_id: FacilityId, body: LineBody) -> Response:
    return await _act(sender, "lower_line", "lowerLine", facility_id, body.line_minor)


@router.post("/facilities/{facility_id}/draw")
async def draw(sender: Sends, facility_id: FacilityId, body: AmountBody) -> Response:
    """The borrower draws. A refused draw is mined: the transaction has a tx_id and a code."""
    return await _act(sender, "draw", "draw", facility_id, body.amount_minor)


@router.post("/facilities/{facility_id}/repay")
async def repay(sender: Sends, facility_id: FacilityId, body: AmountBody) -> Response:
    """Anyone repays, in every state; more than the debt takes the debt only."""
    return await _act(sender, "repay", "repay", facility_id, body.amount_minor)


@router.post("/facilities/{facility_id}/freeze")
async def freeze(sender: Sends, facility_id: FacilityId, body: FreezeBody) -> Response:
    """By hand: lender, insurer or regulator."""
    return await _act(sender, "freeze_facility", "freeze", facility_id, facilities.cause_bytes(body.reason))


@router.post("/facilities/{facility_id}/lift")
async def lift(sender: Sends, facility_id: FacilityId, body: ReasonBody) -> Response:
    """Lift a reason set by hand; only the role that set it."""
    return await _act(sender, "lift_freeze", "lift", facility_id, _bytes32(body.reason_key))


@router.post("/facilities/{facility_id}/approve")
async def approve_unfreeze(sender: Sends, facility_id: FacilityId, body: ApproveBody) -> Response:
    """Approve the clearing of a rule's reason, for one opening, after enough clean windows."""

    def args() -> list[Any]:
        opening = body.opening_sequence
        if opening is None:
            with sender.node.read_model.read() as connection:
                key = facilities.key_of(facility_id)
                opening = facilities.standing_reason(connection, key, body.reason_key).opening_sequence
        return [_key(facility_id), _bytes32(body.reason_key), f"int:{opening}"]

    return await sender.obligation(
        "approve_unfreeze", "CreditFacility.approveUnfreeze", facility_id, body.model_dump(), args
    )


@router.post("/facilities/{facility_id}/unfreeze")
async def unfreeze(sender: Sends, facility_id: FacilityId, body: ReasonBody) -> Response:
    return await _act(sender, "unfreeze_facility", "unfreeze", facility_id, _bytes32(body.reason_key))


@router.post("/facilities/{facility_id}/start-closing")
async def start_closing(sender: Sends, facility_id: FacilityId, body: Nothing) -> Response:
    return await _act(sender, "start_closing", "startClosing", facility_id)


@router.post("/facilities/{facility_id}/close")
async def close_facility(sender: Sends, facility_id: FacilityId, body: Nothing) -> Response:
    return await _act(sender, "close_facility", "close", facility_id)


@router.get("/facilities")
def list_facilities(
    node: Here,
    caller: Caller,
    request: Request,
    limit: Limit,
    after: FacilityId | None = None,
    status: str | None = None,
) -> Json:
    table = tables.facility
    statement = select(table).order_by(table.c.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(table.c.id > after)
    if status is not None:
        statement = statement.where(table.c.state == status)
    with node.read_model.read() as connection:
        rows = connection.execute(statement).all()
        wanted = {each for row in rows for each in facilities.subjects_of(row)}
        known = facilities.names(connection, wanted, node.lending_circle(caller))
        now_s = node.clock.now_ms() // 1000
        items = [facilities.show(connection, row, known, now_s) for row in rows[:limit]]
    page = {"items": items, "next": rows[limit - 1].id if len(rows) > limit else None}
    return noted_page(node, caller, request, page, lambda facility: [facility["lender"], facility["borrower"]])


@router.get("/facilities/{facility_id}", response_model=None)
def get_facility(
    node: Here, caller: Caller, request: Request, response: Response, facility_id: FacilityId
) -> Json | Response:
    with node.read_model.read() as connection:
        row = facilities.find(connection, facility_id)
        known = facilities.names(connection, facilities.subjects_of(row), node.lending_circle(caller))
        shown = facilities.show(connection, row, known, node.clock.now_ms() // 1000)
    note_read(node, caller, request, [shown["lender"], shown["borrower"]])
    # The debt grows by the day without a transaction, so an ETag of the last one would lie.
    return {**shown, "facility_id": facility_id}


@router.get("/facilities/{facility_id}/reasons")
async def list_reasons(node: Here, caller: Caller, facility_id: FacilityId) -> Json:
    """Why it is frozen, or was: each reason with how far its undoing is, asked of the chain where it stands."""
    shown = await asyncio.to_thread(_reasons, node, caller, facility_id)
    for reason in shown:
        if reason["cleared_at_s"] is None and not reason["manual"]:
            reason.update(await _reversal(node, caller.organisation, facility_id, reason["reason_key"]))
    return {"items": shown, "next": None}


@router.get("/facilities/{facility_id}/transactions")
def list_facility_transactions(node: Here, caller: Caller, facility_id: FacilityId) -> Json:
    """What was mined about a facility, and this organisation's own refused commands with their code."""
    key = facilities.key_of(facility_id)
    table = tables.obligation_transaction
    with node.read_model.read() as connection:
        facilities.find(connection, facility_id)
        rows = connection.execute(
            select(table).where(table.c.facility.in_((key, "0x" + key))).order_by(table.c.block).limit(500)
        ).all()
    mined: list[Json] = [
        {"tx_id": row.tx_id, "block": row.block, "status": 1, "code": None, "events": row.events, "at_s": row.at_s}
        for row in rows
    ]
    own = node.commands.reverted(caller.organisation, "0x" + key)
    return {"items": sorted([*mined, *own], key=_block), "next": None}


async def _act(sender: Sender, name: str, function: str, facility_id: str, *args: Any) -> Response:
    call = f"CreditFacility.{function}"
    return await sender.obligation(name, call, facility_id, {"args": list(args)}, lambda: [_key(facility_id), *args])


def _reasons(node: Node, caller: Caller, facility_id: str) -> list[Json]:
    with node.read_model.read() as connection:
        row = facilities.find(connection, facility_id)
        pack = node.lending_circle(caller).pack_of(row)
        return [facilities.show_reason(connection, reason, pack) for reason in facilities.reasons(connection, row.id)]


async def _reversal(node: Node, organisation: str, facility_id: str, reason_key: str) -> Json:
    """{clean_windows, cure_windows, required_roles, approved_roles}; None for each when the chain does not answer."""
    try:
        said = await node.served[organisation].chain.call(
            "CreditFacility", "reversal", [_key(facility_id), "0x" + reason_key]
        )
    except PortError:
        return dict.fromkeys(("clean_windows", "cure_windows", "required_roles", "approved_roles"))
    return {
        "clean_windows": said["cleanWindows"],
        "cure_windows": said["cureWindows"],
        "required_roles": _roles(said["requiredRoles"]),
        "approved_roles": _roles(said["approvedRoles"]),
    }


def _block(item: Json) -> int:
    return int(item["block"])


def _roles(bits: int) -> list[str]:
    return [name for role, name in facilities.ROLE_NAMES.items() if bits & (1 << role)]


def _key(facility_id: str) -> str:
    return "0x" + facilities.key_of(facility_id)


def _bytes32(key: str) -> str:
    return key if key.startswith("0x") else "0x" + key
