# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of collateral."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One reason why a collateral is not lendable, since when, and who can change that."""

    code: str
    hint: str
    since_s: int | None = None
    next_actor: str | None = None
    detail: str | None = None
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Whether a receipt can be lent on now, and if not, each reason why."""

    receipt_id: str
    lendable: bool
    blockers: tuple[Blocker, ...]
    headroom_minor: int | None = None
    limit_minor: int | None = None
    facility: Json | None = None
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
