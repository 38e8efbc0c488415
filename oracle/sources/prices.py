"""Prices (attestation kind 3), read from the member's own file `price-source.json`.

    read_price(home) -> price_minor_per_t of one commodity

The file is one JSON object: commodity, price_minor_per_t, currency, source, priced_at_s (seconds UTC).
"""

from __future__ import annotations

import json
from pathlib import Path

from oracle.sources.values import SourceValues
from wuxin_evidence.attestation import PRICE
from wuxin_evidence.errors import malformed

PRICE_FILE = "price-source.json"
"""In a member's home."""
PRICE_FIELDS = ("commodity", "price_minor_per_t", "currency", "source", "priced_at_s")


def read_price(home: Path) -> list[SourceValues]:
    """The price that the file states; an empty list when there is no file. Raises `malformed`."""
    path = home / PRICE_FILE
    if not path.exists():
        return []
    try:
        # utf-8-sig: some editors begin a file with a byte order mark, which JSON does not allow
        row = json.loads(path.read_text("utf-8-sig"))
        price, priced_at_s = row["price_minor_per_t"], row["priced_at_s"]
        missing = [name for name in PRICE_FIELDS if name not in row]
    except (ValueError, KeyError, TypeError) as error:
        raise malformed(f"{path}: {error!r}", f"an object of {', '.join(PRICE_FIELDS)}") from error
    if missing or type(price) is not int or type(priced_at_s) is not int or price <= 0 or priced_at_s <= 0:
        raise malformed(f"{path}: {missing or 'price and time'}", "integers, in minor units per tonne and seconds UTC")
    return [SourceValues(PRICE, "commodity", str(row["commodity"]), {"price_minor_per_t": price}, since_s=priced_at_s)]
