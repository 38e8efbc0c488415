# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Transactions: commands."""

from __future__ import annotations

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class TransactionsCommands(Routes):
    """Transactions: commands; part of `Client`."""

    def cancel_transaction(
        self,
        transaction_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Cancel a command of which nothing may have been sent yet.

        `POST /v1/transactions/{transaction_id}/cancel`

        Args:
            transaction_id: The transaction, by its own id or by its ledger's. At most 80 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> done = node.cancel_transaction("018f2a6c-0000-7000-8000-000000000000", wait_s=10)
        """
        return self._order(
            f"/v1/transactions/{segment(transaction_id)}/cancel",
            {},
            wait_s,
            raise_on_failure,
            idempotency_key,
            done="cancelled",
        )
