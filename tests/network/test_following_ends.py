"""A follower that is told to end ends, also when a block is sealed in that very moment."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from network.obligations.embedded.circle import EmbeddedChain


class Sealing:
    """The node, as far as a follower sees it: somebody to be woken by."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None

    def on_block(self, wake: Callable[[], None]) -> Callable[[], None]:
        self.wake = wake
        return lambda: None


@pytest.mark.parametrize("steps", range(6))
async def test_a_block_does_not_swallow_the_end(steps: int) -> None:
    node = Sealing()
    chain: Any = object.__new__(EmbeddedChain)
    chain.node = node
    waiting = asyncio.create_task(chain._block_or_pause())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    node.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    if not waiting.cancel():
        return  # it had seen the block before it was told to end
    await asyncio.wait([waiting])
    assert waiting.cancelled()
