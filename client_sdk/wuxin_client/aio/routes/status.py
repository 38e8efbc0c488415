# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of status."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Status,
)


class AsyncStatusRoutes(AsyncRoutes):
    """Routes of status; part of `AsyncClient`."""

    async def get_status(self) -> Status:
        """How far the read model and the ledgers are, and what stops the reading.

        `GET /v1/status`

        Example:
            >>> found = await node.get_status()
        """
        return await self._ask(Status, "/v1/status", {})
