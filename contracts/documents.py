"""Documents that people write: rule packs, profiles, the consortium file. Each is checked against its model in full.

    STRICT                     the configuration of every model: "1" is not 1, 1.0 is not 1, an unknown field is refused
    json_of(raw)               parsed JSON in which no field stands twice; else DocumentError
    check(model, document)     the model's instance; else DocumentError, with the path of what is wrong

A model is a pydantic model, or a dataclass whose `__pydantic_config__` is STRICT.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)
PROBLEMS_TOLD_MAX = 3
"""Whoever mends three fields checks again."""
_SHOWN_CHARS_MAX = 60

T = TypeVar("T")


class DocumentError(ValueError):
    """A document does not conform: `problems` are (path of the field, sentence), in the order of the model."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {sentence}" for path, sentence in problems[:PROBLEMS_TOLD_MAX]))
        self.problems = tuple(problems)


def json_of(raw: str | bytes, parse_float: Callable[[str], object] = float) -> object:
    """Parse JSON, with or without a byte order mark in bytes; `parse_float` reads a number with a fraction or exponent.

    Raises DocumentError, also where a field occurs twice, and for NaN and Infinity, which JSON has not.
    """
    try:
        return json.loads(raw, parse_float=parse_float, parse_constant=_no_number, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as wrong:
        raise DocumentError([("document", f"is not JSON: {wrong}")]) from wrong


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number of JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"the field {name[:_SHOWN_CHARS_MAX]!r} occurs twice in one object")
        fields[name] = value
    return fields


def check(model: type[T], document: object) -> T:
    """Check parsed JSON or TOML, e.g. `check(Rule, {"id": …})`. Raises DocumentError.

    A value that JSON has not, such as a date of TOML, fits no field.
    """
    raw = json.dumps(document, default=lambda value: {"no JSON value": repr(value)})
    try:
        return TypeAdapter(model).validate_json(raw)
    except ValidationError as wrong:
        found = wrong.errors(include_url=False)
    raise DocumentError([(_path(each["loc"], document), _sentence(each)) for each in found])


def _path(location: Sequence[int | str], document: object) -> str:
    """Write a place as people do, `organisation[2].uscc`; what is wrong altogether is `document`."""
    path = ""
    for step in _steps(location, document):
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".") or "document"


def _steps(location: Sequence[int | str], document: object) -> Iterator[int | str]:
    """The steps that are in the document: pydantic also names the alternative that it took."""
    here: Any = document
    for number, step in enumerate(location):
        if isinstance(here, Mapping):
            fields = cast("Mapping[str, Any]", here)
            if step not in fields and number + 1 < len(location):
                continue
            here = fields.get(str(step))
        elif isinstance(here, list) and isinstance(step, int):
            here = cast("list[Any]", here)[step]
        else:
            continue
        yield step


def _sentence(problem: Any) -> str:
    """What is wrong and what is allowed, after the path."""
    kind, message = str(problem["type"]), str(problem["msg"])
    if kind == "missing":
        return "is missing"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return "is not a field here"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    _, _, allowed = message.partition(" should ")
    return f"{_shown(problem['input'])} must {allowed}" if allowed else message


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[: _SHOWN_CHARS_MAX - 1]}…"
