"""Between contract and Python: call data, results, events and custom errors by a contract's ABI.

Plain values: integers as int, booleans as bool, bytes and addresses as lower-case hex text with 0x, arrays as lists,
structs as dictionaries by field. Arguments are taken in the same forms, bytes also as bytes, structs also as lists.
A custom error becomes a problem: FacilityFrozen(bytes32 facilityId, uint256 reasons) → code `facility_frozen`, detail
`facility_id 0x…, reasons 1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from wuxin_evidence.ids import keccak256

Parameter = Mapping[str, Any]
"""One input, output or component of an ABI: name, type, components?, indexed?."""

REVERTED = "reverted"
"""Problem code of a failure that names no custom error: out of gas, a failed assertion, a bare revert."""

_FORBIDDEN = frozenset(
    {"AccessManagedUnauthorized", "AccessManagerUnauthorizedAccount", "AccessManagerUnauthorizedCall"}
)
"""OpenZeppelin's own refusals of a caller; the contracts' is Forbidden."""

_ERROR_TEXT = keccak256(b"Error(string)")[:4]
_PANIC = keccak256(b"Panic(uint256)")[:4]
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ARRAY = re.compile(r"(.*)\[(\d*)\]")


class AbiError(ValueError):
    """A name that the ABI does not have, or values that do not fit it."""


@dataclass(frozen=True)
class Problem:
    """A refusal by a contract, as the rest of the house names it."""

    code: str
    detail: str


@dataclass(frozen=True)
class _Entry:
    """A function, event or error with its selector (4 bytes) or topic (32)."""

    name: str
    selector: bytes
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]


class ContractAbi:
    """The ABI of one contract, as the compiler gives it."""

    def __init__(self, abi: Sequence[Mapping[str, Any]]) -> None:
        self._functions: dict[str, _Entry] = {}
        self._events: dict[bytes, _Entry] = {}
        self._errors: dict[bytes, _Entry] = {}
        self._constructor: tuple[Parameter, ...] = ()
        for each in abi:
            kind = each["type"]
            if kind == "function":
                self._functions[each["name"]] = _entry(each, 4)
            elif kind == "event":
                entry = _entry(each, 32)
                self._events[entry.selector] = entry
            elif kind == "error":
                entry = _entry(each, 4)
                self._errors[entry.selector] = entry
            elif kind == "constructor":
                self._constructor = tuple(each["inputs"])

    def selector(self, function: str) -> bytes:
        """The four bytes that name a function. Raises AbiError."""
        return self._function(function).selector

    def first_parameter(self, function: str) -> str:
        """The name of a function's first parameter, empty if it takes none. Raises AbiError."""
        inputs = self._function(function).inputs
        return str(inputs[0]["name"]) if inputs else ""

    def encode_call(self, function: str, args: Sequence[Any]) -> bytes:
        """Selector and arguments. Raises AbiError."""
        entry = self._function(function)
        return entry.selector + _encode(function, entry.inputs, args)

    def encode_constructor(self, args: Sequence[Any]) -> bytes:
        """What follows the bytecode in a creation. Raises AbiError."""
        return _encode("constructor", self._constructor, args)

    def decode_result(self, function: str, output: bytes) -> Any:
        """None, the one value, or a dictionary (list, where unnamed) of several. Raises AbiError."""
        outputs = self._function(function).outputs
        values = _decode(function, outputs, output)
        if len(outputs) < 2:
            return values[0] if values else None
        names = [output["name"] for output in outputs]
        return dict(zip(names, values, strict=True)) if all(names) else values

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Name and arguments of a log, None for an event that the ABI does not have. Raises AbiError.

        An indexed argument of dynamic type is its hash; the log holds no more.
        """
        entry = self._events.get(topics[0]) if topics else None
        if entry is None:
            return None
        indexed = [each for each in entry.inputs if each["indexed"]]
        in_data = [each for each in entry.inputs if not each["indexed"]]
        if len(indexed) != len(topics) - 1:
            raise AbiError(f"event {entry.name} has {len(topics) - 1} indexed values, its ABI {len(indexed)}")
        values = dict(zip((each["name"] for each in in_data), _decode(entry.name, in_data, data), strict=True))
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            hashed = parameter["type"] in ("string", "bytes") or parameter["type"].endswith(("]", "tuple"))
            kind: Parameter = {"type": "bytes32"} if hashed else parameter
            values[parameter["name"]] = _decode(entry.name, [kind], topic)[0]
        return entry.name, {each["name"]: values[each["name"]] for each in entry.inputs}

    def decode_error(self, output: bytes) -> Problem:
        """The problem that revert data names; code `reverted` where it names none that we know."""
        selector, body = output[:4], output[4:]
        try:
            if selector == _ERROR_TEXT:
                return Problem(REVERTED, str(decode(["string"], body)[0]))
            if selector == _PANIC:
                return Problem(REVERTED, f"panic 0x{int(decode(['uint256'], body)[0]):02x}")
            entry = self._errors.get(selector)
            if entry is not None:
                return _problem(entry, _decode(entry.name, entry.inputs, body))
        except (AbiError, DecodingError):
            pass
        if not output:
            return Problem(REVERTED, "the contract stopped without a reason, or ran out of gas")
        return Problem(REVERTED, f"the contract refused with data unknown here: 0x{output.hex()}")

    def _function(self, name: str) -> _Entry:
        entry = self._functions.get(name)
        if entry is None:
            raise AbiError(f"the contract has no function {name!r}")
        return entry


def snake_case(name: str) -> str:
    """FacilityFrozen → facility_frozen, openingSequence → opening_sequence, ERC20Paused → erc20_paused."""
    return _WORD_STARTS.sub("_", name).lower()


def _problem(entry: _Entry, values: Sequence[Any]) -> Problem:
    words = [
        f"{snake_case(parameter['name'])} {value}" if parameter["name"] else str(value)
        for parameter, value in zip(entry.inputs, values, strict=True)
    ]
    code = "forbidden" if entry.name in _FORBIDDEN else snake_case(entry.name)
    return Problem(code, ", ".join(words))


def _entry(abi: Mapping[str, Any], selector_bytes: int) -> _Entry:
    inputs = tuple(cast("list[Parameter]", abi["inputs"]))
    signature = f"{abi['name']}({','.join(_type(each) for each in inputs)})"
    return _Entry(
        abi["name"],
        keccak256(signature.encode())[:selector_bytes],
        inputs,
        tuple(cast("list[Parameter]", abi.get("outputs", []))),
    )


def _type(parameter: Parameter) -> str:
    """The canonical type, a struct as the tuple of its fields."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(each) for each in parameter['components'])}){kind[5:]}"


