# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of committee."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Committees,
)


class AsyncCommitteeRoutes(AsyncRoutes):
    """Routes of committee; part of `AsyncClient`."""

    async def get_committee(self) -> Committees:
        """The oracle committee in force; apart from it `previous` and `next`, or null.

        `GET /v1/committee`

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_committee()
        """
        return await self._ask(Committees, "/v1/committee", {})
