# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of receipts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wuxin_client.models import (
    Depositor,
    Goods,
    Insurance,
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class ReceiptsRoutes(Routes):
    """Routes of receipts; part of `Client`."""

    def issue_receipt(
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
            slots: at most 64 items.
            owner: str.
            beneficiary: str.
            commodity: str.
            quantity_g: at least 1.
            depositor: Depositor.
            goods: Goods.
            loss_standard_bp: from 0 to 10000.
            storage_place: at most 512 characters.
            storage_until_s: at least 0.
            storage_fee_minor: at least 0.
            insurance: Insurance.
            issued_place: at most 512 characters.
            issued_at_s: at least 0.
            keeper: at most 512 characters.
            storage_fee_currency: 'CNY' if not given.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.

        Example:
            >>> done = node.issue_receipt(
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
        return self._order(
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

    def list_receipts(
        self, *, after: str | None = None, status: str | None = None, owner: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Receipts.

        `GET /v1/receipts`

        Args:
            after: str | None.
            status: str | None.
            owner: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_receipts()
        """
        return self._page(Json, "/v1/receipts", {"after": after, "status": status, "owner": owner, "limit": limit})

    def iter_receipts(
        self, *, after: str | None = None, status: str | None = None, owner: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Goes through all pages of `list_receipts`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/receipts", {"after": after, "status": status, "owner": owner, "limit": limit})

    def request_delivery(
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

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(
            f"/v1/receipts/{segment(receipt_id)}/request-delivery", {}, wait_s, raise_on_failure, idempotency_key
        )

    def cancel_receipt(
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
            reason: at most 512 characters.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(
            f"/v1/receipts/{segment(receipt_id)}/cancel", {"reason": reason}, wait_s, raise_on_failure, idempotency_key
        )

    def deliver_receipt(
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

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(f"/v1/receipts/{segment(receipt_id)}/deliver", {}, wait_s, raise_on_failure, idempotency_key)

    def get_receipt(self, receipt_id: str) -> Json:
        """Get Receipt.

        `GET /v1/receipts/{receipt_id}`

        Args:
            receipt_id: str.
        """
        return self._ask(Json, f"/v1/receipts/{segment(receipt_id)}", {})
