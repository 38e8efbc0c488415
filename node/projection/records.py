"""Records: the newest facts, one by id or a page in the order of ids.

A record is what the chaincode wrote, plus ``block`` and ``tx_id`` of its last change.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Table, select

from node.gate.problems import Problem
from node.stores.databases import Store

Json = dict[str, Any]


def find(store: Store, table: Table, ident: str) -> Json | None:
    """The record under an id, or None."""
    with store.read() as connection:
        row = connection.execute(select(table).where(table.c.id == ident)).first()
    return None if row is None else as_json(row)


def require(store: Store, table: Table, ident: str) -> Json:
    """The record under an id; ``not_found`` names both."""
    record = find(store, table, ident)
    if record is None:
        raise missing(table.name.replace("_", " "), ident)
    return record


def page(store: Store, table: Table, after: str | None, limit: int, filters: dict[str, Any] | None = None) -> Json:
    """{"items": […], "next": the id to ask after, or None when this was the last page}.

    ``filters`` compares columns; a filter of None is not applied.
    """
    statement = select(table).order_by(table.c.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(table.c.id > after)
    for column, value in (filters or {}).items():
        if value is not None:
            statement = statement.where(table.c[column] == value)
    with store.read() as connection:
        rows = connection.execute(statement).all()
    more = len(rows) > limit
    return {"items": [as_json(row) for row in rows[:limit]], "next": rows[limit - 1].id if more else None}


def as_json(row: Row[Any]) -> Json:
    return {**row.record, "block": row.block, "tx_id": row.tx_id}


def missing(what: str, ident: str) -> Problem:
    return Problem(
        "not_found",
        f"there is no {what} {ident!r}",
        "check the id; what was committed a moment ago appears with the next block",
    )
