"""The facts over HTTP: every command that the chaincode declares, and its records, single and in lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import Row, Table
from starlette.responses import Response

from chaincode.contract import FUNCTIONS
from chaincode.security.pledges import Pledge, PledgeStatus
from chaincode.security.receipts import Receipt, ReceiptStatus
from chaincode.statements.anchors import Anchor, Origin
from chaincode.things import assets, devices
from chaincode.things.assets import Asset, AssetEvent
from chaincode.things.devices import Device
from chaincode.things.slots import Slot
from chaincode.world.bounds import AssetId, Described, DeviceId, Organisation, PledgeId, ReceiptId, SlotId, one_of
from node.api.answers import OracleDevice, SlotView
from node.api.operation import Call, Operation, Recorded
from node.api.reading import Json, Parties, note_read, of_table, reading, with_etag
from node.api.sending import of_facts
from node.projection import records, tables

ELSEWHERE = frozenset({"record_attestation", "acknowledge_notice"})
"""Commands whose operation does more than the command; they stand in `attestations` and `events`."""

DeviceStatus = Annotated[str, one_of(devices.REGISTERED, devices.ACTIVE, devices.SUSPENDED, devices.RETIRED)]
AssetStatus = Annotated[str, one_of(assets.TEMPORARY, assets.FORMAL, assets.ACTIVE, assets.SCRAPPED)]

COMMANDS = [of_facts(each) for name, each in FUNCTIONS.items() if each.path and name not in ELSEWHERE]


@dataclass(frozen=True)
class DeviceWanted:
    """A device."""

    device_id: Annotated[DeviceId, Described("The device.", example="scale-16")]


@dataclass(frozen=True)
class AssetWanted:
    """An asset."""

    asset_id: Annotated[AssetId, Described("The asset.", example="turbine-7")]


@dataclass(frozen=True)
class SlotWanted:
    """A slot; its id holds a slash, so it is asked for in the query."""

    slot_id: Annotated[SlotId, Described("The slot.", example="91310115MA3WUX3W6R/BIN-16")]


@dataclass(frozen=True)
class ReceiptWanted:
    """A receipt."""

    receipt_id: Annotated[ReceiptId, Described("The receipt.", example="receipt-1")]


@dataclass(frozen=True)
class PledgeWanted:
    """A pledge."""

    pledge_id: Annotated[PledgeId, Described("The pledge.", example="pledge-1")]


@dataclass(frozen=True)
class DevicesWanted:
    """Devices."""

    status: Annotated[DeviceStatus | None, Described("Only those of this status.", example="active")] = None


@dataclass(frozen=True)
class AssetsWanted:
    """Assets."""

    status: Annotated[AssetStatus | None, Described("Only those of this status.", example="active")] = None


@dataclass(frozen=True)
class ReceiptsWanted:
    """Receipts."""

    status: Annotated[ReceiptStatus | None, Described("Only those of this status.", example="active")] = None
    owner: Annotated[Organisation | None, Described("Only those of this owner.", example="manufacturer")] = None


@dataclass(frozen=True)
class PledgesWanted:
    """Pledges."""

    status: Annotated[PledgeStatus | None, Described("Only those of this status.", example="active")] = None
    receipt_id: Annotated[ReceiptId | None, Described("Only those on this receipt.", example="receipt-1")] = None


@dataclass(frozen=True)
class AnchorsWanted:
    """Anchored checkpoints."""

    origin: Annotated[
        Origin | None, Described("Only those of this log.", example="wuxin/1/" + "c0" * 32 + "/logs/bank")
    ] = None


@dataclass(frozen=True)
class Everything:
    """All there are."""


def _one(
    name: str, path: str, table: Table, takes: type[Any], gives: type[Any], parties: Parties, en: str, zh: str
) -> Operation:
    """A single record of a table, by the one field of `takes`."""
    (ident,) = takes.__dataclass_fields__

    def handle(call: Call, wanted: Any) -> Response:
        found = records.require(call.node.read_model, table, getattr(wanted, ident))
        note_read(call, operation, parties(found))
        return with_etag(call, found)

    operation = reading(name, path, handle, takes=takes, gives=Recorded(gives), en=en, zh=zh, problems=("not_found",))
    return operation


def _slot(call: Call, wanted: SlotWanted) -> Json:
    slot = records.require(call.node.read_model, tables.slot, wanted.slot_id)
    claim = records.find(call.node.read_model, tables.slot_claim, wanted.slot_id)
    return {**slot, "claimed_by": None if claim is None else claim["receipt_id"]}


def _oracle_device(row: Row[Any]) -> Json:
    return {name: row.record.get(name) for name in OracleDevice.__dataclass_fields__}


def _named(*names: str) -> Parties:
    return lambda found: [found.get(name) for name in names]


def _receipt_parties(receipt: Json) -> list[str | None]:
    lien: Json = receipt.get("lien") or {}
    return [*(receipt.get(name) for name in ("owner", "beneficiary", "warehouse")), lien.get("pledgee")]


_ENROLLER, _OWNER, _PLEDGED = _named("enroller"), _named("owner"), _named("pledgor", "pledgee", "warehouse")

READS = [
    of_table(
        "list_devices", "/devices", tables.device, filters=DevicesWanted, item=Recorded(Device), parties=_ENROLLER,
        en="List devices.", zh="列出设备。",
    ),
    _one(
        "get_device", "/devices/{device_id}", tables.device, DeviceWanted, Device, _ENROLLER,
        "One device.", "一台设备。",
    ),
    of_table(
        "list_oracle_devices", "/oracle/devices", tables.device, filters=Everything, item=OracleDevice,
        show=_oracle_device, en="List what a member needs to admit packs.", zh="列出接收数据包所需的设备信息。",
    ),
    of_table(
        "list_assets", "/assets", tables.asset, filters=AssetsWanted, item=Recorded(Asset), parties=_OWNER,
        en="List assets.", zh="列出资产。",
    ),
    _one("get_asset", "/assets/{asset_id}", tables.asset, AssetWanted, Asset, _OWNER, "One asset.", "一项资产。"),
    of_table(
        "list_asset_events", "/assets/{asset_id}/events", tables.asset_event, filters=AssetWanted,
        item=Recorded(AssetEvent), of_a=tables.asset,
        en="List the life events of an asset.", zh="列出资产的生命周期事件。",
    ),
    of_table(
        "list_slots", "/slots", tables.slot, filters=Everything, item=Recorded(Slot),
        en="List slots.", zh="列出货位。",
    ),
    reading(
        "get_slot", "/slots/by-id", _slot, takes=SlotWanted, gives=SlotView, problems=("not_found",),
        en="One slot, and which receipt holds it.", zh="一个货位及占用它的仓单。",
    ),
    of_table(
        "list_receipts", "/receipts", tables.receipt, filters=ReceiptsWanted, item=Recorded(Receipt),
        parties=_receipt_parties, en="List receipts.", zh="列出仓单。",
    ),
    _one(
        "get_receipt", "/receipts/{receipt_id}", tables.receipt, ReceiptWanted, Receipt, _receipt_parties,
        "One receipt, with its lien.", "一张仓单及其质权状态。",
    ),
    of_table(
        "list_pledges", "/pledges", tables.pledge, filters=PledgesWanted, item=Recorded(Pledge), parties=_PLEDGED,
        en="List pledges.", zh="列出质押。",
    ),
    _one(
        "get_pledge", "/pledges/{pledge_id}", tables.pledge, PledgeWanted, Pledge, _PLEDGED,
        "One pledge.", "一项质押。",
    ),
    of_table(
        "list_anchors", "/anchors", tables.anchor, filters=AnchorsWanted, item=Recorded(Anchor),
        en="List anchored checkpoints; of each log the longest is the newest.", zh="列出已锚定的日志检查点。",
    ),
]  # fmt: skip

OPERATIONS = [*COMMANDS, *READS]
