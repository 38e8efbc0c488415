# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Deposits: commands."""

from __future__ import annotations

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.sync.core import Routes


class DepositsCommands(Routes):
    """Deposits: commands; part of `Client`."""

    def list_account(
        self,
        *,
        organisation: str,
        listed: bool | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Allow an organisation to hold deposits, or no longer.

        `POST /v1/deposits/list`

        Args:
            organisation: str.
            listed: True if not given.

        Example:
            >>> done = node.list_account(organisation="manufacturer", wait_s=10)
        """
        return self._order(
            "/v1/deposits/list",
            {"organisation": organisation, "listed": listed},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def mint_deposits(
        self,
        *,
        organisation: str,
        amount_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Mint Deposits.

        `POST /v1/deposits/mint`

        Args:
            organisation: str.
            amount_minor: At least 1.

        Example:
            >>> done = node.mint_deposits(organisation="bank", amount_minor=1000000000, wait_s=10)
        """
        return self._order(
            "/v1/deposits/mint",
            {"organisation": organisation, "amount_minor": amount_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def allow_facilities(
        self,
        *,
        amount_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """How much the caller's facilities may take from its deposits for draws.

        `POST /v1/deposits/allow`

        Args:
            amount_minor: At least 0.

        Example:
            >>> done = node.allow_facilities(amount_minor=1000000000, wait_s=10)
        """
        return self._order(
            "/v1/deposits/allow", {"amount_minor": amount_minor}, wait_s, raise_on_failure, idempotency_key
        )
