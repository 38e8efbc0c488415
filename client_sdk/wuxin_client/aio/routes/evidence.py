# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of evidence."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.requests import segment


class AsyncEvidenceRoutes(AsyncRoutes):
    """Routes of evidence; part of `AsyncClient`."""

    async def get_evidence(self, evidence_id: str) -> bytes:
        """By the digest of an attestation, or by the transaction that recorded or accepted it.

        `GET /v1/evidence/{evidence_id}`

        Args:
            evidence_id: str.
        """
        return await self._ask_bytes(f"/v1/evidence/{segment(evidence_id)}", {})
