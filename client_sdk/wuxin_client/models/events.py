# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """That an organisation received an event."""

    organisation: str
    """Who. At most 512 characters."""
    at_s: int
    """When, UTC. Unit: s. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    content_hash: str
    """What it was shown, SHA-256 in hex. At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetail:
    """An event, the hash of its content, and who acknowledged it."""

    id: str
    """Its place on its ledger. At most 512 characters."""
    ledger: str
    """`facts`, or the name of a chain. At most 512 characters."""
    type: str
    """What happened. At most 512 characters."""
    subject_kind: str
    """To what. At most 512 characters."""
    subject_id: str
    """To which one. At most 512 characters."""
    at_s: int
    """When, UTC. Unit: s. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    body: Any
    """What the ledger said, under its own names."""
    content_hash: str
    """SHA-256 of what the ledger said, hex. At most 512 characters."""
    acknowledgements: tuple[Acknowledged, ...]
    """Who acknowledged it."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
