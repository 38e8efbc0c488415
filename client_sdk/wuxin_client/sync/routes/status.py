# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of status."""

from __future__ import annotations

from wuxin_client.models import (
    Status,
)
from wuxin_client.sync.core import Routes


class StatusRoutes(Routes):
    """Routes of status; part of `Client`."""

    def get_status(self) -> Status:
        """How far the read model and the ledgers are, and what stops the reading.

        `GET /v1/status`

        Example:
            >>> found = node.get_status()
        """
        return self._ask(Status, "/v1/status", {})
