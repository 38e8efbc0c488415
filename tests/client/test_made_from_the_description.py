"""The SDK is what the API's description makes of it: nothing stale, nothing missing, nothing quietly wrong."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest

from tests.client.generate.derive import derived
from tests.client.generate.document import Api, UnknownShape
from tests.client.generate.files import PAGE, SDK, generated, present
from tests.client.generate.routes import iterator_of
from wuxin_client import AsyncClient, Client


@pytest.fixture(scope="module")
def api(document: dict[str, Any]) -> Api:
    return Api.read(document)


@pytest.fixture(scope="module")
def made(document: dict[str, Any]) -> dict[str, str]:
    return generated(copy.deepcopy(document))


def test_what_is_committed_is_what_is_generated_now(made: dict[str, str]) -> None:
    there = present()
    stale = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    assert not stale, f"run `python -m tests.client.generate`: {stale}"


def test_every_generated_file_says_that_it_is(made: dict[str, str]) -> None:
    for name, text in made.items():
        assert name == PAGE or text.startswith(("# Generated from ", "# Derived from ")), name


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_operation_has_a_method_with_its_arguments(api: Api, client: type) -> None:
    assert len(api.operations) > 50
    for each in api.operations:
        parameters = inspect.signature(getattr(client, each.name)).parameters
        assert {argument.python for argument in each.arguments} <= set(parameters), each.name
        assert not any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters.values()), each.name
        if each.is_paged:
            assert callable(getattr(client, iterator_of(each)))


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_public_method_is_documented_with_its_arguments(api: Api, client: type) -> None:
    for each in api.operations:
        said = inspect.getdoc(getattr(client, each.name)) or ""
        assert f"`{each.method} {each.path}`" in said
        for argument in each.arguments:
            assert f"\n    {argument.python}: " in said, f"{each.name}: {argument.python}"


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert methods(Client) - {"close"} == methods(AsyncClient) - {"aclose"}


def test_nothing_that_blocks_mentions_what_awaits() -> None:
    for path in (SDK / "sync").rglob("*.py"):
        code = path.read_text("utf-8").split("\n", 1)[1]
        for word in ("async ", "await ", "Async", "asyncio", "aclose", "wuxin_client.aio"):
            assert word not in code, f"{path.name} says {word!r}"


def minimal(**operation: Any) -> dict[str, Any]:
    """A description of one question, with something changed."""
    answer = {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}
    whole = {"operationId": "get_thing", "tags": ["things"], "responses": answer, **operation}
    schemas = {"Transaction": {"properties": {"id": {"type": "string"}}}, "Event": {"properties": {}}}
    return {"paths": {"/v1/things": {"get": whole}}, "components": {"schemas": schemas}}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"operationId": "get-thing"}, "get-thing"),
        ({"operationId": "import"}, "import"),
        ({"parameters": [{"name": "X-Strange", "in": "header", "schema": {}}]}, "x-strange"),
        ({"parameters": [{"name": "wait_s", "in": "query", "schema": {}}]}, "wait_s"),
        ({"parameters": [{"name": "a-b", "in": "query", "schema": {}}]}, "a-b"),
        ({"parameters": [{"name": "a", "in": place, "schema": {}} for place in ("query", "path")]}, "share a name"),
    ],
)
def test_a_description_that_cannot_be_written_down_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UnknownShape) as refused:
        Api.read(minimal(**change))
    assert named in str(refused.value)


def test_a_method_that_is_neither_question_nor_command_is_refused() -> None:
    document = minimal()
    document["paths"]["/v1/things"]["delete"] = document["paths"]["/v1/things"].pop("get")
    with pytest.raises(UnknownShape):
        Api.read(document)


def test_two_operations_of_one_name_are_refused() -> None:
    document = minimal()
    document["paths"]["/v1/other"] = copy.deepcopy(document["paths"]["/v1/things"])
    with pytest.raises(UnknownShape):
        Api.read(document)


def test_a_new_field_an_enum_and_a_named_answer_reach_the_methods(document: dict[str, Any]) -> None:
    grown = copy.deepcopy(document)
    body = next(each for each in grown["components"]["schemas"].values() if "storage_place" in each["properties"])
    body["properties"]["grade"] = {"enum": ["A", "B"], "type": "string", "description": "Of the goods"}
    grown["components"]["schemas"]["Slot"] = {
        "type": "object",
        "description": "A place.",
        "required": ["slot_id"],
        "properties": {"slot_id": {"type": "string"}, "from": {"type": "integer", "description": "In seconds"}},
    }
    answer = grown["paths"]["/v1/slots/by-id"]["get"]["responses"]["200"]
    answer["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Slot"}}}
    files = generated(grown)
    assert "grade: Literal['A', 'B'] | None = None" in files["aio/routes/receipts_commands.py"].replace('"', "'")
    assert "grade: Of the goods. One of `A`, `B`." in files["sync/routes/receipts_commands.py"]
    assert "def get_slot(self, *, slot_id: str) -> Slot:" in files["sync/routes/slots.py"]
    assert 'from_: int | None = None\n    """In seconds."""' in files["models/slots.py"]
    assert "extra: Json" in files["models/slots.py"]


@pytest.mark.parametrize(
    ("awaiting", "blocking"),
    [
        ("async def f() -> None:\n    await g()", "def f() -> None:\n    g()"),
        ("async with a:\n    async for b in c:\n        pass", "with a:\n    for b in c:\n        pass"),
        ("x: AsyncIterator[httpx.AsyncClient]", "x: Iterator[httpx.Client]"),
        ("async def __aenter__(self): ...", "def __enter__(self): ..."),
        ("await asyncio.sleep(1)", "time.sleep(1)"),
        ("from wuxin_client.aio.core import AsyncRoutes", "from wuxin_client.sync.core import Routes"),
        ("# nothing is awaited here", "# nothing is awaited here"),
    ],
)
def test_awaiting_code_becomes_blocking_code(awaiting: str, blocking: str) -> None:
    path, text = derived("aio/x.py", awaiting)
    assert (path, text.split("\n", 1)[1]) == ("sync/x.py", blocking)
