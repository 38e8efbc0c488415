# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of assets."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class AssetsRoutes(Routes):
    """Routes of assets; part of `Client`."""

    def list_assets(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Assets.

        `GET /v1/assets`

        Args:
            after: str | None.
            status: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_assets()
        """
        return self._page(Json, "/v1/assets", {"after": after, "status": status, "limit": limit})

    def iter_assets(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Goes through all pages of `list_assets`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/assets", {"after": after, "status": status, "limit": limit})

    def list_asset_events(self, asset_id: str, *, after: str | None = None, limit: int | None = None) -> Page[Json]:
        """List Asset Events.

        `GET /v1/assets/{asset_id}/events`

        Args:
            asset_id: str.
            after: str | None.
            limit: From 1 to 500, 100 if not given.
        """
        return self._page(Json, f"/v1/assets/{segment(asset_id)}/events", {"after": after, "limit": limit})

    def iter_asset_events(self, asset_id: str, *, after: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """Goes through all pages of `list_asset_events`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, f"/v1/assets/{segment(asset_id)}/events", {"after": after, "limit": limit})

    def get_asset(self, asset_id: str) -> Json:
        """Get Asset.

        `GET /v1/assets/{asset_id}`

        Args:
            asset_id: str.
        """
        return self._ask(Json, f"/v1/assets/{segment(asset_id)}", {})
