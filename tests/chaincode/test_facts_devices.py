"""Devices and slots: who enrols, binds, suspends."""

import pytest

from tests.chaincode.certificates import certificate
from tests.chaincode.facts_world import START_S, World, asset, device, slot, uscc
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.packs.pack import sign_pack
from wuxin_evidence.packs.senml import Reading

KEY = SigningKey.generate("sm2-sm3")


def test_a_device_enrolled_on_a_slot_is_active_at_once(world: World) -> None:
    enrolled = world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    assert enrolled["status"] == "active"
    assert enrolled["enroller"] == "warehouse"
    assert world.record("device/scale-1") == enrolled
    assert world.events()[0]["type"] == "device_enrolled"


@pytest.mark.parametrize("suite", ["sm2-sm3", "es256", "eddsa"])
def test_a_device_of_each_suite_is_registered_and_active_once_bound(world: World, suite: str) -> None:
    key = SigningKey.generate(suite)
    assert world.call("warehouse", "enrol_device", **device(key))["status"] == "registered"
    assert world.call("warehouse", "bind_device", device_id="scale-1", slot_id=slot())["status"] == "active"


def test_a_manufacturer_binds_a_device_to_its_own_asset(world: World) -> None:
    world.call("manufacturer", "register_asset", **asset())
    enrolled = world.call(
        "manufacturer", "enrol_device", **device(KEY, asset_id="turbine-1", certificate=certificate(KEY))
    )
    assert (enrolled["status"], enrolled["asset_id"]) == ("active", "turbine-1")
    assert world.refused("warehouse", "enrol_device", **device(KEY, device_id="x", asset_id="turbine-1")) == "not_owner"


def test_the_longest_device_id_is_one_that_a_pack_can_carry(world: World) -> None:
    longest = "s" + "-._:" * 15 + "abc"
    sign_pack(KEY, bytes(32), longest, 1, 1, [Reading("mass", 1, "kg", START_S * 1000)])
    assert world.call("warehouse", "enrol_device", **device(KEY, device_id=longest))["device_id"] == longest


def test_binding_again_to_the_same_slot_has_no_effect(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    bound = world.call("warehouse", "bind_device", device_id="scale-1", slot_id=slot())
    assert bound["slots"] == [slot()]
    assert world.last is not None
    assert not world.last.writes
    assert world.call("warehouse", "bind_device", device_id="scale-1", slot_id=slot(2))["slots"] == [slot(1), slot(2)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"suite": "rsa"}, "malformed"),
        ({"suite": "eddsa"}, "malformed"),
        ({"public_key": "04" + "11" * 64}, "malformed"),
        ({"public_key": "0x" + "11" * 64}, "malformed"),
        ({"firmware_hash": "ab"}, "malformed"),
        ({"slots": [slot(), slot()]}, "malformed"),
        ({"slots": [slot(9)]}, "not_found"),
        ({"asset_id": "nothing"}, "not_found"),
        ({"device_id": "a/b"}, "malformed"),
        ({"device_id": "a" * 65}, "malformed"),
        ({"certificate": "x" * 8193}, "malformed"),
    ],
)
def test_an_unsound_enrolment_is_refused(world: World, changes: dict[str, object], code: str) -> None:
    assert world.refused("warehouse", "enrol_device", **device(KEY, **changes)) == code


def test_a_device_is_not_enrolled_twice_nor_on_a_slot_of_another(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY))
    assert world.refused("warehouse", "enrol_device", **device(KEY)) == "conflict"
    other = device(KEY, device_id="scale-2", slots=[slot()])
    assert world.refused("other-warehouse", "enrol_device", **other) == "forbidden"
    assert world.refused("manufacturer", "enrol_device", **other) == "forbidden"


def test_only_the_enroller_binds_and_only_to_one_thing(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY))
    assert world.refused("other-warehouse", "bind_device", device_id="scale-1", slot_id=slot()) == "forbidden"
    assert world.refused("warehouse", "bind_device", device_id="scale-1") == "malformed"
    both = {"device_id": "scale-1", "slot_id": slot(), "asset_id": "turbine-1"}
    assert world.refused("warehouse", "bind_device", **both) == "malformed"
    assert world.refused("warehouse", "bind_device", device_id="scale-9", slot_id=slot()) == "not_found"
    assert world.refused("warehouse", "bind_device", device_id="scale-1", slot_id=slot(9)) == "not_found"


def test_a_device_is_bound_to_one_asset_and_a_bounded_number_of_slots(world: World) -> None:
    for name in ("turbine-1", "turbine-2"):
        world.call("manufacturer", "register_asset", **asset(name, epc=f"urn:epc:{name}"))
    world.call("manufacturer", "enrol_device", **device(KEY, asset_id="turbine-1"))
    assert world.refused("manufacturer", "bind_device", device_id="scale-1", asset_id="turbine-2") == "conflict"
    for number in range(3, 67):
        world.call("warehouse", "register_slot", slot_id=slot(number))
    many = [slot(number) for number in range(1, 65)]
    world.call("warehouse", "enrol_device", **device(KEY, device_id="gateway", slots=many))
    assert world.refused("warehouse", "bind_device", device_id="gateway", slot_id=slot(66)) == "conflict"


