"""Assets: things with a life, told as a hash chain of events.

An asset is registered by its manufacturer and begins as `temporary`. Each event carries its evidence (the hash of a
document, place and time) and the hash of the event before it; the first one continues the asset's instance id. A link
that does not fit is refused, and `check_chain` finds a changed one in an exported chain from both of its ends.

    order       temporary                       acceptance   temporary → formal
    full_load   formal → active, 30 days after the acceptance was recorded
    card, work_order, transfer, overhaul        formal, active
    scrap       anything → scrapped

An asset is what its instance id says (EPC, place, commissioning), so that one is registered once, under whatever name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from chaincode.access import MANUFACTURER, require_party
from chaincode.declaration import command
from chaincode.parties.members import Member
from chaincode.world import state
from chaincode.world.bounds import (
    AssetId,
    Described,
    Hash,
    Ident,
    LatitudeE7,
    LongitudeE7,
    Milliseconds,
    Organisation,
    Whole,
    Words,
    one_of,
)
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, asset_event_key, asset_instance_key, asset_key
from wuxin_evidence import ids
from wuxin_evidence.encoding import cbor

TEMPORARY: Final = "temporary"
FORMAL: Final = "formal"
ACTIVE: Final = "active"
SCRAPPED: Final = "scrapped"

FULL_LOAD_MS: Final = 30 * 24 * 3600 * 1000
"""The acceptance run, by the ledger's own time: dating the acceptance back does not shorten it."""

CLOCK_SKEW_MS_MAX: Final = 900_000
EVENTS_MAX: Final = 99_999_999
"""Eight digits in the key."""

IN_USE: Final = frozenset({FORMAL, ACTIVE})


@dataclass(frozen=True)
class Step:
    """Where an event type may happen, and the status it leads to (None: it stays)."""

    allowed: frozenset[str]
    leads_to: str | None = None


STEPS: Final[dict[str, Step]] = {
    "order": Step(frozenset({TEMPORARY})),
    "acceptance": Step(frozenset({TEMPORARY}), FORMAL),
    "full_load": Step(frozenset({FORMAL}), ACTIVE),
    "card": Step(IN_USE),
    "work_order": Step(IN_USE),
    "transfer": Step(IN_USE),
    "overhaul": Step(IN_USE),
    "scrap": Step(IN_USE | {TEMPORARY}, SCRAPPED),
}

EventType = Annotated[str, one_of(*STEPS)]
EventCount = Annotated[int, Whole(0, EVENTS_MAX)]
Latitude = Annotated[LatitudeE7, Described("Latitude of the place.", 312_304_000)]
Longitude = Annotated[LongitudeE7, Described("Longitude of the place.", 1_214_737_000)]
TheAsset = Annotated[AssetId, Described("The asset, by the id under which it was registered.", "turbine-7")]


@dataclass(frozen=True)
class RegisterAsset:
    """An asset as its manufacturer registers it; EPC, place and commissioning make its instance id."""

    asset_id: Annotated[AssetId, Described("Id of the new asset, made by the manufacturer.", "turbine-7")]
    epc: Annotated[Ident, Described("Electronic product code of the thing.", "urn:epc:id:giai:0614141.12345400")]
    latitude_e7: Latitude
    longitude_e7: Longitude
    commissioned_at_ms: Annotated[Milliseconds, Described("When the thing was first put to use.", 1_641_114_000_000)]
    description: Annotated[Words, Described("What the thing is, for people.", "wind turbine, 5 MW")]


@dataclass(frozen=True)
class AppendAssetEvent:
    """One event in the life of an asset, with its evidence and the link to the event before it."""

    asset_id: TheAsset
    type: Annotated[EventType, Described("What happened.", "acceptance")]
    previous_hash: Annotated[Hash, Described("The asset's `head_hash`, which this event continues.", "cd" * 32)]
    document_hash: Annotated[Hash, Described("SHA-256 of the document that proves the event.", "ab" * 32)]
    latitude_e7: Latitude
    longitude_e7: Longitude
    at_ms: Annotated[Milliseconds, Described("When it happened; not before the last event.", 1_641_114_000_000)]


