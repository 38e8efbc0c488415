"""A watch over the contract: a call meets and brings only what its command declares."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaincode.contract import FUNCTIONS, Response
from chaincode.declaration import Command

Invoke = Callable[..., Response]


def kept_to_its_word(invoke: Invoke) -> Invoke:
    """The same `invoke`; it fails a test where a refusal or an event is not among those that the command declares."""

    def watched(stub: Any, args: Sequence[bytes], functions: Mapping[str, Command] = FUNCTIONS) -> Response:
        response = invoke(stub, args, functions)
        command = functions.get(args[0].decode("utf-8", "replace")) if args else None
        if command is not None and response.status != 200:
            code = json.loads(response.message)["code"]
            assert code in command.all_problems, f"{command.name} refuses with {code} and does not declare it"
        if command is not None and response.status == 200:
            undeclared = events_of(stub) - set(command.events)
            assert not undeclared, f"{command.name} brings {undeclared} and does not declare it"
        return response

    return watched


def events_of(stub: Any) -> set[str]:
    """Types of the events that a test's transaction has emitted."""
    payloads = [json.loads(payload) for _, payload in getattr(stub, "events", ())]
    return {event["type"] for events in payloads for event in events}
