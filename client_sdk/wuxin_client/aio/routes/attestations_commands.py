# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Attestations: commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Inclusion,
    SignedStatement,
    Transaction,
)


class AsyncAttestationsCommands(AsyncRoutes):
    """Attestations: commands; part of `AsyncClient`."""

    async def relay_attestation(
        self,
        *,
        attestation: SignedStatement,
        subject_kind: Literal["slot", "pledge", "commodity"],
        subject_id: str,
        packs: Sequence[str] | None = None,
        checkpoint: str | None = None,
        inclusion: Inclusion | None = None,
        consistency: Any | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Relay an attestation with its packs and their place in the log.

        Brings: attestation_accepted, attestation_recorded.

        `POST /v1/attestations`

        Args:
            attestation: The signed attestation as `SignedAttestation.to_json` writes it.
            subject_kind: What it is about. One of `slot`, `pledge`, `commodity`.
            subject_id: Which one. At most 128 characters.
            packs: The packs that it cites: COSE_Sign1 envelopes in base64. At most 2000 items, [] if not given.
            checkpoint: A checkpoint of the relaying member's own log. At most 4096 characters.
            inclusion: Where each pack stands in that log.
            consistency: How the log grew from an anchored note: `from`, and the RFC 9162 `path`.

        Raises:
            Malformed: `wrong_aad`.
            NotFound: `not_found`.
            Conflict: `bad_signature`, `conflicted_signer`, `equivocation`, `profile_mismatch`, `proof_invalid`,
                `quorum_not_met`, `reverted`, `sequence_regressed`, `unknown_device`, `wrong_epoch`.

        Example:
            >>> done = await node.relay_attestation(
            ...     attestation=SignedStatement(
            ...         attestation=Statement(
            ...             consortium_id="c0" + "c0" * 31,
            ...             epoch=1,
            ...             subject="ab" + "ab" * 31,
            ...             kind=0,
            ...             sequence=119604117503,
            ...             window_start=1641110400,
            ...             window_end=1641111300,
            ...             profile="9e" + "9e" * 31,
            ...             pack_root="7d" + "7d" * 31,
            ...             pack_count=3,
            ...             late_count=0,
            ...             indicators=[
            ...                 StatedIndicator(
            ...                     id="3c" + "3c" * 31, value="20000000", quality_bp=10000, status=0
            ...                 )
            ...             ],
            ...         ),
            ...         signatures=[
            ...             StatedSignature(
            ...                 organisation="bank", sm2="3a" + "3a" * 63, secp256k1="5b" + "5b" * 64
            ...             )
            ...         ],
            ...     ),
            ...     subject_kind="slot",
            ...     subject_id="91310115MA3WUX3W6R/BIN-16",
            ...     wait_s=10,
            ... )
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
