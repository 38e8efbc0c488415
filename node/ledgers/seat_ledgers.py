"""One organisation's seat with the two ledgers bound to it: all that the node signs and sends with for one caller.

Everything that signs takes the `SeatLedgers` of the caller's own organisation. There is no way from one to another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from network.membership.seats import Seat
from network.ports import Chain, Ledger


@dataclass(frozen=True)
class SeatLedgers:
    """An organisation that this process serves. `in_circle` says whether the organisation may read the obligations."""

    seat: Seat = field(repr=False)
    ledger: Ledger
    chain: Chain
    in_circle: bool

    @property
    def name(self) -> str:
        """The organisation's name."""
        return self.seat.name
