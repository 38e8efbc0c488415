# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of attestations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class AttestationsRoutes(Routes):
    """Routes of attestations; part of `Client`."""

    def list_attestations(
        self,
        *,
        subject: str | None = None,
        subject_kind: Literal["slot", "pledge", "commodity"] | None = None,
        subject_id: str | None = None,
        kind: int | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[Json]:
        """What the facts recorded, by subject, kind and sequence.

        `GET /v1/attestations`

        Args:
            subject: str | None.
            subject_kind: Literal['slot', 'pledge', 'commodity'] | None.
            subject_id: str | None.
            kind: From 0 to 3.
            after: str | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_attestations()
        """
        return self._page(
            Json,
            "/v1/attestations",
            {
                "subject": subject,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
                "kind": kind,
                "after": after,
                "limit": limit,
            },
        )

    def iter_attestations(
        self,
        *,
        subject: str | None = None,
        subject_kind: Literal["slot", "pledge", "commodity"] | None = None,
        subject_id: str | None = None,
        kind: int | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Goes through all pages of `list_attestations`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Json,
            "/v1/attestations",
            {
                "subject": subject,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
                "kind": kind,
                "after": after,
                "limit": limit,
            },
        )

    def get_attestation(self, digest: str) -> Json:
        """One attestation by its digest, with where each ledger took it.

        `GET /v1/attestations/{digest}`

        Args:
            digest: str.
        """
        return self._ask(Json, f"/v1/attestations/{segment(digest)}", {})
