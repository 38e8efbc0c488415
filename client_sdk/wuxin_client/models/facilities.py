# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of facilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a facility is frozen; `reason_key` names this very opening."""

    reason_key: str
    opened_at_s: int
    clean_windows: int
    manual: bool
    rule: str | None = None
    cleared_at_s: int | None = None
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
