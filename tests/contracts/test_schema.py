"""The schema is checked in full: a keyword that is not known is an error of the schema, not a silence."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import loader
from contracts.loader import ACTIONS
from contracts.schema import problems

SCHEMA: dict[str, Any] = json.loads((Path(loader.__file__).parent / "pack-schema.json").read_text("utf-8"))


def test_the_schema_knows_every_action_of_the_field() -> None:
    branches = SCHEMA["$defs"]["rule"]["properties"]["then"]["items"]["oneOf"]
    known: list[str] = []
    for branch in branches:
        action = SCHEMA["$defs"][branch["$ref"].rsplit("/", 1)[1]]["properties"]["action"]
        known.extend(action.get("enum", [action.get("const")]))
    assert sorted(known) == sorted(ACTIONS)


def test_a_problem_names_its_place() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer", "minimum": 1}}}}
    assert problems({"a": [1, 0, "x"]}, schema) == [
        "$.a[1]: 0 is less than 1",
        "$.a[2]: 'x' is not of type integer",
    ]


def test_true_is_no_integer_and_no_one() -> None:
    assert problems(True, {"type": "integer"})
    assert problems(True, {"const": 1})


def test_of_alternatives_exactly_one_must_fit() -> None:
    schema = {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 10}]}
    assert problems(5, schema) == ["$: fits 2 alternatives"]
    assert problems(-1, schema) == []


def test_an_unknown_keyword_is_an_error_of_the_schema() -> None:
    with pytest.raises(KeyError):
        problems({}, {"type": "object", "minProperties": 1})
    with pytest.raises(KeyError):
        problems({}, {"type": "object", "additionalProperties": True, "properties": {}})
