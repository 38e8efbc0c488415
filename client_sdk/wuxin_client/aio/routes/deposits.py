# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of deposits."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.records import Json
from wuxin_client.requests import segment


class AsyncDepositsRoutes(AsyncRoutes):
    """Routes of deposits; part of `AsyncClient`."""

    async def get_deposits(self, organisation: str) -> Json:
        """Asked of the chain: balance, whether it is listed, and what its facilities may still take.

        `GET /v1/deposits/{organisation}`

        Args:
            organisation: str.
        """
        return await self._ask(Json, f"/v1/deposits/{segment(organisation)}", {})
