# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of anchors."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.models import (
    Anchor,
)
from wuxin_client.records import Page
from wuxin_client.sync.core import Routes


class AnchorsRoutes(Routes):
    """Routes of anchors; part of `Client`."""

    def list_anchors(
        self,
        *,
        origin: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Anchor]:
        """List anchored checkpoints; of each log the longest is the newest.

        `GET /v1/anchors`

        Args:
            origin: Only those of this log. At most 200 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_anchors()
        """
        return self._page(
            Anchor,
            "/v1/anchors",
            {"origin": origin, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_anchors(
        self,
        *,
        origin: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Anchor]:
        """Goes through all pages of `list_anchors`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Anchor,
            "/v1/anchors",
            {"origin": origin, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )
