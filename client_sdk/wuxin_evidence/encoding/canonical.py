"""Canonical JSON (RFC 8785) for whatever is hashed, and nothing that JSON readers disagree about.

    canonical_json(value) -> bytes      refuse floats and unsafe integers, then encode
    parse_canonical_json(raw) -> value  decode, encode again, compare; a second spelling is refused

Floats are refused because two languages may print one differently; integers beyond 2^53-1 because a reader with
binary doubles would silently change them. Such numbers travel as decimal text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

import rfc8785

from wuxin_evidence.errors import malformed, too_large

JSON_INTEGER_MAX = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly."""
JSON_BYTES_MAX = 1024 * 1024
"""Rule packs, manifests and profiles are a few kilobytes; a megabyte is room and still a bound."""
JSON_DEPTH_MAX = 32
"""Deeper nesting is no document of ours and would only exercise the reader's stack."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A text, or the rest of the input where it never ends: so the search is linear for any input."""
_BRACKET = re.compile(rb"[\[{\]}]")


def canonical_json(value: object) -> bytes:
    """The one RFC 8785 encoding of `value` (dict, list, str, int, bool, None).

    Raises `EvidenceError` `malformed` for floats, integers beyond 2^53-1, other types and lone surrogates,
    `too_large` above 1 MiB.
    """
    _require_exact(value, JSON_DEPTH_MAX)
    try:
        raw = rfc8785.dumps(cast(Any, value))
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise malformed(f"not encodable as canonical JSON: {error}") from error
    if len(raw) > JSON_BYTES_MAX:
        raise too_large("canonical JSON bytes", len(raw), JSON_BYTES_MAX)
    return raw


def parse_canonical_json(raw: bytes) -> Any:
    """Decode bytes that must already be canonical.

    Raises `EvidenceError` `malformed` when they are not JSON, not exact or not in the one canonical spelling.
    """
    if len(raw) > JSON_BYTES_MAX:
        raise too_large("canonical JSON bytes", len(raw), JSON_BYTES_MAX)
    require_shallow(raw)
    try:
        value = json.loads(raw.decode("utf-8"), parse_float=_refuse_float, parse_constant=_refuse_float)
    except (ValueError, RecursionError) as error:
        raise malformed(f"not JSON: {error}") from error
    if canonical_json(value) != raw:
        raise malformed("JSON is not in its canonical form", "encode it by RFC 8785: sorted keys, no spaces")
    return value


def require_shallow(raw: bytes, depth_max: int = JSON_DEPTH_MAX) -> None:
    """Count brackets outside strings before the reader recurses: where another library has raised the interpreter's
    recursion limit, deep nesting would overflow its C stack and end the process. Raises `malformed`."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > depth_max:
            raise malformed(f"JSON nested deeper than {depth_max}")


def _refuse_float(text: str) -> NoReturn:
    raise malformed(f"{text} is not an integer", "write the number as an integer in a smaller unit, or as text")


def _require_exact(value: object, depth_left: int) -> None:
    if value is None or isinstance(value, (bool, str)):
        return
    if isinstance(value, int):
        if abs(value) > JSON_INTEGER_MAX:
            raise malformed("an integer beyond 2^53-1 in JSON", "write it as decimal text")
        return
    if depth_left == 0:
        raise malformed(f"JSON nested deeper than {JSON_DEPTH_MAX}")
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise malformed(f"a JSON key that is a {type(key).__name__}", "use text keys")
            _require_exact(item, depth_left - 1)
    elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        for item in cast("Sequence[object]", value):
            _require_exact(item, depth_left - 1)
    else:
        raise malformed(f"a {type(value).__name__} in canonical JSON", "use integers, text, lists and maps")
