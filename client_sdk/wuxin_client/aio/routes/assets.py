# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of assets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Asset,
    AssetEvent,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment


class AsyncAssetsRoutes(AsyncRoutes):
    """Routes of assets; part of `AsyncClient`."""

    async def list_assets(
        self,
        *,
        status: Literal["temporary", "formal", "active", "scrapped"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Asset]:
        """List assets.

        `GET /v1/assets`

        Args:
            status: Only those of this status. One of `temporary`, `formal`, `active`, `scrapped`.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = await node.list_assets()
        """
        return await self._page(
            Asset,
            "/v1/assets",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_assets(
        self,
        *,
        status: Literal["temporary", "formal", "active", "scrapped"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> AsyncIterator[Asset]:
        """Goes through all pages of `list_assets`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Asset,
            "/v1/assets",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    async def list_asset_events(
        self,
        asset_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[AssetEvent]:
        """List the life events of an asset.

        `GET /v1/assets/{asset_id}/events`

        Args:
            asset_id: The asset. At most 128 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            NotFound: `not_found`.
            Conflict: `cursor_ahead`.

        Example:
            >>> page = await node.list_asset_events("turbine-7")
        """
        return await self._page(
            AssetEvent,
            f"/v1/assets/{segment(asset_id)}/events",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_asset_events(
        self,
        asset_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> AsyncIterator[AssetEvent]:
        """Goes through all pages of `list_asset_events`, whose arguments these are; `limit` is for one page."""
        return self._every(
            AssetEvent,
            f"/v1/assets/{segment(asset_id)}/events",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    async def get_asset(self, asset_id: str) -> Asset:
        """One asset.

        `GET /v1/assets/{asset_id}`

        Args:
            asset_id: The asset. At most 128 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_asset("turbine-7")
        """
        return await self._ask(Asset, f"/v1/assets/{segment(asset_id)}", {})
