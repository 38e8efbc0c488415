"""Both clients against a real node over embedded ledgers: commands that come true, refusals, lists, events."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests.client.nodes import Serving
from tests.client.twins import steps
from wuxin_client import (
    AsyncClient,
    Client,
    Conflict,
    Denied,
    Malformed,
    NotFound,
    TransactionFailed,
)

WAIT_S = 30.0


def test_a_command_comes_true_and_the_same_key_is_the_same_command(node: Serving) -> None:
    slot_id = f"{node.warehouse_uscc}/SDK-1"
    with Client(node.url, node.key("warehouse")) as warehouse:
        done = warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S, idempotency_key="sdk-1")
        again = warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S, idempotency_key="sdk-1")
        with pytest.raises(Conflict) as other:
            warehouse.register_slot(slot_id=slot_id + "9", wait_s=WAIT_S, idempotency_key="sdk-1")
        listed = list(warehouse.iter_slots(limit=1))
    assert (done.status, done.ledger) == ("committed", "facts") and done.tx_id and done.block is not None
    assert again == done
    assert other.value.code == "idempotency_mismatch"
    assert slot_id in str(listed)


async def test_what_a_ledger_refuses_is_raised_with_its_code(node: Serving) -> None:
    slot_id = f"{node.warehouse_uscc}/SDK-2"
    async with AsyncClient(node.url, node.key("warehouse")) as warehouse:
        await warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S)
        with pytest.raises(TransactionFailed) as refused:
            await warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S)
        failed = await warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S, raise_on_failure=False)
    assert (refused.value.code, failed.code, failed.status) == ("conflict", "conflict", "failed")


def test_each_refusal_of_the_node_is_its_own_error(node: Serving) -> None:
    with Client(node.url, node.key("warehouse")) as warehouse:
        with pytest.raises(NotFound):
            warehouse.get_receipt("no-such-receipt")
        with pytest.raises(Malformed) as malformed:
            warehouse.register_slot(slot_id="not a slot")
        assert "slot_id" in malformed.value.detail
    with Client(node.url, node.key("bank")) as bank, pytest.raises(Denied):
        bank.register_slot(slot_id=f"{node.warehouse_uscc}/SDK-3")
    with Client(node.url, "wx_nobody") as nobody, pytest.raises(Denied) as unknown:
        nobody.get_status()
    assert unknown.value.code == "unauthenticated"


async def test_every_question_without_arguments_is_answered_as_described(node: Serving) -> None:
    async with AsyncClient(node.url, node.key("bank")) as bank:
        status, organisations, duties, committee = await asyncio.gather(
            bank.get_status(), bank.list_organisations(), bank.list_duties(), bank.get_committee()
        )
    assert len(organisations.items) == 6 and duties.items == ()
    assert status and committee


def test_a_follower_sees_what_happens_while_it_waits(node: Serving, tmp_path: Path) -> None:
    slot_id = f"{node.warehouse_uscc}/SDK-FOLLOW"
    with Client(node.url, node.key("warehouse")) as warehouse, Client(node.url, node.key("regulator")) as regulator:
        threading.Timer(0.3, lambda: warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S)).start()
        for event in regulator.follow_events(tmp_path / "place", wait_s=5):
            if event.subject_id == slot_id:
                break
        known = [each.id for each in regulator.iter_events()]
        first_again = next(regulator.follow_events(tmp_path / "place"))
    assert first_again.id == event.id, "the event in hand was not handled to its end"
    assert known.index(event.id) == len(known) - 1


async def test_both_clients_read_the_same_list(node: Serving) -> None:
    with Client(node.url, node.key("bank")) as blocking:
        one = [each.id for each in blocking.iter_events(limit=1)]
    async with AsyncClient(node.url, node.key("bank")) as awaiting:
        other = [each.id async for each in steps(awaiting.iter_events(limit=500))]
    assert one == other and len(one) == len(set(one)) > 3
