"""Connections that are bounded in time, so that idle ones keep nobody out.

    opened, or answered ─▶ REQUEST_HEAD_S ─▶ the head of a request is whole, or the connection is closed
    an answer that nobody reads ─▶ WRITE_STALL_S ─▶ closed

A node serves a bounded number of connections. uvicorn drops one that is idle after an answer, but not one that never
asks, asks a byte at a time, or never reads its answer: some hundreds of these would lock everybody out.
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

REQUEST_HEAD_S = 6.0
"""From the connection, or the last answer, to a whole request head. The SDK lets go of an idle connection after 5 s."""
WRITE_STALL_S = 30.0
"""As long as a body may take to come in."""


class BoundedConnection(H11Protocol):
    """uvicorn's HTTP/1.1 connection with deadlines of its own."""

    _head_due: asyncio.TimerHandle | None = None
    _write_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the head of the first request."""
        super().connection_made(transport)
        self._await_head()

    def on_response_complete(self) -> None:
        """Begin to wait for the head of the next request."""
        super().on_response_complete()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        for due in (self._head_due, self._write_due):
            if due is not None:
                due.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called when the client has not read what lies in the buffers."""
        super().pause_writing()
        self._write_due = self.loop.call_later(WRITE_STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting for the peer to read."""
        if self._write_due is not None:
            self._write_due.cancel()
        super().resume_writing()

    def _await_head(self) -> None:
        """Close the connection unless a new request has begun by then; single bytes of a head put nothing off."""
        if self._head_due is not None:
            self._head_due.cancel()
        if not self.transport.is_closing():
            self._head_due = self.loop.call_later(REQUEST_HEAD_S, self._give_up, self._cycle())

    def _give_up(self, before: RequestResponseCycle | None) -> None:
        if self._cycle() is before:
            self.transport.close()

    def _cycle(self) -> RequestResponseCycle | None:
        return cast("RequestResponseCycle | None", self.cycle)
