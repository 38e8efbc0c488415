"""Events: everything both ledgers said, in the order of each, once per subscriber and never skipped.

    id       f:<block>.<tx>.<n> (facts), <chain>:<block>.<log> (obligations)
    cursor   one id per ledger, joined: f:120.3.0~e1:44.2; a ledger that is left out starts at its beginning

A cursor is where its reader is, so the log needs no memory of readers: asking with the same cursor gives the same
events. What a reader has acknowledged stands on the ledger of facts (``acknowledge_notice``), with the SHA-256 of
what it was shown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from chaincode.statements.notices import EVENT_ID
from node.gate.problems import Problem
from node.projection import tables
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.records import missing
from wuxin_evidence.encoding.canonical import canonical_json

EVENT_ID_PATTERN = re.compile(EVENT_ID.pattern or "", re.ASCII)
CURSOR_CHARS_MAX = 200
LEDGERS_MAX = 8

Json = dict[str, Any]
Place = tuple[int, int, int]


@dataclass(frozen=True)
class EventId:
    """An event's place: ledger, block, transaction (or log), and number within the transaction."""

    ledger: str
    place: Place

    def __str__(self) -> str:
        block, place, item = self.place
        return f"{self.ledger}:{block}.{place}" + (f".{item}" if self.ledger == FACTS_LEDGER else "")

    @classmethod
    def parse(cls, text: str, field: str = "event_id") -> EventId:
        """Read the id in a field, in the one spelling that `str` gives it. Raises ``malformed`` naming the field."""
        if EVENT_ID_PATTERN.fullmatch(text) is None:
            hint = "give f:<block>.<tx>.<n> or e1:<block>.<log>, without leading zeros, as an answer has it"
            raise Problem("malformed", f"{field}: {text[:40]!r} is no event id", hint)
        ledger, _, numbers = text.partition(":")
        block, place, item = (*map(int, numbers.split(".")), 0)[:3]
        return cls(ledger, (block, place, item))


def parse_cursor(text: str | None) -> dict[str, Place]:
    """Read the place per ledger of the cursor `after`; empty for none. Raises ``malformed``."""
    if not text:
        return {}
    parts = text.split("~") if len(text) <= CURSOR_CHARS_MAX else []
    ids = [EventId.parse(part, "after") for part in parts]
    if not 0 < len(ids) <= LEDGERS_MAX or len({each.ledger for each in ids}) != len(ids):
        raise Problem("malformed", "after: is not one event id per ledger", "pass the cursor of an earlier answer")
    return {each.ledger: each.place for each in ids}


def format_cursor(places: Mapping[str, Place]) -> str:
    """Facts first, then the chains by name."""
    ledgers = sorted(places, key=lambda name: (name != FACTS_LEDGER, name))
    return "~".join(str(EventId(ledger, places[ledger])) for ledger in ledgers)


def read(
    connection: Connection, after: Mapping[str, Place], ledgers: Sequence[str], limit: int
) -> tuple[list[Row[Any]], dict[str, Place]]:
    """The next events of these ledgers, and the cursor after them.

    Between ledgers the order is by time where that keeps each ledger's own order; nobody may rely on it.
    """
    queues = [_next(connection, ledger, after.get(ledger), limit) for ledger in ledgers]
    events = _merge(queues, limit)
    places = dict(after)
    for row in events:
        places[row.ledger] = (row.block, row.place, row.item)
    return events, places


def find(connection: Connection, event_id: EventId) -> Row[Any]:
    """One event. Raises ``not_found``."""
    table = tables.event
    row = connection.execute(
        select(table).where(
            table.c.ledger == event_id.ledger,
            table.c.block == event_id.place[0],
            table.c.place == event_id.place[1],
            table.c.item == event_id.place[2],
        )
    ).first()
    if row is None:
        raise missing("event", str(event_id))
    return row


def show(row: Row[Any], subjects: Mapping[str, tuple[str, str]]) -> Json:
    """An event as the API shows it; a chain's hashes become the ids that the facts know them by."""
    kind, ident = row.subject_kind, row.subject_id
    if row.ledger != FACTS_LEDGER and kind in ("facility", "subject"):
        kind, ident = subjects.get(ident.removeprefix("0x"), (kind, ident))
    return {
        "id": str(EventId(row.ledger, (row.block, row.place, row.item))),
        "ledger": "facts" if row.ledger == FACTS_LEDGER else row.ledger,
        "type": row.type,
        "subject_kind": kind,
        "subject_id": ident,
        "at_s": row.at_s,
        "tx_id": row.tx_id,
        "body": row.body,
    }


def names_of(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[str, str]]:
    """What the facts call the subjects of a chain's events."""
    wanted = {row.subject_id.removeprefix("0x") for row in rows if row.ledger != FACTS_LEDGER}
    if not wanted:
        return {}
    table = tables.subject_name
    found = connection.execute(select(table).where(table.c.subject.in_(sorted(wanted)))).all()
    return {row.subject: (row.kind, row.ident) for row in found}


def content_hash(row: Row[Any]) -> str:
    """SHA-256 over the canonical JSON of what the ledger said: id, type, subject, time, transaction, body."""
    content = {
        "id": str(EventId(row.ledger, (row.block, row.place, row.item))),
        "type": row.type,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "at_s": row.at_s,
        "tx_id": row.tx_id,
        "body": row.body,
    }
    return hashlib.sha256(canonical_json(content)).hexdigest()


def acknowledgements(connection: Connection, event_id: EventId) -> list[Json]:
    """Who acknowledged an event on the ledger of facts, and whether what it saw is what the ledger said."""
    table = tables.notice_ack
    rows = connection.execute(
        select(table).where(table.c.event_id == str(event_id)).order_by(table.c.organisation)
    ).all()
    return [
        {
            "organisation": row.organisation,
            "at_s": row.record["created_at_s"],
            "tx_id": row.tx_id,
            "content_hash": row.record["content_hash"],
        }
        for row in rows
    ]


def _next(connection: Connection, ledger: str, after: Place | None, limit: int) -> list[Row[Any]]:
    table = tables.event
    order = (table.c.block, table.c.place, table.c.item)
    statement = select(table).where(table.c.ledger == ledger).order_by(*order).limit(limit)
    if after is not None:
        statement = statement.where(tuple_(*order) > after)
    return list(connection.execute(statement).all())


def _merge(queues: Sequence[list[Row[Any]]], limit: int) -> list[Row[Any]]:
    heads = [0] * len(queues)
    merged: list[Row[Any]] = []
    while len(merged) < limit:
        ready = [number for number, queue in enumerate(queues) if heads[number] < len(queue)]
        if not ready:
            break
        first = min(ready, key=lambda number: (queues[number][heads[number]].at_s, number))
        merged.append(queues[first][heads[first]])
        heads[first] += 1
    return merged
