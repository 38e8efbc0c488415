"""What the node acts with for one organisation: its seat, and the two ledgers bound to that seat.

Everything that signs takes a ``Served`` of the caller's own organisation. There is no way from one to another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from network.membership.seats import Seat
from network.ports import Chain, Ledger


@dataclass(frozen=True)
class Served:
    """One organisation that this process serves; ``in_circle`` says whether it may read the obligations."""

    seat: Seat = field(repr=False)
    ledger: Ledger
    chain: Chain
    in_circle: bool

    @property
    def name(self) -> str:
        """The organisation's name."""
        return self.seat.name
