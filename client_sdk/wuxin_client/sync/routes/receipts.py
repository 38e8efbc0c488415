# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of receipts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from wuxin_client.models import (
    Receipt,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class ReceiptsRoutes(Routes):
    """Routes of receipts; part of `Client`."""

    def list_receipts(
        self,
        *,
        status: Literal["active", "cancelled", "delivered"] | None = None,
        owner: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Receipt]:
        """List receipts.

        `GET /v1/receipts`

        Args:
            status: Only those of this status. One of `active`, `cancelled`, `delivered`.
            owner: Only those of this owner. At most 32 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_receipts()
        """
        return self._page(
            Receipt,
            "/v1/receipts",
            {
                "status": status,
                "owner": owner,
                "limit": limit,
                "after": after,
                "before": before,
                "since": since,
                "until": until,
            },
        )

    def iter_receipts(
        self,
        *,
        status: Literal["active", "cancelled", "delivered"] | None = None,
        owner: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Receipt]:
        """Goes through all pages of `list_receipts`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Receipt,
            "/v1/receipts",
            {
                "status": status,
                "owner": owner,
                "limit": limit,
                "after": after,
                "before": before,
                "since": since,
                "until": until,
            },
        )

    def get_receipt(self, receipt_id: str) -> Receipt:
        """One receipt, with its lien.

        `GET /v1/receipts/{receipt_id}`

        Args:
            receipt_id: The receipt. At most 128 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = node.get_receipt("receipt-1")
        """
        return self._ask(Receipt, f"/v1/receipts/{segment(receipt_id)}", {})
