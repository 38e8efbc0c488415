# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of attestations."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PackProof:
    """Where one pack is in a log."""

    digest: str
    """The pack's digest. At most 64 characters."""
    index: int
    """Its leaf. At least 0."""
    path: Sequence[str]
    """The RFC 9162 path to the checkpoint's root. At most 64 items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Where the packs are in the log of the relaying member."""

    origin: str
    """The log. At most 4096 characters."""
    size: int
    """The checkpoint's size. At least 0."""
    proofs: Sequence[PackProof]
    """One for each pack. At most 2000 items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedIndicator:
    """A named integer of an attestation."""

    id: str
    """Keccak256 of its name with the unit's suffix. At most 64 characters."""
    value: str
    """Its value, in decimal text. At most 40 characters."""
    quality_bp: int
    """How good the value is. Unit: 0.01 %. At least 0."""
    status: int
    """0 ok, 1 missing, 2 suspect. At least 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the members said of one subject and window."""

    consortium_id: str
    """The consortium's id. At most 64 characters."""
    epoch: int
    """The committee's number. At least 0."""
    subject: str
    """The hash of the subject. At most 64 characters."""
    kind: int
    """0 scheduled, 1 alarm, 2 lien, 3 price. At least 0."""
    sequence: int
    """Window index · 2^16 + n. Source: FORMATS 6. At least 0."""
    window_start: int
    """When the window begins, UTC seconds. At least 0."""
    window_end: int
    """When it ends, UTC seconds. At least 0."""
    profile: str
    """The hash of the profile. At most 64 characters."""
    pack_root: str
    """The RFC 9162 head over the packs' digests. At most 64 characters."""
    pack_count: int
    """How many packs it cites. At least 0."""
    late_count: int
    """How many of them were late. At least 0."""
    indicators: Sequence[StatedIndicator]
    """Its indicators, sorted by id. At most 1000 items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSignature:
    """A member's two signatures over the digest; an empty text where there is none."""

    organisation: str
    """The member. At most 64 characters."""
    sm2: str
    """SM2 r‖s, hex: what the facts count. At most 1024 characters."""
    secp256k1: str
    """R‖s‖v, hex: what the contracts count. At most 1024 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """An attestation and who signed it."""

    attestation: Statement
    """What was signed."""
    signatures: Sequence[StatedSignature]
    """The members' signatures. At most 1000 items."""
