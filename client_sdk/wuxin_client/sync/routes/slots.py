# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of slots."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.models import (
    Slot,
    SlotView,
)
from wuxin_client.records import Page
from wuxin_client.sync.core import Routes


class SlotsRoutes(Routes):
    """Routes of slots; part of `Client`."""

    def list_slots(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Slot]:
        """List slots.

        `GET /v1/slots`

        Args:
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_slots()
        """
        return self._page(
            Slot, "/v1/slots", {"limit": limit, "after": after, "before": before, "since": since, "until": until}
        )

    def iter_slots(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Slot]:
        """Goes through all pages of `list_slots`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Slot, "/v1/slots", {"limit": limit, "after": after, "before": before, "since": since, "until": until}
        )

    def get_slot(self, *, slot_id: str) -> SlotView:
        """One slot, and which receipt holds it.

        `GET /v1/slots/by-id`

        Args:
            slot_id: The slot. At most 51 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = node.get_slot(slot_id="91310115MA3WUX3W6R/BIN-16")
        """
        return self._ask(SlotView, "/v1/slots/by-id", {"slot_id": slot_id})
