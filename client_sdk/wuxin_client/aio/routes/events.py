# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Event,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment


class AsyncEventsRoutes(AsyncRoutes):
    """Routes of events; part of `AsyncClient`."""

    async def list_events(
        self, *, after: str | None = None, wait: float | None = None, limit: int | None = None
    ) -> Page[Event]:
        """The events after a cursor.

        `wait` holds an empty answer for so many seconds until there is an event.

        `GET /v1/events`

        Args:
            after: At most 200 characters.
            wait: From 0 to 30, 0 if not given.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_events()
        """
        return await self._page(Event, "/v1/events", {"after": after, "wait": wait, "limit": limit})

    def iter_events(self, *, after: str | None = None, limit: int | None = None) -> AsyncIterator[Event]:
        """Goes through all pages of `list_events`, whose arguments these are; `limit` is for one page."""
        return self._every(Event, "/v1/events", {"after": after, "limit": limit})

    async def get_event(self, event_id: str) -> Event:
        """One event, the hash of its content, and who has acknowledged it.

        `GET /v1/events/{event_id}`

        Args:
            event_id: str.
        """
        return await self._ask(Event, f"/v1/events/{segment(event_id)}", {})
