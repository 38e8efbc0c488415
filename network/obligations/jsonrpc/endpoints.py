"""Several endpoints of one chain as one object with `make_request`: the first that is fit answers.

Workflow of a request: before the first one all endpoints are examined at once (does it answer, is it of this chain, is
it as far as the others?) → of those that are fit the first in their given order is asked, with a deadline → one that
does not answer is put aside with the reason, and the next is asked. What is put aside is examined again every second,
and takes its place as soon as it is fit: an organisation goes back to its own validator by itself.

An answer that refuses the request is an answer; whoever asked decides what it means. Nothing here repeats a request
that an endpoint has answered. Sending a transaction to a second endpoint is safe: it has one hash and one nonce. But
when the first fell silent it may have passed it on, and the second's refusal may mean just that: the answer says so,
`"second": true`.

What a fit endpoint tells of receipts, logs and views is believed, so an organisation's own validator stands first. A
bundle does not rest on that: what proves a transaction is checked by its reader.

What has been seen never goes back: no endpoint is used that has fewer blocks than another one told before. One that
stands still while another goes on is put aside as behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from network.obligations.jsonrpc.http import HttpEndpoint
from network.obligations.jsonrpc.requests import to_int

REQUEST_TIMEOUT_S = 5.0
"""For one request to one endpoint; the slowest, a range of logs or a call of many steps, takes under a second."""

EXAMINE_TIMEOUT_S = 2.0
EXAMINE_EVERY_S = 1.0
CATCH_UP_WAIT_S = 1.0
"""An endpoint that lacks a block or two, which every other one does at times, gets so long to have them too."""

BEGIN_WAIT_S = 0.3
"""How long the first request waits for the other endpoints once one is fit; a hanging one is not waited for."""

LAG_BLOCKS_MAX = 2
"""How much less than the best an endpoint may know at the beginning: so far apart are sound nodes at any moment."""

STANDING_S = 5.0
"""No new block for so long, and the other endpoints are asked whether they have one."""


class AsyncEndpoint(Protocol):
    """What `HttpEndpoint` is, and web3.py's asynchronous providers."""

    async def make_request(self, method: Any, params: Any, /) -> Any:
        """Ask one JSON-RPC request."""
        ...

    async def disconnect(self) -> None:
        """Close the connection."""
        ...


class NoEndpoint(Exception):
    """No endpoint is fit; the text says of each why."""


@dataclass
class _Place:
    """One endpoint: `fit` after it was examined, else `trouble` says why not."""

    url: str
    provider: AsyncEndpoint
    fit: bool = False
    trouble: str = ""
    height: int = -1
    height_since: float = 0.0
    examining: asyncio.Task[None] | None = None


