"""Canonical CBOR, RFC 8949 section 4.2.1: one value, one encoding, so that a hash of it means something.

    encode(value) -> bytes   check the types, sort each map by the bytes of its encoded keys, write shortest forms
    decode(raw) -> value     read, check, write again, compare; bytes that differ were not canonical

Values are None, bool, int (up to 128 bits), float (finite), str, bytes, list, dict with int, str or bytes keys,
and `CBORTag`. The library's own `canonical=True` sorts maps length-first (the older RFC 7049), so it is not used.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast

import cbor2
from cbor2 import CBOREncoder, CBORTag

from wuxin_evidence.errors import EvidenceError, malformed, too_large

CBOR_BYTES_MAX = 1024 * 1024
"""A pack of 100 readings is 3 KB; a megabyte bounds what a stranger can make us parse."""
CBOR_DEPTH_MAX = 8
"""Containers and tags within each other; our deepest format uses four."""
INTEGER_BITS_MAX = 128
"""An indicator is an int128; nothing signed here is wider."""

_TAGS_READ_AS_VALUES = (0, 1, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def encode(value: object) -> bytes:
    """The one canonical encoding of `value`. Raises `EvidenceError` `malformed` or `too_large`."""
    raw = _write(_ordered(value, CBOR_DEPTH_MAX))
    if len(raw) > CBOR_BYTES_MAX:
        raise too_large("CBOR bytes", len(raw), CBOR_BYTES_MAX)
    return raw


def decode(raw: bytes) -> Any:
    """Decode bytes that must already be canonical; arrays come as lists, maps as dicts.

    Raises `EvidenceError` `malformed` or `too_large`.
    """
    if len(raw) > CBOR_BYTES_MAX:
        raise too_large("CBOR bytes", len(raw), CBOR_BYTES_MAX)
    value = _ordered(_read(raw), CBOR_DEPTH_MAX)
    if _write(value) != raw:
        raise malformed("CBOR is not in its canonical form", "encode it by RFC 8949 section 4.2.1")
    return value


def _read(raw: bytes) -> object:
    try:
        return cbor2.loads(
            raw,
            semantic_decoders=_TAG_READERS,
            max_depth=2 * CBOR_DEPTH_MAX,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except EvidenceError:
        raise
    except Exception as error:  # the library raises whatever its tag readers raise, for bytes that anybody may send
        raise malformed(f"not CBOR: {error}") from error


def _refuse_tag(value: object, immutable: bool) -> NoReturn:
    raise malformed("a CBOR tag that is no part of these formats")


def _keep_decimal_fraction(value: object, immutable: bool) -> CBORTag:
    return CBORTag(4, value)


_TAG_READERS: dict[int, Callable[[Any, bool], Any]] = {
    **dict.fromkeys(_TAGS_READ_AS_VALUES, _refuse_tag),
    4: _keep_decimal_fraction,
}


def _write(value: object) -> bytes:
    try:
        return cbor2.dumps(value, encoders={float: _write_shortest_float})
    except (cbor2.CBORError, UnicodeError, ValueError) as error:
        raise malformed(f"not encodable as CBOR: {error}") from error


def _write_shortest_float(encoder: CBOREncoder, value: float) -> None:
    for head, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            encoder.write(head + packed)
            return
    encoder.write(b"\xfb" + struct.pack(">d", value))


def _ordered(value: object, depth_left: int) -> object:
    """Check `value` and give it back with each map in canonical key order."""
    # `type`, not `isinstance`: True is an int to Python and another byte in CBOR
    kind = type(value)
    if kind is str or kind is bytes or value is None or kind is bool:
        return value
    if kind is int:
        number = cast(int, value)
        if (number if number >= 0 else ~number).bit_length() > INTEGER_BITS_MAX:
            raise malformed(f"an integer wider than {INTEGER_BITS_MAX} bits")
        return value
    if kind is float:
        if not math.isfinite(cast(float, value)):
            raise malformed("a CBOR number that is not finite", "leave the reading out, or send it as missing")
        return value
    if depth_left == 0:
        raise malformed(f"CBOR nested deeper than {CBOR_DEPTH_MAX}")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return {key: _ordered(pairs[key], depth_left - 1) for key in sorted(pairs, key=_encoded_key_order)}
    if isinstance(value, (list, tuple)):
        return [_ordered(item, depth_left - 1) for item in cast("Sequence[object]", value)]
    if isinstance(value, CBORTag):
        return CBORTag(value.tag, _ordered(value.value, depth_left - 1))
    raise malformed(f"a {kind.__name__} in CBOR", "use integers, text, bytes, lists and maps")


def _encoded_key_order(key: object) -> tuple[int, int, bytes]:
    """Order of the encoded key's bytes without encoding it: major type, then head argument, then content."""
    if type(key) is int:
        magnitude = key if key >= 0 else ~key
        if magnitude.bit_length() > 64:
            raise malformed("a CBOR map key wider than 64 bits")
        return (0 if key >= 0 else 1), magnitude, b""
    if type(key) is bytes:
        return 2, len(key), key
    if type(key) is str:
        try:
            content = key.encode("utf-8")
        except UnicodeError as error:
            raise malformed("a CBOR map key that is not Unicode text") from error
        return 3, len(content), content
    raise malformed(f"a CBOR map key that is a {type(key).__name__}", "use integer, text or byte keys")
