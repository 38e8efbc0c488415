# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Assets: commands."""

from __future__ import annotations

from typing import Literal

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.models import (
    Transaction,
)
from wuxin_client.requests import segment


class AsyncAssetsCommands(AsyncRoutes):
    """Assets: commands; part of `AsyncClient`."""

    async def register_asset(
        self,
        *,
        asset_id: str,
        epc: str,
        latitude_e7: int,
        longitude_e7: int,
        commissioned_at_ms: int,
        description: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Register a thing with a life of its own, once.

        Of an organisation that is manufacturer. Brings: asset_registered.

        `POST /v1/assets`

        Args:
            asset_id: Id of the new asset, made by the manufacturer. At most 128 characters.
            epc: Electronic product code of the thing. At most 128 characters.
            latitude_e7: Latitude of the place. Unit: degree × 10^-7, WGS 84. From -9e+08 to 900000000.
            longitude_e7: Longitude of the place. Unit: degree × 10^-7, WGS 84. From -1.8e+09 to 1800000000.
            commissioned_at_ms: When the thing was first put to use. Unit: ms. At least 0.
            description: What the thing is, for people. At most 512 characters.

        Example:
            >>> done = await node.register_asset(
            ...     asset_id="turbine-7",
            ...     epc="urn:epc:id:giai:0614141.12345400",
            ...     latitude_e7=312304000,
            ...     longitude_e7=1214737000,
            ...     commissioned_at_ms=1641114000000,
            ...     description="wind turbine, 5 MW",
            ...     wait_s=10,
            ... )
        """
        return await self._order(
            "/v1/assets",
            {
                "asset_id": asset_id,
                "epc": epc,
                "latitude_e7": latitude_e7,
                "longitude_e7": longitude_e7,
                "commissioned_at_ms": commissioned_at_ms,
                "description": description,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    async def append_asset_event(
        self,
        asset_id: str,
        *,
        type: Literal["order", "acceptance", "full_load", "card", "work_order", "transfer", "overhaul", "scrap"],
        previous_hash: str,
        document_hash: str,
        latitude_e7: int,
        longitude_e7: int,
        at_ms: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Append the next event to the hash chain of an asset's life.

        Of an organisation that is manufacturer. As owner. Brings: asset_event_appended.

        `POST /v1/assets/{asset_id}/events`

        Args:
            asset_id: The asset, by the id under which it was registered. At most 128 characters.
            type: What happened. One of `order`, `acceptance`, `full_load`, `card`, `work_order`, `transfer`,
                `overhaul`, `scrap`.
            previous_hash: The asset's `head_hash`, which this event continues. At most 64 characters.
            document_hash: SHA-256 of the document that proves the event. At most 64 characters.
            latitude_e7: Latitude of the place. Unit: degree × 10^-7, WGS 84. From -9e+08 to 900000000.
            longitude_e7: Longitude of the place. Unit: degree × 10^-7, WGS 84. From -1.8e+09 to 1800000000.
            at_ms: When it happened; not before the last event. Unit: ms. At least 0.

        Raises:
            NotFound: `not_found`.
            Conflict: `implausible`, `not_owner`.

        Example:
            >>> done = await node.append_asset_event(
            ...     "turbine-7",
            ...     type="acceptance",
            ...     previous_hash="cd" + "cd" * 31,
            ...     document_hash="ab" + "ab" * 31,
            ...     latitude_e7=312304000,
            ...     longitude_e7=1214737000,
            ...     at_ms=1641114000000,
            ...     wait_s=10,
            ... )
        """
        return await self._order(
            f"/v1/assets/{segment(asset_id)}/events",
            {
                "type": type,
                "previous_hash": previous_hash,
                "document_hash": document_hash,
                "latitude_e7": latitude_e7,
                "longitude_e7": longitude_e7,
                "at_ms": at_ms,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )
