# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of organisations."""

from __future__ import annotations

from wuxin_client.models import (
    OrganisationView,
)
from wuxin_client.records import Page
from wuxin_client.sync.core import Routes


class OrganisationsRoutes(Routes):
    """Routes of organisations; part of `Client`."""

    def list_organisations(self) -> Page[OrganisationView]:
        """The consortium file, with addresses on the chains.

        `GET /v1/organisations`

        Example:
            >>> page = node.list_organisations()
        """
        return self._page(OrganisationView, "/v1/organisations", {})
