# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of facilities."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Reason,
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment


class AsyncFacilitiesRoutes(AsyncRoutes):
    """Routes of facilities; part of `AsyncClient`."""

    async def propose_facility(
        self,
        *,
        facility_id: str,
        receipt_id: str,
        pledge_id: str,
        borrower: str,
        line_minor: int,
        currency: str,
        advance_rate_bp: int,
        rate_bp: int,
        maturity_s: int,
        max_quantity_age_s: int,
        max_lien_age_s: int,
        max_price_age_s: int,
        draw_fee_minor: int | None = None,
        min_quality_bp: int | None = None,
        rule_pack: str | None = None,
        insurer: str | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """The pledgee proposes a facility over a pledge.

        422 for a receipt over several slots.

        `POST /v1/facilities`

        Args:
            facility_id: str.
            receipt_id: str.
            pledge_id: str.
            borrower: str.
            line_minor: at least 1.
            currency: str.
            advance_rate_bp: from 0 to 10000.
            rate_bp: from 0 to 10000.
            maturity_s: at least 0.
            max_quantity_age_s: from 1 to 4294967295.
            max_lien_age_s: from 1 to 4294967295.
            max_price_age_s: from 1 to 4294967295.
            draw_fee_minor: at least 0, 0 if not given.
            min_quality_bp: from 0 to 10000, 5000 if not given.
            rule_pack: 'warehouse-stock-1' if not given.
            insurer: str | None.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.

        Example:
            >>> done = await node.propose_facility(
            ...     facility_id="facility-1",
            ...     receipt_id="receipt-1",
            ...     pledge_id="pledge-1",
            ...     borrower="manufacturer",
            ...     line_minor=500000000,
            ...     currency="CNY",
            ...     advance_rate_bp=6000,
            ...     rate_bp=450,
            ...     maturity_s=1672646400,
            ...     max_quantity_age_s=2700,
            ...     max_lien_age_s=86400,
            ...     max_price_age_s=86400,
            ...     wait_s=10,
            ... )
        """
        return await self._order(
            "/v1/facilities",
            {
                "facility_id": facility_id,
                "receipt_id": receipt_id,
                "pledge_id": pledge_id,
                "borrower": borrower,
                "line_minor": line_minor,
                "currency": currency,
                "advance_rate_bp": advance_rate_bp,
                "rate_bp": rate_bp,
                "maturity_s": maturity_s,
                "max_quantity_age_s": max_quantity_age_s,
                "max_lien_age_s": max_lien_age_s,
                "max_price_age_s": max_price_age_s,
                "draw_fee_minor": draw_fee_minor,
                "min_quality_bp": min_quality_bp,
                "rule_pack": rule_pack,
                "insurer": insurer,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def list_facilities(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Facilities.

        `GET /v1/facilities`

        Args:
            after: str | None.
            status: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = await node.list_facilities()
        """
        return await self._page(Json, "/v1/facilities", {"after": after, "status": status, "limit": limit})

    def iter_facilities(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Json]:
        """Goes through all pages of `list_facilities`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/facilities", {"after": after, "status": status, "limit": limit})

    async def withdraw_facility(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Withdraw Facility.

        `POST /v1/facilities/{facility_id}/withdraw`

        Args:
            facility_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/withdraw", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def activate_facility(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """The lender activates; the chain refuses with `lien_missing` until the lien is attested.

        `POST /v1/facilities/{facility_id}/activate`

        Args:
            facility_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/activate", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def lower_line(
        self,
        facility_id: str,
        *,
        line_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Lower Line.

        `POST /v1/facilities/{facility_id}/lower-line`

        Args:
            facility_id: str.
            line_minor: at least 1.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/lower-line",
            {"line_minor": line_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def draw(
        self,
        facility_id: str,
        *,
        amount_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """The borrower draws.

        A refused draw is mined: the transaction has a tx_id and a code.

        `POST /v1/facilities/{facility_id}/draw`

        Args:
            facility_id: str.
            amount_minor: at least 1.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/draw",
            {"amount_minor": amount_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def repay(
        self,
        facility_id: str,
        *,
        amount_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Anyone repays, in every state; more than the debt takes the debt only.

        `POST /v1/facilities/{facility_id}/repay`

        Args:
            facility_id: str.
            amount_minor: at least 1.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/repay",
            {"amount_minor": amount_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def freeze(
        self,
        facility_id: str,
        *,
        reason: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """By hand: lender, insurer or regulator.

        `POST /v1/facilities/{facility_id}/freeze`

        Args:
            facility_id: str.
            reason: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/freeze",
            {"reason": reason},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def lift(
        self,
        facility_id: str,
        *,
        reason_key: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Lift a reason set by hand; only the role that set it.

        `POST /v1/facilities/{facility_id}/lift`

        Args:
            facility_id: str.
            reason_key: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/lift",
            {"reason_key": reason_key},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def approve_unfreeze(
        self,
        facility_id: str,
        *,
        reason_key: str,
        opening_sequence: int | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Approve the clearing of a rule's reason, for one opening, after enough clean windows.

        `POST /v1/facilities/{facility_id}/approve`

        Args:
            facility_id: str.
            reason_key: str.
            opening_sequence: at least 0.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/approve",
            {"reason_key": reason_key, "opening_sequence": opening_sequence},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def unfreeze(
        self,
        facility_id: str,
        *,
        reason_key: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Unfreeze.

        `POST /v1/facilities/{facility_id}/unfreeze`

        Args:
            facility_id: str.
            reason_key: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/unfreeze",
            {"reason_key": reason_key},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def start_closing(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Start Closing.

        `POST /v1/facilities/{facility_id}/start-closing`

        Args:
            facility_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/start-closing", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def close_facility(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Close Facility.

        `POST /v1/facilities/{facility_id}/close`

        Args:
            facility_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/close", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def get_facility(self, facility_id: str) -> Json:
        """Get Facility.

        `GET /v1/facilities/{facility_id}`

        Args:
            facility_id: str.
        """
        return await self._ask(Json, f"/v1/facilities/{segment(facility_id)}", {})

    async def list_reasons(self, facility_id: str) -> Page[Reason]:
        """Why it is frozen, or was: each reason with how far its undoing is, asked of the chain where it stands.

        `GET /v1/facilities/{facility_id}/reasons`

        Args:
            facility_id: str.
        """
        return await self._page(Reason, f"/v1/facilities/{segment(facility_id)}/reasons", {})

    async def list_facility_transactions(self, facility_id: str) -> Page[Transaction]:
        """What was mined about a facility, and this organisation's own refused commands with their code.

        `GET /v1/facilities/{facility_id}/transactions`

        Args:
            facility_id: str.
        """
        return await self._page(Transaction, f"/v1/facilities/{segment(facility_id)}/transactions", {})
