# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of slots."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot 货位 in the state: a registered place for goods."""

    slot_id: str
    """The warehouse's 统一社会信用代码, a slash, its own name. At most 51 characters."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    warehouse: str
    """Organisation that keeps the slot. At most 32 characters."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """A slot, and which receipt holds it."""

    slot_id: str
    """The slot. At most 512 characters."""
    warehouse: str
    """The organisation that keeps it. At most 512 characters."""
    created_at_s: int
    """When, UTC. Unit: s. At least 0."""
    updated_tx: str
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int
    """The block on its ledger. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    claimed_by: str | None
    """The receipt that holds it. At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
