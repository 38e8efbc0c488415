"""Lists: newest first by time, a page at a time, both ways, none ending before its end.

    Listing(filters, fetch) ─▶ operation: the filters, and limit, after, before, since, until
    page ─▶ items, `next` (a cursor to what is older), `previous` (to what is newer), each null where there is none

A cursor is the place of an item among all the list's items, bound to the list, its filters and its owner. Places
come from when a thing was made, and not from when it changed: a change moves nothing from one page to another.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, cast, get_type_hints

from sqlalchemy import ColumnElement, Row, Select, literal, tuple_

from chaincode.world.bounds import WHOLE_MAX, Described, Seconds, Text, Whole
from node.gate.problems import Problem
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError

UTC = "seconds since 1970, UTC"
LIMIT_MAX = 500
LIMIT_DEFAULT = 100
CURSOR_CHARS_MAX = 1_000  # the longest place holds an id of 128 characters and an origin of 200

Json = dict[str, Any]
Place = tuple[int | str, ...]
Shape = tuple[type[int] | type[str], ...]
"""What the places of a list are made of."""
T = TypeVar("T")

Cursor = Annotated[str, Text(1, CURSOR_CHARS_MAX, r"[A-Za-z0-9_-]+", "a cursor of this list")]


@dataclass(frozen=True)
class Span:
    """What every list takes beside its filters."""

    limit: Annotated[int, Whole(1, LIMIT_MAX), Described("The most items of a page.", example=LIMIT_DEFAULT)] = (
        LIMIT_DEFAULT
    )
    after: Annotated[
        Cursor | None, Described("What is older than this cursor, the `next` of a page.", example="WyI3Zj")
    ] = None
    before: Annotated[
        Cursor | None, Described("What is newer than this cursor, the `previous` of a page.", example="WyI3Zj")
    ] = None
    since: Annotated[Seconds | None, Described("Only what was made then or later.", example=1641110400, unit=UTC)] = (
        None
    )
    until: Annotated[Seconds | None, Described("Only what was made before then.", example=1641196800, unit=UTC)] = None


SPAN = tuple(field.name for field in dataclasses.fields(Span))


@dataclass(frozen=True)
class Slice:
    """What a page needs of its source: up to `limit` items beyond `edge`, older ones first unless `newer`."""

    edge: Place | None
    newer: bool
    limit: int
    since_s: int | None
    until_s: int | None


@dataclass(frozen=True)
class Found(Generic[T]):
    """A page: its items, newest first, and the cursors around it."""

    items: list[T]
    next: str | None
    previous: str | None

    def as_json(self, shown: Sequence[Json]) -> Json:
        """Give the page as it is answered: the items as shown, and the cursors both ways."""
        return {"items": list(shown), "next": self.next, "previous": self.previous}


Fetch = Callable[[Slice], Sequence[tuple[Place, T]]]


def with_span(filters: type[Any]) -> type[Any]:
    """The arguments of a list: the fields of `filters`, then those of `Span`."""
    hints = {**get_type_hints(filters, include_extras=True), **get_type_hints(Span, include_extras=True)}
    fields = (*dataclasses.fields(filters), *dataclasses.fields(Span))
    required = [(each.name, hints[each.name]) for each in fields if each.default is dataclasses.MISSING]
    optional = [
        (each.name, hints[each.name], dataclasses.field(default=each.default))
        for each in fields
        if each.default is not dataclasses.MISSING
    ]
    made = dataclasses.make_dataclass(f"{filters.__name__}Page", [*required, *optional], frozen=True)
    made.__doc__ = filters.__doc__
    return made


def page(
    name: str, wanted: Any, shape: Shape, fetch: Fetch[T], *, read_to: int | None = None, owner: str = ""
) -> Found[T]:
    """One page of the list `name`, whose places are of this `shape`. `read_to` is the block up to which its ledger has
    been read, where places begin with a block; `owner` is whose list it is, where each organisation has its own.

    Raises ``malformed`` (a cursor that is not of this list, its filters and its owner), ``cursor_ahead``.
    """
    binding = _binding(name, wanted, owner)
    if wanted.after is not None and wanted.before is not None:
        raise Problem("malformed", "after: stands beside before", "give one of the two")
    edge = _opened(wanted, binding, shape, read_to)
    newer = wanted.before is not None
    # One more than asked for tells whether there is a next page, without counting the list.
    found = list(fetch(Slice(edge, newer, wanted.limit + 1, wanted.since, wanted.until)))
    more, kept = len(found) > wanted.limit, found[: wanted.limit]
    if newer:
        kept.reverse()
    if not kept:
        return Found([], None, None)
    older, newer_one = _sealed(binding, kept[-1][0]), _sealed(binding, kept[0][0])
    return Found(
        [item for _, item in kept],
        next=older if (newer or more) else None,
        previous=newer_one if (more if newer else edge is not None) else None,
    )


def sliced(
    statement: Select[Any], part: Slice, place: Sequence[ColumnElement[Any]], at: ColumnElement[Any], *, per_s: int = 1
) -> Select[Any]:
    """A statement narrowed to a slice: `place` are the columns of an item's place, `at` its time in 1/`per_s` s."""
    if part.since_s is not None:
        statement = statement.where(at >= part.since_s * per_s)
    if part.until_s is not None:
        statement = statement.where(at < part.until_s * per_s)
    if part.edge is not None:
        columns, edge = tuple_(*place), tuple_(*(literal(value) for value in part.edge))
        statement = statement.where(columns > edge if part.newer else columns < edge)
    return statement.order_by(*(each.asc() if part.newer else each.desc() for each in place)).limit(part.limit)


