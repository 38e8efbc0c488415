# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of attestations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    AttestationView,
    AttestationWithChain,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment


class AsyncAttestationsRoutes(AsyncRoutes):
    """Routes of attestations; part of `AsyncClient`."""

    async def list_attestations(
        self,
        *,
        subject: str | None = None,
        subject_kind: Literal["slot", "pledge", "commodity"] | None = None,
        subject_id: str | None = None,
        kind: int | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Page[AttestationView]:
        """List what the facts recorded.

        `GET /v1/attestations`

        Args:
            subject: Only those of this subject, by its hash. At most 64 characters.
            subject_kind: With `subject_id`: only those of this subject. One of `slot`, `pledge`, `commodity`.
            subject_id: With `subject_kind`. At most 128 characters.
            kind: Only those of this kind: 0 scheduled, 1 alarm, 2 lien, 3 price. From 0 to 3.
            limit: The most items of a page. From 1 to 500, 100 if not given.
            after: What is older than this cursor, the `next` of a page. At most 1000 characters.
            before: What is newer than this cursor, the `previous` of a page. At most 1000 characters.
            since: Only what was made then or later. Unit: seconds since 1970, UTC. At least 0.
            until: Only what was made before then. Unit: seconds since 1970, UTC. At least 0.

        Raises:
            Conflict: `cursor_ahead`.

        Example:
            >>> page = await node.list_attestations()
        """
        return await self._page(
            AttestationView,
            "/v1/attestations",
            {
                "subject": subject,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
                "kind": kind,
                "limit": limit,
                "after": after,
                "before": before,
                "since": since,
                "until": until,
            },
        )

    def iter_attestations(
        self,
        *,
        subject: str | None = None,
        subject_kind: Literal["slot", "pledge", "commodity"] | None = None,
        subject_id: str | None = None,
        kind: int | None = None,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> AsyncIterator[AttestationView]:
        """Goes through all pages of `list_attestations`, whose arguments these are; `limit` is for one page."""
        return self._every(
            AttestationView,
            "/v1/attestations",
            {
                "subject": subject,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
                "kind": kind,
                "limit": limit,
                "after": after,
                "before": before,
                "since": since,
                "until": until,
            },
        )

    async def get_attestation(self, digest: str) -> AttestationWithChain:
        """One attestation, with where each ledger took it.

        `GET /v1/attestations/{digest}`

        Args:
            digest: The digest that members signed. At most 64 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> found = await node.get_attestation("cd" + "cd" * 31)
        """
        return await self._ask(AttestationWithChain, f"/v1/attestations/{segment(digest)}", {})
