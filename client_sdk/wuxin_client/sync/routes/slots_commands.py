# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Slots: commands."""

from __future__ import annotations

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.sync.core import Routes


class SlotsCommands(Routes):
    """Slots: commands; part of `Client`."""

    def register_slot(
        self,
        *,
        slot_id: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Register a place for goods under the warehouse's own code.

        Of an organisation that is warehouse. Brings: slot_registered.

        `POST /v1/slots`

        Args:
            slot_id: The warehouse's 统一社会信用代码, a slash, its own name. At most 51 characters.

        Example:
            >>> done = node.register_slot(slot_id="91310115MA3WUX3W6R/BIN-16", wait_s=10)
        """
        return self._order("/v1/slots", {"slot_id": slot_id}, wait_s, raise_on_failure, idempotency_key)
