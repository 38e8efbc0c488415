"""Assets: the life of a thing as a hash chain, and what a changed link looks like from both ends."""

from dataclasses import replace
from typing import Any

import pytest

from chaincode.things.assets import EVENTS_MAX, FULL_LOAD_MS, AssetEvent, check_chain, event_hash
from chaincode.world.fields import parse
from tests.chaincode.facts_world import START_S, World, asset
from wuxin_evidence import ids
from wuxin_evidence.encoding.canonical import canonical_json

DAY_S = 86_400
DAY_MS = DAY_S * 1000


def event(world: World, kind: str, day: int, **changes: Any) -> dict[str, Any]:
    """The argument of the next `append_asset_event`, `day` days after the start."""
    return {
        "asset_id": "turbine-1",
        "type": kind,
        "previous_hash": world.record("asset/turbine-1")["head_hash"],
        "document_hash": "cd" * 32,
        "latitude_e7": 312_000_000,
        "longitude_e7": 1_214_000_000,
        "at_ms": START_S * 1000 + day * DAY_MS,
    } | changes


@pytest.fixture
def built(world: World) -> World:
    world.call("manufacturer", "register_asset", **asset())
    return world


def append(world: World, kind: str, day: int, **changes: Any) -> Any:
    return world.call("manufacturer", "append_asset_event", **event(world, kind, day, **changes))


def refused(world: World, kind: str, day: int, **changes: Any) -> str:
    return world.refused("manufacturer", "append_asset_event", **event(world, kind, day, **changes))


def test_an_asset_is_registered_under_its_instance_id(built: World) -> None:
    record = built.record("asset/turbine-1")
    assert record["instance_id"] == ids.asset_instance_id(
        "urn:epc:id:giai:0614141.T-1", 312_000_000, 1_214_000_000, START_S * 1000
    )
    assert (record["status"], record["event_count"], record["head_hash"]) == ("temporary", 0, record["instance_id"])
    assert built.refused("manufacturer", "register_asset", **asset()) == "conflict"


def test_the_first_events_lead_from_temporary_to_formal_to_active(built: World) -> None:
    append(built, "order", -90)
    append(built, "acceptance", 0)
    assert built.record("asset/turbine-1")["status"] == "formal"
    append(built, "card", 0)
    built.now_s += 30 * DAY_S
    assert refused(built, "full_load", 29) == "implausible"
    append(built, "full_load", 30)
    assert built.record("asset/turbine-1")["status"] == "active"
    append(built, "scrap", 30)
    assert built.record("asset/turbine-1")["status"] == "scrapped"
    assert refused(built, "work_order", 30) == "conflict"
    assert FULL_LOAD_MS == 30 * DAY_MS


def test_thirty_days_at_full_load_are_not_dated_back(built: World) -> None:
    append(built, "acceptance", -40)
    assert built.record("asset/turbine-1")["accepted_at_ms"] == START_S * 1000
    assert refused(built, "full_load", 0) == "implausible"
    built.now_s += 30 * DAY_S - 1
    assert refused(built, "full_load", 30) == "implausible"
    built.now_s += 1
    append(built, "full_load", 30)


def test_an_acceptance_is_dated_neither_ahead_nor_before_the_order(built: World) -> None:
    append(built, "order", -10)
    assert refused(built, "acceptance", 0, at_ms=(START_S + 901) * 1000) == "clock_skew"
    assert refused(built, "acceptance", -11) == "implausible"
    append(built, "acceptance", 0, at_ms=(START_S + 900) * 1000)


def test_one_thing_is_registered_once_under_whatever_name(built: World) -> None:
    refusal = built.refusal("other-manufacturer", "register_asset", **asset("turbine-2"))
    assert refusal["code"] == "conflict"
    assert "turbine-1" in refusal["detail"]
    assert built.last is not None
    assert f"asset-instance/{built.record('asset/turbine-1')['instance_id']}" in built.last.reads
    built.call("other-manufacturer", "register_asset", **asset("turbine-2", latitude_e7=312_000_001))


