# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of events."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.models import (
    Event,
    EventDetail,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class EventsRoutes(Routes):
    """Routes of events; part of `Client`."""

    def list_events(
        self, *, limit: int | None = None, after: str | None = None, wait: int | None = None
    ) -> Page[Event]:
        """The events after a cursor, oldest first.

        `GET /v1/events`

        Args:
            limit: The most items of an answer. From 1 to 500, 100 if not given.
            after: The cursor of an earlier answer; without it, from the beginning. At most 200 characters.
            wait: Hold an empty answer for so long at most. Unit: s. From 0 to 30, 0 if not given.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_events()
        """
        return self._page(Event, "/v1/events", {"limit": limit, "after": after, "wait": wait})

    def iter_events(self, *, limit: int | None = None, after: str | None = None) -> Iterator[Event]:
        """Goes through all pages of `list_events`, whose arguments these are; `limit` is for one page."""
        return self._every(Event, "/v1/events", {"limit": limit, "after": after})

    def get_event(self, event_id: str) -> EventDetail:
        """One event, its hash, and who acknowledged it.

        `GET /v1/events/{event_id}`

        Args:
            event_id: The event. At most 64 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = node.get_event("e1:44.2")
        """
        return self._ask(EventDetail, f"/v1/events/{segment(event_id)}", {})
