# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Receipts: commands."""

from __future__ import annotations

from collections.abc import Sequence

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Depositor,
    Goods,
    Insurance,
    Transaction,
)
from wuxin_client.requests import segment


class AsyncReceiptsCommands(AsyncRoutes):
    """Receipts: commands; part of `AsyncClient`."""

    async def issue_receipt(
        self,
        *,
        receipt_id: str,
        slots: Sequence[str],
        owner: str,
        beneficiary: str,
        commodity: str,
        quantity_g: int,
        depositor: Depositor,
        goods: Goods,
        loss_standard_bp: int,
        storage_place: str,
        storage_until_s: int,
        storage_fee_minor: int,
        insurance: Insurance,
        issued_place: str,
        issued_at_s: int,
        keeper: str,
        storage_fee_currency: str | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Issue Receipt.

        `POST /v1/receipts`

        Args:
            receipt_id: str.
            slots: At most 64 items.
            owner: str.
            beneficiary: str.
            commodity: str.
            quantity_g: At least 1.
            depositor: Depositor.
            goods: Goods.
            loss_standard_bp: From 0 to 10000.
            storage_place: At most 512 characters.
            storage_until_s: At least 0.
            storage_fee_minor: At least 0.
            insurance: Insurance.
            issued_place: At most 512 characters.
            issued_at_s: At least 0.
            keeper: At most 512 characters.
            storage_fee_currency: 'CNY' if not given.

        Example:
            >>> done = await node.issue_receipt(
            ...     receipt_id="receipt-1",
            ...     slots=["91310115MA3WUX3W6R/BIN-16"],
            ...     owner="manufacturer",
            ...     beneficiary="manufacturer",
            ...     commodity="copper-cathode",
            ...     quantity_g=20000000,
            ...     depositor=Depositor(name="Jiangnan Copper Works", address="8 Binhe Road, Wuxi"),
            ...     goods=Goods(
            ...         name="copper cathode",
            ...         quality="Cu-CATH-1, GB/T 467",
            ...         packaging="bundled, steel straps",
            ...         pieces=40,
            ...         marks="JN-2022-01",
            ...     ),
            ...     loss_standard_bp=20,
            ...     storage_place="hall 3, bin 16",
            ...     storage_until_s=1672646400,
            ...     storage_fee_minor=500000,
            ...     insurance=Insurance(
            ...         amount_minor=100000000,
            ...         currency="CNY",
            ...         from_s=1641110400,
            ...         until_s=1672646400,
            ...         insurer="insurer",
            ...     ),
            ...     issued_place="Wuxi",
            ...     issued_at_s=1641114000,
            ...     keeper="Zhang Wei",
            ...     wait_s=10,
            ... )
        """
        return await self._order(
            "/v1/receipts",
            {
                "receipt_id": receipt_id,
                "slots": slots,
                "owner": owner,
                "beneficiary": beneficiary,
                "commodity": commodity,
                "quantity_g": quantity_g,
                "depositor": depositor,
                "goods": goods,
                "loss_standard_bp": loss_standard_bp,
                "storage_place": storage_place,
                "storage_until_s": storage_until_s,
                "storage_fee_minor": storage_fee_minor,
                "insurance": insurance,
                "issued_place": issued_place,
                "issued_at_s": issued_at_s,
                "keeper": keeper,
                "storage_fee_currency": storage_fee_currency,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def request_delivery(
        self,
        receipt_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Request Delivery.

        `POST /v1/receipts/{receipt_id}/request-delivery`

        Args:
            receipt_id: str.
        """
        return await self._order(
            f"/v1/receipts/{segment(receipt_id)}/request-delivery", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def cancel_receipt(
        self,
        receipt_id: str,
        *,
        reason: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Cancel Receipt.

        `POST /v1/receipts/{receipt_id}/cancel`

        Args:
            receipt_id: str.
            reason: At most 512 characters.
        """
        return await self._order(
            f"/v1/receipts/{segment(receipt_id)}/cancel", {"reason": reason}, wait_s, raise_on_failure, idempotency_key
        )

    async def deliver_receipt(
        self,
        receipt_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Deliver Receipt.

        `POST /v1/receipts/{receipt_id}/deliver`

        Args:
            receipt_id: str.
        """
        return await self._order(
            f"/v1/receipts/{segment(receipt_id)}/deliver", {}, wait_s, raise_on_failure, idempotency_key
        )
