"""Both networks stop: nodes go on answering, say what is wrong, keep what they took, and finish it by themselves."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from node.demo.story import WAIT_S
from node.machine.engines import bring_up, take_down
from node.machine.homes import api_key
from tests.plays import Play, consortium, until
from wuxin_client import Client, StillPending

pytestmark = [pytest.mark.engine("fabric"), pytest.mark.engine("evm"), pytest.mark.timeout(420)]
BACK_S = 90.0
"""Followers and deliveries ask again within seconds; the networks need some themselves."""


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with consortium(tmp_path / "home", "fabric", "evm") as whole:
        yield whole


def test_what_was_taken_while_the_ledgers_were_away_is_done_when_they_are_back(play: Play) -> None:
    world, slot = play.world, f"{play.world.consortium.organisation('warehouse').uscc}/AWAY-1"
    take_down(world.home, world.consortium, world.engines)
    with pytest.raises(StillPending) as waited:
        world.node("warehouse").register_slot(slot_id=slot, wait_s=WAIT_S)
    taken = waited.value.transaction
    minted = world.node("bank").get_transaction(mint(play))
    assert (taken.status, taken.code) == ("pending", "unavailable") and taken.detail
    assert minted.status == "pending"

    restart(play, "bank")
    with Client(world.processes.nodes["bank"], api_key(world.home, "bank")) as bank:
        status = bank.get_status()
        assert not status.facts.available and status.facts.detail
        assert not status.obligations.available and status.obligations.detail

        bring_up(world.home, world.consortium, world.engines)
        until(lambda: bank.get_transaction(minted.id).status == "committed", "the mint", timeout_s=BACK_S)
        world.node("warehouse").wait(taken, BACK_S)
        until(lambda: bank.get_status().facts.trouble is None, "no trouble with the facts", timeout_s=BACK_S)
        until(lambda: bank.get_status().obligations.trouble is None, "no trouble with the chain", timeout_s=BACK_S)


def mint(play: Play) -> str:
    """Id of an action of the bank that nothing precedes."""
    headers = {"Authorization": f"Bearer {api_key(play.world.home, 'bank')}", "Idempotency-Key": "away"}
    body = {"organisation": "manufacturer", "amount_minor": 7}
    answer = httpx.post(
        f"{play.world.processes.nodes['bank']}/v1/deposits/mint", json=body, headers=headers, timeout=60
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["transaction"]["id"])


def restart(play: Play, organisation: str) -> None:
    """kill -9 of a node, and a new one while nothing answers it."""
    os.kill(play.world.processes.pids[f"node-{organisation}"], signal.SIGKILL)
    play.world.processes.end(f"node-{organisation}")
    play.world.processes.start_node(organisation)
