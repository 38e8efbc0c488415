"""Slots 货位: where goods lie. Their ids hold a slash, so a single one is asked for by query."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from node.api.context import PREFIX, Here, Limit
from node.api.fields import Body, SlotId
from node.api.sending import Sends
from node.projection import records, tables

router = APIRouter(prefix=PREFIX, tags=["slots"])

AfterSlot = Annotated[str, StringConstraints(max_length=64)]


class RegisterSlot(Body):
    """Begins with the 统一社会信用代码 of the calling warehouse."""

    slot_id: SlotId = Field(examples=["91310115MA3WUX3W6R/BIN-16"])


@router.post("/slots")
async def register_slot(sender: Sends, body: RegisterSlot) -> Response:
    return await sender.fact("register_slot", body.slot_id, {"slot_id": body.slot_id})


@router.get("/slots")
def list_slots(node: Here, limit: Limit, after: AfterSlot | None = None) -> records.Json:
    return records.page(node.read_model, tables.slot, after, limit)


@router.get("/slots/by-id")
def get_slot(node: Here, slot_id: Annotated[SlotId, Query()]) -> records.Json:
    """The slot, and which receipt holds it."""
    slot = records.require(node.read_model, tables.slot, slot_id)
    claim = records.find(node.read_model, tables.slot_claim, slot_id)
    return {**slot, "claimed_by": None if claim is None else claim["receipt_id"]}
