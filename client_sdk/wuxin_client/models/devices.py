# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device in the state: as it was enrolled, what it is bound to, and whether it is listened to."""

    device_id: str
    """Id of the device, as its packs name it. At most 64 characters."""
    suite: str
    """Signature suite of the device's key."""
    public_key: str
    """Raw public key, by its suite: 65 bytes 04‖x‖y, or 32 bytes for eddsa. At most 130 characters."""
    firmware_hash: str
    """SHA-256 of the firmware that the device runs. At most 64 characters."""
    slots: tuple[str, ...]
    """Slots of its warehouse that the device measures. At most 64 items, [] if not given."""
    asset_id: str | None
    """Asset of its manufacturer that the device measures. At most 128 characters."""
    certificate: str | None
    """X.509 certificate of the device in PEM, over the same public key. At most 8192 characters."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    status: str
    """`registered` until bound, then `active`; `suspended` for a while, `retired` for ever."""
    enroller: str
    """Organisation that enrolled the device. At most 32 characters."""
    suspended_by: str | None
    """Who suspended the device; null while nobody did. At most 32 characters."""
    reason: str | None
    """Why it is suspended; null while it is not. At most 512 characters."""
    since_s: int
    """Ledger time at which this status began. Unit: s. At least 0."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
