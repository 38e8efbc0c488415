# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of oracle."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.models import (
    OracleDevice,
)
from wuxin_client.records import Page
from wuxin_client.sync.core import Routes


class OracleRoutes(Routes):
    """Routes of oracle; part of `Client`."""

    def list_oracle_devices(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[OracleDevice]:
        """List what a member needs to admit packs.

        `GET /v1/oracle/devices`

        Args:
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_oracle_devices()
        """
        return self._page(
            OracleDevice,
            "/v1/oracle/devices",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_oracle_devices(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[OracleDevice]:
        """Goes through all pages of `list_oracle_devices`, whose arguments these are; `limit` is for one page."""
        return self._every(
            OracleDevice,
            "/v1/oracle/devices",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )
