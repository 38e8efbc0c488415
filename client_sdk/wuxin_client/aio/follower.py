"""Follows the event log and keeps the place of the reader: at least once, in order, none skipped.

load the place ─▶ ask for the events after it ─▶ hand one out ─▶ handled ─▶ save the place ─▶ the next one
                   ▲        │ Unavailable: pause, twice as long each time          │ none left
                   └────────┴──────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from wuxin_client.aio.sender import AsyncPace
from wuxin_client.errors import Unavailable, Unreadable
from wuxin_client.models import Event
from wuxin_client.places import Place, after_event
from wuxin_client.records import Page

PAUSE_S = 0.1
"""Before a node that did not answer is asked again; each further pause is twice as long."""
PAUSE_S_MAX = 30.0


class AsyncEventSource(Protocol):
    """A client, as far as following the events needs one."""

    async def list_events(self, *, after: str | None = None, wait: int | None = None) -> Page[Event]:
        """Gives the events after a cursor."""
        ...


async def follow(source: AsyncEventSource, place: Place, pace: AsyncPace, wait_s: int) -> AsyncIterator[Event]:
    """Yields events for ever; see `AsyncClient.follow_events`."""
    cursor = place.load()
    pause_s = PAUSE_S
    while True:
        asked_s = pace.monotonic()
        try:
            page = await source.list_events(after=cursor, wait=wait_s)
        except Unreadable:
            raise
        except Unavailable:
            await pace.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)
            continue
        pause_s = PAUSE_S
        before = cursor
        for event in page.items:
            moved = after_event(cursor, event.id)
            if moved is not None:
                yield event
                place.save(moved)
                cursor = moved
        # A node that does not hold a request until there is an event is not asked in a tight circle.
        if cursor == before and pace.monotonic() - asked_s < PAUSE_S:
            await pace.sleep(PAUSE_S)
