# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of deposits."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Deposits,
)
from wuxin_client.requests import segment


class AsyncDepositsRoutes(AsyncRoutes):
    """Routes of deposits; part of `AsyncClient`."""

    async def get_deposits(self, organisation: str) -> Deposits:
        """Balance, allowance, and whether the account is listed.

        Members of the lending circle only.

        `GET /v1/deposits/{organisation}`

        Args:
            organisation: Whose. At most 32 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_deposits("bank")
        """
        return await self._ask(Deposits, f"/v1/deposits/{segment(organisation)}", {})
