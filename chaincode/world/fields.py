"""From JSON objects to frozen values and back, strictly.

A record or an argument is a frozen dataclass whose annotations say what its fields hold:

    @dataclass(frozen=True)
    class DeliverReceipt:
        receipt_id: Annotated[Ident, Described("The receipt whose goods leave.", example="receipt-1")]

`parse(DeliverReceipt, {...})` gives the value or refuses with `malformed` naming the field: a missing field, a field
nobody knows (`quantity_kg`), a wrong type, a number or a text out of bounds. A default marks an optional field.
`plain(value)` is the way back. Nothing is converted: "1" is not 1, 1.0 is not 1, true is not 1.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from chaincode.world.errors import Refusal
from wuxin_evidence.packs.pack import DEVICE_ID

WHOLE_MAX: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (FORMATS §1)."""

TEXT_CHARS_MAX: Final = 512
"""Enough for an address or a description of goods; documents are stored elsewhere and hashed."""

UNITS: Final = "_g _mdegc _wh _w _mm _e7 _bp _s _ms _minor"


@dataclass(frozen=True)
class Described:
    """What a field means, in a sentence, with an example as JSON gives it and the source of the rule, if it has one.

    A field whose value is a record, or a list of records, needs no example: its own fields have theirs. The unit is
    that of the name's suffix (FORMATS §2) unless one is given. The outermost description of a field holds.
    """

    text: str
    example: object = ...
    source: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Text:
    """Bounds of a text: how many characters, and a pattern it must match as a whole."""

    chars_min: int = 1
    chars_max: int = TEXT_CHARS_MAX
    pattern: str | None = None
    looks_like: str = "text"
    choices: tuple[str, ...] = ()
    """All the values there are, where these can be listed."""


@dataclass(frozen=True)
class Whole:
    """Bounds of an integer, both included."""

    minimum: int
    maximum: int = WHOLE_MAX


@dataclass(frozen=True)
class Count:
    """Bounds of the length of a list, both included."""

    minimum: int
    maximum: int


Reader = Callable[[object, str], object]
"""Takes a JSON value and the path it stands at, gives the checked value."""

T = TypeVar("T")

IDENT_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}"
SLOT_PATTERN: Final = r"[0-9A-HJ-NPQRTUWXY]{18}/[A-Z0-9-]{1,32}"

Ident = Annotated[str, Text(1, 128, IDENT_PATTERN, "an id: letters, digits and : . _ -")]
"""An id made by the caller (UUIDv7, EPC). No slash: ids are parts of keys."""
DeviceId = Annotated[str, Text(1, 64, DEVICE_ID.pattern, "a device id, 1 to 64 of letters, digits and . _ : -")]
"""As the packs of a device name it: the id is under its signature."""
Organisation = Annotated[str, Text(2, 32, r"[a-z0-9-]{2,32}", "an organisation name, [a-z0-9-]{2,32}")]
SlotId = Annotated[str, Text(20, 51, SLOT_PATTERN, "a slot, {warehouse uscc}/{[A-Z0-9-]{1,32}}")]
Words = Annotated[str, Text(1, TEXT_CHARS_MAX, r"[^\x00-\x1f\x7f]*", "text on one line")]
"""A name, an address, a reason. Control characters are refused; which characters print depends on Unicode's version."""
Hash = Annotated[str, Text(64, 64, r"[0-9a-f]{64}", "32 bytes in lower-case hex")]
Currency = Annotated[str, Text(3, 3, r"[A-Z]{3}", "an ISO 4217 currency")]
Amount = Annotated[int, Whole(0)]
"""Money or a quantity: never negative."""
PositiveAmount = Annotated[int, Whole(1)]
Seconds = Annotated[int, Whole(0)]
Milliseconds = Annotated[int, Whole(0)]
BasisPoints = Annotated[int, Whole(0, 10_000)]
LatitudeE7 = Annotated[int, Whole(-900_000_000, 900_000_000)]
LongitudeE7 = Annotated[int, Whole(-1_800_000_000, 1_800_000_000)]


def one_of(*names: str) -> Text:
    """Bounds of a text that is one of these names."""
    lengths = [len(name) for name in names]
    return Text(min(lengths), max(lengths), "|".join(map(re.escape, names)), f"one of {', '.join(names)}", names)


def hex_bytes(length_min: int, length_max: int) -> Text:
    """Bounds of lower-case hex that stands for so many bytes."""
    return Text(
        2 * length_min, 2 * length_max, r"([0-9a-f]{2})*", f"{length_min} to {length_max} bytes in lower-case hex"
    )


def malformed(path: str, what: str, hint: str) -> Refusal:
    return Refusal("malformed", f"{path}: {what}", hint)


