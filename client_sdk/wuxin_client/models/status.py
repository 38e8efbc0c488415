# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far the node is; beside these, one object for each chain under its name, of the form of `facts`."""

    consortium_id: str
    """The consortium's id, hex. At most 512 characters."""
    clock: Any
    """The consortium's clock."""
    now_s: int
    """The node's time, UTC. Unit: s. At least 0."""
    organisation: str
    """The caller. At most 512 characters."""
    serves: tuple[str, ...]
    """Whom this node serves."""
    read_model: Any
    """How far each ledger was read."""
    pending: int
    """The caller's commands that wait. At least 0."""
    facts: Any
    """The ledger of facts: its height, whether it answers, what stops the reading."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
