# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of attestations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """An anchored note of the same log, and the RFC 9162 path from it to `checkpoint`."""

    from_: str
    """At most 4096 characters."""
    path: Sequence[str]
    """At most 64 items."""