def placed(rows: Sequence[Row[Any]], place: Sequence[ColumnElement[Any]]) -> list[tuple[Place, Row[Any]]]:
    """Rows with their places."""
    names = [str(cast(Any, column).name) for column in place]
    return [(tuple(getattr(row, name) for name in names), row) for row in rows]


def cut(items: Sequence[tuple[Place, int, T]], part: Slice) -> list[tuple[Place, T]]:
    """A slice of items (place, second, item) that are all at hand."""
    inside = [
        (place, item)
        for place, at_s, item in items
        if (part.since_s is None or at_s >= part.since_s) and (part.until_s is None or at_s < part.until_s)
    ]
    edge = part.edge
    if edge is not None:
        inside = [each for each in inside if (each[0] > edge if part.newer else each[0] < edge)]
    return sorted(inside, key=lambda each: each[0], reverse=not part.newer)[: part.limit]


def _binding(name: str, wanted: Any, owner: str) -> str:
    stated = cast(Json, vars(wanted))
    filters = {key: value for key, value in stated.items() if key not in ("limit", "after", "before")}
    return hashlib.sha256(canonical_json([name, filters, owner])).hexdigest()[:16]


def _sealed(binding: str, place: Place) -> str:
    return base64.urlsafe_b64encode(canonical_json([binding, *place])).decode().rstrip("=")


def _opened(wanted: Any, binding: str, shape: Shape, read_to: int | None) -> Place | None:
    name = "before" if wanted.before is not None else "after"
    text = getattr(wanted, name)
    if text is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        told, *place = cast("list[Any]", json.loads(raw))
        # Made again and compared: base64 has several spellings of one text, and a cursor has one.
        ours = told == binding and _is_place(place, shape) and _sealed(binding, tuple(place)) == text
    except (EvidenceError, ValueError, TypeError, RecursionError) as error:
        raise _not_ours(name) from error
    if not ours:
        raise _not_ours(name)
    if read_to is not None and place[0] > read_to:
        raise Problem(
            "cursor_ahead",
            f"{name}: the cursor is of block {place[0]}, and this node has read its ledger to block {read_to}",
            "ask again later, or begin without a cursor; GET /v1/status says how far the node is",
        )
    return tuple(place)


def _is_place(place: Sequence[Any], shape: Shape) -> bool:
    """Whether these values are of the shape: anybody can write any JSON into a cursor, and the database compares it."""
    alike = len(place) == len(shape) and all(type(value) is kind for value, kind in zip(place, shape, strict=True))
    return alike and all(0 <= value <= WHOLE_MAX for value in place if isinstance(value, int))


def _not_ours(name: str) -> Problem:
    hint = "pass the `next` or `previous` of a page of this list, with the same filters"
    return Problem("malformed", f"{name}: is no cursor of this list with these filters", hint)
