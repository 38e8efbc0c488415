"""Records in the state: frozen values in, canonical JSON at a key, and back.

What stands in the state was written by `write`, so it is read without asking again whether it is canonical; a record
that no longer fits its type is refused all the same.
"""

import json
from dataclasses import dataclass
from typing import Annotated, TypeVar

from chaincode.world.bounds import Described, Seconds, Text
from chaincode.world.errors import Refusal
from chaincode.world.fields import parse, plain
from chaincode.world.stub import Stub
from wuxin_evidence.encoding.canonical import canonical_json

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Stamped:
    """What every record says of its own history."""

    created_at_s: Annotated[Seconds, Described("Ledger time at which the record was first written.", 1_641_200_000)]
    updated_tx: Annotated[str, Text(), Described("Id of the transaction that wrote the record last.", "9c" * 32)]


def find(stub: Stub, key: str, record_type: type[T]) -> T | None:
    """The record at a key, or None."""
    raw = stub.get(key)
    return None if raw is None else parse(record_type, json.loads(raw))


def require(stub: Stub, key: str, record_type: type[T]) -> T:
    """The record at a key; `not_found` names the key."""
    record = find(stub, key, record_type)
    if record is None:
        raise Refusal("not_found", f"there is no {key}", "check the id, or register it first")
    return record


def require_absent(stub: Stub, key: str) -> None:
    """Refuse (`conflict`) an id that is taken: ids are accepted once."""
    if stub.get(key) is not None:
        raise Refusal("conflict", f"{key} exists already", "ids are accepted once; make a new one")


def write(stub: Stub, key: str, record: object) -> None:
    """Put the record at the key, as canonical JSON."""
    stub.put(key, canonical_json(plain(record)))
