"""The API's description is whole and true: every field said, every problem named, every answer as its schema says."""

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from chaincode.contract import FUNCTIONS
from node.api.description import described
from node.api.operation import PREFIX
from node.api.operations import OPERATIONS
from node.commands.obligations import OBLIGATIONS
from node.gate.problems import status_of
from tests.node.conftest import Running
from tests.node.story import DEVICE, FACILITY, PLEDGE, RECEIPT, Story

Json = dict[str, Any]

DOCUMENT = described(OPERATIONS)
SCHEMAS: Json = DOCUMENT["components"]["schemas"]
BY_ID = {op["operationId"]: op for path in DOCUMENT["paths"].values() for op in path.values()}


def test_every_operation_says_what_it_is_and_who_may_call_it() -> None:
    for name, operation in BY_ID.items():
        for field in ("summary", "description", "tags", "security", "responses", "x-wuxin-summary-zh"):
            assert operation[field], f"{name}: {field}"
        assert operation["x-wuxin-scopes"], name
        assert re.search(r"[\u4e00-\u9fff]", operation["x-wuxin-summary-zh"]), name
    assert DOCUMENT["openapi"] == "3.1.0" and DOCUMENT["servers"] and DOCUMENT["security"]
    tags = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert {tag for operation in BY_ID.values() for tag in operation["tags"]} == tags


def test_operation_ids_are_unique_and_are_the_commands_names() -> None:
    assert len(BY_ID) == len(OPERATIONS)
    submitted = {name for name, each in FUNCTIONS.items() if each.path}
    elsewhere = {"record_attestation": "relay_attestation", "acknowledge_notice": "acknowledge_event"}
    assert {elsewhere.get(name, name) for name in (*submitted, *OBLIGATIONS)} <= set(BY_ID)


def test_every_answer_that_is_done_has_a_named_schema_or_a_media_type() -> None:
    for name, operation in BY_ID.items():
        for status, answer in operation["responses"].items():
            for media, content in answer["content"].items():
                schema = content["schema"]
                if status.startswith("2"):
                    assert "$ref" in schema if media == "application/json" else media == "application/zip", name
                else:
                    assert media == "application/problem+json" and schema["$ref"].endswith("/Problem"), name
    assert BY_ID["get_evidence"]["responses"]["200"]["content"].keys() == {"application/zip"}


def test_every_problem_of_every_operation_stands_under_its_status() -> None:
    for operation in OPERATIONS:
        answers = BY_ID[operation.name]["responses"]
        assert operation.all_problems, operation.name
        for code in operation.all_problems:
            assert f"`{code}`" in answers[str(status_of(code))]["description"], (operation.name, code)
    for name, each in (*FUNCTIONS.items(), *((name, each.command) for name, each in OBLIGATIONS.items())):
        if name in BY_ID:
            assert each.all_problems <= set(BY_ID[name]["x-wuxin-problems"]), name


def fields_of(document: Json) -> Iterator[tuple[str, Json]]:
    for name, schema in SCHEMAS.items():
        for field, described_field in schema["properties"].items():
            yield f"{name}.{field}", described_field
    for name, operation in BY_ID.items():
        for parameter in operation["parameters"]:
            yield f"{name}({parameter['name']})", parameter


def test_every_field_and_parameter_is_described_with_an_example() -> None:
    """An object and a list of objects take their examples from their own fields."""
    undescribed, without = [], []
    for place, field in fields_of(DOCUMENT):
        if not field.get("description"):
            undescribed.append(place)
        refers = "$ref" in str(field)
        if not refers and not ("examples" in field or "example" in field):
            without.append(place)
    assert not undescribed, f"{len(undescribed)} have no description: {undescribed[:20]}"
    assert not without, f"{len(without)} have no example: {without[:20]}"


def test_every_reference_leads_somewhere_and_no_schema_is_left_over() -> None:
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert referred == set(SCHEMAS)


def test_every_example_is_one_of_its_schema() -> None:
    for place, field in fields_of(DOCUMENT):
        schema = field.get("schema", field)
        for example in field.get("examples", [field["example"]] if "example" in field else []):
            assert not list(faults(example, schema, place)), place


def test_every_path_parameter_is_declared() -> None:
    for path, operations in DOCUMENT["paths"].items():
        assert path.startswith(PREFIX)
        for operation in operations.values():
            in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert in_path == set(re.findall(r"\{(\w+)\}", path))