def parse(record_type: type[T], raw: object, path: str = "") -> T:
    """A `record_type` from a JSON object; `malformed` names the first field that is not as declared."""
    name = path or "the argument"
    if not isinstance(raw, Mapping):
        raise malformed(name, "is not an object", f"pass {name} as one JSON object")
    given = cast("Mapping[str, object]", raw)
    readers, optional = _plan(record_type)
    prefix = f"{path}." if path else ""
    _refuse_field_names(given, readers, optional, prefix)
    values = {field: readers[field](value, prefix + field) for field, value in given.items()}
    return record_type(**values)


def plain(value: object) -> object:
    """The JSON form of a frozen value: dataclasses become objects, tuples become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in cast("Mapping[str, object]", value).items()}
    return value


def _refuse_field_names(
    given: Mapping[str, object], readers: Mapping[str, Reader], optional: frozenset[str], prefix: str
) -> None:
    for field in sorted(given, key=repr):
        if field not in readers:
            shown = repr(field)[:80]
            hint = f"fields here are {', '.join(readers)}; units are the suffixes {UNITS}"
            raise malformed(f"{prefix}{shown}", "is not a known field", hint)
    for field in readers:
        if field not in given and field not in optional:
            raise malformed(prefix + field, "is missing", f"add the field {prefix + field}")


def unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The bare type of an annotation, and what `Annotated` says beside it."""
    return (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())


def without_none(hint: Any) -> Any:
    """The annotation of the value itself, where `X | None` lets it be absent; else None."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    return next(part for part in get_args(hint) if part is not NoneType)


def bounds_of(beside: tuple[Any, ...]) -> Text | Whole | Count | None:
    """The bounds among what `Annotated` says beside a type."""
    return next((one for one in beside if isinstance(one, Text | Whole | Count)), None)


@cache
def _plan(record_type: type[Any]) -> tuple[dict[str, Reader], frozenset[str]]:
    """How to read each field of a dataclass, and which fields may be absent. Made once per type."""
    hints = get_type_hints(record_type, include_extras=True)
    fields = dataclasses.fields(record_type)
    optional = frozenset(field.name for field in fields if field.default is not MISSING)
    return {field.name: _reader(hints[field.name]) for field in fields}, optional


def _reader(hint: Any) -> Reader:
    bare, beside = unwrapped(hint)
    bounds = bounds_of(beside)
    if (value_hint := without_none(bare)) is not None:
        return _optional(_reader(value_hint))
    if get_origin(bare) is tuple and isinstance(bounds, Count):
        return _sequence(_reader(get_args(bare)[0]), bounds)
    if dataclasses.is_dataclass(bare):
        return lambda value, path: parse(cast("type[object]", bare), value, path)
    if bare is bool:
        return _read_bool
    if bare is int and isinstance(bounds, Whole):
        return _whole(bounds)
    if bare is str and isinstance(bounds, Text):
        return _text(bounds)
    raise TypeError(f"no strict reader for {bare!r} within {bounds!r}")


def _optional(inner: Reader) -> Reader:
    return lambda value, path: None if value is None else inner(value, path)


def _sequence(item: Reader, bounds: Count) -> Reader:
    def read(value: object, path: str) -> object:
        if not isinstance(value, list):
            raise malformed(path, "is not a list", f"pass {path} as a JSON list")
        items = cast("list[object]", value)
        if not bounds.minimum <= len(items) <= bounds.maximum:
            hint = f"pass {bounds.minimum} to {bounds.maximum} entries"
            raise malformed(path, f"has {len(items)} entries", hint)
        return tuple(item(entry, f"{path}[{index}]") for index, entry in enumerate(items))

    return read


def _read_bool(value: object, path: str) -> object:
    if not isinstance(value, bool):
        raise malformed(path, "is not true or false", f"pass {path} as a JSON boolean")
    return value


def _whole(bounds: Whole) -> Reader:
    hint = f"pass an integer from {bounds.minimum} to {bounds.maximum} in the unit of the field's suffix"

    def read(value: object, path: str) -> object:
        if type(value) is not int:
            raise malformed(path, "is not an integer", hint)
        if not bounds.minimum <= value <= bounds.maximum:
            raise malformed(path, "is out of bounds", hint)
        return value

    return read


def _text(bounds: Text) -> Reader:
    compiled = re.compile(bounds.pattern, re.ASCII) if bounds.pattern else None
    hint = f"pass {bounds.looks_like}, {bounds.chars_min} to {bounds.chars_max} characters"

    def read(value: object, path: str) -> object:
        if not isinstance(value, str):
            raise malformed(path, "is not a text", hint)
        if not bounds.chars_min <= len(value) <= bounds.chars_max:
            raise malformed(path, f"has {len(value)} characters", hint)
        if compiled is not None and compiled.fullmatch(value) is None:
            raise malformed(path, f"is not {bounds.looks_like}", hint)
        return value

    return read
