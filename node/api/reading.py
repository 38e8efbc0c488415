"""Reading: single records and lists as operations, and the note in the audit log of what is another's.

reading(…) ─▶ one record        listing(…) ─▶ a page by `node.api.listing`        of_table(…) ─▶ a table of the facts
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, select
from starlette.responses import JSONResponse, Response

from node.api.listing import Place, Slice, page, placed, sliced, with_span
from node.api.operation import PREFIX, Call, Operation, Page, record
from node.api.preferences import has_tag
from node.gate import access
from node.gate.problems import ENGLISH
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.records import as_json, require

Json = dict[str, Any]
Parties = Callable[[Json], Sequence[str | None]]
"""The organisations that a record is about."""


def reading(
    name: str,
    path: str,
    handle: Callable[[Call, Any], Json | Response],
    *,
    takes: type[Any],
    gives: Any,
    en: str,
    zh: str,
    problems: tuple[str, ...] = (),
    of_circle: bool = False,
) -> Operation:
    """An operation that reads one thing; `handle` runs in a thread."""

    async def run(call: Call, wanted: Any, _: None) -> Json | Response:
        return await asyncio.to_thread(handle, call, wanted)

    return Operation(
        name=name,
        method="GET",
        path=PREFIX + path,
        tag=path.split("/")[1],
        en=en,
        zh=zh,
        scopes=frozenset({access.READ}),
        takes=takes,
        gives=gives,
        handle=run,
        problems=problems,
        of_circle=of_circle,
    )


def listing(
    name: str,
    path: str,
    handle: Callable[[Call, Any], Json],
    *,
    filters: type[Any],
    item: Any,
    en: str,
    zh: str,
    problems: tuple[str, ...] = (),
    of_circle: bool = False,
) -> Operation:
    """An operation that reads a page of a list."""
    return reading(
        name,
        path,
        handle,
        takes=with_span(filters),
        gives=Page(item),
        en=en,
        zh=zh,
        problems=("cursor_ahead", *problems),
        of_circle=of_circle,
    )


def of_table(
    name: str,
    path: str,
    table: Table,
    *,
    filters: type[Any],
    item: Any,
    en: str,
    zh: str,
    parties: Parties | None = None,
    show: Callable[[Row[Any]], Json] = as_json,
    narrowed: Callable[[Select[Any], Any], Select[Any]] | None = None,
    of_a: Table | None = None,
) -> Operation:
    """A list of a table of the facts, by when its records were made; a filter is the column of its name, unless
    `narrowed` says otherwise. What the path names is a record `of_a` table; a list of nothing is `not_found`."""

    def handle(call: Call, wanted: Any) -> Json:
        statement = (narrowed or _by_columns(table, filters))(select(table), wanted)
        found = page_of_table(call, name, table, statement, wanted)
        if of_a is not None:
            (ident,) = operation.path_fields
            require(call.node.read_model, of_a, getattr(wanted, ident))
        shown = [show(row) for row in found.items]
        if parties is not None:
            note_page(call, operation, shown, parties)
        return found.as_json(shown)

    problems = () if of_a is None else ("not_found",)
    operation = listing(name, path, handle, filters=filters, item=item, en=en, zh=zh, problems=problems)
    return operation


def page_of_table(call: Call, name: str, table: Table, statement: Select[Any], wanted: Any) -> Any:
    """A page of rows of a table of the facts."""
    place = (table.c.made_block, table.c.made_index, table.c.id)

    def fetch(part: Slice) -> list[tuple[Place, Row[Any]]]:
        with call.node.read_model.read() as connection:
            return placed(connection.execute(sliced(statement, part, place, table.c.made_s)).all(), place)

    return page(name, wanted, (int, int, str), fetch, read_to=facts_read_to(call))


def facts_read_to(call: Call) -> int:
    """The block up to which this node has read the facts."""
    return call.node.position.at(FACTS_LEDGER)[0]


def chain_read_to(call: Call) -> int:
    """The block up to which this node has read the caller's chain."""
    return call.node.position.at(call.node.act_as(call.principal).chain.name)[0]


def with_etag(call: Call, content: Json) -> Response:
    """The content with an ETag of its last change; 304 when the caller has it."""
    tag = f'"{content.get("block")}-{content.get("tx_id", "")[:16]}"'
    headers = {"ETag": tag, "Content-Language": ENGLISH}
    if has_tag(call.request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(content, headers=headers)


def note_read(call: Call, operation: Operation, parties: Sequence[str | None]) -> None:
    """Record in the audit log that an organisation read a record that it is no party to."""
    if call.organisation not in parties:
        detail = "record of " + ", ".join(sorted({each for each in parties if each}))
        record(call.node, call.principal, operation, call.request.url.path, "read", detail)


def note_page(call: Call, operation: Operation, items: Sequence[Json], parties: Parties) -> None:
    """One entry in the audit log when a page holds records that the organisation is no party to."""
    others = [about for about in map(parties, items) if call.organisation not in about]
    if others:
        names = sorted({name for about in others for name in about if name})
        detail = f"{len(others)} records of " + ", ".join(names)
        record(call.node, call.principal, operation, call.request.url.path, "read", detail)


def read_rows(call: Call, statement: Select[Any]) -> Sequence[Row[Any]]:
    """Rows of the read model."""
    with call.node.read_model.read() as connection:
        return connection.execute(statement).all()


def _by_columns(table: Table, filters: type[Any]) -> Callable[[Select[Any], Any], Select[Any]]:
    names = [field.name for field in dataclasses.fields(filters)]

    def narrowed(statement: Select[Any], wanted: Any) -> Select[Any]:
        for name in names:
            value = getattr(wanted, name)
            if value is not None:
                statement = statement.where(table.c[name] == value)
        return statement

    return narrowed
