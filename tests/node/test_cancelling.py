"""A command that cannot succeed fails; one of which nothing was sent can be cancelled; neither fills the log."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from network.ports import Rejected
from node.commands import delivery as delivering
from node.commands.commands import Request, Step
from node.commands.delivery import UNFORESEEN_MAX
from tests.node.conftest import Running, running
from tests.node.fakes import FakeChain, FakeLedger, no_answer
from tests.node.story import FACILITY, Story
from tests.node.test_delivery import DRAW, FACT, Bench
from wuxin_evidence.attestation import PRICE

NOT_HEX = "0x" + "Z" * 64


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "SWEEP_S", 0.02)
    monkeypatch.setattr(delivering, "PROJECTED_WAIT_S", 0.1)


@pytest.mark.parametrize("facility", [NOT_HEX, "0x12", "0x" + "A" * 64, "0xfacility"])
async def test_a_facility_key_that_is_none_is_refused_before_it_is_queued(node: Running, facility: str) -> None:
    for action, body in (("close", {}), ("draw", {"amount_minor": 1}), ("freeze", {"reason": "x"})):
        answer = await node.post("bank", f"/v1/facilities/{facility}/{action}", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
        assert answer.json()["detail"].startswith("facility_id: ")
    proposal = await node.post("bank", "/v1/facilities", Story(node).facility() | {"facility_id": facility})
    assert proposal.json()["code"] == "malformed"
    assert (await node.get("bank", "/v1/transactions")).json()["items"] == []


async def test_arguments_that_no_chain_takes_end_a_command_with_their_code(home: Path) -> None:
    (final,) = await Bench(home, FakeLedger(), FakeChain()).run(Step("e1", "close_facility", {"args": [NOT_HEX]}))
    assert (final["status"], final["code"]) == ("failed", "malformed")


async def test_what_a_port_refuses_ends_a_command_on_either_ledger(home: Path) -> None:
    refusal = Rejected("malformed", "does not fit the ABI", "compare")
    (final,) = await Bench(home, FakeLedger(), FakeChain(refusal)).run(DRAW)
    assert (final["status"], final["code"]) == ("failed", "malformed")


async def test_an_error_that_nothing_foresaw_ends_a_command_and_is_logged_once(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain = FakeChain(*[KeyError("unforeseen") for _ in range(50)])
    (final,) = await Bench(home, FakeLedger(), chain).run(DRAW)
    assert (final["status"], final["code"], len(chain.sent)) == ("failed", "internal", UNFORESEEN_MAX)
    assert len([each for each in caplog.records if each.name == delivering.__name__]) == 1


async def test_a_command_that_waits_for_long_is_one_line_of_log(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = FakeLedger(*[no_answer() for _ in range(10_000)])
    with caplog.at_level(logging.INFO):
        (waiting,) = await Bench(home, ledger, FakeChain()).run(FACT, wait_s=1)
    assert waiting["status"] == "pending" and len(ledger.nonces) > 5
    assert len([each for each in caplog.records if each.name == delivering.__name__]) == 1


async def test_a_disk_that_fails_for_a_moment_ends_no_command(home: Path) -> None:
    chain = FakeChain(*[OSError("disk") for _ in range(UNFORESEEN_MAX + 2)])
    (final,) = await Bench(home, FakeLedger(), chain).run(DRAW)
    assert final["status"] == "committed"


async def not_delivered(node: Running, key: str = "k") -> dict[str, Any]:
    """A pending command of which nothing was sent."""
    node.node.delivery.enqueue = lambda *_, **__: None
    answer = await node.post("warehouse", "/v1/slots", {"slot_id": Story(node).slot}, key=key, wait=0)
    return answer.json()["transaction"]


async def test_a_pending_command_is_cancelled_for_good(home: Path) -> None:
    async with running(home) as node:
        pending = await not_delivered(node)
        path = f"/v1/transactions/{pending['id']}/cancel"
        cancelled = (await node.post("warehouse", path, {})).json()["transaction"]
        assert (cancelled["status"], cancelled["code"]) == ("cancelled", "cancelled")
        assert (await node.post("warehouse", path, {})).json()["transaction"] == cancelled
        replay = await node.post("warehouse", "/v1/slots", {"slot_id": Story(node).slot}, key="k", wait=0)
        assert replay.json()["transaction"] == cancelled
    async with running(home) as node:
        await asyncio.sleep(0.2)
        again = (await node.get("warehouse", f"/v1/transactions/{pending['id']}")).json()
        assert again == cancelled and (await node.get("warehouse", "/v1/slots")).json()["items"] == []


async def test_whoever_waits_for_a_command_hears_that_it_was_cancelled(node: Running) -> None:
    pending = await not_delivered(node)
    waiting = asyncio.create_task(node.get("warehouse", f"/v1/transactions/{pending['id']}", wait=30))
    await asyncio.sleep(0.1)
    await node.post("warehouse", f"/v1/transactions/{pending['id']}/cancel", {})
    assert (await asyncio.wait_for(waiting, 5)).json()["status"] == "cancelled"


async def test_what_may_have_been_sent_or_is_final_is_not_cancelled(node: Running) -> None:
    pending = await not_delivered(node)
    assert node.node.commands.set_attempt(pending["id"], 1, 0)
    answer = await node.post("warehouse", f"/v1/transactions/{pending['id']}/cancel", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    node.node.commands.succeed(pending["id"], tx_id="aa", block=1, result=None, now_ms=2)
    answer = await node.post("warehouse", f"/v1/transactions/{pending['id']}/cancel", {})
    assert answer.json()["code"] == "conflict" and "committed" in answer.json()["detail"]


async def test_nobody_cancels_anothers_command_or_without_its_scope(node: Running) -> None:
    pending = await not_delivered(node)
    path = f"/v1/transactions/{pending['id']}/cancel"
    assert (await node.post("bank", path, {})).json()["code"] == "not_found"
    assert (await node.post("warehouse", path, {}, name="reader")).json()["code"] == "forbidden"
    async with node.client("warehouse") as client:
        assert (await client.post(path, json={})).json()["code"] == "malformed", "no Idempotency-Key"
    assert (await node.get("warehouse", f"/v1/transactions/{pending['id']}")).json()["status"] == "pending"


async def test_a_key_that_may_not_order_a_command_may_not_cancel_it(node: Running) -> None:
    await not_delivered(node)
    listed = await node.post("bank", "/v1/deposits/list", {"organisation": "insurer"}, wait=0)
    relayed = await node.post("bank", "/v1/attestations", price_of(node), name="oracle", wait=0)
    for answer, its_key, another in ((listed, "operator", "oracle"), (relayed, "oracle", "operator")):
        path = f"/v1/transactions/{answer.json()['transaction']['id']}/cancel"
        assert (await node.post("bank", path, {}, name=another)).json()["code"] == "forbidden"
        done = (await node.post("bank", path, {}, name=its_key)).json()["transaction"]
        assert done["status"] == "cancelled"


def price_of(node: Running) -> dict[str, Any]:
    return Story(node).statement("commodity", "copper-cathode", PRICE, {"price_minor_per_t": 7_000_000})


async def test_a_command_of_two_steps_is_cancelled_whole_or_not_at_all(home: Path) -> None:
    bench = Bench(home, FakeLedger(), FakeChain())
    made = bench.commands.accept(Request("bank", "k", "a", "relay", "s", {}), [DRAW, FACT], now_ms=1).transactions
    other = bench.commands.accept(Request("bank", "k", "a%", "relay", "s", {}), [DRAW, FACT], now_ms=1).transactions
    steps = bench.commands.cancel("bank", made[1]["id"], "k", 2)
    assert [each["status"] for each in steps] == ["cancelled", "cancelled"]
    assert {(bench.commands.find("bank", each["id"]) or {})["status"] for each in other} == {"pending"}
    bench.commands.set_attempt(other[1]["id"], 1, 3)
    with pytest.raises(Exception, match="may have been sent"):
        bench.commands.cancel("bank", other[0]["id"], "k", 4)
    assert {(bench.commands.find("bank", each["id"]) or {})["status"] for each in other} == {"pending"}


async def test_a_command_cancelled_while_it_waits_its_turn_is_never_sent(home: Path) -> None:
    ledger = FakeLedger()
    bench = Bench(home, ledger, FakeChain())
    (made,) = bench.commands.accept(Request("bank", "k", "a", "test", "s", {}), [FACT], now_ms=1).transactions
    row = bench.commands.load(made["id"])
    bench.commands.cancel("bank", made["id"], "k", 2)
    with pytest.raises(delivering.Withdrawn):
        await bench.delivery._to_facts(row, bench.delivery._seats["bank"])
    assert ledger.nonces == [] and FACILITY
