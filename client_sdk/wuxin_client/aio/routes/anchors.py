# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of anchors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Json, Page


class AsyncAnchorsRoutes(AsyncRoutes):
    """Routes of anchors; part of `AsyncClient`."""

    async def anchor_checkpoint(
        self,
        *,
        origin: str,
        note: str,
        consistency: Sequence[str],
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Pin the caller's own log to the facts.

        `POST /v1/anchors`

        Args:
            origin: str.
            note: at most 4096 characters.
            consistency: at most 64 items.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            "/v1/anchors",
            {"origin": origin, "note": note, "consistency": consistency},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def list_anchors(
        self, *, origin: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """Anchored checkpoints, of each log the longest first; `next` leads to shorter ones.

        `GET /v1/anchors`

        Args:
            origin: str | None.
            after: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_anchors()
        """
        return await self._page(Json, "/v1/anchors", {"origin": origin, "after": after, "limit": limit})

    def iter_anchors(
        self, *, origin: str | None = None, after: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Json]:
        """Goes through all pages of `list_anchors`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/anchors", {"origin": origin, "after": after, "limit": limit})
