# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of anchors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A checkpoint in the state."""

    origin: str
    """Name of the log, `wuxin/1/<consortium id>/logs/<organisation>`. At most 200 characters."""
    note: str
    """Origin, size, root and signature, one a line (C2SP tlog-checkpoint). At most 4096 characters."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    organisation: str
    """Whose evidence log this is. At most 32 characters."""
    size: int
    """How long the log was. Unit: entries. At least 0."""
    root: str
    """Head of its tree at that length. Source: RFC 9162 §2.1.1. At most 64 characters."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
