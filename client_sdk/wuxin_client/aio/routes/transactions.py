# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment


class AsyncTransactionsRoutes(AsyncRoutes):
    """Routes of transactions; part of `AsyncClient`."""

    async def list_transactions(
        self,
        *,
        status: Literal["pending", "committed", "failed", "cancelled"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Transaction]:
        """List your own commands.

        `GET /v1/transactions`

        Args:
            status: Only those of this status. One of `pending`, `committed`, `failed`, `cancelled`.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = await node.list_transactions()
        """
        return await self._page(
            Transaction,
            "/v1/transactions",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_transactions(
        self,
        *,
        status: Literal["pending", "committed", "failed", "cancelled"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> AsyncIterator[Transaction]:
        """Goes through all pages of `list_transactions`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Transaction,
            "/v1/transactions",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    async def get_transaction(self, transaction_id: str, *, wait: int | None = None) -> Transaction:
        """One of your own, by its id or its ledger's.

        `GET /v1/transactions/{transaction_id}`

        Args:
            transaction_id: The transaction, by its own id or by its ledger's. At most 80 characters.
            wait: Hold the answer for so long at most, until it is final. Unit: s. From 0 to 60, 0 if not given.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_transaction("018f2a6c-0000-7000-8000-000000000000")
        """
        return await self._ask(Transaction, f"/v1/transactions/{segment(transaction_id)}", {"wait": wait})
