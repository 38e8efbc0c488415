# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a ledger said; `id` is its place there and never changes."""

    id: str
    ledger: str
    type: str
    at_s: int
    tx_id: str
    body: Json
    subject_kind: str | None = None
    subject_id: str | None = None
    content_hash: str | None = None
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One command on its way to a ledger: `pending`, then `committed` or `failed`; a failed one carries its code."""

    id: str
    command: str
    organisation: str
    ledger: str
    status: str
    attempt: int | None = None
    tx_id: str | None = None
    block: int | None = None
    code: str | None = None
    detail: str | None = None
    hint: str | None = None
    result: Any | None = None
    created_at_ms: int | None = None
    updated_at_ms: int | None = None
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
