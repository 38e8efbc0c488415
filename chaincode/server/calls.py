"""From a peer's TRANSACTION to the COMPLETED that answers it, whatever happens in between.

    open the call ─▶ run the program over a `PeerStub` ─▶ flush its writes ─▶ COMPLETED

A refusal is the program's own response and nothing is flushed. Anything else that goes wrong is answered too, because
a peer without an answer waits for its whole time-out: with the failure's status and `{"code","detail","hint"}`, which
names the transaction but nothing of what the program held in its hands. The exception itself is handed back beside
the answer, for a log that shows where it arose and not what it says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from chaincode import contract
from chaincode.contract import Response
from chaincode.server import messages
from chaincode.server.messages import Abilities, Place
from chaincode.server.stub import STATUS_FAILED, Ask, PeerFailure, PeerRefused, PeerStub
from chaincode.world.errors import Refusal
from chaincode.world.stub import Stub
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError

STATUS_REFUSED: Final = 400
"""From here on a response is not endorsed."""

TX_ID_CHARS_SHOWN: Final = 8
"""Of a transaction id in logs and errors, as in the peer's own log."""


@dataclass(frozen=True)
class Program:
    """What is served: `invoke`, and which of its functions are meant for the ledger and so may read no ranges."""

    invoke: Callable[[Stub, Sequence[bytes]], Response]
    is_submitting: Callable[[str], bool]


class Outcome(NamedTuple):
    """The message that answers a call, and what went wrong beyond a refusal."""

    answer: Any
    failure: BaseException | None


def _is_submitting(function: str) -> bool:
    known = contract.FUNCTIONS.get(function)
    return known is None or known.submitting


FACTS: Final = Program(contract.invoke, _is_submitting)
"""The ledger of facts, the same functions that the embedded ledger runs."""


def perform(program: Program, message: Any, ask: Ask, abilities: Abilities) -> Outcome:
    """Run one TRANSACTION or INIT message. Never raises."""
    place = messages.place_of(message)
    try:
        call = messages.open_call(message)
        stub = PeerStub(call, ask, abilities, for_ledger=program.is_submitting(call.function))
        response = program.invoke(stub, call.args)
        if response.status >= STATUS_REFUSED:
            return Outcome(_closing(message, response.status, response.message, response.payload), None)
        stub.flush()
        answer = messages.completed(place, response.status, response.message, response.payload, stub.event)
        if answer.ByteSize() >= messages.MESSAGE_BYTES_MAX:
            raise PeerRefused("COMPLETED", "the response exceeds 100 MiB and was not sent")
        return Outcome(answer, None)
    except (Refusal, EvidenceError) as error:
        return Outcome(_closing(message, STATUS_REFUSED, problem(error.code, error.detail, error.hint)), error)
    except PeerFailure as failure:
        return Outcome(failed(message, failure), failure)
    except BaseException as error:  # noqa: BLE001 - also a SystemExit in the program must not leave the peer waiting
        detail = f"the chaincode failed in transaction {shown(place)}"
        hint = "look for the transaction in the log of this organisation's chaincode server"
        return Outcome(_closing(message, STATUS_FAILED, problem("unavailable", detail, hint)), error)


def failed(message: Any, failure: PeerFailure) -> Any:
    """The answer to a call that could not be finished."""
    return _closing(message, failure.status, problem(failure.code, failure.detail, failure.hint))


def problem(code: str, detail: str, hint: str) -> str:
    """A refusal as the message of a response, in canonical JSON."""
    return canonical_json({"code": code, "detail": detail, "hint": hint}).decode()


def shown(place: Place) -> str:
    """A transaction's short name."""
    return place.tx_id[:TX_ID_CHARS_SHOWN]


def _closing(message: Any, status: int, text: str, payload: bytes = b"") -> Any:
    """A refusal or failure. INIT has no refusals in Fabric's protocol: there it is an ERROR."""
    place = messages.place_of(message)
    if message.type == messages.INIT:
        return messages.request(place, messages.ERROR, text.encode())
    return messages.completed(place, status, text, payload)
