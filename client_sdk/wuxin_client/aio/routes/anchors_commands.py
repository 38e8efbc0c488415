# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Anchors: commands."""

from __future__ import annotations

from collections.abc import Sequence

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)


class AsyncAnchorsCommands(AsyncRoutes):
    """Anchors: commands; part of `AsyncClient`."""

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
        """Pin the caller's own evidence log to the ledger.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As
        committee member. Brings: checkpoint_anchored.

        `POST /v1/anchors`

        Args:
            origin: Name of the log, `wuxin/1/<consortium id>/logs/<organisation>`. At most 200 characters.
            note: Origin, size, root and signature, one a line (C2SP tlog-checkpoint). At most 4096 characters.
            consistency: Proof from the anchored size to this one; empty for the first. Source: RFC 9162 §2.1.4. At
                most 64 items.

        Raises:
            Conflict: `bad_signature`, `equivocation`, `sequence_regressed`.

        Example:
            >>> done = await node.anchor_checkpoint(
            ...     origin="wuxin/1/5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c/logs/bank",
            ...     note=(
            ...         "wuxin/1/5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c/logs/bank\\n"
            ...         "4096\\n"
            ...         "sbGx…\\n"
            ...         "\\n"
            ...         "— bank AbCd…\\n"
            ...     ),
            ...     consistency=["ab" + "ab" * 31],
            ...     wait_s=10,
            ... )
        """
        return await self._order(
            "/v1/anchors",
            {"origin": origin, "note": note, "consistency": consistency},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )
