"""The event log: pull with a cursor, wait for the next, acknowledge on the ledger."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

from starlette.responses import JSONResponse

from chaincode.contract import FUNCTIONS
from chaincode.statements.notices import EventId
from chaincode.world.bounds import Described, Text, Whole
from node.api import answers
from node.api.listing import LIMIT_DEFAULT, LIMIT_MAX
from node.api.operation import PREFIX, Call, Operation
from node.api.reading import Json, reading
from node.api.sending import submit_fact
from node.gate import access
from node.gate.problems import Problem
from node.projection import events
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.records import missing

WAIT_S_MAX = 30
EventIdText = Annotated[EventId, Described("The event.", example="e1:44.2")]


@dataclass(frozen=True)
class EventsWanted:
    """Events, oldest first, after a cursor."""

    limit: Annotated[int, Whole(1, LIMIT_MAX), Described("The most items of an answer.", example=LIMIT_DEFAULT)] = (
        LIMIT_DEFAULT
    )
    after: Annotated[
        Annotated[str, Text(1, events.CURSOR_CHARS_MAX)] | None,
        Described("The cursor of an earlier answer; without it, from the beginning.", example="f:120.3.0~e1:44.2"),
    ] = None
    wait: Annotated[
        int, Whole(0, WAIT_S_MAX), Described("Hold an empty answer for so long at most.", example=20, unit="s")
    ] = 0


@dataclass(frozen=True)
class EventWanted:
    """An event."""

    event_id: EventIdText


@dataclass(frozen=True)
class AcknowledgeEvent:
    """An event that the caller has received."""

    event_id: EventIdText


async def _list(call: Call, wanted: EventsWanted, _: None) -> Json:
    """The next events; held while there are none, for as long as the caller waits."""
    # Asked again at every move of a ledger: an index lookup costs less than keeping who waits for what.
    places = events.parse_cursor(wanted.after)
    _require_read(call, places)
    until = time.monotonic() + wanted.wait
    while True:
        answer = await asyncio.to_thread(_page, call, places, wanted.limit)
        left = until - time.monotonic()
        if answer["items"] or left <= 0:
            return answer
        await call.node.position.moved(min(left, 1.0))


def _get(call: Call, wanted: EventWanted) -> Json:
    event_id = events.EventId.parse(wanted.event_id)
    _require_readable(call, event_id)
    with call.node.read_model.read() as connection:
        row = events.find(connection, event_id)
        shown = events.show(row, events.names_of(connection, [row]))
        acknowledged = events.acknowledgements(connection, event_id)
    return {**shown, "content_hash": events.content_hash(row), "acknowledgements": acknowledged}


async def _acknowledge(call: Call, wanted: AcknowledgeEvent, _: None) -> JSONResponse:
    """What is acknowledged is the content as this node read it: its hash goes to the ledger."""
    event_id = events.EventId.parse(wanted.event_id)
    _require_readable(call, event_id)

    def content_hash() -> str:
        with call.node.read_model.read() as connection:
            return events.content_hash(events.find(connection, event_id))

    arguments = {"event_id": wanted.event_id, "content_hash": await asyncio.to_thread(content_hash)}
    return await submit_fact(call, "acknowledge_notice", wanted.event_id, arguments)


def _page(call: Call, places: dict[str, events.Place], limit: int) -> Json:
    with call.node.read_model.read() as connection:
        rows, cursor = events.read(connection, places, _ledgers(call), limit)
        subjects = events.names_of(connection, rows)
    return {"items": [events.show(row, subjects) for row in rows], "cursor": events.format_cursor(cursor)}


def _ledgers(call: Call) -> list[str]:
    own = call.node.act_as(call.principal)
    return [FACTS_LEDGER, own.chain.name] if own.in_circle else [FACTS_LEDGER]


def _require_readable(call: Call, event_id: events.EventId) -> None:
    if event_id.ledger not in _ledgers(call):
        raise missing("event", str(event_id))


def _require_read(call: Call, places: dict[str, events.Place]) -> None:
    """Refuse a cursor of a ledger that the caller does not read, or of a block that this node has not read yet."""
    ledgers = _ledgers(call)
    for ledger, place in places.items():
        if ledger not in ledgers:
            raise Problem("malformed", f"after: names the ledger {ledger}", f"ledgers here are {', '.join(ledgers)}")
        read_to = call.node.position.at(ledger)[0]
        if place[0] > read_to:
            raise Problem(
                "cursor_ahead",
                f"after: the cursor is of block {place[0]} of {ledger}, and this node has read it to block {read_to}",
                "ask again later; GET /v1/status says how far the node is",
            )


_ACKNOWLEDGING = FUNCTIONS["acknowledge_notice"]

OPERATIONS = [
    Operation(
        name="list_events", method="GET", path=f"{PREFIX}/events", tag="events",
        en="The events after a cursor, oldest first.", zh="列出游标之后的事件。", scopes=frozenset({access.READ}),
        takes=EventsWanted, gives=answers.EventPage, handle=_list, problems=("cursor_ahead",),
    ),
    reading(
        "get_event", "/events/{event_id}", _get, takes=EventWanted, gives=answers.EventDetail, problems=("not_found",),
        en="One event, its hash, and who acknowledged it.", zh="一个事件、其哈希及确认者。",
    ),
    Operation(
        name="acknowledge_event", method="POST", path=f"{PREFIX}/events/acknowledge", tag="events",
        en=_ACKNOWLEDGING.en, zh=_ACKNOWLEDGING.zh, scopes=frozenset({access.ACKNOWLEDGE}),
        roles=_ACKNOWLEDGING.roles, takes=AcknowledgeEvent, gives=answers.CommandAnswer, handle=_acknowledge,
        events=_ACKNOWLEDGING.events, problems=("not_found", *_ACKNOWLEDGING.problems), waits=True,
    ),
]  # fmt: skip
