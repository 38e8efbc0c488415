"""Anchors through the SDK: post, and the newest of a log."""

import json

import httpx
import pytest

from tests.client.test_client import TX, client
from wuxin_client import NotFound

ORIGIN = "wuxin/1/00/logs/bank"


def test_a_checkpoint_is_posted_as_a_command() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"transaction": TX})

    client(answer).anchors.post({"origin": ORIGIN, "note": "n", "consistency": []}, idempotency_key="mine")
    assert (seen[0].method, seen[0].url.path, seen[0].headers["idempotency-key"]) == ("POST", "/v1/anchors", "mine")
    assert json.loads(seen[0].content) == {"origin": ORIGIN, "note": "n", "consistency": []}


def test_the_newest_of_a_log_is_the_first_of_its_list() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert dict(request.url.params) == {"origin": ORIGIN, "limit": "1"}
        return httpx.Response(200, json={"items": [{"size": 9}], "next": None})

    assert client(answer).anchors.newest(ORIGIN) == client(answer).anchors.get(ORIGIN) == {"size": 9}


def test_a_log_that_is_not_anchored_has_no_newest() -> None:
    node = client(lambda _: httpx.Response(200, json={"items": [], "next": None}))
    assert node.anchors.newest(ORIGIN) is None
    with pytest.raises(NotFound):
        node.anchors.get(ORIGIN)
