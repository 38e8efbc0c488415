# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of devices."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class DevicesRoutes(Routes):
    """Routes of devices; part of `Client`."""

    def list_devices(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Devices.

        `GET /v1/devices`

        Args:
            after: str | None.
            status: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_devices()
        """
        return self._page(Json, "/v1/devices", {"after": after, "status": status, "limit": limit})

    def iter_devices(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Goes through all pages of `list_devices`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/devices", {"after": after, "status": status, "limit": limit})

    def get_device(self, device_id: str) -> Json:
        """Get Device.

        `GET /v1/devices/{device_id}`

        Args:
            device_id: str.
        """
        return self._ask(Json, f"/v1/devices/{segment(device_id)}", {})

    def list_oracle_devices(self, *, after: str | None = None, limit: int | None = None) -> Page[Json]:
        """What an oracle member needs to admit packs: key, suite and status of each device, and what it is bound to.

        `GET /v1/oracle/devices`

        Args:
            after: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_oracle_devices()
        """
        return self._page(Json, "/v1/oracle/devices", {"after": after, "limit": limit})

    def iter_oracle_devices(self, *, after: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """Goes through all pages of `list_oracle_devices`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/oracle/devices", {"after": after, "limit": limit})
