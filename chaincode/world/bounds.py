"""Bounds: what a field of an argument or a record may hold, and what it means.

    quantity_g: Annotated[PositiveAmount, Described("Mass of the goods.", example=25_000_000, source="民法典 §909(2)")]

`fields` parses by the bounds, `description` tells them to documents and programs. An id of each kind of thing has a
type of its own (`ReceiptId`, `PledgeId`), so that one kind of id cannot be passed where another is meant.
"""

import re
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NewType, Union, cast, get_args, get_origin

from wuxin_evidence.packs.pack import DEVICE_ID

WHOLE_MAX: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (FORMATS §1)."""

TEXT_CHARS_MAX: Final = 512
"""Enough for an address or a description of goods; documents are stored elsewhere and hashed."""

UNITS: Final = {
    "_g": "g",
    "_mdegc": "0.001 °C",
    "_wh": "Wh",
    "_w": "W",
    "_mm": "mm",
    "_e7": "degree × 10^-7, WGS 84",
    "_bp": "0.01 %",
    "_s": "s",
    "_ms": "ms",
    "_minor": "minor unit of the currency",
}
"""Suffix of a field's name to the unit of its value (FORMATS §2)."""


@dataclass(frozen=True)
class Described:
    """What a field means, in a sentence, with an example as JSON gives it and the source of the rule, if it has one.

    A field whose value is a record, or a list of records, needs no example: its own fields have theirs. The unit is
    that of the name's suffix unless one is given. The outermost description of a field holds.
    """

    text: str
    example: object = ...
    source: str = ""
    unit: str = ""


def unit_of(name: str, described: Described | None) -> str:
    """The unit of a field's value: the one that is declared, else that of its name's suffix; empty for none."""
    declared = described.unit if described is not None else ""
    return declared or next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), "")


@dataclass(frozen=True)
class Text:
    """Bounds of a text: how many characters, and a pattern it must match as a whole."""

    chars_min: int = 1
    chars_max: int = TEXT_CHARS_MAX
    pattern: str | None = None
    looks_like: str = "text"
    choices: tuple[str, ...] = ()
    """All the values there are, where these can be listed."""
    readable: bool = False
    """Whether people read it, so that nothing `HIDDEN` may stand in it."""


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


Bounds = Text | Whole | Count


def one_of(*names: str) -> Text:
    """Bounds of a text that is one of these names."""
    lengths = [len(name) for name in names]
    return Text(min(lengths), max(lengths), "|".join(map(re.escape, names)), f"one of {', '.join(names)}", names)


def hex_bytes(length_min: int, length_max: int) -> Text:
    """Bounds of lower-case hex that stands for so many bytes."""
    return Text(
        2 * length_min, 2 * length_max, r"([0-9a-f]{2})*", f"{length_min} to {length_max} bytes in lower-case hex"
    )


def readable(chars_max: int = TEXT_CHARS_MAX) -> Text:
    """Bounds of a text on one line that people read."""
    return Text(1, chars_max, looks_like="text on one line, without control or invisible characters", readable=True)


IDENT: Final = Text(1, 128, r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}", "an id: letters, digits and : . _ -")

ReceiptId = NewType("ReceiptId", str)
PledgeId = NewType("PledgeId", str)
AssetId = NewType("AssetId", str)
FacilityId = NewType("FacilityId", str)
DeviceId = NewType("DeviceId", str)
"""As the packs of a device name it: the id is under its signature."""
SlotId = NewType("SlotId", str)
"""`{uscc of the warehouse}/{its own name for the place}`."""

BOUNDS_OF_ID: Final[dict[object, Text]] = {
    ReceiptId: IDENT,
    PledgeId: IDENT,
    AssetId: IDENT,
    FacilityId: IDENT,
    DeviceId: Text(1, 64, DEVICE_ID.pattern, "a device id, 1 to 64 of letters, digits and . _ : -"),
    SlotId: Text(20, 51, r"[0-9A-HJ-NPQRTUWXY]{18}/[A-Z0-9-]{1,32}", "a slot, {warehouse uscc}/{[A-Z0-9-]{1,32}}"),
}
"""Ids are made by the caller and accepted once. No slash but in a slot's: ids are parts of keys."""

Ident = Annotated[str, IDENT]
"""An id of anything else (EPC, commodity)."""
Organisation = Annotated[str, Text(2, 32, r"[a-z0-9-]{2,32}", "an organisation name, [a-z0-9-]{2,32}")]
Words = Annotated[str, readable()]
"""A name, an address, a reason."""
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


@dataclass(frozen=True)
class Hint:
    """An annotation taken apart: the bare type, its bounds, its description, and whether null may take its place."""

    bare: Any
    bounds: Bounds | None
    described: Described | None
    nullable: bool


def take_apart(annotation: Any) -> Hint:
    """What an annotation says: through `Annotated`, `X | None` and the types of ids, the outermost word first."""
    if get_origin(annotation) is Annotated:
        inner, *beside = get_args(annotation)
        below = take_apart(inner)
        bounds = next((one for one in beside if isinstance(one, Text | Whole | Count)), below.bounds)
        described = next((one for one in reversed(beside) if isinstance(one, Described)), below.described)
        return Hint(below.bare, bounds, described, below.nullable)
    if get_origin(annotation) in (Union, UnionType):
        inner = take_apart(next(part for part in get_args(annotation) if part is not NoneType))
        return Hint(inner.bare, inner.bounds, inner.described, True)
    if annotation in BOUNDS_OF_ID:
        return Hint(str, BOUNDS_OF_ID[cast("object", annotation)], None, False)
    return Hint(annotation, None, None, False)
