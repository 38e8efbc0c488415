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

        Of an organisation that is bank. Members of the lending circle only. Brings: account_listed.

        `POST /v1/deposits/list`

        Args:
            organisation: Whose account. At most 32 characters.
            listed: False takes the permission back. True if not given.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

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
        """Issue deposits.

        Of an organisation that is bank. Members of the lending circle only. Brings: minted, transfer.

        `POST /v1/deposits/mint`

        Args:
            organisation: Who gets them; its account is listed. At most 32 characters.
            amount_minor: How much is issued. Unit: minor unit of the currency. At least 1.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

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
        """Say how much the caller's facilities may take of its deposits for draws.

        Of an organisation that is bank. Members of the lending circle only. Brings: approval.

        `POST /v1/deposits/allow`

        Args:
            amount_minor: How much, for all draws together; 0 stops them. Unit: minor unit of the currency. At least
                0.

        Raises:
            Conflict: `reverted`.

        Example:
            >>> done = node.allow_facilities(amount_minor=1000000000, wait_s=10)
        """
        return self._order(
            "/v1/deposits/allow", {"amount_minor": amount_minor}, wait_s, raise_on_failure, idempotency_key
        )
