"""The API's own description (OpenAPI 3.1), made from the operations and from the fields that they take and give.

Schemas are those of `chaincode.world.description`, which reads the very annotations that requests are parsed by.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, get_type_hints

from chaincode.world.description import Field, components, describe, example_of, json_schema, value_schema
from node.api.answers import Problem
from node.api.operation import JSON, Operation, Page, Recorded
from node.api.preferences import WAIT_S_MAX
from node.gate.problems import status_of, title_of

Json = dict[str, Any]

TITLE, VERSION = "Wuxin node", "0.1.0"
DESCRIPTION = (
    "One organisation's door to the facts and the obligations of a lending consortium. Commands answer 202 with a "
    "transaction (send `Prefer: wait=10` to wait), every POST takes an `Idempotency-Key`, refusals are RFC 9457 "
    "problems with a `code`. Amounts are integers in the unit of their suffix."
)
SCHEMAS = "#/components/schemas/"
TAGS = {
    "devices": "Devices: enrolment, binding, suspension.",
    "oracle": "What an oracle member asks of a node.",
    "assets": "Assets and their life events, a hash chain.",
    "slots": "Slots 货位: where goods lie.",
    "receipts": "Warehouse receipts 仓单.",
    "pledges": "Pledges 质押 of receipts.",
    "facilities": "Facilities 授信: lines, draws, repayments, freezes.",
    "deposits": "Tokenised deposits.",
    "attestations": "What the oracle committee attested.",
    "anchors": "How far each member's evidence log is pinned to the facts.",
    "transactions": "Where a command stands.",
    "events": "Everything that both ledgers said.",
    "evidence": "Bundles that an outsider checks offline.",
    "collateral": "The one answer a bank can lend on.",
    "duties": "Half-done states between the ledgers.",
    "organisations": "Who takes part.",
    "committee": "Who signs attestations.",
    "status": "How far this node is.",
}
_CURSOR: Json = {"type": ["string", "null"], "examples": ["WyI3Zj"]}


def described(operations: Sequence[Operation]) -> Json:
    """The whole document."""
    paths: dict[str, Json] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The node that answered this document."}],
        "security": [{"key": []}],
        "tags": [
            {"name": name, "description": TAGS.get(name, f"All about {name}.")}
            for name in dict.fromkeys(each.tag for each in operations)
        ],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of your organisation, wx_…"}
            },
        },
    }


def answer_schema(gives: Any) -> str:
    """The name of the schema of an answer."""
    if isinstance(gives, Page):
        return f"{answer_schema(gives.item)}Page"
    return gives.record.__name__ if isinstance(gives, Recorded) else gives.__name__


def _operation(each: Operation) -> Json:
    described: Json = {
        "operationId": each.name,
        "summary": each.en.rstrip("."),
        "description": _words(each),
        "tags": [each.tag],
        "parameters": [*_parameters(each), *_headers(each)],
        "responses": {**_answers(each), **_refusals(each)},
        "security": [{"key": sorted(each.scopes)}],
        "x-wuxin-summary-zh": each.zh,
        "x-wuxin-scopes": sorted(each.scopes),
        "x-wuxin-roles": sorted(each.roles),
        "x-wuxin-events": list(each.events),
        "x-wuxin-problems": sorted(each.all_problems),
    }
    if each.is_command:
        name = _body_name(each)
        described["requestBody"] = {
            "required": bool(_body_fields(each)),
            "content": {JSON: {"schema": {"$ref": SCHEMAS + name}}},
            "description": "The command's fields.",
        }
    return described


def _words(each: Operation) -> str:
    who = f"Of an organisation that is {' or '.join(sorted(each.roles))}." if each.roles else ""
    party = f"As {each.party}." if each.party else ""
    circle = "Members of the lending circle only." if each.of_circle else ""
    events = f"Brings: {', '.join(each.events)}." if each.events else ""
    return " ".join(filter(None, [each.en, who, party, circle, events]))


def _parameters(each: Operation) -> list[Json]:
    fields = describe(each.takes)
    in_path = [_parameter(field, "path") for field in fields if field.name in each.path_fields]
    rest = [] if each.is_command else [field for field in fields if field.name not in each.path_fields]
    return in_path + [_parameter(field, "query") for field in rest]


def _parameter(field: Field, place: str) -> Json:
    schema = value_schema(dataclasses.replace(field.value, nullable=False))
    if place == "query" and field.default not in (..., None):
        schema["default"] = field.default
    return {
        "name": field.name,
        "in": place,
        "required": place == "path" or field.required,
        "description": " ".join(filter(None, [field.text, field.unit and f"Unit: {field.unit}."])),
        "schema": schema,
        "example": field.example,
    }


def _headers(each: Operation) -> list[Json]:
    found: list[Json] = []
    if each.is_command:
        found.append(
            _header(
                "Idempotency-Key",
                "Chosen by the caller: the same for a repeat, a fresh one for a new command.",
                {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[\\x21-\\x7e]+$"},
                "018f2a6c-0000-7000-8000-000000000000",
                required=True,
            )
        )
    if each.waits:
        text = f"`wait=N` (RFC 7240) holds the answer for up to N seconds, at most {WAIT_S_MAX}, until it is final."
        found.append(_header("Prefer", text, {"type": "string"}, "wait=10"))
    # An attestation is no `Recorded`, because the circle's part of it is the node's own; its last change is a tag too.
    if not each.is_command and (isinstance(each.gives, Recorded) or each.name == "get_attestation"):
        found.append(_header("If-None-Match", "An ETag; the same answer is 304.", {"type": "string"}, '"120-9f9f9f9f"'))
    return found


def _header(name: str, text: str, schema: Json, example: str, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": text,
        "schema": schema,
        "example": example,
    }


def _answers(each: Operation) -> Json:
    if each.gives is None:
        content: Json = {each.media: {"schema": {"type": "string", "format": "binary", "description": "A zip."}}}
        return {"200": {"description": each.en, "content": content}}
    content = {JSON: {"schema": {"$ref": SCHEMAS + answer_schema(each.gives)}}}
    found: Json = {"200": {"description": "It is final." if each.is_command else each.en, "content": content}}
    if each.is_command and each.waits:
        found["202"] = {"description": "Accepted and kept; it is delivered, whatever falls over.", "content": content}
    return found


def _refusals(each: Operation) -> Json:
    """One response for each status, naming the codes; `default` for what only a ledger says, in the transaction."""
    by_status: dict[int, list[str]] = {}
    for code in each.all_problems:
        by_status.setdefault(status_of(code), []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {title_of(code)}" for code in sorted(codes)),
            "content": {"application/problem+json": {"schema": {"$ref": SCHEMAS + "Problem"}}},
        }
        for status, codes in sorted(by_status.items())
    }


def _body_name(each: Operation) -> str:
    return "".join(part.capitalize() for part in each.name.split("_")) + "Body"


def _body_fields(each: Operation) -> list[Field]:
    beside = describe(each.beside) if each.beside is not None else ()
    return [field for field in (*describe(each.takes), *beside) if field.name not in each.path_fields]


def _body(each: Operation) -> Json:
    """The schema of a request's body: the argument without what the path carries, with what comes beside it."""
    whole = json_schema(each.takes)
    beside: Json = json_schema(each.beside) if each.beside is not None else {"properties": {}, "required": []}
    properties = {**whole["properties"], **beside["properties"]}
    inside = [field.name for field in _body_fields(each)]
    example = {**example_of(each.takes), **(example_of(each.beside) if each.beside is not None else {})}
    return {
        **whole,
        "properties": {name: properties[name] for name in inside},
        "required": [name for name in (*whole["required"], *beside["required"]) if name in inside],
        "examples": [{name: example[name] for name in inside}],
    }