@dataclass(frozen=True, kw_only=True)
class Asset(Stamped, RegisterAsset):
    """An asset in the state: as it was registered, and where its life stands."""

    instance_id: Annotated[
        Hash, Described("SHA-256 over canonical CBOR of EPC, place and commissioning: what tells it apart.", "ef" * 32)
    ]
    owner: Annotated[Organisation, Described("Organisation that may append its events.", "manufacturer")]
    status: Annotated[
        str,
        one_of(TEMPORARY, FORMAL, ACTIVE, SCRAPPED),
        Described("`temporary` until accepted, `formal` until it runs at full load, `active`, `scrapped`.", ACTIVE),
    ]
    event_count: Annotated[EventCount, Described("Number of its events.", 3, unit="events")]
    head_hash: Annotated[Hash, Described("What the next event must continue.", "cd" * 32)]
    last_at_ms: Annotated[
        Milliseconds, Described("When the last event happened; 0 before the first.", 1_641_114_000_000)
    ]
    accepted_at_ms: Annotated[
        Milliseconds | None,
        Described("When the ledger recorded the acceptance, not when it is said to have been.", 1_641_200_000_000),
    ]


@dataclass(frozen=True)
class AssetInstance:
    """Under which id a thing is registered."""

    asset_id: TheAsset


@dataclass(frozen=True, kw_only=True)
class AssetEvent(Stamped, AppendAssetEvent):
    """One link of the chain: an event with its number and its own hash (`event_hash`)."""

    number: Annotated[EventCount, Described("Place in the asset's life, from 1 on.", 3)]
    hash: Annotated[Hash, Described("SHA-256 over canonical CBOR of what the event says.", "ef" * 32)]


@dataclass(frozen=True)
class ChainCheck:
    """What a walk along a chain found; true where every link holds.

    `from_start` is the first event that does not continue what stands before it (one past the last stands for the
    recorded head); `from_end` the first event, walking back, that its successor does not continue (0 stands for the
    instance id). A change lies between the two.
    """

    length: int
    from_start: int | None
    from_end: int | None

    def __bool__(self) -> bool:
        return self.from_start is None and self.from_end is None


@command(
    "register_asset",
    on="asset",
    creates=True,
    roles={MANUFACTURER},
    events=("asset_registered",),
    problems=("conflict",),
    en="Register a thing with a life of its own, once.",
    zh="登记资产，同一资产只登记一次。",
)
def register(stub: Stub, caller: Member, wanted: RegisterAsset) -> Asset:
    """A manufacturer registers an asset. Errors: malformed, conflict (id taken, or the same thing under another id)."""
    state.require_absent(stub, asset_key(wanted.asset_id))

    asset = _registered(stub, caller, wanted)
    _require_unregistered(stub, asset.instance_id)

    state.write(stub, asset_key(asset.asset_id), asset)
    state.write(stub, asset_instance_key(asset.instance_id), AssetInstance(asset.asset_id))

    emit(stub, Event("asset_registered", "asset", asset.asset_id, {"instance_id": asset.instance_id}))
    return asset


@command(
    "append_asset_event",
    on="asset",
    path="/assets/{asset_id}/events",
    roles={MANUFACTURER},
    party="owner",
    events=("asset_event_appended",),
    problems=("not_found", "not_owner", "conflict", "implausible", "clock_skew", "too_large"),
    en="Append the next event to the hash chain of an asset's life.",
    zh="为资产的生命周期哈希链追加下一事件。",
)
def append_event(stub: Stub, caller: Member, wanted: AppendAssetEvent) -> AssetEvent:
    """The owner appends one life event.

    Errors: malformed, not_found, not_owner, conflict (the wrong link, or not in this status), implausible (before the
    last event, or full load too early), clock_skew (in the future).
    """
    asset = state.require(stub, asset_key(wanted.asset_id), Asset)
    require_party(append_event, caller, asset.owner)
    _require_link(asset, wanted)
    _require_step(asset, wanted)
    _require_time(stub, asset, wanted)

    event = _event(stub, asset, wanted)
    moved = replace(
        asset,
        status=STEPS[event.type].leads_to or asset.status,
        event_count=event.number,
        head_hash=event.hash,
        last_at_ms=event.at_ms,
        accepted_at_ms=stub.timestamp_s * 1000 if event.type == "acceptance" else asset.accepted_at_ms,
        updated_tx=stub.tx_id,
    )

    state.write(stub, asset_event_key(event.asset_id, event.number), event)
    state.write(stub, asset_key(moved.asset_id), moved)

    body = {"number": event.number, "event_type": event.type, "hash": event.hash, "status": moved.status}
    emit(stub, Event("asset_event_appended", "asset", event.asset_id, body))
    return event


