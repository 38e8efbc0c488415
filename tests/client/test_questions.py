"""Questions: what is asked, lists to their end, and answers that are not what they should be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.client.twins import PENDING, Twin, problem
from wuxin_client import Conflict, Denied, Malformed, NotFound, Unanswered, Unavailable, Unreadable
from wuxin_client.requests import ANSWER_BYTES_MAX

Make = Callable[..., Twin]
SUBJECT = {"subject_kind": "slot", "subject_id": "s"}


def pages(*answers: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    """A node with one answer for each cursor: none for the first, then what each answer names as the next."""
    following = [None, *[each.get("next") or each.get("cursor") for each in answers]]
    by_cursor = dict(zip(following, answers, strict=False))
    return lambda request: httpx.Response(200, json=by_cursor[request.url.params.get("after")])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Malformed),
        (401, Denied),
        (403, Denied),
        (404, NotFound),
        (405, NotFound),
        (409, Conflict),
        (413, Malformed),
        (422, Conflict),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_each_status_has_its_error(twin: Make, status: int, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        await twin(lambda _: problem(status, "some_code")).call("get_status")
    assert type(raised.value) is error


async def test_an_answer_that_is_no_problem_still_has_a_code(twin: Make) -> None:
    with pytest.raises(Unavailable) as bad:
        await twin(lambda _: httpx.Response(502, text="<html>")).call("get_status")
    assert bad.value.code == "unavailable"


async def test_a_problem_of_the_wrong_shape_is_still_an_error(twin: Make) -> None:
    with pytest.raises(Conflict) as refused:
        await twin(lambda _: httpx.Response(409, json=["not", "an", "object"])).call("get_status")
    assert refused.value.code == "conflict"


async def test_parameters_that_are_not_given_are_not_sent(twin: Make) -> None:
    node = twin(pages({"items": [], "next": None}))
    await node.call("list_receipts", status="active")
    assert dict(node.sent[0].url.params) == {"status": "active"}


async def test_an_id_stays_one_segment_of_the_path(twin: Make) -> None:
    node = twin(lambda _: httpx.Response(200, json=PENDING))
    await node.call("get_transaction", "../status?x=1#y")
    assert node.sent[0].url.raw_path == b"/v1/transactions/..%2Fstatus%3Fx%3D1%23y"


async def test_a_list_is_read_to_its_end(twin: Make) -> None:
    newer, older = PENDING | {"id": "t2"}, PENDING | {"id": "t1"}
    node = twin(pages({"items": [newer], "next": "x", "previous": None}, {"items": [older], "next": None}))
    assert [each.id for each in await node.all("iter_transactions", status="pending", limit=1)] == ["t2", "t1"]
    assert [each.url.params["status"] for each in node.sent] == ["pending", "pending"]


async def test_a_page_has_cursors_both_ways_and_keeps_what_is_not_known(twin: Make) -> None:
    node = twin(pages({"items": [], "next": "x", "previous": "y", "total": 5}))
    page = await node.call("list_transactions")
    assert (page.items, page.next, page.previous, page.extra) == ((), "x", "y", {"total": 5})


@pytest.mark.parametrize("answer", [{"items": {}}, {"next": None}, {"items": [], "next": 5}, {"items": [{}]}])
async def test_a_page_of_another_shape_is_unreadable(twin: Make, answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        await twin(lambda _: httpx.Response(200, json=answer)).call("list_transactions")


async def test_a_list_of_events_is_read_to_the_newest(twin: Make) -> None:
    def event(number: int) -> dict[str, object]:
        return {"id": f"f:{number}.0.0", "ledger": "facts", "type": "t", "at_s": 1, "tx_id": "a", "body": {}} | SUBJECT

    node = twin(
        pages(
            {"items": [event(1), event(2)], "cursor": "f:2.0.0"},
            {"items": [event(3)], "cursor": "f:3.0.0"},
            {"items": [], "cursor": "f:3.0.0"},
        )
    )
    assert [each.id for each in await node.all("iter_events")] == ["f:1.0.0", "f:2.0.0", "f:3.0.0"]


async def test_a_list_that_goes_in_a_circle_is_refused_and_not_read_for_ever(twin: Make) -> None:
    node = twin(lambda _: httpx.Response(200, json={"items": [PENDING], "next": "x"}))
    with pytest.raises(Unreadable):
        await node.all("iter_transactions")
    assert len(node.sent) == 2


async def test_nothing_is_asked_before_the_first_item_is_wanted(twin: Make) -> None:
    node = twin(pages({"items": [], "next": None}))
    assert isinstance(node.client.iter_receipts(), Iterator | AsyncIterator)
    assert node.sent == []


async def test_a_bundle_comes_as_its_bytes(twin: Make) -> None:
    node = twin(lambda _: httpx.Response(200, content=b"PK\x03\x04"))
    assert await node.call("get_evidence", "ab" * 32) == b"PK\x03\x04"


@pytest.mark.parametrize("text", ["<html>", "", "[1, 2]", "null", '{"id": 5}', "[" * 100_000])
async def test_an_answer_of_another_shape_is_unreadable(twin: Make, text: str) -> None:
    with pytest.raises(Unreadable) as bad:
        await twin(lambda _: httpx.Response(200, text=text)).call("get_transaction", "t1")
    assert bad.value.code == "malformed" and "/v1/transactions/t1" in bad.value.detail


async def test_an_answer_that_never_ends_is_refused(twin: Make) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1024 * 1024)

    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from endless()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for each in endless():
                yield each

    with pytest.raises(Unreadable) as bad:
        await twin(lambda _: httpx.Response(200, stream=Body())).call("get_evidence", "ab" * 32)
    assert str(ANSWER_BYTES_MAX) in bad.value.detail


async def test_an_answer_that_trickles_is_given_up_in_time(twin: Make) -> None:
    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                node.time.now += 1
                yield b"."

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for each in self:
                yield each

    node = twin(lambda _: httpx.Response(200, stream=Body()), timeout_s=5.0)
    with pytest.raises(Unanswered):
        await node.call("get_status")


async def test_a_redirect_is_not_followed_with_the_key(twin: Make) -> None:
    node = twin(lambda _: httpx.Response(307, headers={"Location": "http://elsewhere/v1/status"}))
    with pytest.raises(Unreadable):
        await node.call("get_status")
    assert [each.url.host for each in node.sent] == ["node"]


async def test_answers_are_asked_for_as_they_are(twin: Make) -> None:
    node = twin(lambda _: httpx.Response(200, json=PENDING))
    await node.call("get_transaction", "t1")
    assert node.sent[0].headers["accept-encoding"] == "identity"


async def test_a_long_poll_has_a_longer_read_timeout(twin: Make) -> None:
    node = twin(pages({"items": [], "cursor": "f:1.0.0"}), timeout_s=2.0)
    await node.call("list_events", wait=20)
    assert node.sent[0].extensions["timeout"]["read"] == 22.0
