"""The whole story through the API, over the embedded ledgers: lend, freeze, unfreeze, repay, release, close."""

from typing import Any

from node.projection.facts import Channel
from node.projection.rebuild import compare_with_ledgers
from tests.node.conftest import Running
from tests.node.story import FACILITY, PLEDGE, QUANTITY_G, RECEIPT, Story
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import INCOMPLETE, verify_bundle

ACT = f"/v1/facilities/{FACILITY}"
DRAW = {"amount_minor": 10_000_000}


async def codes(node: Running) -> list[str]:
    answer = (await node.get("bank", f"/v1/collateral/{RECEIPT}")).json()
    assert answer["lendable"] == (answer["blockers"] == [])
    return [blocker["code"] for blocker in answer["blockers"]]


async def reason(node: Running) -> dict[str, Any]:
    standing = [
        each for each in (await node.get("bank", f"{ACT}/reasons")).json()["items"] if each["cleared_at_s"] is None
    ]
    return standing[0]


async def test_collateral_names_each_half_done_state_on_the_way_to_lendable(node: Running) -> None:
    story = Story(node)
    await story.issue()
    assert await codes(node) == ["pledge_not_active"]
    await node.done("manufacturer", "/v1/pledges", story.pledge())
    assert await codes(node) == ["pledge_not_active"]
    body = {"facility_id": FACILITY, "terms": story.pledge()["terms"], "salt": story.pledge()["salt"]}
    await node.done("bank", f"/v1/pledges/{PLEDGE}/accept", body)
    assert await codes(node) == ["pledge_without_facility"]
    await node.done("bank", "/v1/facilities", story.facility())
    assert "facility_without_lien" in await codes(node)
    duties = (await node.get("regulator", "/v1/duties")).json()["items"]
    assert [each["code"] for each in duties] == ["facility_without_lien"]
    assert await node.refused("bank", f"{ACT}/activate", {}) == "lien_missing"
    await story.attest_lien(active=True)
    assert await codes(node) == ["facility_not_active", "attestation_stale", "price_stale"]
    await node.done("bank", f"{ACT}/activate", {})
    await story.attest_quantity()
    await story.attest_price()
    assert await codes(node) == []


async def test_the_answer_agrees_with_the_contract_to_the_minor_unit(node: Running) -> None:
    story = Story(node)
    await story.lend()
    for amount in (10_000_000, 7_654_321):
        await node.done("manufacturer", f"{ACT}/draw", {"amount_minor": amount})
    await node.done("manufacturer", f"{ACT}/repay", {"amount_minor": 1_234_567})
    answer = (await node.get("bank", f"/v1/collateral/{RECEIPT}")).json()
    key = "0x" + answer["facility"]["facility_key"]
    position = await node.node.seats["bank"].chain.call("CreditFacility", "position", [key])
    assert answer["headroom_minor"] == position["headroomMinor"]
    assert answer["limit_minor"] == position["limitMinor"]
    assert answer["debt_minor"] == position["debtMinor"] == 10_000_000 + 7_654_321 - 1_234_567
    assert answer["quantity"] | {"as_of_s": 0} == {
        "now_g": QUANTITY_G, "receipted_g": QUANTITY_G, "status": "ok", "quality_bp": 10_000, "as_of_s": 0,
    }  # fmt: skip
    assert await node.refused("manufacturer", f"{ACT}/draw", {"amount_minor": position["headroomMinor"] + 1}) == (
        "limit_exceeded"
    )


