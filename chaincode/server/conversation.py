"""One transaction's questions and answers, between the thread that runs it and the stream that carries it.

    the program's thread   ask ─▶ send … waits … ◀─ the answer's payload, or a PeerFailure
    the stream             answer(message) for what the peer answered, end(failure) when no answer will come

A program asks one thing at a time: `ask` returns before it can be called again. That is a rule of the peer, which
drops a second request of the same transaction without a word.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

from chaincode.server import messages
from chaincode.server.messages import MESSAGE_BYTES_MAX
from chaincode.server.stub import PeerFailure, PeerRefused


class Answers(Protocol):
    """A queue between two threads; `get` waits."""

    def put(self, item: Any) -> None:
        """Hand over an item; never waits."""
        ...

    def get(self) -> Any:
        """The next item, once there is one."""
        ...


class Conversation:
    """What a TRANSACTION or INIT `message` opened; `send` puts a request on the stream from the program's thread."""

    def __init__(self, message: Any, send: Callable[[Any], None], answers: Answers) -> None:
        self.message = message
        self.place = messages.place_of(message)
        self._send = send
        self._answers = answers
        self._waiting = False
        self._end: PeerFailure | None = None

    def ask(self, kind: int, payload: bytes) -> bytes:
        """Send one request and wait for its answer's payload. Raises PeerFailure, again and again after the end."""
        if self._end is not None:
            raise self._end
        if len(payload) >= MESSAGE_BYTES_MAX:
            raise PeerRefused(messages.kind_name(kind), "the request exceeds 100 MiB and was not sent")
        self._waiting = True
        self._send(messages.request(self.place, kind, payload))
        answer = self._answers.get()
        if isinstance(answer, PeerFailure):
            raise answer
        if answer.type == messages.ERROR:
            raise PeerRefused(messages.kind_name(kind), cast(bytes, answer.payload).decode(errors="replace"))
        return cast(bytes, answer.payload)

    def answer(self, message: Any) -> bool:
        """Hand over the peer's RESPONSE or ERROR; False where nothing was asked."""
        if not self._waiting:
            return False
        self._waiting = False
        self._answers.put(message)
        return True

    def end(self, failure: PeerFailure) -> None:
        """Let the program fail where it waits, or at its next question."""
        self._end = failure
        self._answers.put(failure)
