# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of pledges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """A pledge 质押 in the state: as it was proposed, and what became of it."""

    pledge_id: str
    """Id of the new pledge, made by the owner. At most 128 characters."""
    receipt_id: str
    """The active receipt that is pledged. At most 128 characters."""
    pledgee: str
    """Bank to which the goods are pledged, 质权人. At most 32 characters."""
    registration_number: str
    """Number in the 动产和权利担保统一登记; stored, never checked live. At most 64 characters."""
    accept_until_s: int
    """Until when the pledgee may accept; at most a year ahead. Unit: s. At least 0."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    pledgor: str
    """Organisation that pledged its receipt, 出质人. At most 32 characters."""
    warehouse: str
    """Organisation that keeps the goods. At most 32 characters."""
    status: str
    """`proposed`, then `active` or `lapsed`; `released` after `active`."""
    facility_id: str | None
    """The facility that the pledgee named on accepting; null before. At most 128 characters."""
    since_s: int
    """Ledger time at which this status began. Unit: s. At least 0."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
