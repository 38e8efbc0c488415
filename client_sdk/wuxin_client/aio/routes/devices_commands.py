# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Devices: commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.requests import segment


class AsyncDevicesCommands(AsyncRoutes):
    """Devices: commands; part of `AsyncClient`."""

    async def enrol_device(
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
            public_key: At most 2048 characters.
            firmware_hash: str.
            slots: At most 64 items.
            asset_id: str | None.
            certificate: At most 8192 characters.

        Example:
            >>> done = await node.enrol_device(
            ...     device_id="scale-16",
            ...     suite="sm2-sm3",
            ...     public_key="04" + "ab" * 64,
            ...     firmware_hash="00" + "0" * 62,
            ...     wait_s=10,
            ... )
        """
        return await self._order(
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

    async def bind_device(
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
        """
        return await self._order(
            f"/v1/devices/{segment(device_id)}/bind",
            {"slot_id": slot_id, "asset_id": asset_id},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def suspend_device(
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
            reason: At most 512 characters.
        """
        return await self._order(
            f"/v1/devices/{segment(device_id)}/suspend", {"reason": reason}, wait_s, raise_on_failure, idempotency_key
        )

    async def resume_device(
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
        """
        return await self._order(
            f"/v1/devices/{segment(device_id)}/resume", {}, wait_s, raise_on_failure, idempotency_key
        )

    async def retire_device(
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
        """
        return await self._order(
            f"/v1/devices/{segment(device_id)}/retire", {}, wait_s, raise_on_failure, idempotency_key
        )
