# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Routes of devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class DevicesRoutes(Routes):
    """Routes of devices; part of `Client`."""

    def enrol_device(
        self,
        *,
        device_id: str,
        suite: Literal["sm2-sm3", "es256", "eddsa"],
        public_key: str,
        firmware_hash: str,
        slots: Sequence[str] | None = None,
        asset_id: str | None = None,
        certificate: str | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Enrol a device; bound at once it is active.

        `POST /v1/devices`

        Args:
            device_id: str.
            suite: One of `sm2-sm3`, `es256`, `eddsa`.
            public_key: at most 2048 characters.
            firmware_hash: str.
            slots: at most 64 items.
            asset_id: str | None.
            certificate: at most 8192 characters.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.

        Example:
            >>> done = node.enrol_device(
            ...     device_id="scale-16",
            ...     suite="sm2-sm3",
            ...     public_key="04" + "ab" * 64,
            ...     firmware_hash="00" + "0" * 62,
            ...     wait_s=10,
            ... )
        """
        return self._order(
            "/v1/devices",
            {
                "device_id": device_id,
                "suite": suite,
                "public_key": public_key,
                "firmware_hash": firmware_hash,
                "slots": slots,
                "asset_id": asset_id,
                "certificate": certificate,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def list_devices(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Page[Json]:
        """List Devices.

        `GET /v1/devices`

        Args:
            after: str | None.
            status: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_devices()
        """
        return self._page(Json, "/v1/devices", {"after": after, "status": status, "limit": limit})

    def iter_devices(
        self, *, after: str | None = None, status: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Goes through all pages of `list_devices`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/devices", {"after": after, "status": status, "limit": limit})

    def bind_device(
        self,
        device_id: str,
        *,
        slot_id: str | None = None,
        asset_id: str | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Bind Device.

        `POST /v1/devices/{device_id}/bind`

        Args:
            device_id: str.
            slot_id: str | None.
            asset_id: str | None.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(
            f"/v1/devices/{segment(device_id)}/bind",
            {"slot_id": slot_id, "asset_id": asset_id},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def suspend_device(
        self,
        device_id: str,
        *,
        reason: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Suspend Device.

        `POST /v1/devices/{device_id}/suspend`

        Args:
            device_id: str.
            reason: at most 512 characters.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(
            f"/v1/devices/{segment(device_id)}/suspend", {"reason": reason}, wait_s, raise_on_failure, idempotency_key
        )

    def resume_device(
        self,
        device_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Resume Device.

        `POST /v1/devices/{device_id}/resume`

        Args:
            device_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(f"/v1/devices/{segment(device_id)}/resume", {}, wait_s, raise_on_failure, idempotency_key)

    def retire_device(
        self,
        device_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Retire Device.

        `POST /v1/devices/{device_id}/retire`

        Args:
            device_id: str.

        Raises:
            TransactionFailed: a ledger refused the command, unless `raise_on_failure` is False.
            StillPending: `wait_s` is over and no ledger has decided.
        """
        return self._order(f"/v1/devices/{segment(device_id)}/retire", {}, wait_s, raise_on_failure, idempotency_key)

    def get_device(self, device_id: str) -> Json:
        """Get Device.

        `GET /v1/devices/{device_id}`

        Args:
            device_id: str.
        """
        return self._ask(Json, f"/v1/devices/{segment(device_id)}", {})

    def list_oracle_devices(self, *, after: str | None = None, limit: int | None = None) -> Page[Json]:
        """What an oracle member needs to admit packs: key, suite and status of each device, and what it is bound to.

        `GET /v1/oracle/devices`

        Args:
            after: str | None.
            limit: from 1 to 500, 100 if not given.

        Example:
            >>> page = node.list_oracle_devices()
        """
        return self._page(Json, "/v1/oracle/devices", {"after": after, "limit": limit})

    def iter_oracle_devices(self, *, after: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """Goes through all pages of `list_oracle_devices`, whose arguments these are; `limit` is for one page."""
        return self._every(Json, "/v1/oracle/devices", {"after": after, "limit": limit})
