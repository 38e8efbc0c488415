"""Writes an example call of each method, out of the examples that the description gives."""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.client.generate.document import Api, Operation, Schema, alternatives, is_record, name_of
from tests.client.generate.types import example

WIDTH = 92
_REPEATED = re.compile(r"(\w{0,2})(\w{1,2}?)\2{15,}")


def example_call(api: Api, operation: Operation) -> list[str]:
    """The lines of a doctest; empty while the description lacks an example of a required argument."""
    required = [each for each in operation.arguments if each.required]
    try:
        given = [(each, _literal(api, each.schema, example(api, each.schema))) for each in required]
    except KeyError:
        return []
    arguments = [text if each.place == "path" else f"{each.python}={text}" for each, text in given]
    if operation.kind == "command":
        arguments.append("wait_s=10")
    result = {"command": "done", "list": "page", "bytes": "content", "read": "found"}[operation.kind]
    code = f"{result} = await node.{operation.name}({', '.join(arguments)})"
    first, *others = [code] if len(code) <= WIDTH else _laid_out(code)
    return [f">>> {first}", *(f"... {each}" for each in others)]


def _laid_out(code: str) -> list[str]:
    """The lines of a statement as the house formats them."""
    ruff = [str(Path(sys.executable).with_name("ruff")), "format", "--isolated", "--line-length", str(WIDTH), "-"]
    return subprocess.run(ruff, input=code, capture_output=True, text=True, check=True).stdout.splitlines()


def _literal(api: Api, schema: Schema, value: Any) -> str:
    """A value as Python: a model where the schema is one, text in double quotes."""
    if "$ref" in schema and is_record(api.schemas[name_of(schema)]):
        properties = api.schemas[name_of(schema)]["properties"]
        given = ((name + "_" * keyword.iskeyword(name), properties[name], each) for name, each in value.items())
        inner = ", ".join(f"{name}={_literal(api, of, each)}" for name, of, each in given)
        return f"{name_of(schema)}({inner})"
    if "$ref" in schema:
        return _literal(api, api.schemas[name_of(schema)], value)
    for each in alternatives(schema):
        if each.get("type") != "null":
            return _literal(api, each, value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(api, {}, k)}: {_literal(api, {}, v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(api, schema.get("items", {}), each) for each in value) + "]"
    if isinstance(value, str) and (repeated := _REPEATED.fullmatch(value)):
        start, unit = repeated[1], repeated[2]
        return (f'"{start}" + ' if start else "") + f'"{unit}" * {(len(value) - len(start)) // len(unit)}'
    if isinstance(value, str) and "\n" in value:
        return "(" + " ".join(repr(line) for line in value.splitlines(keepends=True)) + ")"
    if isinstance(value, str) and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return repr(value)
