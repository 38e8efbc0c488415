"""The model of a rule pack, format 1, and the JSON Schema that is published from it.

    python -m contracts.schema     writes contracts/pack-schema.json, for editors and other validators

The model holds every action of the field; `contracts.loader` refuses what this release does not execute.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field

from contracts.documents import STRICT

SCHEMA_FILE = Path(__file__).parent / "pack-schema.json"
RULES_MAX = 8
"""A facility walks all rules of its pack in one transaction."""
_EXACT_MAX = 2**53 - 1

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,62}$")]
Word = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=1000)]
Version = Annotated[int, Field(ge=1, le=2**32 - 1)]
Exact = Annotated[int, Field(ge=-_EXACT_MAX, le=_EXACT_MAX)]
Count = Annotated[int, Field(ge=1, le=2**16 - 1)]


def _given(value: object) -> object:
    if value is None:
        raise ValueError("must be left out where it has no value")
    return value


_GIVEN = BeforeValidator(_given)
AmountUnit = Literal["pp", "bp", "relative_percent", "relative_bp", "minor"]


class Source(BaseModel):
    """The wording that the rule implements, and where it stands."""

    model_config = STRICT
    wording: Sentence = Field(description="The sentence of the standard, contract or law.")
    reference: Sentence = Field(description="Where the sentence stands.")


class Input(BaseModel):
    """An indicator that the rule reads."""

    model_config = STRICT
    indicator: Word = Field(description="Its name, which ends with its unit.", examples=["unexplained_loss_g"])
    unit: Word = Field(description="Its unit, or count.", examples=["g"])
    min_quality_bp: Annotated[int, Field(ge=0, le=10_000)] = Field(
        description="Below it, a condition that is not met counts as missing; one that is met still counts."
    )
    min_sources: Annotated[int, Field(ge=1, le=16)] = Field(description="How many sources must have measured it.")


class Baseline(BaseModel):
    """Instead of a value: so much of a reference."""

    model_config = STRICT
    of: Literal["previous_window", "trailing_mean", "benchmark", "contract"] = Field(description="The reference.")
    windows: Annotated[Count | None, _GIVEN] = Field(None, description="Over how many windows the reference is taken.")
    share_bp: Annotated[int, Field(ge=0, le=1_000_000)] = Field(description="How much of the reference.")


class Condition(BaseModel):
    """A comparison of one indicator, with a value or with a baseline."""

    model_config = STRICT
    indicator: Word = Field(description="One of the rule's inputs.")
    comparator: Literal["<", "<=", ">", ">=", "==", "!="] = Field(description="Met where it holds.")
    value: Annotated[Exact | None, _GIVEN] = Field(None, description="In the indicator's unit.")
    baseline: Annotated[Baseline | None, _GIVEN] = Field(None, description="Instead of a value.")
    aggregation: Literal["attested", "sum", "mean", "min", "max", "count"] = Field(
        description="What is compared: the attested value itself, or a fold over the window."
    )


class Window(BaseModel):
    """How many windows must be met before the rule acts."""

    model_config = STRICT
    mode: Literal["consecutive_windows", "consecutive_days", "consecutive_readings", "hours", "rolling", "forecast"] = (
        Field(description="What is counted.")
    )
    count: Count = Field(description="How many.")


class When(BaseModel):
    """Conditions hold together or alone within a window; the window counts what they say together."""

    model_config = STRICT
    match: Literal["all", "any"] = Field(description="Whether all conditions must be met, or one.")
    conditions: Annotated[list[Condition], Field(min_length=1, max_length=4)] = Field(description="1 to 4.")
    window: Window = Field(description="How many windows must be met.")
    on_missing: Literal["hold", "alarm", "breach"] = Field(
        description="A missing window leaves the count, leaves it and tells, or counts as met."
    )


class PlainAction(BaseModel):
    """An action that has no size."""

    model_config = STRICT
    action: Literal[
        "freeze_limit",
        "freeze_linked_orders",
        "pause_repayment",
        "suggest_reschedule",
        "notify_insurer",
        "open_claim",
        "notify_regulator",
        "manual_review",
        "maintenance_ticket",
        "block_transfer",
        "revalue",
        "trip_circuit_breaker",
        "reject_payment",
    ]


class SizedAction(BaseModel):
    """An action that changes a number; the actions of one stack group share one cap."""

    model_config = STRICT
    action: Literal["change_limit", "change_rate", "change_premium", "change_coverage", "waive_fee"]
    amount: Exact = Field(description="By how much, in `unit`.")
    unit: AmountUnit = Field(description="Percentage points, basis points, relative, or minor units of the currency.")
    cap: Exact = Field(description="The most that the stack group may change.")
    stack_group: Name = Field(description="Actions of one group share one cap.")


class PurposefulAction(BaseModel):
    """An action that makes money available for one purpose."""

    model_config = STRICT
    action: Literal["release_payable_financing", "release_limit_for_purpose"]
    amount: Exact = Field(description="How much, in `unit`.")
    unit: AmountUnit = Field(description="Percentage points, basis points, relative, or minor units of the currency.")
    purpose: Word = Field(description="What the money may be used for.")
    cap: Exact = Field(description="The most that the stack group may release.")
    stack_group: Name = Field(description="Actions of one group share one cap.")


class Share(BaseModel):
    """One bearer's part of a loss."""

    model_config = STRICT
    bearer: Word = Field(description="A role.")
    share_bp: Annotated[int, Field(ge=1, le=9_999)] = Field(description="Its part.")


