# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Assets: commands."""

from __future__ import annotations

from typing import Literal

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class AssetsCommands(Routes):
    """Assets: commands; part of `Client`."""

    def register_asset(
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
        """Register Asset.

        `POST /v1/assets`

        Args:
            asset_id: str.
            epc: str.
            latitude_e7: From -9e+08 to 900000000.
            longitude_e7: From -1.8e+09 to 1800000000.
            commissioned_at_ms: At least 0.
            description: At most 512 characters.

        Example:
            >>> done = node.register_asset(
            ...     asset_id="turbine-7",
            ...     epc="urn:epc:id:giai:0614141.12345400",
            ...     latitude_e7=312304000,
            ...     longitude_e7=1214737000,
            ...     commissioned_at_ms=1641114000000,
            ...     description="wind turbine, 5 MW",
            ...     wait_s=10,
            ... )
        """
        return self._order(
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

    def append_asset_event(
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
        """Append Asset Event.

        `POST /v1/assets/{asset_id}/events`

        Args:
            asset_id: str.
            type: One of `order`, `acceptance`, `full_load`, `card`, `work_order`, `transfer`, `overhaul`, `scrap`.
            previous_hash: str.
            document_hash: str.
            latitude_e7: From -9e+08 to 900000000.
            longitude_e7: From -1.8e+09 to 1800000000.
            at_ms: At least 0.
        """
        return self._order(
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
