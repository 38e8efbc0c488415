"""The API's description, read: its operations and its schemas, in the words that the SDK is made of.

    api = Api.read(app.openapi())
    api.operations       one per method and path: kind, arguments, answer, problems
    api.records          named schemas that the SDK makes models of, each in the file of its tag

What the description leaves open stays open (`Json`). What this reader does not know how to say in Python is an
`UnknownShape` naming the place, never a method that is quietly wrong or missing.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = dict[str, Any]
Kind = Literal["command", "list", "read", "bytes"]

KEY_HEADER = "idempotency-key"
HANDLED_HEADERS = frozenset({KEY_HEADER, "prefer", "if-none-match", "if-match", "accept-language"})
"""Headers that the core sends, or that a program has no use for."""
RESERVED = frozenset({"self", "wait_s", "raise_on_failure", "idempotency_key"})
SHARED = "shared"


class UnknownShape(Exception):
    """The description says something that this generator cannot write down."""


@dataclass(frozen=True)
class Argument:
    """One value that a caller gives: a segment of the path, a field of the body, or a parameter of the query."""

    name: str
    place: Literal["path", "body", "query"]
    schema: Schema
    required: bool

    @property
    def python(self) -> str:
        """The name in Python; a keyword gets an underscore."""
        return self.name + "_" * keyword.iskeyword(self.name)


@dataclass(frozen=True)
class Operation:
    """One method of the SDK."""

    name: str
    method: str
    path: str
    tag: str
    kind: Kind
    summary: str
    description: str
    arguments: tuple[Argument, ...]
    answer: Schema
    problems: dict[str, list[str]]
    """HTTP status to the problem codes that the description names for it."""

    @property
    def is_paged(self) -> bool:
        """Whether the list is given page by page."""
        return self.kind == "list" and any(each.name == "after" for each in self.arguments)

    def of(self, place: str) -> list[Argument]:
        """The arguments of one place."""
        return [each for each in self.arguments if each.place == place]


@dataclass(frozen=True)
class Record:
    """A named schema that becomes a frozen dataclass."""

    name: str
    schema: Schema
    home: str
    is_answer: bool


@dataclass
class Api:
    """The whole description."""

    schemas: dict[str, Schema]
    operations: list[Operation] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @classmethod
    def read(cls, document: dict[str, Any]) -> Api:
        """Reads an OpenAPI 3 document. Raises `UnknownShape`."""
        api = cls(document.get("components", {}).get("schemas", {}))
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                api.operations.append(api._operation(method.upper(), path, operation))
        names = [each.name for each in api.operations]
        if len(set(names)) != len(names):
            raise UnknownShape(f"operations share a name: {sorted({n for n in names if names.count(n) > 1})}")
        api.records = list(api._records())
        return api

    def resolved(self, schema: Schema) -> Schema:
        """The schema behind a reference."""
        while "$ref" in schema:
            schema = self.schemas[name_of(schema)]
        return schema

    def item_of(self, operation: Operation) -> Schema:
        """The schema of a list's items."""
        answer = self.resolved(operation.answer)
        return answer.get("properties", {}).get("items", {}).get("items", {"type": "object"})

    def _operation(self, method: str, path: str, raw: dict[str, Any]) -> Operation:
        parameters = [self.resolved(each) for each in raw.get("parameters", [])]
        headers = {each["name"].lower() for each in parameters if each["in"] == "header"}
        if unknown := headers - HANDLED_HEADERS:
            raise UnknownShape(f"{method} {path}: header {unknown}")
        success = next((each for code, each in sorted(raw["responses"].items()) if code.startswith("2")), {})
        kind = self._kind(method, path, raw, headers, success)
        arguments = [*_parameters(parameters), *(self._body(method, path, raw) if kind == "command" else ())]
        arguments.sort(key=lambda each: ("path", "body", "query").index(each.place))
        for each in arguments:
            if not each.name.isidentifier() or each.name in RESERVED:
                raise UnknownShape(f"{method} {path}: {each.name!r} cannot be an argument")
        if len({each.name for each in arguments}) != len(arguments):
            raise UnknownShape(f"{method} {path}: two arguments share a name")
        return Operation(
            operation_name(raw["operationId"], method, path),
            method,
            path,
            (raw.get("tags") or [SHARED])[0],
            kind,
            raw.get("summary", ""),
            raw.get("description", ""),
            tuple(arguments),
            _json_schema(success),
            {code: _codes(each) for code, each in sorted(raw["responses"].items()) if code[0] in "45"},
        )

    def _kind(self, method: str, path: str, raw: dict[str, Any], headers: set[str], success: dict[str, Any]) -> Kind:
        if method == "POST" and KEY_HEADER in headers:
            return "command"
        if method != "GET":
            raise UnknownShape(f"{method} {path} is neither a question nor a command under an Idempotency-Key")
        content = success.get("content", {})
        if not any("json" in each for each in content):
            return "bytes"
        answer = self.resolved(_json_schema(success))
        has_items = "items" in answer.get("properties", {})
        # A list whose answer is not described yet is known by its name.
        is_open = not answer.get("properties")
        return "list" if has_items or (is_open and raw["operationId"].startswith("list_")) else "read"

    def _body(self, method: str, path: str, raw: dict[str, Any]) -> Iterator[Argument]:
        content = raw.get("requestBody", {}).get("content", {"application/json": {"schema": {"properties": {}}}})
        schema = self.resolved(content["application/json"]["schema"])
        if "properties" not in schema and schema.get("type") != "object":
            raise UnknownShape(f"{method} {path}: a body without named fields")
        for name, each in schema.get("properties", {}).items():
            yield Argument(name, "body", each, name in schema.get("required", []))

    def _records(self) -> Iterator[Record]:
        """Every named schema that a caller meets, at home with the tag that alone uses it, or shared."""
        used_by: dict[str, set[str]] = {}
        answers: set[str] = set()
        for each in self.operations:
            answer = self.item_of(each) if each.kind == "list" else each.answer
            wanted = set(self._names(answer)) if each.kind in ("list", "read") else set[str]()
            answers |= wanted
            for argument in each.arguments:
                wanted |= set(self._names(argument.schema))
            for name in wanted:
                used_by.setdefault(name, set()).add(each.tag)
        for name in ("Transaction", "Event"):  # the core speaks of these
            used_by[name] = {"", SHARED}
            answers |= set(self._names({"$ref": name}))
            for inner in self._names({"$ref": name}):
                used_by.setdefault(inner, set()).update({"", SHARED})
        for name in sorted(used_by):
            tags = used_by[name]
            yield Record(name, self.schemas[name], SHARED if len(tags) > 1 else next(iter(tags)), name in answers)

    def _names(self, schema: Schema, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """The object schemas that a schema refers to, through any depth."""
        if "$ref" in schema:
            name = name_of(schema)
            if name in seen:
                return
            if is_record(self.schemas[name]):
                yield name
            yield from self._names(self.schemas[name], seen | {name})
            return
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                yield from self._names(schema[key], seen)
        for each in [*schema.get("properties", {}).values(), *alternatives(schema)]:
            yield from self._names(each, seen)


def alternatives(schema: Schema) -> list[Schema]:
    """The schemas of a union, or of an `allOf` that wraps one."""
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]


