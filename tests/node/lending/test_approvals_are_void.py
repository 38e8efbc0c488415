"""An approval of an unfreeze counts for one run of clean windows: the API calls void what the contract calls void."""

from typing import Any

from tests.node.conftest import Running
from tests.node.story import FACILITY, QUANTITY_G, Story

ACT = f"/v1/facilities/{FACILITY}"


async def standing(node: Running) -> dict[str, Any]:
    """The standing reason, after its approvals were found to be those that the contract counts."""
    items = (await node.get("bank", f"{ACT}/reasons")).json()["items"]
    reason = next(each for each in items if each["cleared_at_s"] is None)
    counted = {each["role"] for each in reason["approvals"] if each["void"] is False}
    assert counted == set(reason["approved_roles"])
    facility = (await node.get("bank", ACT)).json()
    assert facility["reasons"][0]["approvals"] == reason["approvals"]
    return reason


async def frozen_and_cured(node: Running, *, back: int) -> Story:
    """Breached `back` windows ago and clean for the three that the rule asks for; approved by the bank."""
    story = Story(node)
    await story.lend_with_window(back=back + 1)
    await story.attest_quantity(loss_g=5_000_000, quantity_g=QUANTITY_G - 5_000_000, back=back)
    for clean in (back - 1, back - 2, back - 3):
        await story.attest_quantity(back=clean)
    await node.done("bank", f"{ACT}/approve", {"reason_key": (await standing(node))["reason_key"]})
    return story


async def test_a_gap_voids_it_and_later_clean_windows_do_not_bring_it_back(node: Running) -> None:
    story = await frozen_and_cured(node, back=9)
    assert [each["void"] for each in (await standing(node))["approvals"]] == [False]
    await story.attest_quantity(back=5)
    assert [each["void"] for each in (await standing(node))["approvals"]] == [False], "one more clean window"

    await story.attest_quantity(back=3)
    reason = await standing(node)
    assert ([each["void"] for each in reason["approvals"]], reason["approved_roles"]) == ([True], [])
    for clean in (2, 1):
        await story.attest_quantity(back=clean)
    reason = await standing(node)
    assert reason["clean_windows"] == 3
    assert [each["void"] for each in reason["approvals"]] == [True]

    body = {"reason_key": reason["reason_key"]}
    await node.done("insurer", f"{ACT}/approve", body)
    assert [each["void"] for each in (await standing(node))["approvals"]] == [True, False]
    assert await node.refused("bank", f"{ACT}/unfreeze", body) == "approval_missing"
    await node.done("bank", f"{ACT}/approve", body)
    assert [each["void"] for each in (await standing(node))["approvals"]] == [True, False, False]
    await node.done("bank", f"{ACT}/unfreeze", body)
    cleared = (await node.get("bank", f"{ACT}/reasons")).json()["items"][0]
    assert [each["void"] for each in cleared["approvals"]] == [True, False, False], "as it was when it was cleared"


async def test_a_new_breach_voids_it(node: Running) -> None:
    story = await frozen_and_cured(node, back=7)
    await story.attest_quantity(loss_g=5_000_000, quantity_g=QUANTITY_G - 5_000_000, back=3)
    assert [each["void"] for each in (await standing(node))["approvals"]] == [True]
