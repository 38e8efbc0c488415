# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of deposits."""

from __future__ import annotations

from wuxin_client.records import Json
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class DepositsRoutes(Routes):
    """Routes of deposits; part of `Client`."""

    def get_deposits(self, organisation: str) -> Json:
        """Asked of the chain: balance, whether it is listed, and what its facilities may still take.

        `GET /v1/deposits/{organisation}`

        Args:
            organisation: str.
        """
        return self._ask(Json, f"/v1/deposits/{segment(organisation)}", {})
