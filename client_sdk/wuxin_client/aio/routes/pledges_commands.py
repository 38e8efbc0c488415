# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Pledges: commands."""

from __future__ import annotations

from typing import Any

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
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
        terms: Any,
        salt: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Offer a receipt as security to a bank.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As owner.
        Brings: pledge_proposed.

        `POST /v1/pledges`

        Args:
            pledge_id: Id of the new pledge, made by the owner. At most 128 characters.
            receipt_id: The active receipt that is pledged. At most 128 characters.
            pledgee: Bank to which the goods are pledged, 质权人. At most 32 characters.
            registration_number: Number in the 动产和权利担保统一登记; stored, never checked live. At most 64
                characters.
            accept_until_s: Until when the pledgee may accept; at most a year ahead. Unit: s. At least 0.
            terms: The terms, one JSON object; the other party must send the same bytes.
            salt: Random bytes that both parties use, hex. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_owner`, `receipt_not_active`, `receipt_pledged`.

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
        terms: Any,
        salt: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Accept a pledge over the same private terms, naming the facility.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As
        pledgee. Brings: pledge_accepted.

        `POST /v1/pledges/{pledge_id}/accept`

        Args:
            pledge_id: The pledge, by the id under which it was proposed. At most 128 characters.
            facility_id: The facility that the pledge secures, 授信. At most 128 characters.
            terms: The terms, one JSON object; the other party must send the same bytes.
            salt: Random bytes that both parties use, hex. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_pledgee`, `pledge_not_active`, `receipt_not_active`.

        Example:
            >>> done = await node.accept_pledge(
            ...     "pledge-1",
            ...     facility_id="facility-1",
            ...     terms={"contract": "2022-ZY-001", "secured_amount_minor": 500000000},
            ...     salt="5f" + "5f" * 31,
            ...     wait_s=10,
            ... )
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
        """Give the security back.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As
        pledgee. Brings: pledge_released.

        `POST /v1/pledges/{pledge_id}/release`

        Args:
            pledge_id: The pledge, by the id under which it was proposed. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_pledgee`, `pledge_not_active`.

        Example:
            >>> done = await node.release_pledge("pledge-1", wait_s=10)
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
        """Take back a proposal that nobody accepted in time.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As owner.
        Brings: pledge_lapsed.

        `POST /v1/pledges/{pledge_id}/lapse`

        Args:
            pledge_id: The pledge, by the id under which it was proposed. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_owner`, `pledge_not_active`.

        Example:
            >>> done = await node.lapse_pledge("pledge-1", wait_s=10)
        """
        return await self._order(
            f"/v1/pledges/{segment(pledge_id)}/lapse", {}, wait_s, raise_on_failure, idempotency_key
        )
