# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of slots."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.sync.core import Routes


class SlotsRoutes(Routes):
    """Routes of slots; part of `Client`."""

    def register_slot(
        self,
        *,
        slot_id: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Register Slot.

        `POST /v1/slots`

        Args:
            slot_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.

        Example:
            >>> done = node.register_slot(slot_id="91310115MA3WUX3W6R/BIN-16", wait_s=10)
        """
        return self._order("/v1/slots", {"slot_id": slot_id}, wait_s, raise_on_failure, idempotency_key)

    def list_slots(self, *, after: str | None = None, limit: int | None = None) -> Page[Json]:
        """List Slots.

        `GET /v1/slots`

        Args:
            after: at most 64 characters.
            limit: from 1 to 500, 100 if not given.

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
