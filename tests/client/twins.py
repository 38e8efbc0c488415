"""One client of either kind over a scripted node, on a time of its own: a test is written once and holds for both.

twin = Twin("awaiting", lambda request: httpx.Response(200, json={…}))
transaction = await twin.call("release_pledge", "p")
events = await twin.first(2, twin.client.follow_events(place))
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from wuxin_client import AsyncClient, Client
from wuxin_client.aio.sender import AsyncPace
from wuxin_client.sync.sender import Pace

KINDS = ("blocking", "awaiting")
Answer = Callable[[httpx.Request], httpx.Response]

PENDING = {
    "id": "t1",
    "command": "draw",
    "organisation": "manufacturer",
    "ledger": "e1",
    "status": "pending",
    **dict.fromkeys(("tx_id", "block", "code", "detail", "hint", "result")),
    "attempt": 0,
    "created_at_ms": 1,
    "updated_at_ms": 1,
}
COMMITTED = PENDING | {"status": "committed", "tx_id": "0xab", "block": 7}
FAILED = PENDING | {"status": "failed", "code": "facility_frozen", "detail": "frozen", "hint": "wait", "tx_id": "0xab"}


class Time:
    """Seconds that pass only by sleeping, or when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


class Twin:
    """A client and the requests that it sent."""

    def __init__(self, kind: str, answer: Answer, **options: Any) -> None:
        self.sent: list[httpx.Request] = []
        self.time = Time()

        def kept(request: httpx.Request) -> httpx.Response:
            self.sent.append(request)
            return answer(request)

        transport = httpx.MockTransport(kept)
        self.client: Any
        if kind == "blocking":
            pace = Pace(sleep=self.time.sleep, monotonic=self.time.monotonic)
            self.client = Client("http://node", "wx_key", transport=transport, pace=pace, **options)
        else:
            waiting = AsyncPace(sleep=self.time.sleep_async, monotonic=self.time.monotonic)
            self.client = AsyncClient("http://node", "wx_key", transport=transport, pace=waiting, **options)

    async def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """What a method returns, awaited where it must be."""
        given = getattr(self.client, method)(*arguments, **options)
        return await given if inspect.isawaitable(given) else given

    async def all(self, method: str, *arguments: Any, **options: Any) -> list[Any]:
        """Everything that an iterating method yields."""
        return [each async for each in steps(getattr(self.client, method)(*arguments, **options))]

    async def first(self, count: int, iterator: Any) -> list[Any]:
        """The first items of an iterator, each of them handled; then the iterator is left like a crash leaves it."""
        taken: list[Any] = []
        async for each in steps(iterator):
            if len(taken) == count:
                break
            taken.append(each)
        return taken


async def steps(iterator: Iterator[Any] | AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Either kind of iterator as one that is awaited."""
    if isinstance(iterator, Iterator):
        for each in iterator:
            yield each
    else:
        async for each in iterator:
            yield each


def accepted(*transactions: dict[str, Any], status: int = 200) -> httpx.Response:
    """The answer to a command."""
    body: dict[str, Any] = {"transaction": transactions[0]}
    if len(transactions) > 1:
        body["transactions"] = list(transactions)
    return httpx.Response(status, json=body)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    """A refusal as RFC 9457 has it."""
    body = {"code": code, "detail": "why", "hint": "do this", "transaction_id": "t9"}
    return httpx.Response(status, json=body, headers=headers)
