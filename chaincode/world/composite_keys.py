"""Composite keys: an object type and attributes in one key, in a part of the state that plain keys cannot reach.

    key = composite_key("delivery", ("warehouse-1", "2022-01-02"))
    split_composite_key(key)          ("delivery", ("warehouse-1", "2022-01-02"))
    composite_range("delivery", ("warehouse-1",))    from and to, for all keys that go on from there

Fabric's layout: NUL before every part and after the last one. Neither NUL nor the last code point, which ends the
range, may stand in a part.
"""

from collections.abc import Sequence
from typing import Final

from chaincode.world.errors import Refusal

SEPARATOR: Final = "\x00"
LAST_CHARACTER: Final = "\U0010ffff"


class CompositeKey(str):
    """A key that `composite_key` made; any other that begins with NUL is refused."""

    __slots__ = ()


def composite_key(object_type: str, attributes: Sequence[str]) -> CompositeKey:
    """Raises Refusal `malformed` for an empty object type or a reserved character."""
    parts = (object_type, *attributes)
    if not object_type or any(SEPARATOR in part or LAST_CHARACTER in part for part in parts):
        hint = "name the object type, and use neither NUL nor U+10FFFF"
        raise Refusal("malformed", "not the parts of a composite key", hint)
    return CompositeKey(SEPARATOR + "".join(part + SEPARATOR for part in parts))


def split_composite_key(key: str) -> tuple[str, tuple[str, ...]]:
    """Object type and attributes. Raises Refusal `malformed` for a key that is not composite."""
    parts = key.split(SEPARATOR)
    if len(parts) < 3 or parts[0] or parts[-1] or not parts[1]:
        raise Refusal("malformed", "this is no composite key", "split only what composite_key made")
    return parts[1], tuple(parts[2:-1])


def composite_range(object_type: str, attributes: Sequence[str] = ()) -> tuple[CompositeKey, CompositeKey]:
    """Start (included) and end (excluded) of all composite keys that begin with these parts."""
    start = composite_key(object_type, attributes)
    return start, CompositeKey(start + LAST_CHARACTER)
