"""Check a document against a JSON Schema, for the keywords that rule packs use.

    problems(document, schema) -> list[str]    empty: it conforms; else one sentence per place, with its path

The schema in pack-schema.json is the one definition of a pack, for us and for whoever writes packs with an editor or
another validator. A full validator would bring four packages for these keywords; one that is not known here is an
error of the schema, so the schema can never say something that goes unchecked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

Schema = Mapping[str, Any]
Check = Callable[[Any, Any, Schema, str], Iterator[str]]

ANNOTATIONS = frozenset({"$schema", "$defs", "title", "description"})
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def problems(document: object, schema: Schema) -> list[str]:
    """What keeps `document` (parsed JSON) from conforming to `schema`, each as `path: sentence`."""
    return list(_check(document, schema, schema, "$"))


def _check(value: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    if "type" in schema and not _TYPES[schema["type"]](value):
        yield f"{path}: {_shown(value)} is not of type {schema['type']}"
        return
    for keyword, argument in schema.items():
        if keyword == "additionalProperties":
            yield from _additional(value, schema, path)
        elif keyword not in ANNOTATIONS and keyword != "type":
            yield from _KEYWORDS[keyword](value, argument, root, path)


def _additional(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if schema["additionalProperties"] is not False:
        raise KeyError("additionalProperties")
    for name in cast("Mapping[str, Any]", value):
        if name not in schema["properties"]:
            yield f"{path}: unknown field {name!r}"


def _reference(value: Any, pointer: str, root: Schema, path: str) -> Iterator[str]:
    target: Any = root
    for step in pointer.removeprefix("#/").split("/"):
        target = target[step]
    return _check(value, target, root, path)


def _required(value: Any, names: Sequence[str], root: Schema, path: str) -> Iterator[str]:
    return (f"{path}: {name!r} is missing" for name in names if name not in value)


def _properties(value: Any, schemas: Mapping[str, Schema], root: Schema, path: str) -> Iterator[str]:
    for name, schema in schemas.items():
        if name in value:
            yield from _check(value[name], schema, root, f"{path}.{name}")


def _items(value: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    for index, item in enumerate(value):
        yield from _check(item, schema, root, f"{path}[{index}]")


def _one_of(value: Any, schemas: Sequence[Schema], root: Schema, path: str) -> Iterator[str]:
    """Of several failing alternatives the one with the fewest problems is the one that was meant."""
    found = [list(_check(value, schema, root, path)) for schema in schemas]
    fitting = sum(not each for each in found)
    if fitting == 0:
        yield from min(found, key=len)
    elif fitting > 1:
        yield f"{path}: fits {fitting} alternatives"


def _holds(test: Callable[[Any, Any], bool], sentence: str) -> Check:
    def check(value: Any, argument: Any, root: Schema, path: str) -> Iterator[str]:
        if not test(value, argument):
            yield f"{path}: {_shown(value)} {sentence} {argument}"

    return check


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_KEYWORDS: Mapping[str, Check] = {
    "$ref": _reference,
    "required": _required,
    "properties": _properties,
    "items": _items,
    "oneOf": _one_of,
    "const": _holds(lambda value, wanted: type(value) is type(wanted) and value == wanted, "is not"),
    "enum": _holds(lambda value, allowed: value in allowed, "is not one of"),
    "pattern": _holds(lambda value, pattern: re.search(pattern, value, re.ASCII) is not None, "does not match"),
    "minimum": _holds(lambda value, least: value >= least, "is less than"),
    "maximum": _holds(lambda value, most: value <= most, "is more than"),
    "minLength": _holds(lambda value, least: len(value) >= least, "is shorter than"),
    "maxLength": _holds(lambda value, most: len(value) <= most, "is longer than"),
    "minItems": _holds(lambda value, least: len(value) >= least, "has fewer items than"),
    "maxItems": _holds(lambda value, most: len(value) <= most, "has more items than"),
}
