# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of devices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Device,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment


class AsyncDevicesRoutes(AsyncRoutes):
    """Routes of devices; part of `AsyncClient`."""

    async def list_devices(
        self,
        *,
        status: Literal["registered", "active", "suspended", "retired"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Device]:
        """List devices.

        `GET /v1/devices`

        Args:
            status: Only those of this status. One of `registered`, `active`, `suspended`, `retired`.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = await node.list_devices()
        """
        return await self._page(
            Device,
            "/v1/devices",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_devices(
        self,
        *,
        status: Literal["registered", "active", "suspended", "retired"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> AsyncIterator[Device]:
        """Goes through all pages of `list_devices`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Device,
            "/v1/devices",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    async def get_device(self, device_id: str) -> Device:
        """One device.

        `GET /v1/devices/{device_id}`

        Args:
            device_id: The device. At most 64 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_device("scale-16")
        """
        return await self._ask(Device, f"/v1/devices/{segment(device_id)}", {})
