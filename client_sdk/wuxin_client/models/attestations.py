# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of attestations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationView:
    """An attestation that the facts recorded."""

    id: str
    """Subject, kind and sequence. At most 512 characters."""
    subject: str
    """The hash of kind and id of the subject, hex. At most 512 characters."""
    subject_kind: str
    """What it is about. At most 512 characters."""
    subject_id: str
    """Which one. At most 512 characters."""
    digest: str
    """The digest that members signed, hex. At most 512 characters."""
    epoch: int
    """The committee that signed. At least 0."""
    kind: int
    """0 scheduled, 1 alarm, 2 lien, 3 price. From 0 to 255."""
    kind_name: str
    """The same as a word. At most 512 characters."""
    sequence: int
    """Window index · 2^16 + n. At least 0."""
    window_start_s: int
    """The window's begin, UTC. Unit: s. At least 0."""
    window_end_s: int
    """The window's end, UTC. Unit: s. At least 0."""
    attestation: Any
    """The signed statement, as JSON."""
    signatures: Any
    """The signatures that counted on the facts."""
    created_at_s: int
    """When, UTC. Unit: s. At least 0."""
    updated_tx: str
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int
    """The block on its ledger. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBy:
    """The transaction by which a chain took an attestation."""

    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int
    """The block on its ledger. At least 0."""
    at_s: int
    """When, UTC. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationWithChain:
    """An attestation, with where the caller's chain took it; null for an organisation outside the circle."""

    id: str
    """Subject, kind and sequence. At most 512 characters."""
    subject: str
    """The hash of kind and id of the subject, hex. At most 512 characters."""
    subject_kind: str
    """What it is about. At most 512 characters."""
    subject_id: str
    """Which one. At most 512 characters."""
    digest: str
    """The digest that members signed, hex. At most 512 characters."""
    epoch: int
    """The committee that signed. At least 0."""
    kind: int
    """0 scheduled, 1 alarm, 2 lien, 3 price. From 0 to 255."""
    kind_name: str
    """The same as a word. At most 512 characters."""
    sequence: int
    """Window index · 2^16 + n. At least 0."""
    window_start_s: int
    """The window's begin, UTC. Unit: s. At least 0."""
    window_end_s: int
    """The window's end, UTC. Unit: s. At least 0."""
    attestation: Any
    """The signed statement, as JSON."""
    signatures: Any
    """The signatures that counted on the facts."""
    created_at_s: int
    """When, UTC. Unit: s. At least 0."""
    updated_tx: str
    """The ledger's transaction id, hex. At most 512 characters."""
    block: int
    """The block on its ledger. At least 0."""
    tx_id: str
    """The ledger's transaction id, hex. At most 512 characters."""
    obligations: TakenBy | None
    """Where the obligations took it."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
