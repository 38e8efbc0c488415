"""One peer's stream, from REGISTER to its end, and the transactions that run over it.

    peer ══ Connect ══▶ PeerStream: REGISTER ▷ REGISTERED ▷ READY, then messages of many transactions
                          TRANSACTION ─▶ _begin ─▶ a thread of the pool: peer_calls.perform over PeerStub
                          a request   ◀─ Conversation.ask (the thread waits) ◀─ the program reads
                          RESPONSE    ─▶ Conversation.answer (the thread goes on)
                          COMPLETED   ◀─ _finish

The loop's thread owns the stream and the list of what runs; a program's thread touches only its own `Conversation` and
the stream's outbox. Two rules of the peer are kept by construction: a program asks one thing at a time, because it
waits for the answer, and one task writes to a stream. A transaction has one end, decided on the loop: the program's
answer, the deadline, the end of the stream or of the server, whichever comes first.

What peers send is never logged: a log line has a transaction's short id, and of an exception its type and place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, cast

import grpc
import grpc.aio

from chaincode.server import calls as peer_calls
from chaincode.server import messages
from chaincode.server.calls import shown
from chaincode.server.conversation import Conversation
from chaincode.server.messages import Abilities, Place
from chaincode.server.stub import OutOfTime, PeerFailure, PeerGone
from chaincode.server.work import STOP_GRACE_S, Work
from wuxin_evidence.errors import EvidenceError

log = logging.getLogger("chaincode.server")

END_OF_STREAM: Final = cast(Any, grpc.aio).EOF


class Outbox:
    """What one stream still has to send; emptied by one task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: deque[Any] = deque()
        self._filled = asyncio.Event()
        self._waking = False
        self._sent = asyncio.Event()
        self._sent.set()

    def put(self, message: Any) -> None:
        """On the loop."""
        self._messages.append(message)
        self._wake()

    def put_from_thread(self, message: Any) -> None:
        """From any thread; one wake-up serves all that was put before the loop came to it."""
        self._messages.append(message)
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._sent.clear()
        self._filled.set()

    async def flushed(self) -> None:
        """Until all is sent, or for STOP_GRACE_S where the other side does not read."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._sent.wait(), STOP_GRACE_S)

    async def write_to(self, write: Callable[[Any], Awaitable[None]]) -> None:
        """Send what is put, in its order, until the task is cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._messages:
                await write(self._messages.popleft())
            if not self._filled.is_set():
                self._sent.set()


