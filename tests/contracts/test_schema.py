"""The published schema of a rule pack is the model's, and what a document is checked against says where it is wrong."""

import copy
import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import ConfigDict, Field

from contracts.documents import STRICT, DocumentError, check
from contracts.loader import ACTIONS, parse_rule_pack
from contracts.schema import SCHEMA_FILE, Pack, pack_schema
from node.products import product
from wuxin_evidence.errors import EvidenceError

SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))


def test_the_published_schema_is_what_the_model_makes_now() -> None:
    assert pack_schema() == SCHEMA, "run python -m contracts.schema"


def test_the_schema_knows_every_action_of_the_field() -> None:
    branches = SCHEMA["$defs"]["Rule"]["properties"]["then"]["items"]["oneOf"]
    known: list[str] = []
    for branch in branches:
        action = SCHEMA["$defs"][branch["$ref"].rsplit("/", 1)[1]]["properties"]["action"]
        known.extend(action.get("enum", [action.get("const")]))
    assert sorted(known) == sorted(ACTIONS)


def objects(node: object) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [each for child in node for each in objects(child)]
    if not isinstance(node, dict):
        return []
    own = [node] if "properties" in node else []
    return [*own, *(each for child in node.values() for each in objects(child))]


def test_every_object_of_the_schema_is_closed_and_described() -> None:
    found = objects(SCHEMA)
    assert len(found) == 14
    for each in found:
        assert each["additionalProperties"] is False
        assert each["description"]


def test_the_schema_says_nothing_of_null_or_of_python() -> None:
    assert "null" not in SCHEMA_FILE.read_text("utf-8")
    assert "discriminator" not in SCHEMA_FILE.read_text("utf-8")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("rules", 0, "when", "conditions", 0, "value"), "3", "rules[0].when.conditions[0].value: '3' must be a valid"),
        (("rules", 0, "when", "conditions", 0, "value"), None, "conditions[0].value: must be left out"),
        (
            ("rules", 0, "when", "window", "count"),
            0,
            "rules[0].when.window.count: 0 must be greater than or equal to 1",
        ),
        (("rules", 0, "then", 0, "amount"), 1, "rules[0].then[0].amount: is not a field here"),
        (("rules", 0, "then", 0, "action"), "do_magic", "rules[0].then[0]"),
        (("rules", 0, "inputs", 0, "unit"), "Gramm", "rules[0].inputs[0].unit: 'Gramm' must match pattern"),
        (("rules", 0, "inputs", 0, "unit"), "ｇ", "rules[0].inputs[0].unit"),
        (("rules", 0, "id"), "loss\n", "rules[0].id"),
        (("version",), True, "version: True must be a valid integer"),
        (("format",), "wuxin-rule-pack/2", "format: 'wuxin-rule-pack/2' must be 'wuxin-rule-pack/1'"),
    ],
)
def test_a_refusal_names_the_place_and_what_is_allowed(place: tuple[Any, ...], value: object, said: str) -> None:
    document: Any = copy.deepcopy(dict(product("weighed-stock").pack.document))
    here = document
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    with pytest.raises(EvidenceError) as refused:
        parse_rule_pack(document)
    assert refused.value.code == "malformed"
    assert said in refused.value.detail


def test_of_many_mistakes_three_are_told() -> None:
    with pytest.raises(DocumentError) as wrong:
        check(Pack, {})
    assert len(wrong.value.problems) == 6
    assert str(wrong.value) == "format: is missing; id: is missing; version: is missing"


@dataclass(frozen=True)
class Row:
    """A dataclass is checked as a model is."""

    number: Annotated[int, Field(ge=1)]
    texts: tuple[str, ...] = ()
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


def test_a_dataclass_is_checked_without_coercion() -> None:
    assert check(Row, {"number": 3, "texts": ["a"]}) == Row(3, ("a",))
    for wrong in (
        {"number": "3"},
        {"number": 3.0},
        {"number": True},
        {"number": 0},
        {"number": 3, "more": 1},
        [],
        None,
    ):
        with pytest.raises(DocumentError):
            check(Row, wrong)


def test_a_value_that_json_has_not_fits_no_field() -> None:
    from datetime import date

    with pytest.raises(DocumentError, match=r"texts\[0\]"):
        check(Row, {"number": 1, "texts": [date(2026, 1, 1)]})
