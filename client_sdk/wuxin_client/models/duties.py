# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of duties."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A half-done state between the two ledgers."""

    receipt_id: str
    """The receipt. At most 512 characters."""
    pledge_id: str
    """The pledge. At most 512 characters."""
    code: str
    """Which state. At most 512 characters."""
    since_s: int
    """Since when, UTC. Unit: s. At least 0."""
    next_actor: str
    """Who has to act next. At most 512 characters."""
    deadline_s: int
    """Until when, UTC. Unit: s. At least 0."""
    hint: str
    """What to do. At most 512 characters."""
    overdue: bool
    """Whether the deadline has passed."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
