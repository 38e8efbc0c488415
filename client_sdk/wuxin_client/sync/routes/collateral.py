# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of collateral."""

from __future__ import annotations

from wuxin_client.models import (
    Collateral,
)
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class CollateralRoutes(Routes):
    """Routes of collateral; part of `Client`."""

    def get_collateral(self, receipt_id: str) -> Collateral:
        """One answer out of both ledgers; `as_of` says how far each had come.

        `GET /v1/collateral/{receipt_id}`

        Args:
            receipt_id: str.
        """
        return self._ask(Collateral, f"/v1/collateral/{segment(receipt_id)}", {})