class PeerStream:
    """One peer's stream, from REGISTER to its end."""

    def __init__(self, work: Work, context: Any) -> None:
        self._work = work
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._abilities = Abilities()
        self._running: dict[Place, tuple[Conversation, asyncio.TimerHandle]] = {}
        self._task = asyncio.current_task()
        self.outbox = Outbox(self._loop)
        self.name = str(context.peer())

    async def serve(self) -> None:
        """Register, then take messages until the peer or the server ends the stream."""
        writer = asyncio.create_task(self.outbox.write_to(self._context.write))
        try:
            if not await self._register():
                return
            log.info("serving %s; %s", self.name, self._abilities)
            while (message := await self._context.read()) is not END_OF_STREAM:
                self._take(message)
            self._end(_gone())
            await self.outbox.flushed()
        except asyncio.CancelledError:
            if not self._work.stopping:
                raise
        finally:
            writer.cancel()
            self._end(_gone())
            log.info("no longer serving %s", self.name)

    async def _register(self) -> bool:
        """Say who we are; False where the peer left, aborted where it does not take us."""
        self.outbox.put(messages.register(self._work.chaincode_id))
        try:
            async with asyncio.timeout(self._work.limits.register_s):
                registered = await self._expect(messages.REGISTERED)
                ready = registered and await self._expect(messages.READY)
            if ready:
                self._abilities = messages.parse_abilities(ready.payload)
            return ready is not None
        except TimeoutError:
            log.error("%s does not take %s; start with the id that it installed", self.name, self._work.chaincode_id)
            await self._abort(grpc.StatusCode.FAILED_PRECONDITION, "no answer to REGISTER")
        except EvidenceError as error:
            log.error("%s sent a READY that does not parse", self.name)
            await self._abort(grpc.StatusCode.INVALID_ARGUMENT, error.detail)
        return False

    async def _expect(self, kind: int) -> Any:
        """The next message, which must be of this type; None where the stream ended."""
        while (message := await self._context.read()) is not END_OF_STREAM:
            if message.type == kind:
                return message
            if message.type != messages.KEEPALIVE:
                detail = f"{messages.kind_name(message.type)} instead of {messages.kind_name(kind)}"
                log.error("%s sent %s", self.name, detail)
                await self._abort(grpc.StatusCode.INVALID_ARGUMENT, detail)
            self.outbox.put(message)
        return None

    async def _abort(self, code: grpc.StatusCode, detail: str) -> None:
        """End the stream with an error; gRPC refuses a status while a message is still on its way."""
        await self.outbox.flushed()
        await self._context.abort(code, detail)

    def _take(self, message: Any) -> None:
        kind = cast(int, message.type)
        if kind in (messages.RESPONSE, messages.ERROR):
            running = self._running.get(messages.place_of(message))
            if running is None or not running[0].answer(message):
                log.debug("%s answered what nobody asks any more", self.name)
        elif kind in (messages.TRANSACTION, messages.INIT):
            self._begin(message)
        elif kind == messages.KEEPALIVE:
            self.outbox.put(message)
        else:
            log.warning("%s sent %s, which is not for a chaincode", self.name, messages.kind_name(kind))

    def _begin(self, message: Any) -> None:
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        conversation = Conversation(message, self.outbox.put_from_thread, answers)
        if conversation.place in self._running:
            log.warning("%s began %s while it runs", self.name, shown(conversation.place))
            return
        turned_away = self._work.turns_away()
        if turned_away is not None:
            self.outbox.put(peer_calls.failed(message, turned_away))
            return
        timer = self._loop.call_later(self._work.limits.transaction_s, self._expire, conversation)
        self._running[conversation.place] = (conversation, timer)
        self._work.begin(self._perform, conversation)

    def _perform(self, conversation: Conversation) -> None:
        """In a thread of the pool: run the program, then hand its answer to the loop."""
        outcome = peer_calls.perform(self._work.program, conversation.message, conversation.ask, self._abilities)
        if outcome.failure is not None:
            _log_failure(conversation.place, outcome.failure)
        self._loop.call_soon_threadsafe(self._finish, conversation, outcome.answer)

    def _expire(self, conversation: Conversation) -> None:
        detail = f"the transaction did not finish within {self._work.limits.transaction_s:g} s"
        self._give_up(conversation, OutOfTime(detail, "submit again when the endorser is less busy"))

    def _give_up(self, conversation: Conversation, failure: PeerFailure) -> None:
        conversation.end(failure)
        self._finish(conversation, peer_calls.failed(conversation.message, failure))

    def _finish(self, conversation: Conversation, answer: Any) -> None:
        """The one end of a transaction; a peer may use its id again as soon as it has the answer."""
        running = self._running.get(conversation.place)
        if running is None or running[0] is not conversation:
            return
        del self._running[conversation.place]
        running[1].cancel()
        self.outbox.put(answer)
        self._work.finish()

    def _end(self, failure: PeerFailure) -> None:
        for conversation, _ in list(self._running.values()):
            self._give_up(conversation, failure)

    async def close(self, failure: PeerFailure) -> None:
        """Give up what still runs, let the answers out, end the stream."""
        self._end(failure)
        await self.outbox.flushed()
        if self._task is not None:
            self._task.cancel()


def _gone() -> PeerFailure:
    return PeerGone("the stream to the peer ended", "submit again once the peer is connected")


def _log_failure(place: Place, failure: BaseException) -> None:
    """Which transaction, what kind of failure and where it arose; never what it says, which may be private."""
    frames = traceback.extract_tb(failure.__traceback__)[-6:]
    where = " < ".join(f"{Path(frame.filename).stem}:{frame.lineno}" for frame in reversed(frames))
    log.error("transaction %s failed: %s at %s", shown(place), type(failure).__name__, where or "its start")
