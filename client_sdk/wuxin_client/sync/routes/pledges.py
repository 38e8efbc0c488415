# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of pledges."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class PledgesRoutes(Routes):
    """Routes of pledges; part of `Client`."""

    def list_pledges(
        self,
        *,
        after: str | None = None,
        status: str | None = None,
        receipt_id: str | None = None,
        limit: int | None = None,
    ) -> Page[Json]:
        """List Pledges.

        `GET /v1/pledges`

        Args:
            after: str | None.
            status: str | None.
            receipt_id: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_pledges()
        """
        return self._page(
            Json, "/v1/pledges", {"after": after, "status": status, "receipt_id": receipt_id, "limit": limit}
        )

    def iter_pledges(
        self,
        *,
        after: str | None = None,
        status: str | None = None,
        receipt_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Goes through all pages of `list_pledges`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Json, "/v1/pledges", {"after": after, "status": status, "receipt_id": receipt_id, "limit": limit}
        )

    def get_pledge(self, pledge_id: str) -> Json:
        """Get Pledge.

        `GET /v1/pledges/{pledge_id}`

        Args:
            pledge_id: str.
        """
        return self._ask(Json, f"/v1/pledges/{segment(pledge_id)}", {})