class SplitLoss(BaseModel):
    """An action that divides a loss."""

    model_config = STRICT
    action: Literal["split_loss"]
    shares: Annotated[list[Share], Field(min_length=2, max_length=8)] = Field(description="2 to 8.")


Action = Annotated[PlainAction | SizedAction | PurposefulAction | SplitLoss, Field(discriminator="action")]


class Reverse(BaseModel):
    """What undoes the actions. Approvals count only after the cure, and for the opening they name."""

    model_config = STRICT
    condition: Literal["not_met"] = Field(description="The rule's own conditions, not met.")
    cure_windows: Count = Field(description="How many consecutive clean scheduled windows are needed.")
    approvals: Annotated[list[Literal["bank", "insurer", "regulator"]], Field(max_length=3)] = Field(
        description="Roles that must approve afterwards."
    )


class Rule(BaseModel):
    """What an indicator sets off and what undoes it."""

    model_config = STRICT
    id: Name = Field(description="Its name within the pack.", examples=["unexplained-loss"])
    version: Version = Field(description="From 1.")
    source: Source
    inputs: Annotated[list[Input], Field(min_length=1, max_length=4)] = Field(description="1 to 4.")
    when: When
    then: Annotated[list[Action], Field(min_length=1, max_length=4)] = Field(description="1 to 4 actions.")
    reverse: Reverse
    notify: Annotated[list[Word], Field(max_length=8)] = Field(description="Who is told; not executed on chain.")
    explanation: Sentence = Field(description="A sentence for people; {indicator} stands for its attested value.")


class Pack(BaseModel):
    """Rules as data: what an indicator sets off and what undoes it.

    Complete for every action of the field; an installation refuses a pack that asks for one it does not execute.
    Numbers are integers in the unit that stands beside them.
    """

    model_config = STRICT
    format: Literal["wuxin-rule-pack/1"] = Field(description="The version of the form.")
    id: Name = Field(description="What people call the pack, with its edition.", examples=["warehouse-stock-1"])
    version: Version = Field(description="From 1.")
    title: Sentence = Field(description="What the pack is for.")
    asset_type: Word = Field(description="The kind of thing.", examples=["warehouse_stock"])
    rules: Annotated[list[Rule], Field(min_length=1, max_length=RULES_MAX)] = Field(description="1 to 8.")


def pack_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rule pack."""
    schema = Pack.model_json_schema()
    del schema["title"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule pack, format 1",
        **cast("dict[str, Any]", _plain(schema)),
    }


def _plain(node: object) -> object:
    """The schema without what pydantic adds for programs: a title for each field, `null`, and its discriminator."""
    if isinstance(node, list):
        return [_plain(child) for child in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    fields = cast("dict[str, Any]", node)
    if "anyOf" in fields:  # an optional field may be left out; null is no value of it
        (only,) = (each for each in fields.pop("anyOf") if each != {"type": "null"})
        fields = {**only, **fields}
    return {
        name: _plain(child)
        for name, child in fields.items()
        if name not in ("default", "discriminator") and not (name == "title" and isinstance(child, str))
    }


def main() -> None:
    """Write the published schema."""
    SCHEMA_FILE.write_text(json.dumps(pack_schema(), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
