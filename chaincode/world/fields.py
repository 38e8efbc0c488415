"""From JSON objects to frozen values and back, strictly.

A record or an argument is a frozen dataclass whose annotations say what its fields hold:

    @dataclass(frozen=True)
    class DeliverReceipt:
        receipt_id: Annotated[ReceiptId, Described("The receipt whose goods leave.", example="receipt-1")]

`parse(DeliverReceipt, {...})` gives the value or refuses with `malformed` naming the field: a missing field, a field
nobody knows (`quantity_kg`), a wrong type, a number or a text out of bounds. A default marks an optional field.
`plain(value)` is the way back. Nothing is converted: "1" is not 1, 1.0 is not 1, true is not 1.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from chaincode.world.bounds import UNITS, Bounds, Count, Text, Whole, take_apart, unit_of
from chaincode.world.errors import Refusal
from wuxin_evidence.codepoints import HIDDEN

Reader = Callable[[object, str], object]
"""Takes a JSON value and the path it stands at, gives the checked value."""

T = TypeVar("T")


def malformed(path: str, what: str, hint: str) -> Refusal:
    """A refusal that names the field at `path`, what is wrong with it and what is allowed."""
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
            hint = f"fields here are {', '.join(readers)}; units are the suffixes {' '.join(UNITS)}"
            raise malformed(f"{prefix}{shown}", "is not a known field", hint)
    for field in readers:
        if field not in given and field not in optional:
            raise malformed(prefix + field, "is missing", f"add the field {prefix + field}")


@cache
def _plan(record_type: type[Any]) -> tuple[dict[str, Reader], frozenset[str]]:
    """How to read each field of a dataclass, and which fields may be absent. Made once per type."""
    hints = get_type_hints(record_type, include_extras=True)
    fields = dataclasses.fields(record_type)
    optional = frozenset(field.name for field in fields if field.default is not MISSING)
    return {field.name: _reader(hints[field.name], field.name) for field in fields}, optional


def _reader(annotation: Any, name: str) -> Reader:
    hint = take_apart(annotation)
    read = _reader_of(hint.bare, hint.bounds, name, unit_of(name, hint.described))
    return _optional(read) if hint.nullable else read


def _reader_of(bare: Any, bounds: Bounds | None, name: str, unit: str) -> Reader:
    if get_origin(bare) is tuple and isinstance(bounds, Count):
        return _sequence(_reader(get_args(bare)[0], name), bounds)
    if dataclasses.is_dataclass(bare):
        return lambda value, path: parse(cast("type[object]", bare), value, path)
    if bare is bool:
        return _read_bool
    if bare is object:
        return lambda value, path: value  # a document of any form, which whoever declared it checks
    if bare is int and isinstance(bounds, Whole):
        return _whole(bounds, unit)
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


def _whole(bounds: Whole, unit: str) -> Reader:
    hint = f"pass an integer from {bounds.minimum} to {bounds.maximum}" + (f", in the unit {unit}" if unit else "")

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
    if bounds.choices:
        hint = f"pass {bounds.looks_like}"

    def read(value: object, path: str) -> object:
        if not isinstance(value, str):
            raise malformed(path, "is not a text", hint)
        if bounds.choices and value not in bounds.choices:
            raise malformed(path, f"is not {bounds.looks_like}", hint)
        if not bounds.chars_min <= len(value) <= bounds.chars_max:
            what = f" and is not {bounds.looks_like}" if compiled is not None else ""
            raise malformed(path, f"has {len(value)} characters{what}", hint)
        if compiled is not None and compiled.fullmatch(value) is None:
            raise malformed(path, f"is not {bounds.looks_like}", hint)
        if bounds.readable and (found := HIDDEN.search(value)) is not None:
            raise malformed(path, f"has U+{ord(found[0]):04X} at character {found.start() + 1}", hint)
        return value

    return read
