"""The contract: from a function name and a JSON object to a response.

`invoke(stub, args)` is all that a ledger engine calls. It never raises for what a caller did: a refusal becomes a
response with a status of 400 or above, whose message is `{"code","detail","hint"}`; an endorser does not sign it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chaincode import access, queries
from chaincode.parties import committee, consortium
from chaincode.parties.members import Member, caller_of
from chaincode.security import pledges, receipts
from chaincode.statements import anchors, attestations, notices
from chaincode.things import assets, devices, slots
from chaincode.world.errors import STATUS_OK, Refusal
from chaincode.world.fields import plain
from chaincode.world.stub import Stub
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError

ARGUMENT_BYTES_MAX: Final = 64 * 1024
"""The largest honest argument, an attestation of 64 indicators with 16 signatures, stays below 16 KiB."""

NESTING_MAX: Final = 8
"""As deep as canonical CBOR may go (FORMATS §1); our deepest argument has four levels."""

Transition = Callable[[Stub, Member, object], object]


@dataclass(frozen=True)
class Function:
    """A transition, and whether it is meant for the ledger (else it is evaluated only)."""

    transition: Transition
    submitting: bool = True


@dataclass(frozen=True)
class Response:
    """What an endorser gets: 200 with a JSON payload, or a refusal in the message."""

    status: int
    message: str
    payload: bytes


FUNCTIONS: Final[dict[str, Function]] = {
    "init_consortium": Function(consortium.initialise),
    "set_committee": Function(committee.set_committee),
    "enrol_device": Function(devices.enrol),
    "bind_device": Function(devices.bind),
    "suspend_device": Function(devices.suspend),
    "resume_device": Function(devices.resume),
    "retire_device": Function(devices.retire),
    "register_asset": Function(assets.register),
    "append_asset_event": Function(assets.append_event),
    "register_slot": Function(slots.register),
    "issue_receipt": Function(receipts.issue),
    "request_delivery": Function(receipts.request_delivery),
    "cancel_receipt": Function(receipts.cancel),
    "deliver_receipt": Function(receipts.deliver),
    "propose_pledge": Function(pledges.propose),
    "accept_pledge": Function(pledges.accept),
    "release_pledge": Function(pledges.release),
    "lapse_pledge": Function(pledges.lapse),
    "record_attestation": Function(attestations.record),
    "anchor_checkpoint": Function(anchors.anchor),
    "acknowledge_notice": Function(notices.acknowledge),
    "get": Function(queries.get, submitting=False),
    "lien_check": Function(queries.lien_check, submitting=False),
    "history": Function(queries.history, submitting=False),
    "list": Function(queries.list_kind, submitting=False),
    "committee": Function(committee.committee, submitting=False),
    "terms": Function(pledges.terms, submitting=False),
}

FUNCTION_NAME: Final = re.compile(r"[a-z_]{1,32}")
TEXT: Final = re.compile(rb'(?s)"(?:[^"\\]|\\.)*(?:"|\\?\Z)')
"""A JSON text, or the rest of the input where it is never closed: always a match, so the scan stays linear."""
BRACKET: Final = re.compile(rb"[\[\]{}]")


def invoke(stub: Stub, args: Sequence[bytes]) -> Response:
    """Run one call: `args` is the function name and one canonical JSON object. Refusals come back as a response."""
    try:
        name, raw = _arguments(args)
        payload = canonical_json(plain(_run(stub, name, raw)))
    except Refusal as refusal:
        return _refused(refusal)
    except EvidenceError as error:
        return _refused(Refusal(error.code, error.detail, error.hint))
    return Response(STATUS_OK, "", payload)


def _arguments(args: Sequence[bytes]) -> tuple[str, object]:
    if len(args) != 2:
        raise Refusal("malformed", f"{len(args)} arguments", "pass the function name and one JSON object")
    size = len(args[0]) + len(args[1])
    if size > ARGUMENT_BYTES_MAX:
        raise Refusal("too_large", f"the arguments have {size} bytes", f"stay within {ARGUMENT_BYTES_MAX} bytes")
    name = args[0].decode("utf-8", "replace")
    if FUNCTION_NAME.fullmatch(name) is None or name not in FUNCTIONS:
        raise Refusal("not_found", "no such function", f"functions are {', '.join(FUNCTIONS)}")
    _require_shallow(args[1])
    return name, parse_canonical_json(args[1])


def _require_shallow(raw: bytes) -> None:
    """Refuse deep nesting before a recursive reader sees it; brackets within texts do not count."""
    depth = 0
    for byte in BRACKET.findall(TEXT.sub(b"", raw)):
        depth += 1 if byte in b"[{" else -1
        if depth > NESTING_MAX:
            hint = "pass the object as the reference describes it"
            raise Refusal("malformed", f"the argument is nested deeper than {NESTING_MAX}", hint)


def _run(stub: Stub, name: str, raw: object) -> object:
    if name == "init_consortium":
        return consortium.initialise(stub, None, raw)
    caller = caller_of(stub)
    access.require_role(name, caller)
    return FUNCTIONS[name].transition(stub, caller, raw)


def _refused(refusal: Refusal) -> Response:
    message = canonical_json({"code": refusal.code, "detail": refusal.detail, "hint": refusal.hint})
    return Response(refusal.status, message.decode(), b"")
