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
        storage_fee_currency: str,
        insurance: Insurance,
        issued_place: str,
        issued_at_s: int,
        keeper: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Issue a warehouse receipt over free slots.

        Of an organisation that is warehouse. Brings: receipt_issued.

        `POST /v1/receipts`

        Args:
            receipt_id: Id of the new receipt, made by the warehouse. At most 128 characters.
            slots: Free slots of the warehouse that hold the goods. At most 64 items.
            owner: Organisation that owns the goods, 存货人 or its successor. At most 32 characters.
            beneficiary: Organisation for whose account the goods are kept. At most 32 characters.
            commodity: Commodity whose price values the goods. At most 128 characters.
            quantity_g: Mass of the goods. Unit: g. Source: 民法典 §909(2). At least 1.
            depositor: Who deposited the goods, 存货人. Source: 民法典 §909(1).
            goods: What is stored, 仓储物. Source: 民法典 §909(2).
            loss_standard_bp: Loss that is normal while the goods are stored, 损耗标准. Unit: 0.01 %. Source: 民法典
                §909(3). From 0 to 10000.
            storage_place: Where the goods are stored, 储存场所. Source: 民法典 §909(4). At most 512 characters.
            storage_until_s: End of the storage period, after the issue. Unit: s. Source: 民法典 §909(5). At least 0.
            storage_fee_minor: Storage fee, 仓储费. Unit: minor unit of the currency. Source: 民法典 §909(6). At
                least 0.
            storage_fee_currency: Currency of the storage fee, by ISO 4217. At most 3 characters.
            insurance: Insurance of the goods. Source: 民法典 §909(7).
            issued_place: Where the receipt is issued, 填发地. Source: 民法典 §909(8). At most 512 characters.
            issued_at_s: When the receipt is issued; not ahead of the ledger's time. Unit: s. Source: 民法典 §909(8).
                At least 0.
            keeper: Who signs for the warehouse, 保管人. Source: 民法典 §909(8). At most 512 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `slot_claimed`.

        Example:
            >>> done = await node.issue_receipt(
            ...     receipt_id="receipt-1",
            ...     slots=["91310115MA3WUX3W6R/BIN-16"],
            ...     owner="manufacturer",
            ...     beneficiary="manufacturer",
            ...     commodity="copper-cathode",
            ...     quantity_g=25000000,
            ...     depositor=Depositor(name="江铜国际贸易有限公司", address="上海市浦东新区"),
            ...     goods=Goods(
            ...         name="阴极铜", quality="Cu-CATH-1", packaging="捆扎", pieces=10, marks="LOT-7"
            ...     ),
            ...     loss_standard_bp=5,
            ...     storage_place="上海一号库",
            ...     storage_until_s=1656652000,
            ...     storage_fee_minor=120000,
            ...     storage_fee_currency="CNY",
            ...     insurance=Insurance(
            ...         amount_minor=180000000,
            ...         currency="CNY",
            ...         from_s=1641100000,
            ...         until_s=1672636000,
            ...         insurer="财产保险股份有限公司",
            ...     ),
            ...     issued_place="上海",
            ...     issued_at_s=1641100000,
            ...     keeper="张三",
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
                "storage_fee_currency": storage_fee_currency,
                "insurance": insurance,
                "issued_place": issued_place,
                "issued_at_s": issued_at_s,
                "keeper": keeper,
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
        """Let the goods leave: the owner asks for their delivery.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As owner.
        Brings: delivery_requested.

        `POST /v1/receipts/{receipt_id}/request-delivery`

        Args:
            receipt_id: The receipt, by the id under which it was issued. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_owner`, `receipt_not_active`, `receipt_pledged`.

        Example:
            >>> done = await node.request_delivery("receipt-1", wait_s=10)
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
        """Cancel a receipt whose owner requested delivery.

        Of an organisation that is warehouse. As warehouse. Brings: receipt_cancelled.

        `POST /v1/receipts/{receipt_id}/cancel`

        Args:
            receipt_id: The receipt, by the id under which it was issued. At most 128 characters.
            reason: Why the receipt is cancelled. At most 512 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `receipt_not_active`, `receipt_pledged`.

        Example:
            >>> done = await node.cancel_receipt("receipt-1", reason="issued twice by mistake", wait_s=10)
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
        """Hand out the goods that their owner requested.

        Of an organisation that is warehouse. As warehouse. Brings: receipt_delivered.

        `POST /v1/receipts/{receipt_id}/deliver`

        Args:
            receipt_id: The receipt, by the id under which it was issued. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `receipt_not_active`, `receipt_pledged`.

        Example:
            >>> done = await node.deliver_receipt("receipt-1", wait_s=10)
        """
        return await self._order(
            f"/v1/receipts/{segment(receipt_id)}/deliver", {}, wait_s, raise_on_failure, idempotency_key
        )
