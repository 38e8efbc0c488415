"""Writes the models: one module of frozen dataclasses per tag, one for what several tags share."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from tests.client.generate import HEAD
from tests.client.generate.document import SHARED, Api, Record, Schema, is_record, name_of
from tests.client.generate.text import docstring
from tests.client.generate.types import is_nullable, python_type, words

_IMPORTS = """
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wuxin_client.records import Json
"""


def model_files(api: Api) -> dict[str, str]:
    """Path below `wuxin_client` to text."""
    homes = sorted({each.home for each in api.records})
    files = {f"models/{home}.py": _module(api, home) for home in homes}
    files["models/__init__.py"] = _door(api, homes)
    return files


def _module(api: Api, home: str) -> str:
    mine = [each for each in api.records if each.home == home]
    shared = [each.name for each in api.records if each.home == SHARED and home != SHARED]
    lines = [HEAD, f'"""Models of {home.replace("_", " ")}."""', _IMPORTS]
    if shared:
        lines.append(f"from wuxin_client.models.shared import {', '.join(shared)}")
    for each in _in_order(api, mine):
        lines.append(_model(api, each))
    return "\n".join(lines) + "\n"


def _in_order(api: Api, records: list[Record]) -> Iterator[Record]:
    """Small parts before what holds them, so that a reader meets each name before its use."""
    left = {each.name: each for each in records}

    def emit(name: str) -> Iterator[Record]:
        record = left.pop(name, None)
        if record is not None:
            for inner in _referred(record.schema):
                yield from emit(inner)
            yield record

    for each in records:
        yield from emit(each.name)


def _referred(schema: Schema) -> Iterator[str]:
    for value in schema.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from [name_of(each)] if "$ref" in each else _referred(each)


def _model(api: Api, record: Record) -> str:
    about = str(record.schema.get("description") or f"{record.name}, as the API gives it.")
    lines = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {record.name}:", docstring(about, 4)]
    for name, schema in record.schema["properties"].items():
        lines.append(_field(api, record, name, schema))
        if said := words(api, schema):
            lines.append(docstring(said, 4))
    if record.is_answer:
        lines.append("    extra: Json = field(default_factory=dict[str, Any], compare=False)")
        lines.append(docstring("Fields that this version of the SDK does not know.", 4))
    return "\n".join(lines)


def _field(api: Api, record: Record, name: str, schema: Schema) -> str:
    kind = python_type(api, schema, given=not record.is_answer)
    required = name in record.schema.get("required", [])
    if not required and not is_nullable(schema):
        kind += " | None"
    python = name + "_" * keyword.iskeyword(name)
    return f"    {python}: {kind}" + ("" if required else " = None")


def _door(api: Api, homes: list[str]) -> str:
    lines = [HEAD, '"""What a node answers and what its commands are made of, as frozen values."""', ""]
    for home in homes:
        names = ", ".join(each.name for each in api.records if each.home == home and is_record(each.schema))
        lines.append(f"from wuxin_client.models.{home} import {names}")
    lines.append(f"\n__all__ = {sorted(each.name for each in api.records)!r}")
    return "\n".join(lines) + "\n"
