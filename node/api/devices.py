"""Devices: enrolment, binding, suspension."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from node.api.context import PREFIX, Caller, Here, Limit, note_read, noted_page, with_etag
from node.api.fields import Body, DeviceId, Hash, Hex, Ident, Nothing, SlotId, Words
from node.api.sending import Sends, values
from node.projection import records, tables

router = APIRouter(prefix=PREFIX, tags=["devices"])

Certificate = Annotated[str, StringConstraints(min_length=1, max_length=8192)]


class EnrolDevice(Body):
    """`public_key` is raw, in hex: 65 bytes 04‖x‖y (sm2-sm3, es256) or 32 bytes (eddsa)."""

    device_id: DeviceId = Field(examples=["scale-16"])
    suite: Annotated[str, StringConstraints(pattern="^(sm2-sm3|es256|eddsa)$")] = Field(examples=["sm2-sm3"])
    public_key: Hex = Field(examples=["04" + "ab" * 64])
    firmware_hash: Hash = Field(examples=["00" * 32])
    slots: Annotated[list[SlotId], Field(max_length=64)] = Field(
        default_factory=list[SlotId], examples=[["91310115MA3WUX3W6R/BIN-16"]]
    )
    asset_id: Ident | None = None
    certificate: Certificate | None = None


class BindDevice(Body):
    """One of the two."""

    slot_id: SlotId | None = None
    asset_id: Ident | None = None


class SuspendDevice(Body):
    reason: Words = Field(examples=["the seal of the load cell is broken"])


@router.post("/devices")
async def enrol_device(sender: Sends, body: EnrolDevice) -> Response:
    """Enrol a device; bound at once it is active."""
    return await sender.fact("enrol_device", body.device_id, values(body))


@router.post("/devices/{device_id}/bind")
async def bind_device(sender: Sends, device_id: DeviceId, body: BindDevice) -> Response:
    return await sender.fact("bind_device", device_id, {"device_id": device_id, **values(body)})


@router.post("/devices/{device_id}/suspend")
async def suspend_device(sender: Sends, device_id: DeviceId, body: SuspendDevice) -> Response:
    return await sender.fact("suspend_device", device_id, {"device_id": device_id, **values(body)})


@router.post("/devices/{device_id}/resume")
async def resume_device(sender: Sends, device_id: DeviceId, body: Nothing) -> Response:
    return await sender.fact("resume_device", device_id, {"device_id": device_id})


@router.post("/devices/{device_id}/retire")
async def retire_device(sender: Sends, device_id: DeviceId, body: Nothing) -> Response:
    return await sender.fact("retire_device", device_id, {"device_id": device_id})


@router.get("/devices")
def list_devices(
    node: Here, caller: Caller, request: Request, limit: Limit, after: DeviceId | None = None, status: str | None = None
) -> records.Json:
    found = records.page(node.read_model, tables.device, after, limit, {"status": status})
    return noted_page(node, caller, request, found, lambda device: [device.get("enroller")])


@router.get("/devices/{device_id}", response_model=None)
def get_device(
    node: Here, caller: Caller, request: Request, response: Response, device_id: DeviceId
) -> records.Json | Response:
    device = records.require(node.read_model, tables.device, device_id)
    note_read(node, caller, request, [device.get("enroller")])
    return with_etag(request, response, device)


@router.get("/oracle/devices")
def list_oracle_devices(node: Here, limit: Limit, after: DeviceId | None = None) -> records.Json:
    """What an oracle member needs to admit packs: key, suite and status of each device, and what it is bound to."""
    found = records.page(node.read_model, tables.device, after, limit)
    wanted = ("device_id", "suite", "public_key", "status", "slots", "asset_id")
    return {"items": [{name: item.get(name) for name in wanted} for item in found["items"]], "next": found["next"]}
