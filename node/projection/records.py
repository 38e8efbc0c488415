"""Records: the newest facts, by id.

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


def as_json(row: Row[Any]) -> Json:
    """Give a record as it is answered: with the block and transaction of its last change."""
    return {**row.record, "block": row.block, "tx_id": row.tx_id}


def missing(what: str, ident: str) -> Problem:
    """Make the problem `not_found` for a record."""
    return Problem(
        "not_found",
        f"there is no {what} {ident!r}",
        "check the id; what was committed a moment ago appears with the next block",
    )
