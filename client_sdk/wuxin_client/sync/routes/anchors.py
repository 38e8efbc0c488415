# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of anchors."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.records import Json, Page
from wuxin_client.sync.core import Routes


class AnchorsRoutes(Routes):
    """Routes of anchors; part of `Client`."""

    def list_anchors(
        self, *, origin: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """Anchored checkpoints, of each log the longest first; `next` leads to shorter ones.

        `GET /v1/anchors`

        Args:
            origin: str | None.
            after: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_anchors()
        """
        return self._page(Json, "/v1/anchors", {"origin": origin, "after": after, "limit": limit})

    def iter_anchors(
        self, *, origin: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Goes through all pages of `list_anchors`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/anchors", {"origin": origin, "after": after, "limit": limit})
