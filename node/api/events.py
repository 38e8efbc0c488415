"""The event log: pull with a cursor, wait for the next, acknowledge on the ledger."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from node.api.context import PREFIX, Caller, Here, Limit, Node
from node.api.fields import Body, Json
from node.api.sending import Sends
from node.projection import events
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.records import missing

router = APIRouter(prefix=PREFIX, tags=["events"])

WAIT_S_MAX = 30.0
Cursor = Annotated[str, StringConstraints(max_length=events.CURSOR_CHARS_MAX)]
EventIdText = Annotated[str, StringConstraints(pattern=r"^(f|[a-z][a-z0-9]{1,15}):\d+(\.\d+){1,2}$")]


class AcknowledgeEvent(Body):
    event_id: EventIdText = Field(examples=["e1:44.2"])


@router.get("/events")
async def list_events(
    node: Here,
    caller: Caller,
    limit: Limit,
    after: Cursor | None = None,
    wait: Annotated[float, Query(ge=0, le=WAIT_S_MAX)] = 0,
) -> Json:
    """The events after a cursor. `wait` holds an empty answer for so many seconds until there is an event."""
    places = events.parse_cursor(after)
    until = time.monotonic() + wait
    while True:
        answer = await asyncio.to_thread(_page, node, _ledgers(node, caller.organisation), places, limit)
        left = until - time.monotonic()
        if answer["items"] or left <= 0:
            return answer
        await node.position.moved(min(left, 1.0))


@router.get("/events/{event_id}")
def get_event(node: Here, caller: Caller, event_id: EventIdText) -> Json:
    """One event, the hash of its content, and who has acknowledged it."""
    wanted = events.EventId.parse(event_id)
    _require_readable(node, caller.organisation, wanted)
    with node.read_model.read() as connection:
        row = events.find(connection, wanted)
        shown = events.show(row, events.names_of(connection, [row]))
        acknowledged = events.acknowledgements(connection, wanted)
    return {**shown, "content_hash": events.content_hash(row), "acknowledgements": acknowledged}


@router.post("/events/acknowledge")
async def acknowledge_event(sender: Sends, body: AcknowledgeEvent) -> Response:
    """Say on the ledger of facts that this organisation has received an event, with the hash of its content."""
    wanted = events.EventId.parse(body.event_id)
    _require_readable(sender.node, sender.principal.organisation, wanted)

    def content_hash() -> str:
        with sender.node.read_model.read() as connection:
            return events.content_hash(events.find(connection, wanted))

    arguments = {"event_id": body.event_id, "content_hash": await asyncio.to_thread(content_hash)}
    return await sender.fact("acknowledge_notice", body.event_id, arguments)


def _page(node: Node, ledgers: list[str], places: dict[str, events.Place], limit: int) -> Json:
    with node.read_model.read() as connection:
        rows, cursor = events.read(connection, places, ledgers, limit)
        subjects = events.names_of(connection, rows)
    return {"items": [events.show(row, subjects) for row in rows], "cursor": events.format_cursor(cursor)}


def _ledgers(node: Node, organisation: str) -> list[str]:
    served = node.served[organisation]
    return [FACTS_LEDGER, served.chain.name] if served.in_circle else [FACTS_LEDGER]


def _require_readable(node: Node, organisation: str, event_id: events.EventId) -> None:
    if event_id.ledger not in _ledgers(node, organisation):
        raise missing("event", str(event_id))
