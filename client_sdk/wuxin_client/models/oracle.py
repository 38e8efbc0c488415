# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of oracle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleDevice:
    """What an oracle member needs to admit a device's packs."""

    device_id: str
    """The device. At most 512 characters."""
    suite: str
    """Its signature suite. At most 512 characters."""
    public_key: str
    """Its raw public key, hex. At most 512 characters."""
    status: str
    """Packs of an active device only are admitted. At most 512 characters."""
    slots: tuple[str, ...]
    """The slots it measures."""
    asset_id: str | None
    """The asset it measures. At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
