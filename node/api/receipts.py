"""Warehouse receipts 仓单: issue with every field of 民法典 §909, request delivery, cancel, deliver."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from node.api.context import PREFIX, Caller, Here, Limit, note_read, noted_page, with_etag
from node.api.fields import (
    Amount,
    BasisPoints,
    Body,
    Currency,
    Ident,
    Nothing,
    Organisation,
    PositiveAmount,
    Seconds,
    SlotId,
    Words,
)
from node.api.sending import Sends, values
from node.projection import records, tables

router = APIRouter(prefix=PREFIX, tags=["receipts"])


class Depositor(Body):
    name: Words = Field(examples=["Jiangnan Copper Works"])
    address: Words = Field(examples=["8 Binhe Road, Wuxi"])


class Goods(Body):
    name: Words = Field(examples=["copper cathode"])
    quality: Words = Field(examples=["Cu-CATH-1, GB/T 467"])
    packaging: Words = Field(examples=["bundled, steel straps"])
    pieces: PositiveAmount = Field(examples=[40])
    marks: Words = Field(examples=["JN-2022-01"])


class Insurance(Body):
    amount_minor: Amount = Field(examples=[100000000])
    currency: Currency = Field(examples=["CNY"])
    from_s: Seconds = Field(examples=[1641110400])
    until_s: Seconds = Field(examples=[1672646400])
    insurer: Words = Field(examples=["insurer"])


class IssueReceipt(Body):
    """Every field that 民法典 §909 names is required."""

    receipt_id: Ident = Field(examples=["receipt-1"])
    slots: Annotated[list[SlotId], Field(min_length=1, max_length=64)] = Field(examples=[["91310115MA3WUX3W6R/BIN-16"]])
    owner: Organisation = Field(examples=["manufacturer"])
    beneficiary: Organisation = Field(examples=["manufacturer"])
    commodity: Ident = Field(examples=["copper-cathode"])
    quantity_g: PositiveAmount = Field(examples=[20000000])
    depositor: Depositor
    goods: Goods
    loss_standard_bp: BasisPoints = Field(examples=[20])
    storage_place: Words = Field(examples=["hall 3, bin 16"])
    storage_until_s: Seconds = Field(examples=[1672646400])
    storage_fee_minor: Amount = Field(examples=[500000])
    insurance: Insurance
    issued_place: Words = Field(examples=["Wuxi"])
    issued_at_s: Seconds = Field(examples=[1641114000])
    keeper: Words = Field(examples=["Zhang Wei"])
    storage_fee_currency: Currency = Field(default="CNY", examples=["CNY"])


class CancelReceipt(Body):
    reason: Words = Field(examples=["issued by mistake"])


@router.post("/receipts")
async def issue_receipt(sender: Sends, body: IssueReceipt) -> Response:
    return await sender.fact("issue_receipt", body.receipt_id, values(body))


@router.post("/receipts/{receipt_id}/request-delivery")
async def request_delivery(sender: Sends, receipt_id: Ident, body: Nothing) -> Response:
    return await sender.fact("request_delivery", receipt_id, {"receipt_id": receipt_id})


@router.post("/receipts/{receipt_id}/cancel")
async def cancel_receipt(sender: Sends, receipt_id: Ident, body: CancelReceipt) -> Response:
    return await sender.fact("cancel_receipt", receipt_id, {"receipt_id": receipt_id, **values(body)})


@router.post("/receipts/{receipt_id}/deliver")
async def deliver_receipt(sender: Sends, receipt_id: Ident, body: Nothing) -> Response:
    return await sender.fact("deliver_receipt", receipt_id, {"receipt_id": receipt_id})


@router.get("/receipts")
def list_receipts(
    node: Here,
    caller: Caller,
    request: Request,
    limit: Limit,
    after: Ident | None = None,
    status: str | None = None,
    owner: str | None = None,
) -> records.Json:
    found = records.page(node.read_model, tables.receipt, after, limit, {"status": status, "owner": owner})
    return noted_page(node, caller, request, found, _parties)


@router.get("/receipts/{receipt_id}", response_model=None)
def get_receipt(
    node: Here, caller: Caller, request: Request, response: Response, receipt_id: Ident
) -> records.Json | Response:
    receipt = records.require(node.read_model, tables.receipt, receipt_id)
    note_read(node, caller, request, _parties(receipt))
    return with_etag(request, response, receipt)


def _parties(receipt: records.Json) -> list[str | None]:
    lien: records.Json = receipt.get("lien") or {}
    return [*(receipt.get(name) for name in ("owner", "beneficiary", "warehouse")), lien.get("pledgee")]
