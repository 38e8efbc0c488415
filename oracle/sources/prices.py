"""Prices (attestation kind 3), read from the member's own file `price-source.json`.

    PriceSource.of(home, consortium, profile, clock).read() -> price_minor_per_t of one commodity

The file is one JSON object: commodity, price_minor_per_t, currency, source, priced_at_s (seconds UTC), and nothing
else. It may begin with a byte order mark, as editors of some systems write one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from contracts.documents import STRICT, DocumentError, check, json_of
from network.clock import Clock
from network.membership.consortium import Consortium
from oracle.profile import Profile
from oracle.sources.values import SourceValues
from wuxin_evidence.attestation import PRICE
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import identifier

PRICE_FILE = "price-source.json"
"""In a member's home."""
PRICE_BYTES_MAX = 64 * 1024
INTEGER_MAX = 2**63 - 1


@dataclass(frozen=True)
class PriceFile:
    """The fields of a price file; `source` says in words where the price comes from."""

    commodity: str
    price_minor_per_t: Annotated[int, Field(ge=1, le=INTEGER_MAX)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    source: Annotated[str, Field(min_length=1, max_length=256)]
    priced_at_s: Annotated[int, Field(ge=1, le=INTEGER_MAX)]
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


PRICE_HINT = f"one JSON object of {', '.join(PriceFile.__dataclass_fields__)}; docs/reference/profile.md describes it"


@dataclass(frozen=True)
class PriceSource:
    """A member's price file, and what its price is held against.

    `currencies` are those of the consortium's lending circles; without a circle every currency is taken.
    """

    home: Path
    currencies: Collection[str]
    clock: Clock
    clock_skew_s: int

    @classmethod
    def of(cls, home: Path, consortium: Consortium, profile: Profile, clock: Clock) -> PriceSource:
        """The source in a member's home, `orgs/<org>/oracle`."""
        return cls(home, {circle.currency for circle in consortium.circles}, clock, profile.clock_skew_s)

    def read(self) -> list[SourceValues]:
        """The price that the file states; an empty list when there is no file.

        Raises `malformed` naming the field, `too_large`, `clock_skew` for a price that is ahead of the clock.
        """
        path = self.home / PRICE_FILE
        try:
            with path.open("rb") as file:
                raw = file.read(PRICE_BYTES_MAX + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise malformed(f"{path}: {error}", "let the member's user read it") from error
        if len(raw) > PRICE_BYTES_MAX:
            raise EvidenceError("too_large", f"{path} has more than {PRICE_BYTES_MAX} bytes", "state one price")
        try:
            stated = check(PriceFile, json_of(raw))
        except DocumentError as wrong:
            raise malformed(f"{path}: {wrong}", PRICE_HINT) from wrong
        if self.currencies and stated.currency not in self.currencies:
            known = ", ".join(sorted(self.currencies))
            detail = f"{path}: currency: no lending circle has {stated.currency}"
            raise malformed(detail, f"state the price in the circle's currency: {known}")
        ahead_s = stated.priced_at_s - self.clock.now_ms() // 1000
        if ahead_s > self.clock_skew_s:  # its age would be counted from a moment that has not come: never stale
            detail = f"{path}: priced_at_s: {stated.priced_at_s} is {ahead_s} s ahead of the clock"
            hint = f"state it in whole seconds UTC, not in milliseconds; at most {self.clock_skew_s} s ahead"
            raise EvidenceError("clock_skew", detail, hint)
        try:
            identifier(stated.commodity)  # the attestation's subject is made of it
        except EvidenceError as error:
            raise malformed(f"{path}: commodity: {error.detail}", error.hint) from error
        values = {"price_minor_per_t": stated.price_minor_per_t}
        return [SourceValues(PRICE, "commodity", stated.commodity, values, since_s=stated.priced_at_s)]
