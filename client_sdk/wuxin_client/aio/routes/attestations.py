# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of attestations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Consistency,
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment


class AsyncAttestationsRoutes(AsyncRoutes):
    """Routes of attestations; part of `AsyncClient`."""

    async def relay_attestation(
        self,
        *,
        attestation: Json,
        subject_kind: Literal["slot", "pledge", "commodity"],
        subject_id: str,
        packs: Sequence[str] | None = None,
        checkpoint: str | None = None,
        inclusion: Json | None = None,
        consistency: Consistency | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Keep the evidence, then deliver: to the obligations first, then to the facts.

        `transactions` lists both, or the second alone for a member that is not in the circle, whose transactions its
        chain does not take.

        `POST /v1/attestations`

        Args:
            attestation: Json.
            subject_kind: One of `slot`, `pledge`, `commodity`.
            subject_id: str.
            packs: at most 2000 items.
            checkpoint: at most 20000 characters.
            inclusion: Json | None.
            consistency: Consistency | None.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            "/v1/attestations",
            {
                "attestation": attestation,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
                "packs": packs,
                "checkpoint": checkpoint,
                "inclusion": inclusion,
                "consistency": consistency,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def list_attestations(
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
            kind: from 0 to 3.
            after: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_attestations()
        """
        return await self._page(
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
    ) -> AsyncIterator[Json]:
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

    async def get_attestation(self, digest: str) -> Json:
        """One attestation by its digest, with where each ledger took it.

        `GET /v1/attestations/{digest}`

        Args:
            digest: str.
        """
        return await self._ask(Json, f"/v1/attestations/{segment(digest)}", {})
