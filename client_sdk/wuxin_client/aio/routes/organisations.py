# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of organisations."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    OrganisationView,
)
from wuxin_client.records import Page


class AsyncOrganisationsRoutes(AsyncRoutes):
    """Routes of organisations; part of `AsyncClient`."""

    async def list_organisations(self) -> Page[OrganisationView]:
        """The consortium file, with addresses on the chains.

        `GET /v1/organisations`

        Example:
            >>> page = await node.list_organisations()
        """
        return await self._page(OrganisationView, "/v1/organisations", {})
