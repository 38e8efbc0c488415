"""The contract: from a function name and a JSON object to a response.

`invoke(stub, args)` is all that a ledger engine calls. It never raises for what a caller did: a refusal becomes a
response with a status of 400 or above, whose message is `{"code","detail","hint"}`; an endorser does not sign it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chaincode import access, queries
from chaincode.declaration import Command, declared_in
from chaincode.parties import committee, consortium
from chaincode.parties.members import caller_of
from chaincode.security import pledges, receipts
from chaincode.statements import anchors, attestations, notices
from chaincode.things import assets, devices, slots
from chaincode.world.errors import STATUS_OK, Refusal
from chaincode.world.fields import parse, plain
from chaincode.world.stub import Stub
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError

ARGUMENT_BYTES_MAX: Final = 64 * 1024
"""The largest honest argument, an attestation of 64 indicators with 16 signatures, stays below 16 KiB."""

NESTING_MAX: Final = 8
"""As deep as canonical CBOR may go (FORMATS §1); our deepest argument has four levels."""


@dataclass(frozen=True)
class Response:
    """What an endorser gets: 200 with a JSON payload, or a refusal in the message."""

    status: int
    message: str
    payload: bytes


FUNCTIONS: Final = declared_in(
    consortium, committee, devices, assets, slots, receipts, pledges, attestations, anchors, notices, queries
)
"""Name to command: all that the chaincode does. A function that is not declared does not exist."""

TEXT: Final = re.compile(rb'(?s)"(?:[^"\\]|\\.)*(?:"|\\?\Z)')
"""A JSON text, or the rest of the input where it is never closed: always a match, so the scan stays linear."""
BRACKET: Final = re.compile(rb"[\[\]{}]")


def invoke(stub: Stub, args: Sequence[bytes], functions: Mapping[str, Command] = FUNCTIONS) -> Response:
    """Run one call: `args` is the function name and one canonical JSON object. Refusals come back as a response."""
    try:
        command, raw = _opened(args, functions)
        payload = canonical_json(plain(_run(stub, command, raw)))
    except Refusal as refusal:
        return _refused(refusal)
    except EvidenceError as error:
        return _refused(Refusal(error.code, error.detail, error.hint))
    return Response(STATUS_OK, "", payload)


def _opened(args: Sequence[bytes], functions: Mapping[str, Command]) -> tuple[Command, object]:
    """The command that is called, and its argument as JSON."""
    if len(args) != 2:
        raise Refusal("malformed", f"{len(args)} arguments", "pass the function name and one JSON object")
    size = len(args[0]) + len(args[1])
    if size > ARGUMENT_BYTES_MAX:
        raise Refusal("too_large", f"the arguments have {size} bytes", f"stay within {ARGUMENT_BYTES_MAX} bytes")
    command = functions.get(args[0].decode("utf-8", "replace"))
    if command is None:
        raise Refusal("not_found", "no such function", f"functions are {', '.join(functions)}")
    _require_shallow(args[1])
    return command, parse_canonical_json(args[1])


def _require_shallow(raw: bytes) -> None:
    """Refuse deep nesting before a recursive reader sees it; brackets within texts do not count."""
    depth = 0
    for byte in BRACKET.findall(TEXT.sub(b"", raw)):
        depth += 1 if byte in b"[{" else -1
        if depth > NESTING_MAX:
            hint = "pass the object as the reference describes it"
            raise Refusal("malformed", f"the argument is nested deeper than {NESTING_MAX}", hint)


def _run(stub: Stub, command: Command, raw: object) -> object:
    """Who is calling, may they, what do they want; then the transition."""
    if command is consortium.initialise:
        caller = None  # nobody is a member yet
    else:
        caller = caller_of(stub)
        access.require_role(command, caller)
    return command.transition(stub, caller, parse(command.argument, raw))


def _refused(refusal: Refusal) -> Response:
    message = canonical_json({"code": refusal.code, "detail": refusal.detail, "hint": refusal.hint})
    return Response(refusal.status, message.decode(), b"")
