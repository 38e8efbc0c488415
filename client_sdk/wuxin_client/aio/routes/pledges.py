# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of pledges."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment


class AsyncPledgesRoutes(AsyncRoutes):
    """Routes of pledges; part of `AsyncClient`."""

    async def propose_pledge(
        self,
        *,
        pledge_id: str,
        receipt_id: str,
        pledgee: str,
        registration_number: str,
        accept_until_s: int,
        terms: Json,
        salt: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Propose Pledge.

        `POST /v1/pledges`

        Args:
            pledge_id: str.
            receipt_id: str.
            pledgee: str.
            registration_number: at most 64 characters.
            accept_until_s: at least 0.
            terms: Json.
            salt: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.

        Example:
            >>> done = await node.propose_pledge(
            ...     pledge_id="pledge-1",
            ...     receipt_id="receipt-1",
            ...     pledgee="bank",
            ...     registration_number="01234567890123456789",
            ...     accept_until_s=1641200400,
            ...     terms={"contract": "2022-ZY-001", "secured_amount_minor": 500000000},
            ...     salt="5f" + "5f" * 31,
            ...     wait_s=10,
            ... )
        """
        return await self._order(
            "/v1/pledges",
            {
                "pledge_id": pledge_id,
                "receipt_id": receipt_id,
                "pledgee": pledgee,
                "registration_number": registration_number,
                "accept_until_s": accept_until_s,
                "terms": terms,
                "salt": salt,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def list_pledges(
        self,
        *,
        after: str | None = None,
        status: str | None = None,
        receipt_id: str | None = None,
        limit: int | None = None,
    ) -> Page[Json]:
        """List Pledges.

        `GET /v1/pledges`

        Args:
            after: str | None.
            status: str | None.
            receipt_id: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_pledges()
        """
        return await self._page(
            Json, "/v1/pledges", {"after": after, "status": status, "receipt_id": receipt_id, "limit": limit}
        )

    def iter_pledges(
        self,
        *,
        after: str | None = None,
        status: str | None = None,
        receipt_id: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Json]:
        """Goes through all pages of `list_pledges`, whose arguments these are; `limit` is for one page."""
        return self._every(
            Json, "/v1/pledges", {"after": after, "status": status, "receipt_id": receipt_id, "limit": limit}
        )

    async def accept_pledge(
        self,
        pledge_id: str,
        *,
        facility_id: str,
        terms: Json,
        salt: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """The pledgee accepts, naming the facility.

        Whoever proposed cannot accept.

        `POST /v1/pledges/{pledge_id}/accept`

        Args:
            pledge_id: str.
            facility_id: str.
            terms: Json.
            salt: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/pledges/{segment(pledge_id)}/accept",
            {"facility_id": facility_id, "terms": terms, "salt": salt},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def release_pledge(
        self,
        pledge_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Release Pledge.

        `POST /v1/pledges/{pledge_id}/release`

        Args:
            pledge_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/pledges/{segment(pledge_id)}/release", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def lapse_pledge(
        self,
        pledge_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Lapse Pledge.

        `POST /v1/pledges/{pledge_id}/lapse`

        Args:
            pledge_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/pledges/{segment(pledge_id)}/lapse", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def get_pledge(self, pledge_id: str) -> Json:
        """Get Pledge.

        `GET /v1/pledges/{pledge_id}`

        Args:
            pledge_id: str.
        """
        return await self._ask(Json, f"/v1/pledges/{segment(pledge_id)}", {})
