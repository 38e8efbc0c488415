"""The first transaction, and the committee that follows the first one."""

import pytest

from chaincode.parties.members import uscc_check_character
from tests.chaincode.facts_world import START_S, World, founding_organisation, uscc
from wuxin_evidence.crypto.suites import SigningKey


def test_the_founding_writes_members_their_msps_and_the_first_committee(empty: World) -> None:
    empty.found()
    assert empty.record("member/warehouse")["roles"] == ["warehouse"]
    assert empty.record("msp/WarehouseMSP") == {"organisation": "warehouse"}
    assert empty.record("committee/1")["threshold"] == 2
    assert empty.record("consortium")["clock"]["kind"] == "scenario"
    assert [event["type"] for event in empty.events()] == [
        "consortium_initialised",
        *["member_joined"] * 9,
        "committee_set",
    ]


def test_nothing_is_accepted_before_the_founding(empty: World) -> None:
    assert empty.refused("warehouse", "register_slot", slot_id=f"{uscc(3)}/A-1") == "conflict"
    assert empty.refused("bank", "committee") == "conflict"


def test_a_consortium_is_founded_once(world: World) -> None:
    assert world.refused("bank", "init_consortium", **world.founding()) == "conflict"


def test_only_one_of_its_members_founds_a_consortium(empty: World) -> None:
    assert empty.refused("stranger", "init_consortium", **empty.founding()) == "forbidden"


@pytest.mark.parametrize(
    ("organisation", "field", "value"),
    [
        ("bank", "name", "Bank"),
        ("bank", "name", "insurer"),
        ("bank", "msp_id", "InsurerMSP"),
        ("bank", "msp_id", "Bank/MSP"),
        ("bank", "uscc", uscc(1)),
        ("bank", "uscc", "91310000MA1FL000IX"),
        ("bank", "uscc", uscc(0)[:2] + "٣" * 6 + uscc(0)[8:]),
        ("bank", "roles", []),
        ("bank", "roles", ["king"]),
        ("bank", "roles", ["bank", "bank"]),
        ("bank", "endorses", 1),
    ],
)
def test_an_unsound_organisation_is_refused(empty: World, organisation: str, field: str, value: object) -> None:
    founding = empty.founding()
    founding_organisation(founding, organisation)[field] = value
    assert empty.refused("insurer", "init_consortium", **founding) == "malformed"


def test_a_wrong_check_character_is_refused_and_the_right_one_named(empty: World) -> None:
    founding = empty.founding()
    right = uscc(0)
    founding["organisations"][0]["uscc"] = right[:17] + ("0" if right[17] != "0" else "1")
    refusal = empty.refusal("bank", "init_consortium", **founding)
    assert refusal["code"] == "malformed"
    assert f"check character is {right[17]}" in refusal["detail"]


def test_the_check_character_is_that_of_gb_32100() -> None:
    assert uscc_check_character("91350100M000100Y4") == "3"


@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_a_threshold_is_a_majority(empty: World, threshold: int) -> None:
    founding = empty.founding()
    founding["committee"]["threshold"] = threshold
    assert empty.refused("bank", "init_consortium", **founding) == "malformed"


def test_half_of_an_even_committee_is_no_majority(empty: World) -> None:
    founding = empty.founding()
    founding["committee"] |= {"threshold": 1, "members": founding["committee"]["members"][:2]}
    assert empty.refused("bank", "init_consortium", **founding) == "malformed"
    founding["committee"]["threshold"] = 2
    empty.call("bank", "init_consortium", **founding)


def test_the_first_committee_has_epoch_1_and_members_of_the_consortium(empty: World) -> None:
    second = empty.founding() | {"committee": empty.committee(epoch=2)}
    assert empty.refused("bank", "init_consortium", **second) == "malformed"
    stranger = empty.founding()
    stranger["committee"]["members"][0]["organisation"] = "stranger"
    assert empty.refused("bank", "init_consortium", **stranger) == "malformed"


def test_a_committee_key_off_the_curve_is_refused(empty: World) -> None:
    founding = empty.founding()
    founding["committee"]["members"][0]["sm2_public_key"] = "04" + "11" * 64
    assert empty.refused("bank", "init_consortium", **founding) == "malformed"


def test_the_regulator_sets_the_next_committee(world: World) -> None:
    following = world.committee(epoch=2, active_from_s=START_S + 900)
    world.keys["insurer"] = SigningKey.generate("sm2-sm3")
    following["members"][1]["sm2_public_key"] = world.keys["insurer"].public_key.hex()
    world.call("regulator", "set_committee", **following)
    assert world.call("bank", "committee")["epoch"] == 2
    assert world.call("bank", "committee", epoch=1)["epoch"] == 1


@pytest.mark.parametrize(
    ("epoch", "active_from_s", "code"),
    [
        (1, START_S + 900, "wrong_epoch"),
        (3, START_S + 900, "wrong_epoch"),
        (0, START_S + 900, "malformed"),
        (2, START_S, "conflict"),
        (2, 1, "conflict"),
    ],
)
def test_a_committee_follows_its_predecessor(world: World, epoch: int, active_from_s: int, code: str) -> None:
    following = world.committee(epoch=epoch, active_from_s=active_from_s)
    assert world.refused("regulator", "set_committee", **following) == code


def test_a_committee_has_distinct_members_of_the_consortium(world: World) -> None:
    repeated = world.committee(epoch=2, active_from_s=START_S + 900)
    repeated["members"][1] = repeated["members"][0]
    assert world.refused("regulator", "set_committee", **repeated) == "malformed"
    stranger = world.committee(epoch=2, active_from_s=START_S + 900)
    stranger["members"][0]["organisation"] = "stranger"
    assert world.refused("regulator", "set_committee", **stranger) == "not_found"


def test_an_epoch_that_does_not_exist_is_refused(world: World) -> None:
    assert world.refused("bank", "committee", epoch=7) == "wrong_epoch"


@pytest.mark.parametrize("day_offset_s", [-1, -18_000, 86_400])
def test_a_day_is_cut_as_the_contracts_cut_it(empty: World, day_offset_s: int) -> None:
    founding = empty.founding() | {"day_offset_s": day_offset_s}
    assert empty.refused("bank", "init_consortium", **founding) == "malformed"
    empty.call("bank", "init_consortium", **founding | {"day_offset_s": 86_399})
