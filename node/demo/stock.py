"""Stock that lies in one bin of the recorded series, and everything that the demo makes of it."""

import uuid
from dataclasses import dataclass, field


@dataclass
class Stock:
    """The goods of one bin: their slot, device, receipt, pledge and facility, each by its id.

    `receipt_t` is the receipt's quantity in tonnes, `draw_minor` what is drawn on it. `slot_id` is set by `enrol`.
    """

    number: str
    receipt_t: int
    draw_minor: int
    device_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    receipt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    pledge_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    facility_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    slot_id: str = ""

    @classmethod
    def named(cls, number: str, *, receipt_t: int, draw_minor: int) -> "Stock":
        """Stock whose ids are names, so that a reader can go on with what a demo left."""
        ids = {f"{each}_id": f"bin-{number}-{each}" for each in ("receipt", "pledge", "facility")}
        return cls(number, receipt_t, draw_minor, device_id=f"bin-{number}-scale", **ids)

    @property
    def name(self) -> str:
        """What the demo calls the stock: by its bin."""
        return f"bin {self.number}"