def faults(value: Any, schema: Json, place: str) -> Iterator[str]:
    """Where a value is not what a schema says: the part of JSON Schema that our document uses."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        if all(list(faults(value, each, place)) for each in schema["anyOf"]):
            yield f"{place}: none of anyOf"
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_a(value, kind) for kind in kinds):
        yield f"{place}: {value!r} is not {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is not in {schema['enum']}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place}: {value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{place}: {len(value)} characters"
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place}: {value} is out of bounds"
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(cast("list[Any]", value)):
            yield from faults(item, schema["items"], f"{place}[{number}]")
    if isinstance(value, dict) and "properties" in schema:
        given = cast(Json, value)
        for name in schema.get("required", []):
            if name not in given:
                yield f"{place}: lacks {name}"
        for name, item in given.items():
            if name in schema["properties"]:
                yield from faults(item, schema["properties"][name], f"{place}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{place}: {name} is not described"


def is_a(value: Any, kind: str) -> bool:
    kinds: dict[str, type[Any]] = {"string": str, "object": dict, "array": list, "boolean": bool}
    if kind == "null":
        return value is None
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kinds[kind])


def test_what_is_not_as_described_is_found() -> None:
    assert list(faults({"transaction": 1}, {"$ref": "#/components/schemas/CommandAnswer"}, "x"))
    assert list(faults("x", {"type": "string", "enum": ["a"]}, "x"))
    assert not list(faults(None, {"type": ["string", "null"]}, "x"))


async def test_every_answer_of_the_story_is_as_its_schema_says(node: Running) -> None:
    story = Story(node)
    await story.lend()
    drawn = await node.post("manufacturer", f"/v1/facilities/{FACILITY}/draw", {"amount_minor": 1_000_000})
    await node.done("insurer", f"/v1/facilities/{FACILITY}/freeze", {"reason": "site_visit_refused"})
    refused = await node.post("manufacturer", f"/v1/facilities/{FACILITY}/draw", {"amount_minor": 1_000_000})
    asset = {"asset_id": "turbine-7", "epc": "urn:epc:1", "latitude_e7": 1, "longitude_e7": 1}
    await node.done("manufacturer", "/v1/assets", asset | {"commissioned_at_ms": 1, "description": "turbine"})
    event = (await node.get("bank", "/v1/events", limit=1)).json()["items"][0]["id"]
    await node.done("bank", "/v1/events/acknowledge", {"event_id": event})
    digest = (await node.get("bank", "/v1/attestations", limit=1)).json()["items"][0]["digest"]
    known = {
        "device_id": DEVICE, "asset_id": "turbine-7", "receipt_id": RECEIPT, "pledge_id": PLEDGE,
        "facility_id": FACILITY, "organisation": "bank", "digest": digest, "event_id": event,
        "transaction_id": drawn.json()["transaction"]["id"], "evidence_id": digest,
    }  # fmt: skip
    asked = 0
    for operation in OPERATIONS:
        if operation.is_command or operation.gives is None:
            continue
        query = {"slot_id": story.slot} if operation.name == "get_slot" else {}
        caller = "manufacturer" if operation.name == "get_transaction" else "bank"
        answer = await node.get(caller, operation.path.format(**known), **query)
        assert answer.status_code == 200, (operation.name, answer.text)
        schema = BY_ID[operation.name]["responses"]["200"]["content"]["application/json"]["schema"]
        assert not list(faults(answer.json(), schema, operation.name))
        asked += 1
    assert asked == len([each for each in OPERATIONS if not each.is_command]) - 1
    for answer in (drawn, refused):
        assert not list(faults(answer.json(), {"$ref": "#/components/schemas/CommandAnswer"}, "command"))
    problem = (await node.get("bank", "/v1/receipts/none")).json()
    assert not list(faults(problem, {"$ref": "#/components/schemas/Problem"}, "problem"))


@pytest.mark.parametrize("name", ["issue_receipt", "propose_pledge", "draw", "enrol_device"])
async def test_the_documents_example_of_a_body_is_taken(node: Running, name: str) -> None:
    """It may be refused by a rule, and is never malformed."""
    operation = next(each for each in OPERATIONS if each.name == name)
    reference = BY_ID[name]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    body = SCHEMAS[reference.rpartition("/")[2]]["examples"][0]
    caller = {"issue_receipt": "warehouse", "enrol_device": "warehouse"}.get(name, "manufacturer")
    answer = await node.post(caller, operation.path.format(facility_id=FACILITY), body)
    assert answer.status_code == 200, answer.text


async def test_the_document_is_served_as_it_is_made(node: Running) -> None:
    async with node.client(None) as client:
        assert (await client.get("/openapi.json")).json() == DOCUMENT
        assert (await client.get("/docs")).status_code == 200
