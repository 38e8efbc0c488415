"""Protobuf messages in their one canonical spelling, without generated classes.

A message is described by a ``Message`` of ``Field``s in ascending number; ``write`` encodes a mapping of names to
values and ``read`` decodes bytes, encodes the outcome again and compares. What differs (unknown or repeated fields,
another order, longer varints, written defaults) is refused, so a hash over the input is a hash over the content.

The spelling is gogoproto's, which the chains of the Cosmos family hash and sign: scalars that are zero or empty are
left out, an absent message is None, and a message marked ``always`` is written even when it is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias, cast

from wuxin_evidence.errors import EvidenceError

WIRE_BYTES_MAX = 4 * 1024 * 1024
"""Largest message read: a block's transaction is bounded by one MiB, headers and commits are a few kilobytes."""

_VARINT, _FIXED64, _LENGTH = 0, 1, 2


class Kind(Enum):
    """Scalar types by how they are written; enums and bool are UNSIGNED, int32 and int64 SIGNED."""

    UNSIGNED = "varint of uint64"
    SIGNED = "varint of int64"
    FIXED = "sfixed64"
    BYTES = "bytes"
    TEXT = "string"


@dataclass(frozen=True)
class Field:
    """One field; its value is int, bytes or str by ``kind``, a mapping for a message, a list when repeated."""

    number: int
    name: str
    kind: "Kind | Message"
    repeated: bool = False
    always: bool = False


@dataclass(frozen=True)
class Message:
    """A message type: fields in ascending number."""

    name: str
    fields: tuple[Field, ...]


Values: TypeAlias = dict[str, Any]


def write(message: Message, values: Mapping[str, Any]) -> bytes:
    """The bytes of a message; names left out of ``values`` are absent."""
    return b"".join(_field(field, values.get(field.name)) for field in message.fields)


def read(message: Message, raw: bytes) -> Values:
    """The values of a message, every field named. Raises EvidenceError ``malformed`` or ``too_large``."""
    if len(raw) > WIRE_BYTES_MAX:
        raise EvidenceError("too_large", f"{message.name} of {len(raw)} bytes", f"at most {WIRE_BYTES_MAX} bytes")
    values = _values(message, raw)
    # protobuf readers take the last of two equal fields, or the first: a hash over such bytes would bind neither
    if write(message, values) != raw:
        raise _malformed(message.name, "it is not in its one canonical spelling")
    return values


def delimited(raw: bytes) -> bytes:
    """The message with its length before it, as a varint."""
    return _varint(len(raw)) + raw


def _field(field: Field, value: Any) -> bytes:
    if field.repeated:
        return b"".join(_one(field, each) for each in cast("list[Any]", value or []))
    if isinstance(field.kind, Message):
        if value is None:
            return _one(field, {}) if field.always else b""
        return _one(field, value)
    return _one(field, value) if value else b""


def _one(field: Field, value: Any) -> bytes:
    if isinstance(field.kind, Message):
        return _tag(field, _LENGTH) + delimited(write(field.kind, value))
    if field.kind is Kind.FIXED:
        return _tag(field, _FIXED64) + int(value).to_bytes(8, "little", signed=True)
    if field.kind in (Kind.BYTES, Kind.TEXT):
        return _tag(field, _LENGTH) + delimited(value.encode() if field.kind is Kind.TEXT else value)
    return _tag(field, _VARINT) + _varint(int(value) % 2**64)


def _tag(field: Field, wire_type: int) -> bytes:
    return _varint(field.number << 3 | wire_type)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _values(message: Message, raw: bytes) -> Values:
    values: Values = {field.name: _absent(field) for field in message.fields}
    fields = {field.number: field for field in message.fields}
    at = 0
    while at < len(raw):
        tag, at = _read_varint(message.name, raw, at)
        field = fields.get(tag >> 3)
        if field is None or tag & 7 != _wire_type(field):
            raise _malformed(message.name, f"it has an unknown field {tag >> 3}")
        value, at = _read_value(message.name, field, raw, at)
        if field.repeated:
            values[field.name].append(value)
        else:
            values[field.name] = value
    return values


def _absent(field: Field) -> Any:
    if field.repeated:
        return []
    return {Kind.BYTES: b"", Kind.TEXT: ""}.get(field.kind, 0) if isinstance(field.kind, Kind) else None


def _wire_type(field: Field) -> int:
    if isinstance(field.kind, Message) or field.kind in (Kind.BYTES, Kind.TEXT):
        return _LENGTH
    return _FIXED64 if field.kind is Kind.FIXED else _VARINT


def _read_value(name: str, field: Field, raw: bytes, at: int) -> tuple[Any, int]:
    if field.kind is Kind.FIXED:
        if at + 8 > len(raw):
            raise _malformed(name, "it ends too early")
        return int.from_bytes(raw[at : at + 8], "little", signed=True), at + 8
    number, at = _read_varint(name, raw, at)
    if field.kind is Kind.UNSIGNED:
        return number, at
    if field.kind is Kind.SIGNED:
        return number - 2**64 if number >= 2**63 else number, at
    if at + number > len(raw):
        raise _malformed(name, "it ends too early")
    body = raw[at : at + number]
    if isinstance(field.kind, Message):
        return _values(field.kind, body), at + number
    if field.kind is Kind.BYTES:
        return body, at + number
    try:
        return body.decode(), at + number
    except UnicodeDecodeError as error:
        raise _malformed(name, "it has text that is not UTF-8") from error


def _read_varint(name: str, raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):  # ten groups of seven bits hold 64
        if at + place >= len(raw):
            raise _malformed(name, "it ends too early")
        byte = raw[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, at + place + 1
    raise _malformed(name, "it has a number beyond 64 bits")


def _malformed(name: str, what: str) -> EvidenceError:
    return EvidenceError("malformed", f"{name}: {what}", "take the bytes from the chain again, unchanged")
