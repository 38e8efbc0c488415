"""Devices: who may speak about a slot or an asset, and whether it is listened to.

    enrol    registered, or active at once where it is bound already
    bind     registered → active; an active device may be bound to more
    suspend  active → suspended, by its enroller, an inspector or the regulator; what the enroller suspended, an
             inspector or the regulator may suspend as well, and then the enroller resumes it no more
    resume   suspended → active, by whoever suspended it, or the regulator
    retire   anything → retired, for ever

A device is bound only to slots of its own warehouse or to an asset of its own manufacturer.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from chaincode.access import ENROLLERS, OVERSEERS, REGULATOR, require_party
from chaincode.declaration import command
from chaincode.parties.members import Member
from chaincode.things import slots
from chaincode.things.assets import Asset
from chaincode.world import state
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import (
    Count,
    DeviceId,
    Hash,
    Ident,
    Organisation,
    Seconds,
    SlotId,
    Text,
    Words,
    hex_bytes,
    malformed,
    one_of,
)
from chaincode.world.stub import Stub, asset_key, device_key
from wuxin_evidence.crypto.suites import SUITES, suite

DEVICE_SLOTS_MAX: Final = 64
"""A gateway before the scales of one hall."""

CERTIFICATE_CHARS_MAX: Final = 8192

REGISTERED: Final = "registered"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
RETIRED: Final = "retired"

SuiteName = Annotated[str, one_of(*(one.name for one in SUITES))]
PublicKey = Annotated[str, hex_bytes(32, 65)]
Certificate = Annotated[str, Text(1, CERTIFICATE_CHARS_MAX)]
DeviceStatus = Annotated[str, one_of(REGISTERED, ACTIVE, SUSPENDED, RETIRED)]
BoundSlots = Annotated[tuple[SlotId, ...], Count(0, DEVICE_SLOTS_MAX)]


@dataclass(frozen=True)
class EnrolDevice:
    """`public_key` is raw, by its suite: 65 bytes 04‖x‖y, or 32 bytes for eddsa."""

    device_id: DeviceId
    suite: SuiteName
    public_key: PublicKey
    firmware_hash: Hash
    slots: BoundSlots = ()
    asset_id: Ident | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class BindDevice:
    """One of the two, not both."""

    device_id: DeviceId
    slot_id: SlotId | None = None
    asset_id: Ident | None = None


@dataclass(frozen=True)
class SuspendDevice:
    device_id: DeviceId
    reason: Words


@dataclass(frozen=True)
class DeviceReference:
    """The argument of `resume_device` and `retire_device`."""

    device_id: DeviceId


@dataclass(frozen=True)
class Device:
    """A device in the state; `since_s` is when its status began."""

    device_id: DeviceId
    status: DeviceStatus
    enroller: Organisation
    suite: SuiteName
    public_key: PublicKey
    firmware_hash: Hash
    slots: BoundSlots
    asset_id: Ident | None
    certificate: Certificate | None
    suspended_by: Organisation | None
    reason: Words | None
    since_s: Seconds
    created_at_s: Seconds
    updated_tx: Annotated[str, Text()]


@command(
    "enrol_device",
    on="device",
    creates=True,
    roles=ENROLLERS,
    events=("device_enrolled",),
    problems=("conflict", "not_found", "forbidden", "not_owner"),
    en="Enrol a device with its public key; bound at once it is active.",
    zh="登记设备及其公钥；同时绑定的即刻启用。",
)
def enrol(stub: Stub, caller: Member, wanted: EnrolDevice) -> Device:
    """A warehouse or manufacturer enrols a device with its key.

    Errors: malformed (a key that is not of its suite, too), conflict (id taken), not_found, forbidden, not_owner
    (bound to another's thing).
    """
    suite(wanted.suite).check_public_key(bytes.fromhex(wanted.public_key))
    if len(set(wanted.slots)) != len(wanted.slots):
        raise malformed("slots", "repeat a slot", "name each slot once")
    state.require_absent(stub, device_key(wanted.device_id))
    for slot_id in wanted.slots:
        slots.require_own(stub, slot_id, caller)
    if wanted.asset_id is not None:
        _require_own_asset(stub, wanted.asset_id, caller)

    device = _enrolled(stub, caller, wanted)

    state.write(stub, device_key(device.device_id), device)

    emit(stub, _event("device_enrolled", device))
    return device


@command(
    "bind_device",
    on="device",
    roles=ENROLLERS,
    party="enroller",
    events=("device_bound",),
    problems=("not_found", "forbidden", "not_owner", "conflict"),
    en="Bind a device to one more slot, or to its asset.",
    zh="将设备绑定到货位或资产。",
)
def bind(stub: Stub, caller: Member, wanted: BindDevice) -> Device:
    """The enroller binds a device to one more slot, or to its asset.

    Errors: malformed, not_found, forbidden, not_owner, conflict (suspended, retired, bound to another asset, or full).
    """
    device = require_device(stub, wanted.device_id)
    require_party(bind, caller, device.enroller)
    _require_status(device, REGISTERED, ACTIVE)
    if (wanted.slot_id is None) == (wanted.asset_id is None):
        raise malformed("slot_id", "and asset_id are not exactly one", "pass either slot_id or asset_id")
    if wanted.slot_id is not None:
        slots.require_own(stub, wanted.slot_id, caller)
    if wanted.asset_id is not None:
        _require_own_asset(stub, wanted.asset_id, caller)
    _require_room(device, wanted)

    bound = _bound(device, wanted)
    if bound == device:
        return device
    active = _moved(stub, bound, ACTIVE)

    state.write(stub, device_key(active.device_id), active)

    emit(stub, _event("device_bound", active))
    return active


@command(
    "suspend_device",
    on="device",
    roles=ENROLLERS | OVERSEERS,
    party="enroller",
    also=OVERSEERS,
    events=("device_suspended",),
    problems=("not_found", "forbidden", "conflict"),
    en="Stop listening to a device.",
    zh="停用设备，不再采信其数据。",
)
def suspend(stub: Stub, caller: Member, wanted: SuspendDevice) -> Device:
    """Stop listening to a device; an overseer also takes over the enroller's own suspension.

    Errors: malformed, not_found, forbidden, conflict (not active).
    """
    device = require_device(stub, wanted.device_id)
    require_party(suspend, caller, device.enroller)
    if not _is_taken_over(device, caller):
        _require_status(device, ACTIVE)

    named = replace(device, suspended_by=caller.organisation, reason=wanted.reason)
    suspended = _moved(stub, named, SUSPENDED)

    state.write(stub, device_key(suspended.device_id), suspended)

    emit(stub, _event("device_suspended", suspended))
    return suspended


@command(
    "resume_device",
    on="device",
    roles=ENROLLERS | OVERSEERS,
    party="suspender",
    also={REGULATOR},
    events=("device_resumed",),
    problems=("not_found", "conflict", "forbidden"),
    en="Listen again to a device that was suspended.",
    zh="恢复已停用的设备。",
)
def resume(stub: Stub, caller: Member, wanted: DeviceReference) -> Device:
    """Listen again; for whoever suspended the device, or the regulator.

    Errors: malformed, not_found, conflict (not suspended), forbidden.
    """
    device = require_device(stub, wanted.device_id)
    _require_status(device, SUSPENDED)
    require_party(resume, caller, device.suspended_by or device.enroller)

    resumed = _moved(stub, replace(device, suspended_by=None, reason=None), ACTIVE)

    state.write(stub, device_key(resumed.device_id), resumed)

    emit(stub, _event("device_resumed", resumed))
    return resumed


@command(
    "retire_device",
    on="device",
    roles=ENROLLERS | {REGULATOR},
    party="enroller",
    also={REGULATOR},
    events=("device_retired",),
    problems=("not_found", "forbidden", "conflict"),
    en="Never listen to a device again.",
    zh="永久注销设备。",
)
def retire(stub: Stub, caller: Member, wanted: DeviceReference) -> Device:
    """Never listen again. Errors: malformed, not_found, forbidden, conflict (retired already)."""
    device = require_device(stub, wanted.device_id)
    require_party(retire, caller, device.enroller)
    _require_status(device, REGISTERED, ACTIVE, SUSPENDED)

    retired = _moved(stub, device, RETIRED)

    state.write(stub, device_key(retired.device_id), retired)

    emit(stub, _event("device_retired", retired))
    return retired


def require_device(stub: Stub, device_id: str) -> Device:
    return state.require(stub, device_key(device_id), Device)


def _is_taken_over(device: Device, caller: Member) -> bool:
    """Without this an enroller could fend off an inspector's suspension with one of its own, to be lifted at will."""
    by_enroller = device.status == SUSPENDED and device.suspended_by == device.enroller
    return by_enroller and caller.organisation != device.enroller and not OVERSEERS.isdisjoint(caller.roles)


def _require_own_asset(stub: Stub, asset_id: str, caller: Member) -> None:
    asset = state.require(stub, asset_key(asset_id), Asset)
    if asset.owner != caller.organisation:
        raise Refusal("not_owner", f"asset {asset_id} is of {asset.owner}", "name an asset of your own")


def _require_status(device: Device, *allowed: str) -> None:
    if device.status not in allowed:
        raise Refusal(
            "conflict",
            f"device {device.device_id} is {device.status}",
            f"this happens to a device that is {' or '.join(allowed)}",
        )


def _require_room(device: Device, wanted: BindDevice) -> None:
    if wanted.asset_id is not None and device.asset_id not in (None, wanted.asset_id):
        raise Refusal("conflict", f"device {device.device_id} is bound to {device.asset_id}", "enrol another device")
    new_slot = wanted.slot_id is not None and wanted.slot_id not in device.slots
    if new_slot and len(device.slots) >= DEVICE_SLOTS_MAX:
        raise Refusal("conflict", f"device {device.device_id} has {DEVICE_SLOTS_MAX} slots", "enrol another device")


def _enrolled(stub: Stub, caller: Member, wanted: EnrolDevice) -> Device:
    return Device(
        device_id=wanted.device_id,
        status=ACTIVE if wanted.slots or wanted.asset_id else REGISTERED,
        enroller=caller.organisation,
        suite=wanted.suite,
        public_key=wanted.public_key,
        firmware_hash=wanted.firmware_hash,
        slots=wanted.slots,
        asset_id=wanted.asset_id,
        certificate=wanted.certificate,
        suspended_by=None,
        reason=None,
        since_s=stub.timestamp_s,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )


def _bound(device: Device, wanted: BindDevice) -> Device:
    if wanted.asset_id is not None:
        return replace(device, asset_id=wanted.asset_id)
    if wanted.slot_id is None or wanted.slot_id in device.slots:
        return device
    return replace(device, slots=(*device.slots, wanted.slot_id))


def _moved(stub: Stub, device: Device, status: str) -> Device:
    since_s = device.since_s if status == device.status else stub.timestamp_s
    return replace(device, status=status, since_s=since_s, updated_tx=stub.tx_id)


def _event(name: str, device: Device) -> Event:
    body = {
        "status": device.status,
        "enroller": device.enroller,
        "slots": device.slots,
        "asset_id": device.asset_id,
        "reason": device.reason,
    }
    return Event(name, "device", device.device_id, body)
