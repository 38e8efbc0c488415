"""An endpoint that tells logs in another form costs no log, and moves nobody's position to where no block is."""

import asyncio

import pytest

from network.ports import Unavailable
from tests.network.evm.faulty_endpoint import FaultyEndpoint
from tests.network.evm_counter import chain_over, deployed_counter

LOGS = 3


class Odd(FaultyEndpoint):
    """Answers eth_getLogs with what `changed` makes of the truth."""

    def __init__(self, node, changed):
        super().__init__(node)
        self._changed = changed

    async def make_request(self, method, params):
        answer = await super().make_request(method, params)
        return {**answer, "result": self._changed(answer["result"])} if method == "eth_getLogs" else answer


async def read(node, changed):
    deployed = await deployed_counter(node)
    for _ in range(LOGS):
        await deployed.transact("Counter", "add", [1])
    chain = chain_over(Odd(node, changed), deployed._contracts["Counter"].address)
    found = []
    async for log in chain.logs((-1, 0)):
        found.append(log.block)
        if len(found) == LOGS:
            break
    return found


async def test_logs_out_of_order_are_all_shown_in_order(node):
    assert await asyncio.wait_for(read(node, lambda logs: logs[::-1]), 5) == [2, 3, 4]


@pytest.mark.parametrize(
    "changed",
    [
        lambda _: None,
        lambda logs: [*logs[:1], {**logs[1], "blockNumber": "0xffffff"}, *logs[2:]],
        lambda logs: [*logs[:1], {**logs[1], "address": "0x" + "00" * 20}],
    ],
)
async def test_what_is_no_answer_to_the_question_is_not_taken(node, changed):
    with pytest.raises(Unavailable, match="eth_getLogs"):
        await asyncio.wait_for(read(node, changed), 5)
