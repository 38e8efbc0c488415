"""Frozen models from and to JSON.

    read(Receipt, raw, "receipt")     a checked model out of decoded JSON; raises `Unfit` naming the field
    write(Goods(...))                 plain JSON of a model; fields that are None are left out

A model is a frozen dataclass with exact types; a trailing underscore of a field (`from_`) is not part of the JSON name.
Every field of an answer that the description does not require may be None. Fields that this version does not know (the
node is newer) are kept in the model's `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Json = Mapping[str, Any]
"""A JSON object whose fields the API's description leaves open."""

T = TypeVar("T")

EXTRA = "extra"
"""The field that keeps what this version of the SDK does not know."""


class Unfit(Exception):
    """A value is not of the described type; the text names the place, the type and what was found."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list in the list's order, and the cursors to go on from."""

    items: tuple[T, ...]
    next: str | None
    """The cursor after the last item, to be passed as `after`; None at the end of the list. A log of events has no end:
    its cursor is always there, and the page after the newest event is empty."""
    previous: str | None
    """The cursor before the first item, to be passed as `before`; None where the list begins."""
    extra: Json
    """What else the answer says."""


def read(kind: type[T], raw: object, at: str) -> T:
    """Gives `raw` as a value of `kind`: a model, str, int, bool, or a tuple, mapping or union of these.

    `at` is the name of the place in the document. Raises `Unfit`.
    """
    return cast(T, _read(kind, raw, at))


def read_page(kind: type[T], raw: object, at: str) -> Page[T]:
    """Gives a page whose items are of `kind`. Raises `Unfit`."""
    given = dict(_object(raw, at))
    items = tuple(
        read(kind, each, f"{at}.items[{place}]") for place, each in enumerate(_list(given.pop("items", None), at))
    )
    cursor = given.pop("cursor", None)
    cursors = (given.pop("next", cursor), given.pop("previous", None))
    for each in cursors:
        if each is not None and not isinstance(each, str):
            raise Unfit(f"{at} has a cursor that is {_named(each)}")
    after, before = cast("tuple[str | None, str | None]", cursors)
    return Page(items, after or None, before or None, given)


def write(value: object) -> Any:
    """Gives plain JSON. Fields of models that are None are left out: the API knows no null in a request."""
    if is_dataclass(value) and not isinstance(value, type):
        named = ((each.name, getattr(value, each.name)) for each in fields(value) if each.name != EXTRA)
        return {name.rstrip("_"): write(each) for name, each in named if each is not None}
    if isinstance(value, Mapping):
        return {name: write(each) for name, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [write(each) for each in cast("Sequence[object]", value)]
    return value


def _read(kind: Any, raw: object, at: str) -> object:
    origin = get_origin(kind)
    if kind is Any:
        return raw
    if origin in (Union, UnionType):
        return _read_one_of(get_args(kind), raw, at)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], each, f"{at}[{place}]") for place, each in enumerate(_list(raw, at)))
    if origin is Mapping or kind is Mapping:
        inner = get_args(kind)[1] if get_args(kind) else Any
        return {name: _read(inner, each, f"{at}.{name}") for name, each in _object(raw, at).items()}
    if is_dataclass(kind):
        return _read_model(cast("type[Any]", kind), raw, at)
    if type(raw) is not kind and not (kind is NoneType and raw is None):
        raise Unfit(f"{at} is {_named(raw)}, not {getattr(kind, '__name__', kind)}")
    return raw


def _read_one_of(kinds: tuple[Any, ...], raw: object, at: str) -> object:
    if raw is None and NoneType in kinds:
        return None
    failures: list[Unfit] = []
    for kind in kinds:
        try:
            return _read(kind, raw, at)
        except Unfit as unfit:
            failures.append(unfit)
    raise failures[0]


def _read_model(kind: type[Any], raw: object, at: str) -> object:
    given = dict(_object(raw, at))
    values: dict[str, object] = {}
    for name, of in _types_of(kind).items():
        if name == EXTRA:
            continue
        wire = name.rstrip("_")
        if wire not in given and NoneType not in get_args(of):
            raise Unfit(f"{at} has no field {wire}")
        values[name] = _read(of, given.pop(wire, None), f"{at}.{wire}")
    return kind(**values, **({EXTRA: given} if EXTRA in _types_of(kind) else {}))


@cache
def _types_of(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _object(raw: object, at: str) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise Unfit(f"{at} is {_named(raw)}, not an object")
    return cast("dict[str, object]", raw)


def _list(raw: object, at: str) -> list[object]:
    if not isinstance(raw, list):
        raise Unfit(f"{at} is {_named(raw)}, not a list")
    return cast("list[object]", raw)


def _named(raw: object) -> str:
    return "null" if raw is None else f"a {type(raw).__name__}"