def is_record(schema: Schema) -> bool:
    """Whether a schema becomes a model: an object with named fields."""
    return bool(schema.get("properties"))


def name_of(schema: Schema) -> str:
    """The name behind a reference."""
    return str(schema["$ref"]).rpartition("/")[2]


def operation_name(operation_id: str, method: str, path: str) -> str:
    """The method's name: the operationId, without the path that FastAPI appends where the API gives none."""
    appended = re.sub(r"\W", "_", path) + "_" + method.lower()
    name = operation_id.removesuffix(appended)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UnknownShape(f"{method} {path}: operationId {operation_id!r} cannot be a method's name")
    return name


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[Argument]:
    for each in parameters:
        if each["in"] in ("path", "query"):
            about = {"description": each["description"]} if each.get("description") else {}
            examples = {"examples": [each["example"]]} if "example" in each else {}
            schema = {**each["schema"], **about, **examples}
            yield Argument(each["name"], each["in"], schema, bool(each.get("required")))


def _json_schema(answer: dict[str, Any]) -> Schema:
    for media, content in answer.get("content", {}).items():
        if "json" in media:
            return content.get("schema", {})
    return {}


def _codes(answer: dict[str, Any]) -> list[str]:
    """The problem codes that an answer's description lists, each as `code`: words."""
    return re.findall(r"`([a-z][a-z0-9_]*)`:", answer.get("description", ""))
