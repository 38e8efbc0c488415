"""What a bank is told equals what the chain would do: the answer beside `CreditFacility` itself, act by act."""

from typing import Any

from tests.node.conftest import Running
from tests.node.story import FACILITY, QUANTITY_G, RECEIPT, Story

ACT = f"/v1/facilities/{FACILITY}"


async def answer_beside_the_contract(node: Running) -> dict[str, Any]:
    """The collateral answer, after it was found to say what the contract says."""
    answer = (await node.get("bank", f"/v1/collateral/{RECEIPT}")).json()
    chain, key = node.node.seats["bank"].chain, "0x" + answer["facility"]["facility_key"]
    position = await chain.call("CreditFacility", "position", [key])
    codes = [blocker["code"] for blocker in answer["blockers"]]
    assert codes == await chain.call("CreditFacility", "blockers", [key])
    assert answer["debt_minor"] == answer["facility"]["debt_minor"] == position["debtMinor"]
    assert answer["limit_minor"] == position["limitMinor"]
    assert answer["headroom_minor"] == (0 if codes else position["headroomMinor"])
    assert answer["facility"]["interest_minor"] == position["interestMinor"]
    assert answer["lendable"] == (not codes)
    return answer


async def test_through_draws_deposits_listings_and_freezes(node: Running) -> None:
    story = Story(node)
    await story.lend()
    assert (await answer_beside_the_contract(node))["lendable"]

    await node.done("bank", "/v1/deposits/allow", {"amount_minor": 5_000})
    await node.done("manufacturer", f"{ACT}/draw", {"amount_minor": 5_000})
    assert codes(await answer_beside_the_contract(node)) == ["insufficient_funds"], "the draw used the allowance up"
    assert await node.refused("manufacturer", f"{ACT}/draw", {"amount_minor": 1}) == "insufficient_funds"
    await node.done("manufacturer", f"{ACT}/repay", {"amount_minor": 3_000})
    assert codes(await answer_beside_the_contract(node)) == ["insufficient_funds"], "a repayment gives none back"

    await node.done("bank", "/v1/deposits/allow", {"amount_minor": 10**12})
    await node.done("bank", "/v1/deposits/list", {"organisation": "manufacturer", "listed": False})
    assert codes(await answer_beside_the_contract(node)) == ["forbidden"]
    assert await node.refused("manufacturer", f"{ACT}/draw", {"amount_minor": 1}) == "forbidden"
    await node.done("bank", "/v1/deposits/list", {"organisation": "manufacturer", "listed": True})
    assert (await answer_beside_the_contract(node))["lendable"]

    await node.done("bank", f"{ACT}/freeze", {"reason": "site_visit_refused"})
    assert codes(await answer_beside_the_contract(node)) == ["facility_frozen"]


async def test_collateral_that_is_worth_nothing_is_not_lendable(node: Running) -> None:
    """A limit of zero over fresh attestations is a limit: the contract refuses the draw, and the answer says so."""
    story = Story(node)
    await story.lend_with_window(back=3)
    await story.attest_quantity(quantity_g=0, back=2)
    answer = await answer_beside_the_contract(node)
    assert codes(answer) == ["limit_exceeded"]
    assert (answer["limit_minor"], answer["quantity"]["status"]) == (0, "ok")
    assert await node.refused("manufacturer", f"{ACT}/draw", {"amount_minor": 1}) == "limit_exceeded"
    await story.attest_quantity(quantity_g=QUANTITY_G, back=1)
    assert (await answer_beside_the_contract(node))["lendable"]


def codes(answer: dict[str, Any]) -> list[str]:
    return [blocker["code"] for blocker in answer["blockers"]]
