"""Pledges 质押: proposed by the owner, accepted and released by the pledgee, lapsed when nobody accepts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from node.api.context import PREFIX, Caller, Here, Limit, note_read, noted_page, with_etag
from node.api.fields import Body, Ident, Json, Nothing, Organisation, Salt, Seconds
from node.api.sending import Sends
from node.gate.problems import Problem
from node.projection import records, tables
from wuxin_evidence.encoding.canonical import canonical_json

router = APIRouter(prefix=PREFIX, tags=["pledges"])

RegistrationNumber = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ProposePledge(Body):
    """`terms` and `salt` are private to the two parties: only their hash enters the ledger."""

    pledge_id: Ident = Field(examples=["pledge-1"])
    receipt_id: Ident = Field(examples=["receipt-1"])
    pledgee: Organisation = Field(examples=["bank"])
    registration_number: RegistrationNumber = Field(examples=["01234567890123456789"])
    accept_until_s: Seconds = Field(examples=[1641200400])
    terms: Json = Field(examples=[{"contract": "2022-ZY-001", "secured_amount_minor": 500000000}])
    salt: Salt = Field(examples=["5f" * 32])


class AcceptPledge(Body):
    """The same terms and salt as the proposal's; other bytes are refused with `conflict`."""

    facility_id: Ident = Field(examples=["facility-1"])
    terms: Json = Field(examples=[{"contract": "2022-ZY-001", "secured_amount_minor": 500000000}])
    salt: Salt = Field(examples=["5f" * 32])


@router.post("/pledges")
async def propose_pledge(sender: Sends, body: ProposePledge) -> Response:
    arguments = body.model_dump(include={"pledge_id", "receipt_id", "pledgee", "registration_number", "accept_until_s"})
    return await sender.fact("propose_pledge", body.pledge_id, arguments, _salted(body.terms, body.salt))


@router.post("/pledges/{pledge_id}/accept")
async def accept_pledge(sender: Sends, pledge_id: Ident, body: AcceptPledge) -> Response:
    """The pledgee accepts, naming the facility. Whoever proposed cannot accept."""
    pledge = records.find(sender.node.read_model, tables.pledge, pledge_id)
    if pledge is not None and pledge["pledgor"] == sender.principal.organisation:
        raise Problem(
            "not_pledgee",
            f"{sender.principal.organisation} proposed pledge {pledge_id} and cannot accept it",
            "let the pledgee accept",
        )
    arguments = {"pledge_id": pledge_id, "facility_id": body.facility_id}
    return await sender.fact("accept_pledge", pledge_id, arguments, _salted(body.terms, body.salt))


@router.post("/pledges/{pledge_id}/release")
async def release_pledge(sender: Sends, pledge_id: Ident, body: Nothing) -> Response:
    return await sender.fact("release_pledge", pledge_id, {"pledge_id": pledge_id})


@router.post("/pledges/{pledge_id}/lapse")
async def lapse_pledge(sender: Sends, pledge_id: Ident, body: Nothing) -> Response:
    return await sender.fact("lapse_pledge", pledge_id, {"pledge_id": pledge_id})


@router.get("/pledges")
def list_pledges(
    node: Here,
    caller: Caller,
    request: Request,
    limit: Limit,
    after: Ident | None = None,
    status: str | None = None,
    receipt_id: Ident | None = None,
) -> records.Json:
    filters = {"status": status, "receipt_id": receipt_id}
    return noted_page(
        node, caller, request, records.page(node.read_model, tables.pledge, after, limit, filters), _parties
    )


@router.get("/pledges/{pledge_id}", response_model=None)
def get_pledge(
    node: Here, caller: Caller, request: Request, response: Response, pledge_id: Ident
) -> records.Json | Response:
    pledge = records.require(node.read_model, tables.pledge, pledge_id)
    note_read(node, caller, request, _parties(pledge))
    return with_etag(request, response, pledge)


def _parties(pledge: records.Json) -> list[str | None]:
    return [pledge.get(name) for name in ("pledgor", "pledgee", "warehouse")]


def _salted(terms: Json, salt: str) -> bytes:
    """The document whose bytes both parties must hand in alike."""
    if "salt" in terms:
        raise Problem("malformed", "the terms have a field salt", "pass the salt beside the terms")
    return canonical_json({**terms, "salt": salt})
