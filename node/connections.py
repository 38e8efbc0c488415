"""Connections that are bounded in time and in what they ask ahead, so that nobody keeps others out.

    opened, or answered ─▶ REQUEST_HEAD_S ─▶ the head of a request is whole, or the connection is closed
    an answer that nobody reads ─▶ READ_STALL_S without progress, or WRITE_STALL_S in all ─▶ dropped
    requests before their answers (pipelining) ─▶ one at a time, the next when the last answer is read; PIPELINED_MAX

A node serves a bounded number of connections. uvicorn drops one that is idle after an answer, but not one that never
asks, asks a byte at a time, or never reads its answer: some hundreds of these would lock everybody out. It also answers
whatever one connection has asked ahead, so that a few bytes would buy minutes of work.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from node.gate.problems import problem_response

REQUEST_HEAD_S = 6.0
"""From the connection, or the last answer, to a whole request head. The SDK lets go of an idle connection after 5 s."""
READ_STALL_S = 6.0
"""Within this time a peer reads something of what waits for it."""
WRITE_STALL_S = 30.0
"""As long as a body may take to come in."""
PIPELINED_MAX = 8
"""Requests answered out of what one read brought. No client of ours asks ahead; a proxy may, a little."""
TOLD_EVERY_S = 10.0
"""How often the log says again what strangers can cause at will."""


class BoundedConnection(H11Protocol):
    """uvicorn's HTTP/1.1 connection with deadlines of its own."""

    _head_due: asyncio.TimerHandle | None = None
    _write_due: asyncio.TimerHandle | None = None
    _answered = 0
    """Requests answered since the last read."""
    _held = False
    """Whether an answer is complete and its peer has yet to read it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the head of the first request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what came. uvicorn reads nothing more while a request waits behind the one it answers."""
        self._answered = 0
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Go on with what the peer asked ahead, or begin to wait for the head of its next request."""
        if self.flow.write_paused and not self.transport.is_closing():
            self._held = True
            return
        self._answered += 1
        if self._answered >= PIPELINED_MAX and self.conn.trailing_data[0]:
            self.transport.close()
        super().on_response_complete()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, and forget what the peer asked ahead."""
        self._held = False
        for due in (self._head_due, self._write_due):
            if due is not None:
                due.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called when the client has not read what lies in the buffers."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """Called when the client has read nearly all: go on with what it asked ahead."""
        if self._write_due is not None and not self.transport.is_closing():
            self._write_due.cancel()
        super().resume_writing()
        if self._held:
            self._held = False
            self.on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with a problem, where an answer may still begin; then close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = problem_response(
                "malformed", f"the request is no HTTP/1.1: {msg}", "send it as RFC 9112 writes it"
            )
            head = h11.Response(status_code=400, headers=[*answer.raw_headers, (b"connection", b"close")])
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if (cycle := self._cycle()) is not None:  # whose answer has no place to go any more
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
        self._await_reading()

    def _await_head(self) -> None:
        """Close the connection unless a new request has begun by then; single bytes of a head put nothing off."""
        if self._head_due is not None:
            self._head_due.cancel()
        if self.transport.is_closing():
            self._await_reading()
            return
        cycle = self._cycle()
        if cycle is None or cycle.response_complete:
            self._head_due = self.loop.call_later(REQUEST_HEAD_S, self._give_up, cycle)

    def _give_up(self, before: RequestResponseCycle | None) -> None:
        if self._cycle() is before:
            self.transport.close()
            self._await_reading()

    def _await_reading(self) -> None:
        """Drop the peer unless it reads what waits for it. A closed transport, too, waits for its buffer forever."""
        if self._write_due is not None:
            self._write_due.cancel()
        self._look(self.loop.time() + WRITE_STALL_S, None)

    def _look(self, until: float, unread_before: int | None) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread == unread_before or self.loop.time() >= until:
            self.transport.abort()
        else:
            self._write_due = self.loop.call_later(READ_STALL_S, self._look, until, unread)

    def _cycle(self) -> RequestResponseCycle | None:
        return cast("RequestResponseCycle | None", self.cycle)


class ToldSometimes(logging.Filter):
    """Lets a warning through once in `TOLD_EVERY_S`, with how often it would have been told since the last time.

    Strangers cause these warnings with a few bytes each; one line a time would fill the disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record may go to the log."""
        if record.levelno != logging.WARNING:
            return True
        now, message = time.monotonic(), str(record.msg)
        told_s, left_out = self._told.get(message, (float("-inf"), 0))
        if now - told_s < TOLD_EVERY_S:
            self._told[message] = (told_s, left_out + 1)
            return False
        self._told[message] = (now, 0)
        if left_out:
            record.msg = f"{message} And {left_out} times more since it was told last."
        return True
