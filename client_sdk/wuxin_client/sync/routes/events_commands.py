# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Events: commands."""

from __future__ import annotations

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.sync.core import Routes


class EventsCommands(Routes):
    """Events: commands; part of `Client`."""

    def acknowledge_event(
        self,
        *,
        event_id: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Say that an event was received, and with which content.

        Of an organisation that is bank or insurer or regulator. Brings: notice_acknowledged.

        `POST /v1/events/acknowledge`

        Args:
            event_id: The event. At most 64 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> done = node.acknowledge_event(event_id="e1:44.2", wait_s=10)
        """
        return self._order("/v1/events/acknowledge", {"event_id": event_id}, wait_s, raise_on_failure, idempotency_key)