class Endpoints:
    """The endpoints of one chain; `probe` knows how to ask for an endpoint's chain and height."""

    def __init__(
        self,
        urls: Sequence[str],
        probe: Probe,
        *,
        timeout_s: float = REQUEST_TIMEOUT_S,
        opened: Callable[[str], AsyncEndpoint] | None = None,
    ) -> None:
        self._places = [_Place(url, (opened or HttpEndpoint)(url)) for url in urls]
        self._probe = probe
        self._timeout_s = timeout_s
        self._seen = -1
        self._used: _Place | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._first: set[asyncio.Task[bool]] = set()
        self._comparing: asyncio.Task[None] | None = None

    async def make_request(self, method: str, params: Any) -> Any:
        """The answer of the first endpoint that gives one. Raises NoEndpoint."""
        if self._beginning is None:
            self._beginning = asyncio.create_task(self._begin())
        if not self._beginning.done():
            await asyncio.shield(self._beginning)
        second = False
        for place in self._places:
            if not place.fit or not (place is self._used or await self._examine(place)):
                continue
            self._used = place
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await place.provider.make_request(method, params)
            except Exception as failure:  # noqa: BLE001 -- each transport has errors of its own
                self._put_aside(place, _words(failure, self._timeout_s))
                second = True
                continue
            self._notice(place, method, answer)
            return {**cast("dict[str, Any]", answer), "second": True} if second and isinstance(answer, dict) else answer
        raise NoEndpoint("; ".join(f"{each.url} {each.trouble or 'has not answered yet'}" for each in self._places))

    def troubles(self) -> Mapping[str, str]:
        """Why each endpoint that is put aside is, by address."""
        return {each.url: each.trouble for each in self._places if each.trouble}

    async def aclose(self) -> None:
        """Close the connections. First examinations are waited for: a cancelled one leaves its connection open."""
        await asyncio.gather(*self._first, return_exceptions=True)
        begun = (self._beginning, self._comparing, *(each.examining for each in self._places))
        tasks: list[asyncio.Future[Any]] = [task for task in begun if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._places:
            with contextlib.suppress(Exception):
                await each.provider.disconnect()

    async def _begin(self) -> None:
        """Examine all; those far behind the best are put aside. Returns when the slow ones are not worth a wait."""
        self._first = {asyncio.create_task(self._examine(each)) for each in self._places}
        waiting, until = self._first, time.monotonic() + EXAMINE_TIMEOUT_S + BEGIN_WAIT_S
        while waiting and time.monotonic() < until:
            left_s = until - time.monotonic()
            done, waiting = await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if any(each.result() for each in done):
                until = min(until, time.monotonic() + BEGIN_WAIT_S)
        best = max(each.height for each in self._places)
        for each in self._places:
            if each.fit and each.height < best - LAG_BLOCKS_MAX:
                self._put_aside(each, f"is behind by {best - each.height} blocks")

    async def _examine(self, place: _Place) -> bool:
        """Whether it answers for this chain and knows every block that we know; puts it aside where it does not."""
        until = time.monotonic() + CATCH_UP_WAIT_S
        try:
            while True:
                async with asyncio.timeout(min(EXAMINE_TIMEOUT_S, self._timeout_s)):
                    trouble, height = await self._probe(place.provider)
                if not trouble and height < self._seen and time.monotonic() < until:
                    await asyncio.sleep(0.05)
                    continue
                break
        except Exception as failure:  # noqa: BLE001 -- as above
            self._put_aside(place, _words(failure, EXAMINE_TIMEOUT_S))
            return False
        if not trouble and height < self._seen:
            trouble = f"is behind by {self._seen - height} blocks"
        if trouble:
            self._put_aside(place, trouble)
            return False
        place.fit, place.trouble = True, ""
        place.height, place.height_since = height, time.monotonic()
        return True

    def _put_aside(self, place: _Place, trouble: str) -> None:
        place.fit, place.trouble = False, trouble
        if place.examining is None or place.examining.done():
            place.examining = asyncio.create_task(self._examine_again(place))

    async def _examine_again(self, place: _Place) -> None:
        while not place.fit:
            await asyncio.sleep(EXAMINE_EVERY_S)
            await self._examine(place)

    def _notice(self, place: _Place, method: str, answer: Any) -> None:
        """Take the height from answers that tell it."""
        height = self._probe.height_in(method, answer)
        if height is None:
            return
        now = time.monotonic()
        self._notice_height(place, height)
        standing = now - place.height_since > STANDING_S
        if standing and len(self._places) > 1 and (self._comparing is None or self._comparing.done()):
            place.height_since = now
            self._comparing = asyncio.create_task(self._compare(place))

    def _notice_height(self, place: _Place, height: int) -> None:
        if height > place.height:
            place.height, place.height_since = height, time.monotonic()
        self._seen = max(self._seen, height)

    async def _compare(self, place: _Place) -> None:
        """Whether the others go on while this one stands still."""
        others = [each for each in self._places if each is not place and each.fit]
        for each in others:
            await self._examine(each)
        best = max((each.height for each in others), default=-1)
        if best > place.height + 1:
            self._seen = max(self._seen, best)
            self._put_aside(place, f"is behind by {best - place.height} blocks")


class Probe(Protocol):
    """What tells an endpoint's chain and height."""

    async def __call__(self, endpoint: AsyncEndpoint, /) -> tuple[str, int]:
        """(trouble or "", height)."""
        ...

    def height_in(self, method: str, answer: Any) -> int | None:
        """The height that an answer tells, where it does."""
        ...


@dataclass(frozen=True)
class JsonRpcProbe:
    """Ethereum's JSON-RPC."""

    chain_id: int

    async def __call__(self, endpoint: AsyncEndpoint, /) -> tuple[str, int]:
        chain = to_int(_result(await endpoint.make_request("eth_chainId", [])))
        if chain != self.chain_id:
            return f"is of chain {chain}, not {self.chain_id}", -1
        return "", to_int(_result(await endpoint.make_request("eth_blockNumber", [])))

    def height_in(self, method: str, answer: Any) -> int | None:
        """Read the height that an answer shows its endpoint to have; None where it shows none."""
        result: Any = cast("dict[str, Any]", answer).get("result") if isinstance(answer, dict) else None
        if method == "eth_getTransactionReceipt" and isinstance(result, dict):
            result = cast("dict[str, Any]", result).get("blockNumber")
        elif method != "eth_blockNumber":
            return None
        return to_int(result) if isinstance(result, str) else None


@dataclass(frozen=True)
class ConsensusProbe:
    """CometBFT's RPC; `consensus_id` is not compared when it is not known."""

    consensus_id: str = ""

    async def __call__(self, endpoint: AsyncEndpoint, /) -> tuple[str, int]:
        status = _result(await endpoint.make_request("status", {}))
        chain = status["node_info"]["network"]
        if self.consensus_id and chain != self.consensus_id:
            return f"is of chain {chain}, not {self.consensus_id}", -1
        return "", int(status["sync_info"]["latest_block_height"])

    def height_in(self, method: str, answer: Any) -> int | None:
        """Answer None: no answer of a consensus RPC is compared by its height."""
        return None


def _result(answer: Any) -> Any:
    found = cast("dict[str, Any]", answer).get("result") if isinstance(answer, dict) else None
    if found is None:
        raise ValueError(f"it answered {str(cast(object, answer))[:120]}")
    return found


def _words(failure: Exception, timeout_s: float) -> str:
    if isinstance(failure, TimeoutError):
        return f"gave no answer within {timeout_s:g} s"
    return f"does not answer: {failure or failure.__class__.__name__}"[:300]
