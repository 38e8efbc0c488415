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
        """Can it be lent on now, and if not, who has to do what.

        Members of the lending circle only.

        `GET /v1/collateral/{receipt_id}`

        Args:
            receipt_id: The receipt. At most 128 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = node.get_collateral("receipt-1")
        """
        return self._ask(Collateral, f"/v1/collateral/{segment(receipt_id)}", {})
