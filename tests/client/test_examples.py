"""Every example of a docstring is run, against a node that takes only what the API's description allows."""

from __future__ import annotations

import ast
import doctest
import inspect
import textwrap
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

import wuxin_client
from tests.client.described import Described, Undescribed
from tests.client.generate.document import Api
from tests.client.generate.files import document_of
from tests.client.twins import COMMITTED, Twin, accepted
from wuxin_client import AsyncClient, Client, errors, models
from wuxin_client.aio import client as awaiting
from wuxin_client.sync import client as blocking

PARSER = doctest.DocTestParser()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return document_of(tmp_path_factory.mktemp("home"))


def source_of(documented: object) -> str:
    """The code of all examples in a docstring."""
    return "".join(each.source for each in PARSER.get_examples(inspect.getdoc(documented) or ""))


async def run(source: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs code that may await; gives its names."""
    code = compile(source, "<example>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = eval(code, names)
    if inspect.iscoroutine(waiting):
        await waiting
    return names


@pytest.mark.parametrize("client", [Client, AsyncClient])
async def test_every_example_sends_what_the_description_allows_and_reads_what_it_answers(
    whole: dict[str, Any], client: type
) -> None:
    for name in [each.name for each in Api.read(whole).operations]:
        node = Described(whole)
        wanted = "cancelled" if name == "cancel_transaction" else "committed"
        transport = httpx.MockTransport(partial(_ending_as, node, wanted))
        made: Any = client("http://node", "wx_key", transport=transport)
        result = await run(source_of(getattr(client, name)), {"node": made, **vars(models)})
        assert len(node.asked) == 1, name
        assert {"done", "page", "found", "content"} & set(result), name


def _ending_as(node: Described, wanted: str, request: httpx.Request) -> httpx.Response:
    """The example answer, with the transactions of a command in the state that the command leads to."""
    answer = node.answer(request)
    if request.method != "POST":
        return answer
    ended = {"status": wanted, "code": None}
    return httpx.Response(200, json={"transaction": answer.json()["transaction"] | ended})


def test_every_operation_has_an_example(whole: dict[str, Any]) -> None:
    api = Api.read(whole)
    assert [each.name for each in api.operations if not source_of(getattr(Client, each.name))] == []


def test_the_described_node_refuses_what_is_not_described(whole: dict[str, Any]) -> None:
    node = Described(whole)
    for method, path, body in (
        ("GET", "/v1/nothing", None),
        ("GET", "/v1/receipts?nonsense=1", None),
        ("GET", "/v1/receipts?limit=0", None),
        ("POST", "/v1/slots", {"slot_id": "no slot"}),
        ("POST", "/v1/slots", {"slot_id": "91310115MA3WUX3W6R/BIN-16", "more": 1}),
        ("POST", "/v1/slots", {}),
        ("POST", "/v1/deposits/allow", {"amount_minor": "5"}),
    ):
        with pytest.raises(Undescribed):
            node.answer(httpx.Request(method, f"http://node{path}", json=body, headers={"Idempotency-Key": "k"}))


@pytest.mark.parametrize("module", [awaiting, blocking, wuxin_client], ids=["awaiting", "blocking", "door"])
async def test_the_examples_of_the_modules_run(module: Any, whole: dict[str, Any], tmp_path: Path) -> None:
    """The follower of events goes on for ever; the first event that is handled ends it here."""
    described, seen = Described(whole), list[Any]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/receipts":
            return httpx.Response(200, json=described.answer(request).json() | {"next": None})
        if request.url.path != "/v1/events":
            return described.answer(request)
        return httpx.Response(
            200, json={"items": [described.example({"$ref": "#/Event"}) | {"id": "f:1.0.0"}], "cursor": "f:1.0.0"}
        )

    def handle(event: Any) -> Any:
        seen.append(event)
        raise KeyboardInterrupt

    twin = Twin("awaiting" if module is awaiting else "blocking", answer)
    client = "AsyncClient" if module is awaiting else "Client"
    names = {
        client: lambda url, key: twin.client,
        "api_key": "wx_key",
        "handle": handle,
        "print": lambda *words: seen.append(words),
    }
    source = source_of(module).replace('"insurer.place"', repr(str(tmp_path / "place")))
    with pytest.raises(KeyboardInterrupt) if "follow_events" in source else nullcontext():
        await run(source, names)
    assert seen


async def test_the_example_of_the_errors_runs() -> None:
    failed = COMMITTED | {"status": "failed", "code": "slot_claimed"}
    twin = Twin("blocking", lambda _: accepted(failed))
    printed: list[str] = []
    names = {
        "node": type("Node", (), {"issue_receipt": lambda _, **more: twin.client.register_slot(slot_id="s", **more)})(),
        "receipt": {},
        "TransactionFailed": errors.TransactionFailed,
        "print": printed.append,
    }
    await run(source_of(errors), names)
    assert printed == ["slot_claimed"]


def test_examples_are_laid_out_for_a_reader(whole: dict[str, Any]) -> None:
    for each in Api.read(whole).operations:
        for line in textwrap.dedent(inspect.getdoc(getattr(Client, each.name)) or "").splitlines():
            assert len(line) <= 120, each.name