def _schemas(operations: Sequence[Operation]) -> Json:
    commands = [each for each in operations if each.is_command]
    given = list(_given(operations))
    nested = [hint for each in commands for hint in _nested(each.takes)]
    found = components(nested, [each for each in given if not isinstance(each, Page | Recorded)])
    for each in given:
        if isinstance(each, Recorded):
            found.update(_recorded(each))
    for each in given:
        if isinstance(each, Page):
            found[answer_schema(each)] = _page(each)
    for each in commands:
        found[_body_name(each)] = _body(each)
    found["Problem"] = json_schema(Problem)
    return dict(sorted(found.items()))


def _given(operations: Iterable[Operation]) -> Iterable[Any]:
    """Everything that is answered, a page's items before the page."""
    seen: list[Any] = []
    for each in operations:
        for gives in (each.gives.item, each.gives) if isinstance(each.gives, Page) else (each.gives,):
            if gives is not None and gives not in seen:
                seen.append(gives)
                yield gives


def _nested(takes: type[Any]) -> list[type[Any]]:
    """Records within an argument; the argument itself becomes a body."""
    hints = get_type_hints(takes, include_extras=True)
    values = {field.name: field.value for field in describe(takes)}
    found: list[type[Any]] = []
    for name in hints:
        value = values[name]
        while value.items is not None:
            value = value.items
        if value.record is not None:
            found.append(value.record)
    return found


def _recorded(each: Recorded) -> Json:
    """A record's schema and those it refers to, with where it changed last."""
    found = components([], [each.record])
    own = found[each.record.__name__]
    own["properties"] |= {
        "block": {"type": "integer", "minimum": 0, "description": "The block of its last change.", "examples": [120]},
        "tx_id": {"type": "string", "description": "The transaction of its last change, hex.", "examples": ["9f" * 32]},
    }
    own["required"] += ["block", "tx_id"]
    return found


def _page(each: Page) -> Json:
    return {
        "type": "object",
        "description": "A page of a list, the newest first.",
        "properties": {
            "items": {
                "type": "array",
                "items": {"$ref": SCHEMAS + answer_schema(each.item)},
                "description": "The items of this page.",
            },
            "next": {**_CURSOR, "description": "A cursor to what is older; null at the end."},
            "previous": {**_CURSOR, "description": "A cursor to what is newer; null at the newest."},
        },
        "required": ["items", "next", "previous"],
        "additionalProperties": False,
    }
