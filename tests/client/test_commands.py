"""Commands: what is sent, what is repeated, how long is waited, and what a failure raises."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from tests.client.twins import COMMITTED, FAILED, PENDING, Twin, accepted, problem
from wuxin_client import Conflict, Denied, NotFound, StillPending, TransactionFailed, Unanswered, Unavailable
from wuxin_client.requests import ATTEMPTS, HOLD_S_MAX, PAUSE_S_MAX

Make = Callable[..., Twin]


async def test_a_command_carries_the_api_key_and_an_idempotency_key(twin: Make) -> None:
    node = twin(lambda _: accepted(PENDING, status=202))
    transaction = await node.call("draw", "f/1", amount_minor=5, idempotency_key="mine")
    assert (transaction.id, transaction.status) == ("t1", "pending")
    (sent,) = node.sent
    assert sent.headers["authorization"] == "Bearer wx_key"
    assert sent.headers["idempotency-key"] == "mine"
    assert "prefer" not in sent.headers
    assert (sent.method, sent.url.raw_path) == ("POST", b"/v1/facilities/f%2F1/draw")
    assert json.loads(sent.content) == {"amount_minor": 5}


async def test_each_call_without_a_key_is_a_command_of_its_own(twin: Make) -> None:
    node = twin(lambda _: accepted(COMMITTED))
    await node.call("release_pledge", "p")
    await node.call("release_pledge", "p")
    assert len({each.headers["idempotency-key"] for each in node.sent}) == 2


async def test_a_lost_answer_is_repeated_under_the_same_key_and_the_same_body(twin: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if len(node.sent) == 1:
            raise httpx.ReadError("cut", request=request)
        return problem(503, "unavailable") if len(node.sent) == 2 else accepted(COMMITTED)

    node = twin(answer)
    await node.call("repay", "f", amount_minor=9)
    assert len(node.sent) == 3
    assert len({(each.headers["idempotency-key"], each.content) for each in node.sent}) == 1


async def test_a_refusal_is_not_repeated(twin: Make) -> None:
    node = twin(lambda _: problem(409, "slot_claimed"))
    with pytest.raises(Conflict) as refused:
        await node.call("register_slot", slot_id="s")
    assert len(node.sent) == 1 and node.time.slept == []
    error = refused.value
    assert (error.code, error.detail, error.hint, error.transaction_id) == ("slot_claimed", "why", "do this", "t9")


async def test_a_node_that_stays_away_ends_in_unanswered_with_the_key_to_repeat_under(twin: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    node = twin(answer)
    with pytest.raises(Unanswered) as gone:
        await node.call("release_pledge", "p")
    assert gone.value.code == "unavailable"
    assert {each.headers["idempotency-key"] for each in node.sent} == {gone.value.idempotency_key}


async def test_attempts_and_pauses_are_bounded_whatever_the_node_asks_for(twin: Make) -> None:
    node = twin(lambda _: problem(503, "unavailable", **{"Retry-After": "86400"}))
    with pytest.raises(Unavailable):
        await node.call("release_pledge", "p")
    assert len(node.sent) == ATTEMPTS
    assert node.time.slept == [PAUSE_S_MAX] * (ATTEMPTS - 1)


async def test_pauses_grow_while_the_node_says_nothing_about_them(twin: Make) -> None:
    node = twin(lambda _: problem(503, "unavailable"))
    with pytest.raises(Unavailable):
        await node.call("get_status")
    assert node.time.slept == sorted(node.time.slept) and node.time.slept[0] < node.time.slept[-1]


async def test_a_wait_asks_the_node_to_hold_its_answer(twin: Make) -> None:
    node = twin(lambda _: accepted(COMMITTED))
    done = await node.call("draw", "f", amount_minor=5, wait_s=10)
    assert done.status == "committed"
    assert [each.headers["prefer"] for each in node.sent] == ["wait=10"]


async def test_a_long_wait_is_asked_for_in_parts(twin: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        node.time.now += HOLD_S_MAX
        if request.method == "POST":
            return accepted(PENDING, status=202)
        assert request.url.path == "/v1/transactions/t1"
        return httpx.Response(200, json=COMMITTED if len(node.sent) == 3 else PENDING)

    node = twin(answer)
    assert (await node.call("draw", "f", amount_minor=5, wait_s=300)).status == "committed"
    assert {each.headers["prefer"] for each in node.sent} == {f"wait={HOLD_S_MAX}"}


async def test_the_read_timeout_allows_for_the_wait(twin: Make) -> None:
    node = twin(lambda _: accepted(COMMITTED), timeout_s=2.0)
    await node.call("draw", "f", amount_minor=5, wait_s=10)
    timeout = node.sent[0].extensions["timeout"]
    assert timeout == {"connect": 2.0, "read": 12.0, "write": 2.0, "pool": 2.0}


async def test_what_a_ledger_refused_is_raised_with_the_transaction(twin: Make) -> None:
    node = twin(lambda _: accepted(FAILED))
    with pytest.raises(TransactionFailed) as refused:
        await node.call("draw", "f", amount_minor=5, wait_s=10)
    error = refused.value
    assert (error.code, error.detail, error.hint) == ("facility_frozen", "frozen", "wait")
    assert error.transaction_id == "t1" and error.transaction.tx_id == "0xab"


async def test_a_replayed_failure_is_raised_without_a_wait_too(twin: Make) -> None:
    node = twin(lambda _: accepted(FAILED))
    with pytest.raises(TransactionFailed):
        await node.call("draw", "f", amount_minor=5)


@pytest.mark.parametrize("wait_s", [None, 10])
async def test_a_failure_is_given_back_to_who_asks_for_it(twin: Make, wait_s: float | None) -> None:
    node = twin(lambda _: accepted(FAILED))
    failed = await node.call("draw", "f", amount_minor=5, wait_s=wait_s, raise_on_failure=False)
    assert (failed.status, failed.code) == ("failed", "facility_frozen")


async def test_a_wait_that_is_over_names_the_transaction_and_is_no_failure(twin: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return accepted(PENDING, status=202) if request.method == "POST" else httpx.Response(200, json=PENDING)

    node = twin(answer)
    with pytest.raises(StillPending) as over:
        await node.call("draw", "f", amount_minor=5, wait_s=3, raise_on_failure=False)
    assert over.value.transaction_id == "t1" and over.value.transaction.status == "pending"
    assert node.time.now == pytest.approx(3)


async def test_a_wait_for_no_time_at_all_still_sends_the_command(twin: Make) -> None:
    node = twin(lambda _: accepted(PENDING, status=202))
    with pytest.raises(StillPending):
        await node.call("draw", "f", amount_minor=5, wait_s=0)
    assert len(node.sent) == 1


async def test_a_node_that_is_away_for_a_while_does_not_end_a_wait(twin: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return accepted(PENDING, status=202)
        if len(node.sent) < 9:
            raise httpx.ConnectError("restarting", request=request)
        return httpx.Response(200, json=COMMITTED)

    node = twin(answer)
    assert (await node.call("draw", "f", amount_minor=5, wait_s=60)).status == "committed"


async def test_a_key_that_is_withdrawn_while_waiting_is_said_at_once(twin: Make) -> None:
    node = twin(lambda request: accepted(PENDING) if request.method == "POST" else problem(401, "unauthenticated"))
    with pytest.raises(Denied):
        await node.call("draw", "f", amount_minor=5, wait_s=60)
    assert len(node.sent) == 2


async def test_a_command_of_two_transactions_is_done_when_both_are(twin: Make) -> None:
    second = PENDING | {"id": "t2", "ledger": "facts"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return accepted(COMMITTED, second)
        return httpx.Response(200, json=FAILED | {"id": "t2", "ledger": "facts"})

    node = twin(answer)
    with pytest.raises(TransactionFailed) as refused:
        await node.call("release_pledge", "p", wait_s=5)
    assert refused.value.transaction_id == "t2"
    assert (await node.call("release_pledge", "p", wait_s=5, raise_on_failure=False)).id == "t1"


async def test_waiting_can_go_on_with_the_transaction_that_an_error_holds(twin: Make) -> None:
    node = twin(lambda request: accepted(PENDING) if request.method == "POST" else httpx.Response(200, json=COMMITTED))
    with pytest.raises(StillPending) as over:
        await node.call("draw", "f", amount_minor=5, wait_s=0)
    assert (await node.call("wait", over.value.transaction, 10)).status == "committed"


async def test_what_is_not_found_while_waiting_is_raised(twin: Make) -> None:
    node = twin(lambda request: accepted(PENDING) if request.method == "POST" else problem(404, "not_found"))
    with pytest.raises(NotFound):
        await node.call("draw", "f", amount_minor=5, wait_s=5)


async def test_fields_that_are_not_given_are_not_sent(twin: Make) -> None:
    node = twin(lambda _: accepted(COMMITTED))
    await node.call("enrol_device", device_id="d", suite="sm2-sm3", public_key="04", firmware_hash="00")
    assert "asset_id" not in json.loads(node.sent[0].content)
