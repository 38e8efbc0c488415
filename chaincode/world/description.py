"""Descriptions: what the fields of an argument or a record are, for documents and programs outside the ledger.

    describe(AcceptPledge)                     its fields: name, type, bounds, unit, default, meaning, example, source
    json_schema(AcceptPledge)                  a JSON Schema (2020-12) of the argument
    json_schema(Pledge, answered=True)         of a record: nothing in it is absent
    components([AcceptPledge], [Pledge])       one schema for each record type, as OpenAPI 3.1 lists them

All is read from the annotations that `fields` parses by, so that a description cannot differ from what is accepted.
Functions here are pure and name no format but JSON Schema.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from chaincode.world.bounds import Bounds, Count, Described, Text, Whole, take_apart, unit_of
from wuxin_evidence.codepoints import INVISIBLE

Json = dict[str, Any]

REFERENCE: Final = "#/components/schemas/"
"""Where an OpenAPI document keeps the schemas that others refer to."""


READABLE_CLASS: Final = "".join(
    f"\\u{first:04x}-\\u{last:04x}" for first, last in INVISIBLE if last < 0xD800 or 0xDFFF < first <= 0xFFFF
)
"""The characters that no text for people has, as every dialect of patterns spells them: those of the basic plane but
the surrogates, which no JSON text holds. The ledger refuses those beyond that plane and unassigned ones as well."""


@dataclass(frozen=True)
class Value:
    """What a value may be: `kind` is text, integer, boolean, list, record or any."""

    kind: str
    nullable: bool
    bounds: Bounds | None
    items: "Value | None" = None
    record: type[Any] | None = None


@dataclass(frozen=True)
class Field:
    """One field of a record or an argument; `default` is `...` where there is none, then the field is required."""

    name: str
    value: Value
    text: str
    example: object
    unit: str
    source: str
    default: object

    @property
    def required(self) -> bool:
        """Whether an argument without this field is refused."""
        return self.default is ...


def describe(record_type: type[Any]) -> tuple[Field, ...]:
    """The fields of a dataclass, in their order."""
    hints = get_type_hints(record_type, include_extras=True)
    return tuple(_field(each, hints[each.name]) for each in dataclasses.fields(record_type))


def example_of(record_type: type[Any]) -> Json:
    """A whole example, made from those of the fields."""
    return {field.name: field.example for field in describe(record_type)}


def value_of(annotation: Any) -> Value:
    """What an annotation lets a value be. Raises TypeError for one that no reader knows."""
    hint = take_apart(annotation)
    if get_origin(hint.bare) is tuple:
        return Value("list", hint.nullable, hint.bounds, items=value_of(get_args(hint.bare)[0]))
    if dataclasses.is_dataclass(hint.bare):
        return Value("record", hint.nullable, None, record=cast("type[Any]", hint.bare))
    named = {str: "text", int: "integer", bool: "boolean", object: "any"}
    if hint.bare not in named:
        raise TypeError(f"no description for {hint.bare!r}")
    return Value(named[hint.bare], hint.nullable, hint.bounds)


def json_schema(record_type: type[Any], *, answered: bool = False, reference: str = REFERENCE) -> Json:
    """A JSON Schema of one dataclass; nested ones are referred to by their names behind `reference`.

    Of an argument, fields with a default may be absent; of an answer (`answered`), none.
    """
    fields = describe(record_type)
    return {
        "type": "object",
        "description": _first_paragraph(record_type),
        "properties": {field.name: _field_schema(field, reference) for field in fields},
        "required": [field.name for field in fields if answered or field.required],
        "additionalProperties": False,
    }


def value_schema(value: Value, reference: str = REFERENCE) -> Json:
    """A JSON Schema of one value."""
    schema = _bare_schema(value, reference)
    if not value.nullable:
        return schema
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "enum" in schema:
        return {**schema, "type": ["string", "null"], "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema


def components(arguments: Iterable[type[Any]], answers: Iterable[Any], reference: str = REFERENCE) -> dict[str, Json]:
    """Name to schema, for these types and all that they refer to.

    A type that is part of an argument is described as one, so that a reader of an answer expects no more than is true.
    """
    taken = {each.__name__: each for one in arguments for each in record_types(one)}
    given = {each.__name__: each for one in answers for each in record_types(one)}
    return {
        name: json_schema(each, answered=name not in taken, reference=reference)
        for name, each in sorted({**given, **taken}.items())
    }


def record_types(annotation: Any) -> Iterator[type[Any]]:
    """The dataclasses that a value of this annotation is made of, outermost first."""
    value = value_of(annotation)
    while value.items is not None:
        value = value.items
    if value.record is not None:
        yield value.record
        for each in get_type_hints(value.record, include_extras=True).values():
            yield from record_types(each)


def _field(field: "dataclasses.Field[Any]", annotation: Any) -> Field:
    value = value_of(annotation)
    described = take_apart(annotation).described or Described("")
    return Field(
        name=field.name,
        value=value,
        text=described.text,
        example=_example(value) if described.example is ... else described.example,
        unit=unit_of(field.name, described),
        source=described.source,
        default=... if field.default is MISSING else field.default,
    )


def _example(value: Value) -> object:
    """What a record's own fields give as an example; `...` where nothing does."""
    if value.record is not None:
        return example_of(value.record)
    if value.items is not None and (one := _example(value.items)) is not ...:
        return [one]
    return ...


def _field_schema(field: Field, reference: str) -> Json:
    parts = [field.text, field.unit and f"Unit: {field.unit}.", field.source and f"Source: {field.source}."]
    schema = value_schema(field.value, reference) | {"description": " ".join(filter(None, parts))}
    if field.example is not ...:
        schema["examples"] = [field.example]
    if not field.required:
        schema["default"] = list(cast("tuple[Any, ...]", field.default)) if field.default == () else field.default
    return schema


def _bare_schema(value: Value, reference: str) -> Json:
    bounds = value.bounds
    if isinstance(bounds, Text):
        return _text_schema(bounds)
    if isinstance(bounds, Whole):
        return {"type": "integer", "minimum": bounds.minimum, "maximum": bounds.maximum}
    if value.items is not None:
        limits = {"minItems": bounds.minimum, "maxItems": bounds.maximum} if isinstance(bounds, Count) else {}
        return {"type": "array", "items": value_schema(value.items, reference), **limits}
    if value.record is not None:
        return {"$ref": reference + value.record.__name__}
    return {"type": "boolean"} if value.kind == "boolean" else {}


def _text_schema(bounds: Text) -> Json:
    if bounds.choices:
        return {"type": "string", "enum": list(bounds.choices)}
    schema: Json = {"type": "string", "minLength": bounds.chars_min, "maxLength": bounds.chars_max}
    if bounds.pattern is not None:
        schema["pattern"] = f"^(?:{bounds.pattern})$"
    if bounds.readable:
        schema["pattern"] = f"^[^{READABLE_CLASS}]*$"
    return schema


def _first_paragraph(record_type: type[Any]) -> str:
    return " ".join((record_type.__doc__ or "").partition("\n\n")[0].split())
