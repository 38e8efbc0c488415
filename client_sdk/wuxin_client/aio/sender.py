"""Sends requests of one API key over one pool of connections, again where that is safe, within strict bounds.

    send ─▶ one attempt: status, content within bytes and time ─▶ success? ─▶ content
             ▲                                                     │ Unavailable, attempts left
             └────────────────────── pause ◀───────────────────────┘

Every request is safe to repeat: a question changes nothing, and a command keeps its Idempotency-Key through all
attempts, so that a repeat after a lost answer finds the transaction of the first attempt. A refusal is not repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from wuxin_client.errors import Unanswered, Unavailable, Unreadable
from wuxin_client.requests import ANSWER_BYTES_MAX, ATTEMPTS, Call, pause_s, refusal


@dataclass(frozen=True)
class AsyncPace:
    """The passing of time, to be replaced in tests; both in seconds."""

    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic


class AsyncSender:
    """One pool of connections to one node.

    `timeout_s` bounds connecting, each read, each write, and the whole content of an answer.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None,
        pace: AsyncPace,
    ) -> None:
        self.pace = pace
        self._timeout_s = timeout_s
        # Redirects are not followed: the key belongs to this address only. Answers come as they are: a compressed one
        # could be a thousand times as large as its bytes on the line.
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}", "Accept-Encoding": "identity"},
            transport=transport,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> bytes:
        """Gives the content of a successful answer. Raises `Rejected` or `Unavailable`."""
        attempt = 0
        while True:
            try:
                return await self._send_once(call, attempt)
            except _Again as again:
                pause = again.pause_s
            await self.pace.sleep(pause)
            attempt += 1

    async def _send_once(self, call: Call, attempt: int) -> bytes:
        """One attempt. Raises `_Again` if another attempt may succeed."""
        retry_after = None
        try:
            async with self._http.stream(
                call.method,
                call.path,
                params=call.query or None,
                headers=call.headers,
                content=call.body,
                timeout=httpx.Timeout(self._timeout_s, read=self._timeout_s + call.hold_s),
            ) as response:
                content = await self._content(response)
                retry_after = response.headers.get("Retry-After")
            if response.is_success:
                return content
            error = refusal(response.status_code, content)
        except httpx.TransportError as cut:
            error = Unanswered("unavailable", f"no answer from {self._http.base_url}: {cut!r}", _HINT)
        if not isinstance(error, Unavailable) or isinstance(error, Unreadable):
            raise error
        error.idempotency_key = call.idempotency_key
        if attempt + 1 == ATTEMPTS:
            raise error
        raise _Again(pause_s(attempt, retry_after)) from error

    async def _content(self, response: httpx.Response) -> bytes:
        """The whole content, at most `ANSWER_BYTES_MAX`, within `timeout_s` of its beginning."""
        until = self.pace.monotonic() + self._timeout_s
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > ANSWER_BYTES_MAX:
                raise Unreadable(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
            if self.pace.monotonic() > until:
                raise httpx.ReadTimeout(f"the answer did not end within {self._timeout_s:g} s")
        return b"".join(parts)


class _Again(Exception):
    """Another attempt may succeed, after a pause."""

    def __init__(self, pause: float) -> None:
        super().__init__(pause)
        self.pause_s = pause


_HINT = "check that the node runs (wuxin doctor); a command may be repeated under the same idempotency_key"
