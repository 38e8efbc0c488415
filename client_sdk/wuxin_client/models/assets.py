# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of assets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset in the state: as it was registered, and where its life stands."""

    asset_id: str
    """Id of the new asset, made by the manufacturer. At most 128 characters."""
    epc: str
    """Electronic product code of the thing. At most 128 characters."""
    latitude_e7: int
    """Latitude of the place. Unit: degree × 10^-7, WGS 84. From -9e+08 to 900000000."""
    longitude_e7: int
    """Longitude of the place. Unit: degree × 10^-7, WGS 84. From -1.8e+09 to 1800000000."""
    commissioned_at_ms: int
    """When the thing was first put to use. Unit: ms. At least 0."""
    description: str
    """What the thing is, for people. At most 512 characters."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    instance_id: str
    """SHA-256 over canonical CBOR of EPC, place and commissioning: what tells it apart. At most 64 characters."""
    owner: str
    """Organisation that may append its events. At most 32 characters."""
    status: str
    """`temporary` until accepted, `formal` until it runs at full load, `active`, `scrapped`."""
    event_count: int
    """Number of its events. Unit: events. From 0 to 99999999."""
    head_hash: str
    """What the next event must continue. At most 64 characters."""
    last_at_ms: int
    """When the last event happened; 0 before the first. Unit: ms. At least 0."""
    accepted_at_ms: int | None
    """When the ledger recorded the acceptance, not when it is said to have been. Unit: ms. At least 0."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEvent:
    """One link of the chain: an event with its number and its own hash (`event_hash`)."""

    asset_id: str
    """The asset, by the id under which it was registered. At most 128 characters."""
    type: str
    """What happened."""
    previous_hash: str
    """The asset's `head_hash`, which this event continues. At most 64 characters."""
    document_hash: str
    """SHA-256 of the document that proves the event. At most 64 characters."""
    latitude_e7: int
    """Latitude of the place. Unit: degree × 10^-7, WGS 84. From -9e+08 to 900000000."""
    longitude_e7: int
    """Longitude of the place. Unit: degree × 10^-7, WGS 84. From -1.8e+09 to 1800000000."""
    at_ms: int
    """When it happened; not before the last event. Unit: ms. At least 0."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    number: int
    """Place in the asset's life, from 1 on. From 0 to 99999999."""
    hash: str
    """SHA-256 over canonical CBOR of what the event says. At most 64 characters."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
