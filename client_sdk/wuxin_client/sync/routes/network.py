# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of network."""

from __future__ import annotations

from wuxin_client.records import Json, Page
from wuxin_client.sync.core import Routes


class NetworkRoutes(Routes):
    """Routes of network; part of `Client`."""

    def list_organisations(self) -> Page[Json]:
        """The consortium file, with each organisation's EVM address.

        `GET /v1/organisations`

        Example:
            >>> page = node.list_organisations()
        """
        return self._page(Json, "/v1/organisations", {})

    def get_committee(self) -> Json:
        """The oracle committee in force now; apart from it `previous`, which still signs windows that ended before, and
        `next`, which is appointed.

        Each is null where there is none.

        `GET /v1/committee`

        Example:
            >>> found = node.get_committee()
        """
        return self._ask(Json, "/v1/committee", {})

    def get_status(self) -> Json:
        """How far the read model is, how far each ledger is, by what `trouble` it is not being followed, and what waits
        to be delivered.

        `GET /v1/status`

        Example:
            >>> found = node.get_status()
        """
        return self._ask(Json, "/v1/status", {})

    def list_duties(self) -> Page[Json]:
        """The half-done states by name, each with since, next actor and deadline.

        `GET /v1/duties`

        Example:
            >>> page = node.list_duties()
        """
        return self._page(Json, "/v1/duties", {})
