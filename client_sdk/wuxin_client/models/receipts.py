# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of receipts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Depositor:
    """Depositor, as the API gives it."""

    name: str
    """At most 512 characters."""
    address: str
    """At most 512 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """Goods, as the API gives it."""

    name: str
    """At most 512 characters."""
    quality: str
    """At most 512 characters."""
    packaging: str
    """At most 512 characters."""
    pieces: int
    """At least 1."""
    marks: str
    """At most 512 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insurance:
    """Insurance, as the API gives it."""

    amount_minor: int
    """At least 0."""
    currency: str
    from_s: int
    """At least 0."""
    until_s: int
    """At least 0."""
    insurer: str
    """At most 512 characters."""