def test_a_suspended_device_is_resumed_by_whoever_suspended_it(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    world.now_s += 10
    suspended = world.call("inspector", "suspend_device", device_id="scale-1", reason="seal broken")
    assert suspended["status"] == "suspended"
    assert (suspended["suspended_by"], suspended["since_s"]) == ("inspector", START_S + 10)
    assert world.refused("warehouse", "resume_device", device_id="scale-1") == "forbidden"
    assert world.refused("warehouse", "bind_device", device_id="scale-1", slot_id=slot(2)) == "conflict"
    resumed = world.call("inspector", "resume_device", device_id="scale-1")
    assert (resumed["status"], resumed["suspended_by"], resumed["reason"]) == ("active", None, None)


@pytest.mark.parametrize("overseer", ["inspector", "regulator"])
def test_an_overseer_takes_over_the_suspension_of_the_enroller(world: World, overseer: str) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    world.call("warehouse", "suspend_device", device_id="scale-1", reason="maintenance")
    taken = world.call(overseer, "suspend_device", device_id="scale-1", reason="tampered")
    assert (taken["status"], taken["suspended_by"], taken["reason"]) == ("suspended", overseer, "tampered")
    assert world.refused("warehouse", "resume_device", device_id="scale-1") == "forbidden"
    assert world.call(overseer, "resume_device", device_id="scale-1")["status"] == "active"


def test_only_an_enrollers_suspension_is_taken_over_and_by_no_enroller(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    world.call("warehouse", "suspend_device", device_id="scale-1", reason="maintenance")
    assert world.refused("warehouse", "suspend_device", device_id="scale-1", reason="again") == "conflict"
    world.call("inspector", "suspend_device", device_id="scale-1", reason="tampered")
    for organisation in ("warehouse", "inspector", "regulator"):
        assert world.refused(organisation, "suspend_device", device_id="scale-1", reason="again") == "conflict"


def test_the_regulator_resumes_and_retires_any_device(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    world.call("warehouse", "suspend_device", device_id="scale-1", reason="maintenance")
    world.call("regulator", "resume_device", device_id="scale-1")
    assert world.call("regulator", "retire_device", device_id="scale-1")["status"] == "retired"


def test_a_stranger_to_the_device_neither_suspends_nor_retires_it(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    assert world.refused("other-warehouse", "suspend_device", device_id="scale-1", reason="envy") == "forbidden"
    assert world.refused("other-warehouse", "retire_device", device_id="scale-1") == "forbidden"


@pytest.mark.parametrize("function", ["suspend_device", "resume_device", "bind_device", "retire_device"])
def test_a_retired_device_stays_retired(world: World, function: str) -> None:
    world.call("warehouse", "enrol_device", **device(KEY, slots=[slot()]))
    world.call("warehouse", "retire_device", device_id="scale-1")
    extra = {"suspend_device": {"reason": "again"}, "bind_device": {"slot_id": slot(2)}}.get(function, {})
    assert world.refused("warehouse", function, device_id="scale-1", **extra) == "conflict"


@pytest.mark.parametrize("function", ["suspend_device", "resume_device", "retire_device"])
def test_a_device_that_does_not_exist_is_not_found(world: World, function: str) -> None:
    extra = {"reason": "none"} if function == "suspend_device" else {}
    assert world.refused("warehouse", function, device_id="ghost", **extra) == "not_found"


def test_a_device_that_is_not_active_is_not_suspended_and_an_active_one_not_resumed(world: World) -> None:
    world.call("warehouse", "enrol_device", **device(KEY))
    assert world.refused("warehouse", "suspend_device", device_id="scale-1", reason="idle") == "conflict"
    assert world.refused("warehouse", "resume_device", device_id="scale-1") == "conflict"


def test_a_warehouse_registers_only_slots_under_its_own_code(world: World) -> None:
    assert world.record(f"slot/{slot()}")["warehouse"] == "warehouse"
    assert world.refused("other-warehouse", "register_slot", slot_id=slot(3)) == "forbidden"
    assert world.refused("warehouse", "register_slot", slot_id=slot(1)) == "conflict"


@pytest.mark.parametrize("slot_id", ["A-1", f"{uscc(3)}/", f"{uscc(3)}/a", f"{uscc(3)}/A/B", f"{uscc(3)}/" + "A" * 33])
def test_a_slot_id_of_another_form_is_malformed(world: World, slot_id: str) -> None:
    assert world.refused("warehouse", "register_slot", slot_id=slot_id) == "malformed"


def test_a_device_is_bound_to_nobody_elses_asset(world: World) -> None:
    world.call("manufacturer", "register_asset", **asset())
    world.call("other-manufacturer", "enrol_device", **device(KEY))
    assert world.refused("other-manufacturer", "bind_device", device_id="scale-1", asset_id="turbine-1") == "not_owner"
