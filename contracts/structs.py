"""Structs of the contracts, declared once: their members' names, types and order are read from the artifacts.

    load_artifact("CreditFacility").struct("Terms").call(values)      values by name ─▶ what a call takes, checked
    stated(record)                                  a dataclass ─▶ its values under the contract's names

Nobody writes a struct's members in a row from memory: a tuple whose twentieth number is the nineteenth is accepted by
a chain without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, cast

from wuxin_evidence.errors import EvidenceError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SIZED = re.compile(r"(uint|int|bytes)(\d+)")
_ADDRESS_BYTES = 20


@dataclass(frozen=True)
class Member:
    """One member of a struct: its name and ABI type, such as `uint64`, `bytes32`, `address`, `tuple[]`."""

    name: str
    type: str


@dataclass(frozen=True)
class Struct:
    """A struct as the ABI of a contract declares it."""

    name: str
    members: tuple[Member, ...]

    def call(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` in the struct's own order, each within its type; a call takes the result.

        Raises `EvidenceError` malformed naming a member that is missing, unknown, or no value of its type.
        """
        names = [member.name for member in self.members]
        for name in (*(each for each in names if each not in values), *(each for each in values if each not in names)):
            problem = "is unknown" if name in values else "is missing"
            raise EvidenceError("malformed", f"{self.name}.{name} {problem}", f"one each of {', '.join(names)}")
        for member in self.members:
            if not _fits(member.type, values[member.name]):
                detail = f"{self.name}.{member.name}: {values[member.name]!r} is no {member.type}"
                raise EvidenceError("malformed", detail, "integers within the type, bytes or 0x hex of its length")
        return {name: values[name] for name in names}


def struct_in(abi: Sequence[Mapping[str, Any]], name: str) -> Struct:
    """A struct that some function of the ABI takes or gives. Raises `EvidenceError` not_found."""
    for parameter in _parameters(abi):
        if re.fullmatch(rf"struct (\w+\.)?{re.escape(name)}(\[\])*", str(parameter.get("internalType"))):
            components = cast("Sequence[Mapping[str, str]]", parameter["components"])
            return Struct(name, tuple(Member(each["name"], each["type"]) for each in components))
    raise EvidenceError("not_found", f"the contract has no struct {name}", "see its interface in contracts/src")


def stated(record: DataclassInstance) -> dict[str, Any]:
    """A record's values under the contract's names; bytes as hex text with 0x, so that JSON can hold them."""
    values: dict[str, Any] = {camel(each.name): getattr(record, each.name) for each in fields(record)}
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def camel(name: str) -> str:
    """The contract's name of a member: `line_minor` gives `lineMinor`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _parameters(entries: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for entry in entries:
        for parameter in (*entry.get("inputs", ()), *entry.get("outputs", ()), *entry.get("components", ())):
            yield parameter
            yield from _parameters([parameter])


def _fits(kind: str, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind.endswith("]"):
        return isinstance(value, list)
    if kind == "address":
        return _length(value) == _ADDRESS_BYTES
    sized = _SIZED.fullmatch(kind)
    if sized is None:
        return True
    family, size = sized.group(1), int(sized.group(2))
    if family == "bytes":
        return _length(value) == size
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return 0 <= value < 2**size if family == "uint" else -(2 ** (size - 1)) <= value < 2 ** (size - 1)


def _length(value: Any) -> int:
    """Number of bytes, or −1 for what is neither bytes nor 0x hex."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str) and re.fullmatch(r"0x([0-9a-fA-F]{2})*", value):
        return len(value) // 2 - 1
    return -1
