"""Decoded arguments of a chain's logs, as the read model keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A decoded argument as JSON: bytes as 0x hex, integers beyond 2^53−1 as decimal text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType] -- ABI lists are untyped
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def bare(value: Any) -> str:
    """Hex of a bytes32 or an address without its 0x, lower case."""
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text.removeprefix("0x").lower()
