"""Assets and their lifecycle events, a hash chain."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from node.api.context import PREFIX, Caller, Here, Limit, note_read, noted_page, with_etag
from node.api.fields import Body, Hash, Ident, LatitudeE7, LongitudeE7, Milliseconds, Words
from node.api.sending import Sends, values
from node.projection import records, tables

router = APIRouter(prefix=PREFIX, tags=["assets"])

EventType = Annotated[
    str, StringConstraints(pattern="^(order|acceptance|full_load|card|work_order|transfer|overhaul|scrap)$")
]


class RegisterAsset(Body):
    """Positions are degrees × 10^7, WGS 84."""

    asset_id: Ident = Field(examples=["turbine-7"])
    epc: Ident = Field(examples=["urn:epc:id:giai:0614141.12345400"])
    latitude_e7: LatitudeE7 = Field(examples=[312304000])
    longitude_e7: LongitudeE7 = Field(examples=[1214737000])
    commissioned_at_ms: Milliseconds = Field(examples=[1641114000000])
    description: Words = Field(examples=["wind turbine, 5 MW"])


class AppendAssetEvent(Body):
    """`previous_hash` is the asset's `head_hash`; `document_hash` the SHA-256 of the evidence."""

    type: EventType = Field(examples=["acceptance"])
    previous_hash: Hash
    document_hash: Hash
    latitude_e7: LatitudeE7
    longitude_e7: LongitudeE7
    at_ms: Milliseconds


@router.post("/assets")
async def register_asset(sender: Sends, body: RegisterAsset) -> Response:
    return await sender.fact("register_asset", body.asset_id, values(body))


@router.post("/assets/{asset_id}/events")
async def append_asset_event(sender: Sends, asset_id: Ident, body: AppendAssetEvent) -> Response:
    return await sender.fact("append_asset_event", asset_id, {"asset_id": asset_id, **values(body)})


@router.get("/assets")
def list_assets(
    node: Here, caller: Caller, request: Request, limit: Limit, after: Ident | None = None, status: str | None = None
) -> records.Json:
    found = records.page(node.read_model, tables.asset, after, limit, {"status": status})
    return noted_page(node, caller, request, found, lambda asset: [asset.get("owner")])


@router.get("/assets/{asset_id}", response_model=None)
def get_asset(
    node: Here, caller: Caller, request: Request, response: Response, asset_id: Ident
) -> records.Json | Response:
    asset = records.require(node.read_model, tables.asset, asset_id)
    note_read(node, caller, request, [asset.get("owner")])
    return with_etag(request, response, asset)


@router.get("/assets/{asset_id}/events")
def list_asset_events(
    node: Here, caller: Caller, request: Request, limit: Limit, asset_id: Ident, after: str | None = None
) -> records.Json:
    asset = records.find(node.read_model, tables.asset, asset_id) or {}
    found = records.page(node.read_model, tables.asset_event, after, limit, {"asset_id": asset_id})
    return noted_page(node, caller, request, found, lambda _: [asset.get("owner")])