def test_an_event_is_written_under_its_number_and_named_by_its_hash(built: World) -> None:
    first = append(built, "order", -90)
    assert built.record("asset-event/turbine-1/00000001") == first
    assert built.record("asset/turbine-1")["head_hash"] == first["hash"]
    assert built.events()[0]["event_type"] == "order"


@pytest.mark.parametrize(
    ("kind", "day", "changes", "code"),
    [
        ("order", -1, {"previous_hash": "00" * 32}, "conflict"),
        ("card", -1, {}, "conflict"),
        ("full_load", -1, {}, "conflict"),
        ("birthday", -1, {}, "malformed"),
        ("order", 1, {}, "clock_skew"),
        ("order", -1, {"asset_id": "ghost"}, "not_found"),
        ("order", -1, {"latitude_e7": 900_000_001}, "malformed"),
        ("order", -1, {"document_hash": "CD" * 32}, "malformed"),
    ],
)
def test_an_event_that_does_not_fit_is_refused(
    built: World, kind: str, day: int, changes: dict[str, Any], code: str
) -> None:
    assert refused(built, kind, day, **changes) == code


def test_an_event_before_the_last_one_is_implausible(built: World) -> None:
    append(built, "order", -10)
    assert refused(built, "acceptance", -11) == "implausible"


def test_only_the_owner_appends(built: World) -> None:
    assert built.refused("other-manufacturer", "append_asset_event", **event(built, "order", -1)) == "not_owner"


def chain(world: World) -> tuple[str, list[AssetEvent], str]:
    for kind, day in (("order", -90), ("acceptance", -60), ("card", -59), ("work_order", -50)):
        append(world, kind, day)
    record = world.record("asset/turbine-1")
    events = [parse(AssetEvent, world.record(f"asset-event/turbine-1/{number:08d}")) for number in range(1, 5)]
    return record["instance_id"], events, record["head_hash"]


def test_an_untouched_chain_holds(built: World) -> None:
    found = check_chain(*chain(built))
    assert found
    assert (found.length, found.from_start, found.from_end) == (4, None, None)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_changed_link_is_found_from_both_ends(built: World, place: int) -> None:
    instance_id, events, head = chain(built)
    events[place] = replace(events[place], document_hash="ee" * 32)
    found = check_chain(instance_id, events, head)
    assert not found
    assert (found.from_start, found.from_end) == (place + 1, place + 1)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_link_changed_together_with_its_hash_is_found_between_its_neighbours(built: World, place: int) -> None:
    instance_id, events, head = chain(built)
    forged = replace(events[place], document_hash="ee" * 32)
    events[place] = replace(forged, hash=event_hash(forged))
    found = check_chain(instance_id, events, head)
    assert (found.from_start, found.from_end) == (place + 2, place + 1)


def test_a_missing_link_is_found(built: World) -> None:
    instance_id, events, head = chain(built)
    assert check_chain(instance_id, [events[0], *events[2:]], head).from_start == 2
    assert check_chain(instance_id, events[:3], head).from_start == 4
    assert check_chain(instance_id, events[1:], head).from_start == 1
    assert check_chain(instance_id, [], instance_id)
    assert check_chain(instance_id, [], head).from_end == 0


def test_a_life_has_an_end_of_numbers(world: World) -> None:
    world.call("manufacturer", "register_asset", **asset())
    registered = world.record("asset/turbine-1")
    world.ledger.values["asset/turbine-1"] = canonical_json({**registered, "event_count": EVENTS_MAX})
    place = {"latitude_e7": 0, "longitude_e7": 0}
    one_more = {"type": "order", "previous_hash": registered["head_hash"], "document_hash": "ab" * 32, "at_ms": 1}
    refused = world.refused("manufacturer", "append_asset_event", asset_id="turbine-1", **place, **one_more)
    assert refused == "too_large"
