# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of facilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from wuxin_client.models import (
    Facility,
    FacilityTransaction,
    Movement,
    ReasonProgress,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class FacilitiesRoutes(Routes):
    """Routes of facilities; part of `Client`."""

    def list_facilities(
        self,
        *,
        status: Literal["proposed", "active", "closing", "closed"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Facility]:
        """List facilities.

        Members of the lending circle only.

        `GET /v1/facilities`

        Args:
            status: Only those of this status. One of `proposed`, `active`, `closing`, `closed`.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_facilities()
        """
        return self._page(
            Facility,
            "/v1/facilities",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_facilities(
        self,
        *,
        status: Literal["proposed", "active", "closing", "closed"] | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Facility]:
        """Goes through all pages of `list_facilities`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Facility,
            "/v1/facilities",
            {"status": status, "limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def get_facility(self, facility_id: str) -> Facility:
        """One facility, with its debt as of today.

        Members of the lending circle only.

        `GET /v1/facilities/{facility_id}`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = node.get_facility("facility-1")
        """
        return self._ask(Facility, f"/v1/facilities/{segment(facility_id)}", {})

    def list_movements(
        self,
        facility_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[Movement]:
        """List draws and repayments.

        Members of the lending circle only.

        `GET /v1/facilities/{facility_id}/movements`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            NotFound: `not_found`.
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_movements("facility-1")
        """
        return self._page(
            Movement,
            f"/v1/facilities/{segment(facility_id)}/movements",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_movements(
        self,
        facility_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Movement]:
        """Goes through all pages of `list_movements`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Movement,
            f"/v1/facilities/{segment(facility_id)}/movements",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def list_facility_transactions(
        self,
        facility_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[FacilityTransaction]:
        """List what was mined about a facility, and your own refused commands.

        Members of the lending circle only.

        `GET /v1/facilities/{facility_id}/transactions`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            NotFound: `not_found`.
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_facility_transactions("facility-1")
        """
        return self._page(
            FacilityTransaction,
            f"/v1/facilities/{segment(facility_id)}/transactions",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_facility_transactions(
        self,
        facility_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[FacilityTransaction]:
        """Goes through all pages of `list_facility_transactions`, whose arguments these are; `limit` is for one
        page.
        """
        return self._every(
            FacilityTransaction,
            f"/v1/facilities/{segment(facility_id)}/transactions",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def list_reasons(
        self,
        facility_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[ReasonProgress]:
        """List why a facility is or was frozen, and how far the undoing is.

        Members of the lending circle only.

        `GET /v1/facilities/{facility_id}/reasons`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            NotFound: `not_found`.
            Conflict: `cursor_ahead`.

        Example:
            >>> page = node.list_reasons("facility-1")
        """
        return self._page(
            ReasonProgress,
            f"/v1/facilities/{segment(facility_id)}/reasons",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )

    def iter_reasons(
        self,
        facility_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[ReasonProgress]:
        """Goes through all pages of `list_reasons`, whose arguments these are; `limit` is for one page."""
        return self._every(
            ReasonProgress,
            f"/v1/facilities/{segment(facility_id)}/reasons",
            {"limit": limit, "after": after, "before": before, "since": since, "until": until},
        )
