# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of committee."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Committees:
    """The oracle committee in force; null where none is before or after it."""

    epoch: int
    """Its number. At least 0."""
    threshold: int
    """How many members must sign. At least 1."""
    active_from_s: int
    """From when it signs, UTC. Unit: s. At least 0."""
    members: Any
    """Its members with their keys."""
    created_at_s: int
    """When, UTC. Unit: s. At least 0."""
    updated_tx: str
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int
    """The block on its ledger. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    previous: Any
    """The one before, which still signs windows that ended before."""
    next: Any
    """The one that is appointed to follow."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