async def test_a_breach_freezes_and_only_clean_windows_and_approvals_unfreeze(node: Running) -> None:
    story = Story(node)
    await story.lend_with_window(back=6)
    await node.done("manufacturer", f"{ACT}/draw", DRAW)
    await story.attest_quantity(loss_g=5_000_000, quantity_g=QUANTITY_G - 5_000_000, back=5)
    refused = (await node.post("manufacturer", f"{ACT}/draw", DRAW)).json()["transaction"]
    assert refused["status"] == "failed" and refused["code"] == "facility_frozen"
    assert refused["tx_id"].startswith("0x") and refused["block"] > 0, "the refusal is mined"
    assert "facility_frozen" in await codes(node)
    await node.done("manufacturer", f"{ACT}/repay", {"amount_minor": 1_000_000})

    standing = await reason(node)
    assert standing["rule"] == "unexplained-loss" and standing["required_roles"] == ["bank", "insurer"]
    approve = {"reason_key": standing["reason_key"]}
    assert await node.refused("bank", f"{ACT}/approve", approve) == "not_clean"
    for back in (4, 3, 2):
        await story.attest_quantity(back=back)
    assert await node.refused("bank", f"{ACT}/unfreeze", approve) == "approval_missing"
    await node.done("bank", f"{ACT}/approve", approve)
    assert await node.refused("regulator", f"{ACT}/approve", approve) == "forbidden"
    await node.done("insurer", f"{ACT}/approve", approve)
    assert (await reason(node))["approved_roles"] == ["bank", "insurer"]
    await node.done("bank", f"{ACT}/unfreeze", approve)
    assert await codes(node) == []

    mined = (await node.get("manufacturer", f"{ACT}/transactions")).json()["items"]
    assert [each["code"] for each in mined if each["status"] == 0] == ["facility_frozen"]


async def test_a_repaid_facility_closes_only_after_the_release_is_attested(node: Running) -> None:
    story = Story(node)
    await story.lend()
    await node.done("manufacturer", f"{ACT}/draw", DRAW)
    assert await node.refused("bank", f"{ACT}/start-closing", {}) == "conflict"
    await node.done("manufacturer", f"{ACT}/repay", DRAW)
    await node.done("bank", f"{ACT}/start-closing", {})
    assert "closing_unreleased" in await codes(node)
    assert await node.refused("bank", f"{ACT}/close", {}) == "closing_unreleased"
    await node.done("bank", f"/v1/pledges/{PLEDGE}/release", {})
    duty = (await node.get("bank", "/v1/duties")).json()["items"][0]
    assert (duty["code"], duty["next_actor"]) == ("closing_unreleased", "oracle")
    await story.attest_lien(active=False)
    await node.done("bank", f"{ACT}/close", {})
    assert (await node.get("bank", ACT)).json()["status"] == "closed"
    assert (await node.get("bank", "/v1/duties")).json()["items"] == []


async def test_a_hand_set_freeze_is_lifted_only_by_the_role_that_set_it(node: Running) -> None:
    story = Story(node)
    await story.lend()
    await node.done("regulator", f"{ACT}/freeze", {"reason": "site_visit_refused"})
    standing = await reason(node)
    assert standing["manual"] and standing["cause"] == "site_visit_refused" and standing["role"] == "regulator"
    lift = {"reason_key": standing["reason_key"]}
    assert await node.refused("bank", f"{ACT}/lift", lift) == "forbidden"
    await node.done("regulator", f"{ACT}/lift", lift)
    assert (await node.get("bank", ACT)).json()["frozen"] is False


async def test_the_read_model_equals_what_the_ledgers_give_again(node: Running) -> None:
    story = Story(node)
    await story.lend()
    await node.done("manufacturer", f"{ACT}/draw", DRAW)
    own, channel = node.node.seats["bank"], Channel.of(node.node.consortium)
    report = await compare_with_ledgers(node.home / "readmodel.db", own.ledger, own.chain, channel)
    assert report.differences == () and report.rows > 50
    with node.node.read_model.write() as connection:
        connection.exec_driver_sql("UPDATE facility SET principal_minor = '1'")
    altered = await compare_with_ledgers(node.home / "readmodel.db", own.ledger, own.chain, channel)
    assert not altered and altered.differences[0].startswith("facility: ")


async def test_a_bundle_of_an_attestation_verifies_offline_but_for_the_log(node: Running) -> None:
    story = Story(node)
    await story.lend()
    attested = (await node.get("bank", "/v1/attestations", subject_kind="slot", subject_id=story.slot)).json()
    digest = attested["items"][0]["digest"]
    answer = await node.get("regulator", f"/v1/evidence/{digest}")
    assert answer.headers["content-type"] == "application/zip"
    verdict = verify_bundle(answer.content, Trust.parse((node.home / "trust.json").read_bytes()))
    assert verdict.failed == () and verdict.exit_status == INCOMPLETE
    assert [finding.check for finding in verdict.missing] == ["log"], verdict.to_json()
    by_transaction = await node.get("regulator", f"/v1/evidence/{attested['items'][0]['tx_id']}")
    assert by_transaction.content == answer.content
