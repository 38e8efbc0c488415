# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of slots."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.records import Json, Page
from wuxin_client.sync.core import Routes


class SlotsRoutes(Routes):
    """Routes of slots; part of `Client`."""

    def list_slots(self, *, after: str | None = None, limit: int | None = None) -> Page[Json]:
        """List Slots.

        `GET /v1/slots`

        Args:
            after: At most 64 characters.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_slots()
        """
        return self._page(Json, "/v1/slots", {"after": after, "limit": limit})

    def iter_slots(self, *, after: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """Goes through all pages of `list_slots`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/slots", {"after": after, "limit": limit})

    def get_slot(self, *, slot_id: str) -> Json:
        """The slot, and which receipt holds it.

        `GET /v1/slots/by-id`

        Args:
            slot_id: str.
        """
        return self._ask(Json, "/v1/slots/by-id", {"slot_id": slot_id})
