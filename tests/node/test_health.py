"""`/healthz` says that a node is ready when it is, and why not when it is not, to anybody, and nothing else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from network.ports import Unavailable
from node import health
from node.projection.facts import LEDGER as FACTS_LEDGER
from tests.node.conftest import Running, running


@pytest.fixture
async def node(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    async with running(home) as started:
        await caught_up(started)
        yield started


async def caught_up(node: Running) -> None:
    """Until the read model has every block of the chain; that of the facts is waited for at the start of a node."""
    chain = next(iter(node.node.seats.values())).chain
    async with asyncio.timeout(60):
        while node.node.position.read_to(chain.name) < await chain.height():
            await node.node.position.moved(0.05)


async def ask(node: Running) -> tuple[int, dict[str, Any]]:
    async with node.client(None) as client:
        answer = await client.get("/healthz")
        return answer.status_code, answer.json()


READY = {"live": True, "ready": True, "reasons": [], "behind_blocks": {"facts": 0, "obligations": 0}}


async def reasons(node: Running) -> list[str]:
    status, answer = await ask(node)
    assert (status, answer["ready"], answer["live"]) == (503, False, True)
    return answer["reasons"]


async def test_a_node_that_follows_and_delivers_is_ready(node: Running):
    assert await ask(node) == (200, READY)


async def test_it_tells_a_stranger_no_name_no_address_and_no_height(node: Running):
    node.node.followers["facts"].cancel()
    await asyncio.gather(node.node.followers["facts"], return_exceptions=True)
    _, answer = await ask(node)
    told = json.dumps(answer)
    names = [each.name for each in node.node.consortium.organisations]
    assert not [name for name in (*names, str(node.home), "e1", "127.0.0.1") if name in told]
    assert set(answer) == {"live", "ready", "reasons", "behind_blocks"}


@pytest.mark.parametrize("kind", ["facts", "obligations"])
async def test_a_dead_follower_is_named(node: Running, kind: str):
    follower = node.node.followers[kind]
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    assert await reasons(node) == [f"{kind}_follower_stopped"]


async def test_a_ledger_that_is_not_followed_for_a_trouble_is_named(node: Running):
    node.node.position.stopped(FACTS_LEDGER, "a gap")
    assert await reasons(node) == ["facts_not_followed"]


@pytest.mark.parametrize("kind", ["facts", "obligations"])
async def test_a_ledger_that_does_not_answer_is_named(node: Running, kind: str, monkeypatch: pytest.MonkeyPatch):
    async def silent() -> int:
        raise Unavailable("nobody there", "wait")

    own = next(iter(node.node.seats.values()))
    monkeypatch.setattr(own.ledger if kind == "facts" else own.chain, "height", silent)
    assert f"{kind}_unavailable" in await reasons(node)


async def test_a_ledger_that_hangs_holds_the_answer_up_for_a_bounded_time(
    node: Running, monkeypatch: pytest.MonkeyPatch
):
    async def hangs() -> int:
        await asyncio.sleep(60)
        return 0

    monkeypatch.setattr(health, "LOOK_S", 0.05)
    monkeypatch.setattr(next(iter(node.node.seats.values())).ledger, "height", hangs)
    began = time.monotonic()
    assert "facts_unavailable" in await reasons(node)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", ["facts", "obligations"])
async def test_a_read_model_that_is_far_behind_is_named(node: Running, kind: str, monkeypatch: pytest.MonkeyPatch):
    own, behind = next(iter(node.node.seats.values())), health.BEHIND_BLOCKS_MAX + 1
    facts, chain = await own.ledger.height() - 1, await own.chain.height()
    if kind == "facts":
        monkeypatch.setattr(node.node.position, "at", lambda _: (facts - behind, 0))
    else:
        monkeypatch.setattr(node.node.position, "read_to", lambda _: chain - behind)
    status, answer = await ask(node)
    assert (status, answer["reasons"]) == (503, [f"{kind}_follower_behind"])
    assert answer["behind_blocks"] == {"facts": 0, "obligations": 0} | {kind: behind}


async def test_blocks_that_hold_no_event_are_read_too(node: Running):
    """A refused command is mined and leaves no event, so the newest event does not say how far the chain was read."""
    await node.refused("bank", "/v1/deposits/mint", {"organisation": "insurer", "amount_minor": 1})
    chain = next(iter(node.node.seats.values())).chain
    await caught_up(node)
    assert node.node.position.at(chain.name)[0] < await chain.height()
    assert await ask(node) == (200, READY)


async def test_a_dead_delivery_worker_is_named(node: Running):
    worker = node.node.delivery._tasks[3]
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert await reasons(node) == ["delivery_stopped"]


@pytest.mark.parametrize(("store", "reason"), [("local", "local_store"), ("read_model", "read_model")])
async def test_a_store_that_takes_nothing_is_named(node: Running, store: str, reason: str):
    kept = getattr(node.node, store)
    with kept._writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.rollback()
    assert f"{reason}_not_writable" in await reasons(node)


async def test_many_who_ask_cost_one_look(node: Running, monkeypatch: pytest.MonkeyPatch):
    asked = 0
    ledger = next(iter(node.node.seats.values())).ledger
    height = ledger.height

    async def counted() -> int:
        nonlocal asked
        asked += 1
        return await height()

    monkeypatch.setattr(ledger, "height", counted)
    monkeypatch.setattr(health, "FRESH_S", 60.0)
    answers = await asyncio.gather(*(ask(node) for _ in range(50)))
    assert {status for status, _ in answers} == {200}
    assert asked == 1
