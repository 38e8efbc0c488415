"""kill -9 of a node over real ledgers, under load: the same run and the same count as on the embedded ones.

The ledgers are its own: what is counted are balances, and nobody else may move them.
"""

import asyncio
from pathlib import Path

import pytest

from tests.engines import BOTH, Networks
from tests.faults.test_the_node_is_killed import kill_and_check, lend


@pytest.mark.engine("fabric")
@pytest.mark.engine("evm")
async def test_what_a_killed_node_acknowledged_is_done_and_done_once(tmp_path: Path) -> None:
    networks = Networks(tmp_path)
    try:
        ledgers = await asyncio.to_thread(networks.founded, BOTH)
        await lend(ledgers.home)
        await asyncio.to_thread(kill_and_check, ledgers.home)
    finally:
        await asyncio.to_thread(networks.down)
