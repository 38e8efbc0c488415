# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Pledges: commands."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Json
from wuxin_client.requests import segment


class AsyncPledgesCommands(AsyncRoutes):
    """Pledges: commands; part of `AsyncClient`."""

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
            registration_number: At most 64 characters.
            accept_until_s: At least 0.
            terms: Json.
            salt: str.

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
        """
        return await self._order(
            f"/v1/pledges/{segment(pledge_id)}/lapse", {}, wait_s, raise_on_failure, idempotency_key
        )
