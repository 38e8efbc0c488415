# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of pledges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Pledge,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment


class AsyncPledgesRoutes(AsyncRoutes):
    """Routes of pledges; part of `AsyncClient`."""

    async def list_pledges(
        self,
        *,
        status: Literal["proposed", "active", "released", "lapsed"] | None = None,
        receipt_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Pledge]:
        """List pledges.

        `GET /v1/pledges`

        Args:
            status: Only those of this status. One of `proposed`, `active`, `released`, `lapsed`.
            receipt_id: Only those on this receipt. At most 128 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = await node.list_pledges()
        """
        return await self._page(
            Pledge,
            "/v1/pledges",
            {
                "status": status,
                "receipt_id": receipt_id,
                "limit": limit,
                "after": after,
                "before": before,
                "since": since,
                "until": until,
            },
        )

    def iter_pledges(
        self,
        *,
        status: Literal["proposed", "active", "released", "lapsed"] | None = None,
        receipt_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> AsyncIterator[Pledge]:
        """Goes through all pages of `list_pledges`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Pledge,
            "/v1/pledges",
            {
                "status": status,
                "receipt_id": receipt_id,
                "limit": limit,
                "after": after,
                "before": before,
                "since": since,
                "until": until,
            },
        )

    async def get_pledge(self, pledge_id: str) -> Pledge:
        """One pledge.

        `GET /v1/pledges/{pledge_id}`

        Args:
            pledge_id: The pledge. At most 128 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_pledge("pledge-1")
        """
        return await self._ask(Pledge, f"/v1/pledges/{segment(pledge_id)}", {})
