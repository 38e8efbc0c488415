"""A node that is nothing but the API's description: it takes what the description allows, and answers its examples.

node = Described(document)
node.answer(request)       raises `Undescribed` naming what of the request is not as described
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import httpx

Schema = dict[str, Any]


class Undescribed(AssertionError):
    """A request that the description does not allow."""


class Described:
    """Answers requests out of an OpenAPI document, and keeps the name of each operation that was asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The example answer of the operation that a request is for."""
        operation, segments = self._find(request.method, request.url.raw_path.decode().partition("?")[0])
        self.asked.append(operation["operationId"])
        self._check_parameters(operation, segments, request)
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self._check(schema, json.loads(request.content), "body")
        success = next(each for code, each in sorted(operation["responses"].items()) if code[0] == "2")
        for media, content in success.get("content", {}).items():
            if "json" in media:
                return httpx.Response(200, json=self.example(content["schema"]))
        return httpx.Response(200, content=b"PK")

    def example(self, schema: Schema) -> Any:
        """A value that a schema allows: its example, or one made of those of its parts."""
        schema = self._resolved(schema)
        if schema.get("examples"):
            return schema["examples"][0]
        if "example" in schema:
            return schema["example"]
        if schema.get("properties"):
            return {name: self.example(each) for name, each in schema["properties"].items()}
        for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            return self.example(each)
        kind = schema.get("type", "null")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "array":
            return [self.example(schema["items"])] if schema.get("items") else []
        return {"string": "x", "integer": 1, "boolean": True, "object": {}, "number": 1.0, "null": None}[kind]

    def _find(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, str]]:
        for template, methods in self._document["paths"].items():
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
            found = re.fullmatch(pattern, path)
            if found and method.lower() in methods:
                return methods[method.lower()], {name: unquote(text) for name, text in found.groupdict().items()}
        raise Undescribed(f"no operation is {method} {path}")

    def _check_parameters(self, operation: dict[str, Any], segments: dict[str, str], request: httpx.Request) -> None:
        declared = {(each["in"], each["name"].lower()): each for each in operation.get("parameters", [])}
        given = {
            **{("path", name): text for name, text in segments.items()},
            **{("query", name): text for name, text in request.url.params.items()},
        }
        for key, text in given.items():
            if key not in declared:
                raise Undescribed(f"{key} is not declared")
            self._check(declared[key]["schema"], _parsed(self._resolved(declared[key]["schema"]), text), str(key))
        for (place, name), each in declared.items():
            is_there = name in request.headers if place == "header" else (place, name) in given
            if each.get("required") and not is_there:
                raise Undescribed(f"{place} {name} is missing")

    def _check(self, schema: Schema, value: Any, at: str) -> None:
        schema = self._resolved(schema)
        among = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if among:
            self._check_one_of(among, value, at)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and _kind_of(value) not in kinds and not (_kind_of(value) == "integer" and "number" in kinds):
            raise Undescribed(f"{at} is of type {_kind_of(value)}, not {kinds}")
        if "enum" in schema and value not in schema["enum"]:
            raise Undescribed(f"{at} is none of {schema['enum']}")
        if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
            raise Undescribed(f"{at} does not match {schema['pattern']}")
        if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            raise Undescribed(f"{at} is out of bounds")
        for place, each in enumerate(value if isinstance(value, list) else []):
            self._check(schema.get("items", {}), each, f"{at}[{place}]")
        if isinstance(value, dict) and "properties" in schema:
            self._check_object(schema, value, at)

    def _check_one_of(self, among: list[Schema], value: Any, at: str) -> None:
        failures: list[Undescribed] = []
        for each in among:
            try:
                return self._check(each, value, at)
            except Undescribed as failure:
                failures.append(failure)
        raise failures[0]

    def _check_object(self, schema: Schema, value: dict[str, Any], at: str) -> None:
        missing = set(schema.get("required", [])) - set(value)
        unknown = set(value) - set(schema["properties"])
        if missing or (unknown and schema.get("additionalProperties") is False):
            raise Undescribed(f"{at}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        for name in value.keys() - unknown:
            self._check(schema["properties"][name], value[name], f"{at}.{name}")

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            others = {name: each for name, each in schema.items() if name != "$ref"}
            schema = {**self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], **others}
        return schema


def _kind_of(value: Any) -> str:
    names = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object", float: "number"}
    return names.get(type(value), "null")


def _parsed(schema: Schema, text: str) -> Any:
    kinds = json.dumps([schema, *schema.get("anyOf", ())])
    if '"integer"' in kinds or '"number"' in kinds or '"boolean"' in kinds:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
