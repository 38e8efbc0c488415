# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of slots."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Json, Page


class AsyncSlotsRoutes(AsyncRoutes):
    """Routes of slots; part of `AsyncClient`."""

    async def register_slot(
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
            >>> done = await node.register_slot(slot_id="91310115MA3WUX3W6R/BIN-16", wait_s=10)
        """
        return await self._order("/v1/slots", {"slot_id": slot_id}, wait_s, raise_on_failure, idempotency_key)

    async def list_slots(self, *, after: str | None = None, limit: int | None = None) -> Page[Json]:
        """List Slots.

        `GET /v1/slots`

        Args:
            after: at most 64 characters.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_slots()
        """
        return await self._page(Json, "/v1/slots", {"after": after, "limit": limit})

    def iter_slots(self, *, after: str | None = None, limit: int | None = None) -> AsyncIterator[Json]:
        """Goes through all pages of `list_slots`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/slots", {"after": after, "limit": limit})

    async def get_slot(self, *, slot_id: str) -> Json:
        """The slot, and which receipt holds it.

        `GET /v1/slots/by-id`

        Args:
            slot_id: str.
        """
        return await self._ask(Json, "/v1/slots/by-id", {"slot_id": slot_id})
