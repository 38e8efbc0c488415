# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Facilities: commands."""

from __future__ import annotations

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.requests import segment


class AsyncFacilitiesCommands(AsyncRoutes):
    """Facilities: commands; part of `AsyncClient`."""

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
            line_minor: At least 1.
            currency: str.
            advance_rate_bp: From 0 to 10000.
            rate_bp: From 0 to 10000.
            maturity_s: At least 0.
            max_quantity_age_s: From 1 to 4294967295.
            max_lien_age_s: From 1 to 4294967295.
            max_price_age_s: From 1 to 4294967295.
            draw_fee_minor: At least 0, 0 if not given.
            min_quality_bp: From 0 to 10000, 5000 if not given.
            rule_pack: 'warehouse-stock-1' if not given.
            insurer: str | None.

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
            line_minor: At least 1.
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
            amount_minor: At least 1.
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
            amount_minor: At least 1.
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
            opening_sequence: At least 0.
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
        """
        return await self._order(
            f"/v1/facilities/{segment(facility_id)}/close", {}, wait_s, raise_on_failure, idempotency_key
        )
