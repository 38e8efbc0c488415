# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of deposits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposits:
    """An organisation's tokenised deposits, asked of the chain."""

    organisation: str
    """Whose. At most 512 characters."""
    address: str
    """Its address on the chain, 0x hex. At most 512 characters."""
    balance_minor: int
    """What it holds. Unit: minor unit of the currency. At least -5.7896e+76."""
    allowance_minor: int
    """What its facilities may still take for draws. Unit: minor unit of the currency. At least -5.7896e+76."""
    listed: bool
    """Whether it may hold deposits."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
