# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetting:
    """By which clock a consortium lives."""

    kind: str
    """`system`, or `scenario` for a demo's."""
    start_ms: int
    """When a scenario begins, UTC. Unit: ms. At least 0."""
    factor: int
    """How much faster a scenario runs. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStatus:
    """How far one ledger is, and how far this node has read it."""

    name: str
    """`facts`, or the name of the caller's chain. At most 512 characters."""
    available: bool
    """Whether it said its height just now."""
    height: int | None
    """Blocks of the facts, or the number of the chain's newest; null without an answer. At least 0."""
    detail: str | None
    """Why it does not answer; else null. At most 2000 characters."""
    trouble: str | None
    """What stops the reading of it; else null. At most 2000 characters."""
    read_block: int | None
    """The newest block of which the read model holds something; null before the first. At least 0."""
    read_place: int | None
    """The newest event of that block in it, by index. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far the node is with each of its two ledgers."""

    consortium_id: str
    """The consortium's id, hex. At most 512 characters."""
    clock: ClockSetting
    """The consortium's clock."""
    now_s: int
    """The node's time, UTC. Unit: s. At least 0."""
    organisation: str
    """The caller. At most 512 characters."""
    serves: tuple[str, ...]
    """Whom this node serves."""
    pending: int
    """The caller's commands that wait. At least 0."""
    facts: LedgerStatus
    """The ledger of facts."""
    obligations: LedgerStatus
    """The caller's chain."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
