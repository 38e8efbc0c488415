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
        """Enrol a device with its public key; bound at once it is active.

        Of an organisation that is manufacturer or warehouse. Brings: device_enrolled.

        `POST /v1/devices`

        Args:
            device_id: Id of the device, as its packs name it. At most 64 characters.
            suite: Signature suite of the device's key. One of `sm2-sm3`, `es256`, `eddsa`.
            public_key: Raw public key, by its suite: 65 bytes 04‖x‖y, or 32 bytes for eddsa. At most 130 characters.
            firmware_hash: SHA-256 of the firmware that the device runs. At most 64 characters.
            slots: Slots of its warehouse that the device measures. At most 64 items, [] if not given.
            asset_id: Asset of its manufacturer that the device measures. At most 128 characters.
            certificate: X.509 certificate of the device in PEM, over the same public key. At most 8192 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_owner`.

        Example:
            >>> done = await node.enrol_device(
            ...     device_id="scale-16",
            ...     suite="eddsa",
            ...     public_key="03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            ...     firmware_hash="ab" + "ab" * 31,
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
        """Bind a device to one more slot, or to its asset.

        Of an organisation that is manufacturer or warehouse. As enroller. Brings: device_bound.

        `POST /v1/devices/{device_id}/bind`

        Args:
            device_id: The device, by the id under which it was enrolled. At most 64 characters.
            slot_id: One more slot of the enroller that is measured. At most 51 characters.
            asset_id: The asset of the enroller that is measured. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `not_owner`.

        Example:
            >>> done = await node.bind_device("scale-16", wait_s=10)
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
        """Stop listening to a device.

        Of an organisation that is inspector or manufacturer or regulator or warehouse. As enroller. Brings:
        device_suspended.

        `POST /v1/devices/{device_id}/suspend`

        Args:
            device_id: The device, by the id under which it was enrolled. At most 64 characters.
            reason: Why the device is not to be trusted now. At most 512 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> done = await node.suspend_device(
            ...     "scale-16", reason="the seal of the load cell is broken", wait_s=10
            ... )
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
        """Listen again to a device that was suspended.

        Of an organisation that is inspector or manufacturer or regulator or warehouse. As suspender. Brings:
        device_resumed.

        `POST /v1/devices/{device_id}/resume`

        Args:
            device_id: The device, by the id under which it was enrolled. At most 64 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> done = await node.resume_device("scale-16", wait_s=10)
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
        """Never listen to a device again.

        Of an organisation that is manufacturer or regulator or warehouse. As enroller. Brings: device_retired.

        `POST /v1/devices/{device_id}/retire`

        Args:
            device_id: The device, by the id under which it was enrolled. At most 64 characters.

        Raises:
            NotFound: `not_found`.

        Example:
            >>> done = await node.retire_device("scale-16", wait_s=10)
        """
        return await self._order(
            f"/v1/devices/{segment(device_id)}/retire", {}, wait_s, raise_on_failure, idempotency_key
        )
