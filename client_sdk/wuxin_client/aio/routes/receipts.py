# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of receipts."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment


class AsyncReceiptsRoutes(AsyncRoutes):
    """Routes of receipts; part of `AsyncClient`."""

    async def list_receipts(
        self, *, after: str | None = None, status: str | None = None, owner: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Receipts.

        `GET /v1/receipts`

        Args:
            after: str | None.
            status: str | None.
            owner: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_receipts()
        """
        return await self._page(
            Json, "/v1/receipts", {"after": after, "status": status, "owner": owner, "limit": limit}
        )

    def iter_receipts(
        self, *, after: str | None = None, status: str | None = None, owner: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Json]:
        """Goes through all pages of `list_receipts`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/receipts", {"after": after, "status": status, "owner": owner, "limit": limit})

    async def get_receipt(self, receipt_id: str) -> Json:
        """Get Receipt.

        `GET /v1/receipts/{receipt_id}`

        Args:
            receipt_id: str.
        """
        return await self._ask(Json, f"/v1/receipts/{segment(receipt_id)}", {})
