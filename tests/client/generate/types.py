"""Types of JSON schemas in Python, and what a schema says in words."""

from __future__ import annotations

import re
from typing import Any

from tests.client.generate.document import Api, Schema, UnknownShape, alternatives, is_record, name_of

_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_CHOICE = re.compile(r"\^\((?:\?:)?([\w-]+(?:\|[\w-]+)+)\)\$")


def python_type(api: Api, schema: Schema, *, given: bool) -> str:
    """The type of a value; of one that a caller gives, choices are literals and lists are any sequence.

    Of an answer a choice is `str` and a list a tuple: a newer node may choose what this version does not know.
    """
    if "$ref" in schema:
        target = api.schemas[name_of(schema)]
        return name_of(schema) if is_record(target) else python_type(api, target, given=given)
    if given and (chosen := choices(schema)):
        return f"Literal[{', '.join(map(repr, chosen))}]"
    if "const" in schema and "type" not in schema:
        return type(schema["const"]).__name__
    if among := alternatives(schema):
        parts = dict.fromkeys(python_type(api, each, given=given) for each in among)
        return " | ".join(sorted(parts, key="None".__eq__))
    kind = schema.get("type")
    if isinstance(kind, list):
        parts = [python_type(api, {**schema, "type": each}, given=given) for each in kind]
        return " | ".join(sorted(parts, key="None".__eq__))
    if kind == "array":
        inner = python_type(api, schema.get("items", {}), given=given)
        return f"Sequence[{inner}]" if given else f"tuple[{inner}, ...]"
    if kind == "object" or "properties" in schema:
        values = schema.get("additionalProperties")
        described = isinstance(values, dict) and values
        return f"Mapping[str, {python_type(api, values, given=given)}]" if described else "Json"
    if kind is None:
        return "Any"
    if kind not in _SIMPLE:
        raise UnknownShape(f"type {kind!r}")
    return _SIMPLE[kind]


def choices(schema: Schema) -> list[str]:
    """The texts that a schema allows, if it names them: by enum, const or a pattern that is a list of words."""
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return [each for each in schema["enum"] if each is not None]
    found = _CHOICE.fullmatch(schema.get("pattern", ""))
    return found[1].split("|") if found else []


def is_nullable(schema: Schema) -> bool:
    """Whether null is a value of the schema."""
    kind = schema.get("type")
    return kind == "null" or (isinstance(kind, list) and "null" in kind) or any(map(is_nullable, alternatives(schema)))


def words(api: Api, schema: Schema) -> str:
    """What the description says of a value, its bounds and its default included."""
    about = str(schema.get("description") or "").strip()
    if not about and "$ref" in schema:
        about = first_sentence(str(api.resolved(schema).get("description") or ""))
    return " ".join(filter(None, [_sentence(about), _sentence(", ".join(_bounds(schema)))]))


def first_sentence(text: str) -> str:
    """The first sentence, on one line."""
    line = " ".join(text.split())
    found = re.match(r".+?[.!?](?= |$)", line)
    return found[0] if found else line


def example(api: Api, schema: Schema) -> Any:
    """An example value that the description gives; KeyError if it gives none that is complete."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return example(api, api.schemas[name_of(schema)])
    if is_record(schema):
        required = schema.get("required", [])
        return {name: example(api, each) for name, each in schema["properties"].items() if name in required}
    if among := [each for each in alternatives(schema) if each.get("type") != "null"]:
        return example(api, among[0])
    if chosen := choices(schema):
        return chosen[0]
    if schema.get("type") == "array" and not schema.get("minItems"):
        return []
    raise KeyError("no example")


def _bounds(schema: Schema) -> list[str]:
    for each in alternatives(schema):
        if each.get("type") != "null":
            schema = {**each, **schema}
    low, high = schema.get("minimum"), schema.get("maximum")
    found: list[str] = []
    if low is not None and high is not None and high < 2**32:
        found.append(f"from {low:g} to {int(high)}")
    elif low is not None:
        found.append(f"at least {low:g}")
    for name, unit in (("Length", "characters"), ("Items", "items")):
        if f"max{name}" in schema:
            found.append(f"at most {schema[f'max{name}']} {unit}")
    if schema.get("default") is not None:
        found.append(f"{schema['default']!r} if not given")
    return found


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else text + "."
