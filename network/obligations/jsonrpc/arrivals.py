"""Which of the transactions that are waited for new blocks hold: one watcher for all of them.

Without it hundreds in flight would each ask for their receipt again and again. The watcher asks for the height, and for
the hashes of each new block, as long as somebody waits; it only says where it is worth asking, and may miss something:
whoever waits asks for the receipt now and then in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from network.obligations.jsonrpc.requests import Refused, Requests, reading, to_int
from network.ports import Unavailable

BLOCKS_BACK_MAX = 20
"""After an outage older blocks are left to those who ask anyway; at the beginning the last two may hold it already."""
BLOCKS_BACK_FIRST = 2


class Arrivals:
    """Sets an event when a block holds the transaction."""

    def __init__(self, requests: Requests, poll_s: float) -> None:
        self._requests = requests
        self._poll_s = poll_s
        self._waiting: dict[str, asyncio.Event] = {}
        self._height: int | None = None
        self._watching: asyncio.Task[None] | None = None

    def expect(self, tx_hash: str, arrived: asyncio.Event) -> None:
        """Set the event once a new block holds the transaction."""
        self._waiting[tx_hash] = arrived
        if self._watching is None or self._watching.done():
            self._height = None
            self._watching = asyncio.create_task(self._watch())

    def forget(self, tx_hash: str) -> None:
        """Stop waiting for a transaction."""
        self._waiting.pop(tx_hash, None)

    async def _watch(self) -> None:
        while self._waiting:
            with contextlib.suppress(Unavailable, Refused):  # who waits asks by itself and says what is wrong
                await self._look()
            await asyncio.sleep(self._poll_s)

    async def _look(self) -> None:
        told = await self._requests.ask("eth_blockNumber")
        with reading("its height"):
            height = to_int(told)
        known = height - BLOCKS_BACK_FIRST if self._height is None else self._height
        for number in range(max(known + 1, height - BLOCKS_BACK_MAX, 0), height + 1):
            block: Mapping[str, Any] | None = await self._requests.ask("eth_getBlockByNumber", hex(number), False)
            with reading(f"block {number}"):
                for tx_hash in block["transactions"] if block else ():
                    if tx_hash in self._waiting:
                        self._waiting[tx_hash].set()
        self._height = height