def event_hash(event: AssetEvent) -> str:
    """The hash an event must carry: SHA-256 over canonical CBOR of its other fields in this order, hashes as bytes."""
    link = [
        event.asset_id,
        event.number,
        event.type,
        bytes.fromhex(event.previous_hash),
        bytes.fromhex(event.document_hash),
        event.latitude_e7,
        event.longitude_e7,
        event.at_ms,
    ]
    return hashlib.sha256(cbor.encode(link)).hexdigest()


def check_chain(instance_id: str, events: Sequence[AssetEvent], head_hash: str) -> ChainCheck:
    """Walk the events 1, 2, … of an asset from both ends, between its instance id and its recorded head."""
    names = [instance_id, *(event.hash for event in events)]
    continued = [*(event.previous_hash for event in events), head_hash]
    joined = [name == said for name, said in zip(names, continued, strict=True)]
    sound = [event.number == place and event_hash(event) == event.hash for place, event in enumerate(events, 1)]
    whole_forwards = [link and own for link, own in zip(joined, [*sound, True], strict=True)]
    whole_backwards = [link and own for link, own in zip(joined, [True, *sound], strict=True)]
    places = range(len(joined))
    from_start = next((place + 1 for place in places if not whole_forwards[place]), None)
    from_end = next((place for place in reversed(places) if not whole_backwards[place]), None)
    return ChainCheck(len(events), from_start, from_end)


def _registered(stub: Stub, owner: Member, wanted: RegisterAsset) -> Asset:
    instance_id = ids.asset_instance_id(wanted.epc, wanted.latitude_e7, wanted.longitude_e7, wanted.commissioned_at_ms)
    return Asset(
        **vars(wanted),
        instance_id=instance_id,
        owner=owner.organisation,
        status=TEMPORARY,
        event_count=0,
        head_hash=instance_id,
        last_at_ms=0,
        accepted_at_ms=None,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )


def _require_unregistered(stub: Stub, instance_id: str) -> None:
    known = state.find(stub, asset_instance_key(instance_id), AssetInstance)
    if known is not None:
        raise Refusal(
            "conflict",
            f"the same EPC, place and commissioning are registered as asset {known.asset_id}",
            "append to that asset's events, or correct what tells this one apart",
        )


def _require_link(asset: Asset, wanted: AppendAssetEvent) -> None:
    if wanted.previous_hash != asset.head_hash:
        raise Refusal(
            "conflict",
            f"event {asset.event_count + 1} of {asset.asset_id} does not continue its head {asset.head_hash}",
            "read the asset again and pass its head_hash as previous_hash",
        )
    if asset.event_count >= EVENTS_MAX:
        raise Refusal("too_large", f"{asset.asset_id} has {EVENTS_MAX} events", "register a successor of the asset")


def _require_step(asset: Asset, wanted: AppendAssetEvent) -> None:
    allowed = STEPS[wanted.type].allowed
    if asset.status not in allowed:
        raise Refusal(
            "conflict",
            f"{wanted.type} does not happen to an asset that is {asset.status}",
            f"it happens while the asset is {' or '.join(sorted(allowed))}",
        )


def _require_time(stub: Stub, asset: Asset, wanted: AppendAssetEvent) -> None:
    now_ms = stub.timestamp_s * 1000
    if wanted.at_ms > now_ms + CLOCK_SKEW_MS_MAX:
        raise Refusal("clock_skew", "at_ms lies in the future", "pass the time of the event in milliseconds UTC")
    # Lifecycle events are a history: one put in between afterwards would change what an earlier lender relied on.
    if wanted.at_ms < asset.last_at_ms:
        raise Refusal("implausible", "at_ms is before the last event", f"pass {asset.last_at_ms} or later")
    if wanted.type == "full_load" and min(wanted.at_ms, now_ms) < (asset.accepted_at_ms or 0) + FULL_LOAD_MS:
        raise Refusal(
            "implausible", "thirty days have not passed since the acceptance was recorded", "append it when they have"
        )


def _event(stub: Stub, asset: Asset, wanted: AppendAssetEvent) -> AssetEvent:
    number = asset.event_count + 1
    unnamed = AssetEvent(**vars(wanted), number=number, hash="", created_at_s=stub.timestamp_s, updated_tx=stub.tx_id)
    return replace(unnamed, hash=event_hash(unnamed))
