"""The SDK against a scripted transport: what is sent, what is repeated, and which error comes back."""

import json
from collections.abc import Callable

import httpx
import pytest

from wuxin_client import Client, Conflict, Denied, NotFound, Transaction, Unanswered, Unavailable

TX = {"id": "t1", "command": "draw", "organisation": "manufacturer", "ledger": "e1", "status": "pending"}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("http://node", "wx_key", transport=httpx.MockTransport(answer), sleep=lambda _: None)


def problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "why", "hint": "do this", "transaction_id": "t9"})


def test_a_command_carries_the_key_and_an_idempotency_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"transaction": TX})

    tx = client(answer).facilities.draw("f/1", amount_minor=5, wait_s=2, idempotency_key="mine")
    assert tx.id == "t1" and not tx.final
    assert seen[0].headers["authorization"] == "Bearer wx_key"
    assert seen[0].headers["idempotency-key"] == "mine"
    assert seen[0].headers["prefer"] == "wait=2"
    assert seen[0].url.raw_path == b"/v1/facilities/f%2F1/draw"
    assert json.loads(seen[0].content) == {"amount_minor": 5}


def test_a_lost_answer_is_repeated_under_the_same_key() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ReadError("cut", request=request)
        return problem(503, "unavailable") if len(keys) == 2 else httpx.Response(200, json={"transaction": TX})

    client(answer).pledges.release("p")
    assert len(keys) == 3 and len(set(keys)) == 1


def test_an_owner_requests_the_delivery_of_its_receipt() -> None:
    asked: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path, request.content))
        return httpx.Response(200, json={"transaction": TX})

    client(answer).receipts.request_delivery("receipt-1")
    assert asked == [("POST", "/v1/receipts/receipt-1/request-delivery", b"{}")]


def test_a_refusal_is_not_repeated() -> None:
    calls: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        calls.append(1)
        return problem(409, "slot_claimed")

    with pytest.raises(Conflict) as refused:
        client(answer).slots.register("s")
    assert calls == [1]
    assert (refused.value.code, refused.value.hint, refused.value.transaction_id) == ("slot_claimed", "do this", "t9")


@pytest.mark.parametrize(("status", "error"), [(401, Denied), (403, Denied), (404, NotFound), (422, Conflict)])
def test_each_status_has_its_error(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        client(lambda _: problem(status, "forbidden")).status()


def test_a_node_that_stays_away_ends_in_unanswered() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Unanswered) as gone:
        client(answer).status()
    assert gone.value.code == "unavailable"


def test_an_answer_that_is_no_problem_still_has_a_code() -> None:
    with pytest.raises(Unavailable) as bad:
        client(lambda _: httpx.Response(502, text="<html>")).status()
    assert bad.value.code == "unavailable"


def test_wait_raises_what_the_ledger_said() -> None:
    failed = TX | {"status": "failed", "code": "facility_frozen", "detail": "frozen", "tx_id": "0xab", "block": 7}
    with pytest.raises(Conflict) as refused:
        client(lambda _: httpx.Response(200, json=failed)).wait(Transaction.read(TX))
    assert refused.value.code == "facility_frozen" and refused.value.transaction_id == "0xab"


def test_wait_gives_up_without_saying_that_it_failed() -> None:
    with pytest.raises(Unanswered):
        client(lambda _: httpx.Response(200, json=TX)).wait(Transaction.read(TX), timeout_s=0)


def test_events_are_read_page_by_page_to_the_newest() -> None:
    def event(number: int) -> dict[str, object]:
        return {"id": f"f:{number}.0.0", "ledger": "facts", "type": "receipt_issued", "at_s": 1, "tx_id": "a"}

    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        page = {None: ([event(1), event(2)], "f:2.0.0"), "f:2.0.0": ([event(3)], "f:3.0.0")}.get(after, ([], after))
        return httpx.Response(200, json={"items": page[0], "cursor": page[1]})

    assert [e.id for e in client(answer).events()] == ["f:1.0.0", "f:2.0.0", "f:3.0.0"]


def test_a_list_is_read_to_its_end() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        last = request.url.params.get("after") == "x"
        return httpx.Response(200, json={"items": [{"n": 2 if last else 1}], "next": None if last else "x"})

    assert [item["n"] for item in client(answer).receipts.all(status="active")] == [1, 2]
