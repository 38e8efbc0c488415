# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Attestations: commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from wuxin_client.models import (
    Consistency,
    Transaction,
)
from wuxin_client.records import Json
from wuxin_client.sync.core import Routes


class AttestationsCommands(Routes):
    """Attestations: commands; part of `Client`."""

    def relay_attestation(
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
            packs: At most 2000 items.
            checkpoint: At most 20000 characters.
            inclusion: Json | None.
            consistency: Consistency | None.
        """
        return self._order(
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
