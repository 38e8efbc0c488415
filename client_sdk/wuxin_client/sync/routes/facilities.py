# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of facilities."""

from __future__ import annotations

from collections.abc import Iterator

from wuxin_client.models import (
    Reason,
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class FacilitiesRoutes(Routes):
    """Routes of facilities; part of `Client`."""

    def list_facilities(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Facilities.

        `GET /v1/facilities`

        Args:
            after: str | None.
            status: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_facilities()
        """
        return self._page(Json, "/v1/facilities", {"after": after, "status": status, "limit": limit})

    def iter_facilities(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Goes through all pages of `list_facilities`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/facilities", {"after": after, "status": status, "limit": limit})

    def get_facility(self, facility_id: str) -> Json:
        """Get Facility.

        `GET /v1/facilities/{facility_id}`

        Args:
            facility_id: str.
        """
        return self._ask(Json, f"/v1/facilities/{segment(facility_id)}", {})

    def list_reasons(self, facility_id: str) -> Page[Reason]:
        """Why it is frozen, or was: each reason with how far its undoing is, asked of the chain where it stands.

        `GET /v1/facilities/{facility_id}/reasons`

        Args:
            facility_id: str.
        """
        return self._page(Reason, f"/v1/facilities/{segment(facility_id)}/reasons", {})

    def list_facility_transactions(self, facility_id: str) -> Page[Transaction]:
        """What was mined about a facility, and this organisation's own refused commands with their code.

        `GET /v1/facilities/{facility_id}/transactions`

        Args:
            facility_id: str.
        """
        return self._page(Transaction, f"/v1/facilities/{segment(facility_id)}/transactions", {})
