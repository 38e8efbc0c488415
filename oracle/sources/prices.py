"""Prices (attestation kind 3), read from the member's own file `price-source.json`.

    read_price(home) -> price_minor_per_t of one commodity

The file is one JSON object: commodity, price_minor_per_t, currency, source, priced_at_s (seconds UTC). It may begin
with a byte order mark, as editors of some systems write one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from oracle.sources.values import SourceValues
from wuxin_evidence.attestation import PRICE
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import identifier

PRICE_FILE = "price-source.json"
"""In a member's home."""
PRICE_FIELDS = ("commodity", "price_minor_per_t", "currency", "source", "priced_at_s")
PRICE_BYTES_MAX = 64 * 1024
INTEGER_MAX = 2**63 - 1


def read_price(home: Path) -> list[SourceValues]:
    """The price that the file states; an empty list when there is no file. Raises `malformed` naming the field."""
    path = home / PRICE_FILE
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
        row = cast(object, json.loads(raw, object_pairs_hook=_each_once))  # bytes: json sees the byte order mark itself
    except (ValueError, RecursionError) as error:
        raise malformed(f"{path}: {error}", f"one JSON object of {', '.join(PRICE_FIELDS)}") from error
    fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
    if missing := [name for name in PRICE_FIELDS if name not in fields]:
        raise malformed(f"{path} lacks {', '.join(missing)}", f"one JSON object of {', '.join(PRICE_FIELDS)}")
    price, priced_at_s = (_positive(path, fields, name) for name in ("price_minor_per_t", "priced_at_s"))
    commodity = _named(path, fields["commodity"])
    return [SourceValues(PRICE, "commodity", commodity, {"price_minor_per_t": price}, since_s=priced_at_s)]


def _positive(path: Path, fields: dict[str, Any], name: str) -> int:
    value = fields[name]
    if type(value) is not int or not 0 < value <= INTEGER_MAX:
        unit = "whole minor units per tonne" if name == "price_minor_per_t" else "whole seconds UTC"
        raise malformed(f"{path}: {name} is {str(value)[:40]!r}", f"a number of {unit}, above 0")
    return value


def _named(path: Path, commodity: object) -> str:
    """An identifier, because the attestation's subject is made of it."""
    try:
        return identifier(commodity if isinstance(commodity, str) else "")
    except EvidenceError as error:
        raise malformed(f"{path}: commodity: {error.detail}", error.hint) from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands there twice")
    return fields
