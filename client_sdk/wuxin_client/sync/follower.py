# Derived from its twin in `aio` by `python -m tests.client.generate`: change that one.
"""Follows the event log and keeps the place of the reader: at least once, in order, none skipped.

load the place ─▶ ask for the events after it ─▶ hand one out ─▶ handled ─▶ save the place ─▶ the next one
                   ▲        │ Unavailable: pause, twice as long each time          │ none left
                   └────────┴──────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from wuxin_client.errors import Unavailable, Unreadable
from wuxin_client.models import Event
from wuxin_client.places import Place, after_event
from wuxin_client.records import Page
from wuxin_client.sync.sender import Pace

PAUSE_S = 0.1
"""Before a node that did not answer is asked again; each further pause is twice as long."""
PAUSE_S_MAX = 30.0


class EventSource(Protocol):
    """A client, as far as following the events needs one."""

    def list_events(self, *, after: str | None = None, wait: int | None = None) -> Page[Event]:
        """Gives the events after a cursor."""
        ...


def follow(source: EventSource, place: Place, pace: Pace, wait_s: int) -> Iterator[Event]:
    """Yields events for ever; see `Client.follow_events`."""
    cursor = place.load()
    pause_s = PAUSE_S
    while True:
        asked_s = pace.monotonic()
        try:
            page = source.list_events(after=cursor, wait=wait_s)
        except Unreadable:
            raise
        except Unavailable:
            pace.sleep(pause_s)
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
            pace.sleep(PAUSE_S)