def _encode(name: str, parameters: Sequence[Parameter], args: Sequence[Any]) -> bytes:
    if len(parameters) != len(args):
        raise AbiError(f"{name} takes {len(parameters)} arguments, {len(args)} were given")
    try:
        values = [_to_abi(parameter, value) for parameter, value in zip(parameters, args, strict=True)]
        return encode([_type(each) for each in parameters], values)
    except (EncodingError, KeyError, TypeError, ValueError, OverflowError) as wrong:
        raise AbiError(f"the arguments of {name} do not fit: {wrong}") from wrong


def _decode(name: str, parameters: Sequence[Parameter], data: bytes) -> list[Any]:
    try:
        values = decode([_type(each) for each in parameters], data) if parameters else ()
    except (DecodingError, ValueError, OverflowError) as wrong:
        raise AbiError(f"what {name} gave does not fit its ABI: {wrong}") from wrong
    return [_from_abi(parameter, value) for parameter, value in zip(parameters, values, strict=True)]


def _element(parameter: Parameter) -> Parameter | None:
    """The parameter of an array's elements, None for what is no array."""
    array = _ARRAY.fullmatch(parameter["type"])
    return None if array is None else {**parameter, "type": array.group(1)}


def _to_abi(parameter: Parameter, value: Any) -> Any:
    element = _element(parameter)
    if element is not None:
        return [_to_abi(element, each) for each in value]
    kind: str = parameter["type"]
    if kind == "tuple":
        components = cast("list[Parameter]", parameter["components"])
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            unknown = set(fields) - {each["name"] for each in components}
            if unknown:
                raise AbiError(f"unknown fields {', '.join(sorted(unknown))}")
            value = [fields[each["name"]] for each in components]
        return tuple(_to_abi(each, field) for each, field in zip(components, value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return _from_hex(value)
    if kind == "address" and isinstance(value, bytes):
        return "0x" + value.hex()
    return value


def _from_abi(parameter: Parameter, value: Any) -> Any:
    element = _element(parameter)
    if element is not None:
        return [_from_abi(element, each) for each in value]
    kind: str = parameter["type"]
    if kind == "tuple":
        components = cast("list[Parameter]", parameter["components"])
        return {each["name"]: _from_abi(each, field) for each, field in zip(components, value, strict=True)}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value.lower() if kind == "address" else value


def _from_hex(text: str) -> bytes:
    if not text.startswith("0x"):
        raise AbiError(f"{text!r} is not hex with 0x")
    return bytes.fromhex(text[2:])
