# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class TransactionsRoutes(Routes):
    """Routes of transactions; part of `Client`."""

    def list_transactions(
        self,
        *,
        after: str | None = None,
        status: Literal["pending", "committed", "failed"] | None = None,
        limit: int | None = None,
    ) -> Page[Transaction]:
        """List Transactions.

        `GET /v1/transactions`

        Args:
            after: str | None.
            status: Literal['pending', 'committed', 'failed'] | None.
            limit: From 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_transactions()
        """
        return self._page(Transaction, "/v1/transactions", {"after": after, "status": status, "limit": limit})

    def iter_transactions(
        self,
        *,
        after: str | None = None,
        status: Literal["pending", "committed", "failed"] | None = None,
        limit: int | None = None,
    ) -> Iterator[Transaction]:
        """Goes through all pages of `list_transactions`, whose arguments these are; `limit` is for one page."""
        return self._every(Transaction, "/v1/transactions", {"after": after, "status": status, "limit": limit})

    def get_transaction(self, transaction_id: str, *, wait: float | None = None) -> Transaction:
        """By its own id, or by its ledger's transaction id.

        `wait` holds the answer until it is final.

        `GET /v1/transactions/{transaction_id}`

        Args:
            transaction_id: str.
            wait: From 0 to 60, 0 if not given.
        """
        return self._ask(Transaction, f"/v1/transactions/{segment(transaction_id)}", {"wait": wait})
