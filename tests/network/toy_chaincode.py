"""A chaincode of a few lines, to show the engine's rules one at a time."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from chaincode.contract import Response
from chaincode.world.errors import Refusal
from chaincode.world.stub import Stub, implicit_collection

Invoke = Callable[[Stub, Sequence[bytes]], Response]


def invoke(stub: Stub, args: Sequence[bytes]) -> Response:
    function, given = args[0].decode(), json.loads(args[1])
    try:
        return Response(200, "", json.dumps(FUNCTIONS[function](stub, given)).encode())
    except Refusal as refused:
        problem = {"code": refused.code, "detail": refused.detail, "hint": refused.hint}
        return Response(refused.status, json.dumps(problem), b"")


def claim(stub: Stub, given: dict[str, Any]) -> Any:
    """Take a slot that nobody took."""
    if stub.get(given["key"]) is not None:
        raise Refusal("slot_claimed", f"{given['key']} is taken", "take another")
    stub.put(given["key"], given.get("value", "x").encode())
    stub.emit("wuxin", b"[]")
    return {"claimed": given["key"]}


def put(stub: Stub, given: dict[str, Any]) -> Any:
    """Read and write."""
    before = stub.get(given["key"])
    stub.put(given["key"], given["value"].encode())
    after = stub.get(given["key"])
    return {"unchanged_within": before == after}


def blind(stub: Stub, given: dict[str, Any]) -> None:
    stub.put(given["key"], given["value"].encode())


def drop(stub: Stub, given: dict[str, Any]) -> None:
    stub.delete(given["key"])


def guard(stub: Stub, given: dict[str, Any]) -> None:
    stub.set_key_policy(given["key"], tuple(given["msps"]) if given["msps"] else None)


def guarded_by(stub: Stub, given: dict[str, Any]) -> Any:
    return stub.get_key_policy(given["key"])


def keep(stub: Stub, given: dict[str, Any]) -> None:
    """Put the transient `secret` into an organisation's own collection."""
    stub.put_private(implicit_collection(given["msp"]), given["key"], stub.transient["secret"])


def kept(stub: Stub, given: dict[str, Any]) -> Any:
    value = stub.get_private(implicit_collection(given["msp"]), given["key"])
    return None if value is None else value.decode()


def kept_hash(stub: Stub, given: dict[str, Any]) -> Any:
    value = stub.get_private_hash(implicit_collection(given["msp"]), given["key"])
    return None if value is None else value.hex()


def check_kept(stub: Stub, given: dict[str, Any]) -> None:
    """Read a private hash and write a public key, so that the read is validated."""
    stub.get_private_hash(implicit_collection(given["msp"]), given["key"])
    stub.put(given["to"], b"checked")


def read(stub: Stub, given: dict[str, Any]) -> Any:
    value = stub.get(given["key"])
    return None if value is None else value.decode()


def pages(stub: Stub, given: dict[str, Any]) -> Any:
    page = stub.range(given["start"], given["end"], given["limit"], given["bookmark"])
    return {"keys": [entry.key for entry in page.entries], "bookmark": page.bookmark}


def changes(stub: Stub, given: dict[str, Any]) -> Any:
    return [None if each.value is None else each.value.decode() for each in stub.history(given["key"], 10)]


def who(stub: Stub, given: dict[str, Any]) -> Any:
    return stub.caller.msp_id


def breaks(stub: Stub, given: dict[str, Any]) -> Any:
    raise ZeroDivisionError("a fault in the chaincode")


FUNCTIONS: dict[str, Callable[[Stub, dict[str, Any]], Any]] = {
    each.__name__: each
    for each in (
        claim, put, blind, drop, guard, guarded_by, keep, kept, kept_hash, check_kept, read, pages, changes, who, breaks
    )
}  # fmt: skip
