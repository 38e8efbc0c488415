"""Exact reading of an attestation's fields: one spelling for each value, `malformed` for any other.

The module stays dependency-free, because auditors and peers read by it.
"""

import re
from collections.abc import Iterable
from typing import Any, cast

from wuxin_evidence.errors import malformed

_LOWER_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_INT128_TEXT = re.compile(r"0|-?[1-9][0-9]{0,38}")


def require_bytes32(name: str, value: object) -> None:
    """Refuse a value that is not exactly 32 bytes. Raises `malformed` naming the field."""
    if not isinstance(value, bytes) or len(value) != 32:
        raise malformed(f"{name} is not 32 bytes")


def require_integer(name: str, value: object, low: int, high: int) -> None:
    """Refuse a value that is not an `int` of low to high, both included; a bool is none. Raises `malformed` naming the
    field and bounds."""
    # not isinstance: True is an int to it, and one value would have two spellings
    if type(value) is not int or not low <= value <= high:
        raise malformed(f"{name} is not an integer of {low} to {high}")


def read_object(value: object, what: str, names: Iterable[str]) -> dict[str, Any]:
    """Return a copy of an object that has exactly these names. Raises `malformed` for one too few or too many."""
    if not isinstance(value, dict) or set(cast("dict[object, object]", value)) != set(names):
        raise malformed(f"the {what} is not an object of {', '.join(names)}")
    return dict(cast("dict[str, Any]", value))


def read_list(value: object, length: int | None = None) -> list[object]:
    """Return the value as a list, of exactly `length` items where a length is given. Raises `malformed`."""
    if not isinstance(value, list) or length not in (None, len(cast("list[object]", value))):
        raise malformed("a list" + (f" of {length}" if length is not None else "") + " is expected")
    return cast("list[object]", value)


def read_hex(value: object) -> bytes:
    """Return the bytes of lower-case hex without prefix. Raises `malformed`, also for upper case, because one value has
    one spelling."""
    if not isinstance(value, str) or not _LOWER_HEX.fullmatch(value):
        raise malformed("bytes are written as lower-case hex without prefix")
    return bytes.fromhex(value)


def read_int128(value: object) -> int:
    """Return the integer of decimal text of up to 39 digits, without leading zeros, plus sign or minus zero. Raises
    `malformed`."""
    if not isinstance(value, str) or not _INT128_TEXT.fullmatch(value):
        raise malformed("an indicator's value is an integer as decimal text")
    return int(value)


def read_text(value: object) -> str:
    """Return the value as text. Raises `malformed`."""
    if not isinstance(value, str):
        raise malformed("text is expected")
    return value


def read_bytes(value: object) -> bytes:
    """Return the value as bytes. Raises `malformed`."""
    if not isinstance(value, bytes):
        raise malformed("bytes are expected")
    return value
