# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of evidence."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.requests import segment


class AsyncEvidenceRoutes(AsyncRoutes):
    """Routes of evidence; part of `AsyncClient`."""

    async def get_evidence(self, evidence_id: str) -> bytes:
        """An evidence bundle, a zip that `wuxin verify` checks offline.

        `GET /v1/evidence/{evidence_id}`

        Args:
            evidence_id: The digest of an attestation, or the transaction that recorded or accepted it. At most 66
                characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `profile_mismatch`.

        Example:
            >>> content = await node.get_evidence("cd" + "cd" * 31)
        """
        return await self._ask_bytes(f"/v1/evidence/{segment(evidence_id)}", {})
