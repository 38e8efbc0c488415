"""A real chain can search long for its next log: that it is quiet does not mean that there is none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from network.ports import Log, Unavailable
from node.projection import rebuild

SILENCE_S = 0.2
LOGS = [Log("e1", block, 0, "DepositToken", "Minted", {}, "0x", 0) for block in (1, 5_000)]


class Slow:
    """Gives its first log at once, and the second after it has asked for the many blocks between."""

    name = "e1"

    def __init__(self, logs: list[Log]) -> None:
        self._logs = logs

    async def height(self) -> int:
        return 9_000

    async def logs(self, after: tuple[int, int]) -> AsyncIterator[Log]:
        yield self._logs[0]
        await asyncio.sleep(SILENCE_S)
        for log in self._logs[1:]:
            yield log
        await asyncio.Event().wait()


async def replayed(chain: Any, until: tuple[int, int]) -> list[int]:
    return [log.block async for log in rebuild.existing_logs(chain, (0, 0), until)]


async def test_a_log_that_the_read_model_has_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "QUIET_S", SILENCE_S / 10)
    assert await replayed(Slow(LOGS), (5_000, 0)) == [1, 5_000]


async def test_a_log_that_never_comes_is_no_difference_but_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "DUE_S", SILENCE_S * 2)
    with pytest.raises(Unavailable) as silent:
        await replayed(Slow(LOGS[:1]), (5_000, 0))
    assert silent.value.hint
