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
from chaincode.things import certificates, slots
from chaincode.things.assets import Asset
from chaincode.things.slots import SLOT_EXAMPLE
from chaincode.world import state
from chaincode.world.bounds import (
    AssetId,
    Count,
    Described,
    DeviceId,
    Hash,
    Organisation,
    Seconds,
    SlotId,
    Text,
    Words,
    hex_bytes,
    one_of,
)
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, asset_key, device_key
from wuxin_evidence.crypto.suites import SUITES, suite

DEVICE_SLOTS_MAX: Final = 64
"""A gateway before the scales of one hall."""

CERTIFICATE_CHARS_MAX: Final = 8192
"""A certificate of one key takes about 1 KiB."""

PUBLIC_KEY_EXAMPLE: Final = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
CERTIFICATE_EXAMPLE: Final = """\
-----BEGIN CERTIFICATE-----
MIHSMIGFoAMCAQICARAwBQYDK2VwMBMxETAPBgNVBAMMCHNjYWxlLTE2MB4XDTIy
MDEwMTAwMDAwMFoXDTMyMDEwMTAwMDAwMFowEzERMA8GA1UEAwwIc2NhbGUtMTYw
KjAFBgMrZXADIQADoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuDAFBgMr
ZXADQQByaXqSwVVi9P7ByvcpcilAVaHkKUJckNJUvMfCosWPFAeUm9NLyaMomeO1
YC0FkdzEQOq9AAE1GC+euGtidssO
-----END CERTIFICATE-----
"""

REGISTERED: Final = "registered"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
RETIRED: Final = "retired"

TheDevice = Annotated[DeviceId, Described("The device, by the id under which it was enrolled.", "scale-16")]


@dataclass(frozen=True)
class EnrolDevice:
    """A device as its enroller describes it."""

    device_id: Annotated[DeviceId, Described("Id of the device, as its packs name it.", "scale-16")]
    suite: Annotated[
        str, one_of(*(one.name for one in SUITES)), Described("Signature suite of the device's key.", "eddsa")
    ]
    public_key: Annotated[
        str,
        hex_bytes(32, 65),
        Described("Raw public key, by its suite: 65 bytes 04‖x‖y, or 32 bytes for eddsa.", PUBLIC_KEY_EXAMPLE),
    ]
    firmware_hash: Annotated[Hash, Described("SHA-256 of the firmware that the device runs.", "ab" * 32)]
    slots: Annotated[
        tuple[SlotId, ...],
        Count(0, DEVICE_SLOTS_MAX),
        Described("Slots of its warehouse that the device measures.", [SLOT_EXAMPLE]),
    ] = ()
    asset_id: Annotated[AssetId | None, Described("Asset of its manufacturer that the device measures.", None)] = None
    certificate: Annotated[
        str | None,
        Text(1, CERTIFICATE_CHARS_MAX),
        Described("X.509 certificate of the device in PEM, over the same public key.", CERTIFICATE_EXAMPLE),
    ] = None


@dataclass(frozen=True)
class BindDevice:
    """The argument of `bind_device`: one of the two, not both."""

    device_id: TheDevice
    slot_id: Annotated[SlotId | None, Described("One more slot of the enroller that is measured.", SLOT_EXAMPLE)] = None
    asset_id: Annotated[AssetId | None, Described("The asset of the enroller that is measured.", None)] = None


@dataclass(frozen=True)
class SuspendDevice:
    """The argument of `suspend_device`."""

    device_id: TheDevice
    reason: Annotated[
        Words, Described("Why the device is not to be trusted now.", "the seal of the load cell is broken")
    ]


@dataclass(frozen=True)
class DeviceReference:
    """The argument of `resume_device` and `retire_device`."""

    device_id: TheDevice


@dataclass(frozen=True, kw_only=True)
class Device(Stamped, EnrolDevice):
    """A device in the state: as it was enrolled, what it is bound to, and whether it is listened to."""

    status: Annotated[
        str,
        one_of(REGISTERED, ACTIVE, SUSPENDED, RETIRED),
        Described("`registered` until bound, then `active`; `suspended` for a while, `retired` for ever.", ACTIVE),
    ]
    enroller: Annotated[Organisation, Described("Organisation that enrolled the device.", "warehouse")]
    suspended_by: Annotated[
        Organisation | None, Described("Who suspended the device; null while nobody did.", "inspector")
    ]
    reason: Annotated[
        Words | None, Described("Why it is suspended; null while it is not.", "the seal of the load cell is broken")
    ]
    since_s: Annotated[Seconds, Described("Ledger time at which this status began.", 1_641_200_000)]


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

    Errors: malformed (also a key that is not of its suite, or a certificate that is none or of another key), conflict
    (id taken), not_found, forbidden, not_owner (bound to another's thing).
    """
    public_key = bytes.fromhex(wanted.public_key)
    suite(wanted.suite).check_public_key(public_key)
    if wanted.certificate is not None:
        certificates.require_over(wanted.certificate, wanted.suite, public_key)
    if len(set(wanted.slots)) != len(wanted.slots):
        raise malformed("slots", "repeat a slot", "name each slot once")
    state.require_absent(stub, device_key(wanted.device_id))
    for slot_id in wanted.slots:
        slots.require_own(stub, slot_id, caller)
    if wanted.asset_id is not None:
        _require_own_asset(stub, wanted.asset_id, caller)

    device = Device(
        **vars(wanted),
        status=ACTIVE if wanted.slots or wanted.asset_id else REGISTERED,
        enroller=caller.organisation,
        suspended_by=None,
        reason=None,
        since_s=stub.timestamp_s,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )

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


def require_device(stub: Stub, device_id: DeviceId) -> Device:
    """The device, or `not_found`."""
    return state.require(stub, device_key(device_id), Device)


def _is_taken_over(device: Device, caller: Member) -> bool:
    """Without this an enroller could fend off an inspector's suspension with one of its own, to be lifted at will."""
    by_enroller = device.status == SUSPENDED and device.suspended_by == device.enroller
    return by_enroller and caller.organisation != device.enroller and not OVERSEERS.isdisjoint(caller.roles)


def _require_own_asset(stub: Stub, asset_id: AssetId, caller: Member) -> None:
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
    # One device weighs one machine for life: its past readings would otherwise count for another machine.
    if wanted.asset_id is not None and device.asset_id not in (None, wanted.asset_id):
        raise Refusal("conflict", f"device {device.device_id} is bound to {device.asset_id}", "enrol another device")
    new_slot = wanted.slot_id is not None and wanted.slot_id not in device.slots
    if new_slot and len(device.slots) >= DEVICE_SLOTS_MAX:
        raise Refusal("conflict", f"device {device.device_id} has {DEVICE_SLOTS_MAX} slots", "enrol another device")


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
