# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Anchors: commands."""

from __future__ import annotations

from collections.abc import Sequence

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.sync.core import Routes


class AnchorsCommands(Routes):
    """Anchors: commands; part of `Client`."""

    def anchor_checkpoint(
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
            note: At most 4096 characters.
            consistency: At most 64 items.
        """
        return self._order(
            "/v1/anchors",
            {"origin": origin, "note": note, "consistency": consistency},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )
