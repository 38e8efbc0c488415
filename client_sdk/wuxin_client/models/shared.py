# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One role's approval of the clearing of a reason."""

    role: str | None
    """The role that approved. At most 512 characters."""
    opening_sequence: int
    """The opening that was approved. At least 0."""
    at_s: int
    """When, UTC. Unit: s. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    void: bool | None
    """Whether a later opening, a gap or a breach made it void; null where that is not known here."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of either ledger."""

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
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a facility is, or was, frozen."""

    reason_key: str
    """Its key on the chain, hex. At most 512 characters."""
    manual: bool
    """Set by hand, and not by a rule."""
    cause: str
    """By hand: the code or document hash; by a rule: the hash of its id. At most 512 characters."""
    rule: str | None
    """The rule's id. At most 512 characters."""
    version: int
    """The rule's version. At least 0."""
    subject: str
    """The attested subject that breached it, hex. At most 512 characters."""
    role: str | None
    """The role that set it by hand. At most 512 characters."""
    opening_sequence: int
    """The sequence of the attestation that opened it last. At least 0."""
    since_s: int
    """Since when it stands, UTC. Unit: s. At least 0."""
    opened_at_s: int
    """When it was opened last, UTC. Unit: s. At least 0."""
    cleared_at_s: int | None
    """When it was cleared, UTC. Unit: s. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    approvals: tuple[Approval, ...]
    """The approvals given for it."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Where a command stands on one ledger."""

    id: str
    """The transaction's id at this node, a UUIDv7. At most 512 characters."""
    command: str
    """The command, as the API calls it. At most 512 characters."""
    organisation: str
    """Whose command it is. At most 512 characters."""
    ledger: str
    """`facts`, or the name of a chain. At most 512 characters."""
    status: str
    """Where it stands; all but `pending` is final."""
    attempt: int
    """0 until something may have been sent; then 1, and one more whenever another transaction came first. At least
    0.
    """
    tx_id: str | None
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int | None
    """The block on its ledger. At least 0."""
    code: str | None
    """Why it failed, waits or was cancelled, by a problem's code. At most 512 characters."""
    detail: str | None
    """The same in words. At most 2000 characters."""
    hint: str | None
    """What to do next. At most 2000 characters."""
    result: Any
    """What the ledger answered: a record, or the events of a chain; else null."""
    created_at_ms: int
    """When it was accepted, UTC. Unit: ms. At least 0."""
    updated_at_ms: int
    """When it last changed, UTC. Unit: ms. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
