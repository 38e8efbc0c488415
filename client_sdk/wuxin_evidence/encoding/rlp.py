"""Strict RLP: one spelling per value.

``encode`` takes bytes and lists of the same; ``decode`` refuses every second spelling (leading zeros in a
length, a single small byte with a prefix, bytes after the end), so a hash over the input is a hash over the
content.
"""

from collections.abc import Sequence
from typing import TypeAlias, Union, cast

from wuxin_evidence.errors import EvidenceError

Rlp: TypeAlias = Union[bytes, "list[Rlp]"]

RLP_DEPTH_MAX = 8
"""Nesting read; headers, receipts and trie nodes need at most five."""

RLP_BYTES_MAX = 16 * 1024 * 1024
"""Largest item read; a receipt with all logs of a full block stays far below."""


def encode(value: bytes | Sequence[object]) -> bytes:
    """RLP of bytes or of a (nested) sequence of bytes. Raises TypeError for anything else."""
    if isinstance(value, (bytes, bytearray)):
        raw = bytes(value)
        if len(raw) == 1 and raw[0] < 0x80:
            return raw
        return _prefix(0x80, len(raw)) + raw
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"RLP holds bytes and lists, not {type(value).__name__}")
    body = b"".join(encode(cast("bytes | Sequence[object]", each)) for each in value)
    return _prefix(0xC0, len(body)) + body


def decode(raw: bytes) -> Rlp:
    """Read exactly one item. Raises EvidenceError ``malformed`` or ``too_large``."""
    if len(raw) > RLP_BYTES_MAX:
        raise EvidenceError("too_large", f"RLP of {len(raw)} bytes", f"stay below {RLP_BYTES_MAX} bytes")
    value, end = _decode_at(raw, 0, len(raw), RLP_DEPTH_MAX)
    if end != len(raw):
        raise _malformed("bytes after the end")
    return value


def decode_list(raw: bytes) -> list[Rlp]:
    """Read exactly one list. Raises EvidenceError ``malformed``."""
    value = decode(raw)
    if isinstance(value, bytes):
        raise _malformed("a string where a list belongs")
    return value


def as_bytes(value: Rlp, length: int | None = None) -> bytes:
    """The item as bytes, of exactly ``length`` if given. Raises EvidenceError ``malformed``."""
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise _malformed("a field of the wrong type or length")
    return value


def as_list(value: Rlp) -> list[Rlp]:
    """The item as a list. Raises EvidenceError ``malformed``."""
    if isinstance(value, bytes):
        raise _malformed("a string where a list belongs")
    return value


def as_int(value: Rlp, bytes_max: int = 32) -> int:
    """The item as an unsigned integer without leading zeros. Raises EvidenceError ``malformed``."""
    raw = as_bytes(value)
    if len(raw) > bytes_max or raw[:1] == b"\x00":
        raise _malformed("an integer too long or with a leading zero")
    return int.from_bytes(raw, "big")


def int_bytes(value: int) -> bytes:
    """Big-endian without leading zeros; zero is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _prefix(offset: int, length: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = int_bytes(length)
    return bytes([offset + 55 + len(size)]) + size


def _decode_at(raw: bytes, at: int, limit: int, depth: int) -> tuple[Rlp, int]:
    """The item at `at` and where it ends; `limit` is the end of the list around it.

    The limit is passed instead of cutting `raw`: a copy for each item would make many small items quadratic.
    """
    if depth == 0:
        raise _malformed("nested too deeply")
    if at >= limit:
        raise _malformed("ends too early")
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    if first < 0xC0:
        start, end = _span(raw, at, limit, first - 0x80)
        value = raw[start:end]
        if len(value) == 1 and value[0] < 0x80:
            raise _malformed("a small byte with a prefix")
        return value, end
    start, end = _span(raw, at, limit, first - 0xC0)
    items: list[Rlp] = []
    while start < end:
        item, start = _decode_at(raw, start, end, depth - 1)
        items.append(item)
    return items, end


def _span(raw: bytes, at: int, limit: int, code: int) -> tuple[int, int]:
    """Start and end of a body whose prefix stands at `at`; `code` is the prefix without its type bits."""
    if code < 56:
        start, length = at + 1, code
    else:
        start = at + 1 + (code - 55)
        size = raw[at + 1 : min(start, limit)]
        length = int.from_bytes(size, "big")
        if len(size) != code - 55 or size[0] == 0 or length < 56:
            raise _malformed("a length that is not the shortest")
    if start + length > limit:
        raise _malformed("ends too early")
    return start, start + length


def _malformed(what: str) -> EvidenceError:
    return EvidenceError("malformed", f"RLP: {what}", "take the bytes from the chain again, unchanged")
