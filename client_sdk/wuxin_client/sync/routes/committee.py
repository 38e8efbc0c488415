# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of committee."""

from __future__ import annotations

from wuxin_client.models import (
    Committees,
)
from wuxin_client.sync.core import Routes


class CommitteeRoutes(Routes):
    """Routes of committee; part of `Client`."""

    def get_committee(self) -> Committees:
        """The oracle committee in force; apart from it `previous` and `next`, or null.

        `GET /v1/committee`

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = node.get_committee()
        """
        return self._ask(Committees, "/v1/committee", {})
