"""`/healthz`: whether the node is ready, by its followers, its delivery, its stores and its ledgers.

    200  {"live": true, "ready": true, "reasons": [], "behind_blocks": {"facts": 0, "obligations": 0}}
    503  {"live": true, "ready": false, "reasons": ["facts_follower_stopped"], …}

Whoever gets an answer knows that the process lives. The route is open, so it names no organisation, no address and no
height; `GET /v1/status` says more to who has a key. Ledgers and disk are asked once a second at most, however many ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from network.ports import PortError
from node.api.context import Node
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.stores.databases import Store

FOLLOWED = ("facts", "obligations")
"""What the two followers of a node read, in this order."""
LOOK_S = 3.0
"""For a ledger to say its height."""
FRESH_S = 1.0
"""How long one look serves everybody who asks."""
BEHIND_BLOCKS_MAX = 100
"""Further behind, answers are old ones: a read model catches up with some hundreds of blocks a second."""


@dataclass
class Health:
    """Looks at one node."""

    node: Node
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _seen_s: float = float("-inf")
    _seen: dict[str, Any] = field(default_factory=dict[str, Any])

    async def look(self) -> dict[str, Any]:
        """What `/healthz` answers; at most a second old."""
        async with self._looking:
            if time.monotonic() - self._seen_s >= FRESH_S:
                self._seen, self._seen_s = await self._examine(), time.monotonic()
            return self._seen

    async def _examine(self) -> dict[str, Any]:
        # One seat stands for all: the ledgers are the same, and every organisation asked would be a call more.
        own = next(iter(self.node.seats.values()))
        heights = await asyncio.gather(_asked(own.ledger.height), _asked(own.chain.height))
        stores = await asyncio.to_thread(self._stores)
        behind = self._behind(own.chain.name, heights)
        reasons = [*self._ledgers(heights), *stores]
        reasons += [f"{kind}_follower_behind" for kind, lag in behind.items() if (lag or 0) > BEHIND_BLOCKS_MAX]
        if self.node.delivery.has_ended:
            reasons.append("delivery_stopped")
        return {"live": True, "ready": not reasons, "reasons": reasons, "behind_blocks": behind}

    def _behind(self, chain: str, heights: Sequence[int | None]) -> dict[str, int | None]:
        """Blocks that the read model lacks of each ledger; None where the ledger does not say how many it has."""
        # The ports differ: the facts count their blocks, the chain names its newest.
        newest = (None if heights[0] is None else heights[0] - 1, heights[1])
        read = (self.node.position.at(FACTS_LEDGER)[0], self.node.position.read_to(chain))
        return {
            kind: None if block is None else max(0, block - to)
            for kind, block, to in zip(FOLLOWED, newest, read, strict=True)
        }

    def _ledgers(self, heights: Sequence[int | None]) -> Iterator[str]:
        chain = next(iter(self.node.seats.values())).chain.name
        for kind, name, height in zip(FOLLOWED, (FACTS_LEDGER, chain), heights, strict=True):
            if self.node.followers[kind].done():
                yield f"{kind}_follower_stopped"
            elif self.node.position.trouble(name) is not None:
                yield f"{kind}_not_followed"
            if height is None:
                yield f"{kind}_unavailable"

    def _stores(self) -> list[str]:
        stores = {"local_store_not_writable": self.node.local, "read_model_not_writable": self.node.read_model}
        return [reason for reason, store in stores.items() if not _is_writable(store)]


async def healthz(request: Request) -> JSONResponse:
    """Answer 200 where the node is ready, 503 with reasons where it is not."""
    health = cast(Health, request.app.state.health)
    found = await health.look()
    return JSONResponse(found, 200 if found["ready"] else 503)


async def _asked(height: Callable[[], Awaitable[int]]) -> int | None:
    try:
        async with asyncio.timeout(LOOK_S):
            return await height()
    except (PortError, TimeoutError):
        return None


def _is_writable(store: Store) -> bool:
    """Write a number that is there already, so that the disk and the file's rights are tried."""
    try:
        with store.write() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")
    except SQLAlchemyError:
        return False
    return True
