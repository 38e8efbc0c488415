"""Several endpoints as one: which one answers, why the others do not, and that nothing is seen twice or backwards."""

import asyncio
import random
import time

import pytest

from network.obligations.embedded.rpc import serve_rpc
from network.obligations.jsonrpc import endpoints as endpoints_module
from network.obligations.jsonrpc.endpoints import Endpoints, JsonRpcProbe, NoEndpoint
from network.ports import Unavailable
from tests.network.evm.faulty_endpoint import FaultyEndpoint, over
from tests.network.evm_counter import CHAIN_ID, LIMIT, chain_over, deployed_counter

pytestmark = pytest.mark.usefixtures("hurried")


async def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def height(endpoints):
    return int((await endpoints.make_request("eth_blockNumber", []))["result"], 16)


@pytest.mark.parametrize(
    ("trouble", "words"), [("down", "does not answer: connection refused"), ("hangs", "gave no answer within 0.2 s")]
)
async def test_the_next_endpoint_answers_when_the_first_does_not(node, trouble, words):
    endpoints = over(FaultyEndpoint(node, trouble), FaultyEndpoint(node))
    assert await height(endpoints) == node.height()
    assert endpoints.troubles() == {"a": words}
    await endpoints.aclose()


async def test_an_endpoint_that_fails_later_is_left_for_the_next_within_the_same_request(node):
    first = FaultyEndpoint(node)
    endpoints = over(first, FaultyEndpoint(node))
    assert await height(endpoints) == 0
    first.trouble = "down"
    assert await height(endpoints) == 0
    assert list(endpoints.troubles()) == ["a"]
    await endpoints.aclose()


async def test_the_first_endpoint_is_taken_back_when_it_is_fit_again(node):
    first, second = FaultyEndpoint(node, "down"), FaultyEndpoint(node)
    endpoints = over(first, second)
    await height(endpoints)
    first.trouble = ""
    await until(lambda: not endpoints.troubles())
    asked = len(second.asked)
    await height(endpoints)
    assert len(second.asked) == asked
    await endpoints.aclose()


async def test_an_endpoint_of_another_chain_is_named_and_never_asked(node):
    stranger = FaultyEndpoint(node)
    stranger.chain_id = 1
    endpoints = over(stranger, FaultyEndpoint(node))
    await height(endpoints)
    assert endpoints.troubles() == {"a": f"is of chain 1, not {CHAIN_ID}"}
    assert set(stranger.asked) == {"eth_chainId"}
    await endpoints.aclose()


async def test_an_endpoint_that_is_behind_is_not_asked_before_it_has_caught_up(node):
    first, second = FaultyEndpoint(node, "down"), FaultyEndpoint(node)
    endpoints = over(first, second)
    deployed = await deployed_counter(node)
    for _ in range(3):
        await deployed.transact("Counter", "add", [1])
    assert await height(endpoints) == 4
    first.trouble, first.blocks_known = "", 1
    await until(lambda: endpoints.troubles()["a"] == "is behind by 3 blocks")
    assert await height(endpoints) == 4
    first.blocks_known = None
    await until(lambda: not endpoints.troubles())
    await endpoints.aclose()


async def test_an_endpoint_that_stands_still_while_another_goes_on_is_left(node, monkeypatch):
    monkeypatch.setattr(endpoints_module, "STANDING_S", 0.05)
    first = FaultyEndpoint(node)
    endpoints = over(first, FaultyEndpoint(node))
    deployed = await deployed_counter(node)
    assert await height(endpoints) == 1
    first.blocks_known = 1
    for _ in range(3):
        await deployed.transact("Counter", "add", [1])
    deadline = time.monotonic() + 5
    while await height(endpoints) < 4:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert endpoints.troubles()["a"].startswith("is behind by")
    await endpoints.aclose()


async def test_no_endpoint_at_all_names_the_trouble_of_each(node):
    stranger = FaultyEndpoint(node)
    stranger.chain_id = 5
    endpoints = over(FaultyEndpoint(node, "down"), FaultyEndpoint(node, "hangs"), stranger)
    with pytest.raises(NoEndpoint) as missing:
        await height(endpoints)
    for words in ("a does not answer", "b gave no answer within", f"c is of chain 5, not {CHAIN_ID}"):
        assert words in str(missing.value)
    with pytest.raises(Unavailable, match="c is of chain 5"):
        await chain_over(endpoints).height()
    await endpoints.aclose()


async def test_a_refusal_is_an_answer_and_no_second_endpoint_is_asked(node):
    second = FaultyEndpoint(node)
    endpoints = over(FaultyEndpoint(node), second)
    answer = await endpoints.make_request("eth_nothing", [])
    assert answer["error"]["code"] == -32601
    assert "eth_nothing" not in second.asked
    await endpoints.aclose()


async def test_following_repeats_and_leaves_out_nothing_when_the_endpoint_changes(node):
    first, second = FaultyEndpoint(node), FaultyEndpoint(node)
    endpoints = over(first, second)
    deployed = await deployed_counter(node)
    follower = chain_over(endpoints, deployed._contracts["Counter"].address)
    seen, chance = [], random.Random(3)

    async def follow():
        position = (-1, 0)
        while True:
            try:
                async for log in follower.logs(position):
                    position = (log.block, log.log_index)
                    seen.append(log.args["amount"])
            except Unavailable:  # both were away at once; whoever follows goes on from where it was
                await asyncio.sleep(0.01)

    following = asyncio.create_task(follow())
    for amount in range(1, 31):
        first.trouble, second.trouble = chance.choice([("down", ""), ("", "hangs"), ("down", "down"), ("", "")])
        await deployed.transact("Counter", "add", [amount])
    first.trouble = second.trouble = ""
    await until(lambda: len(seen) >= 30)
    following.cancel()
    await endpoints.aclose()
    assert seen == list(range(1, 31))


async def test_json_rpc_over_http_is_such_an_endpoint(node, monkeypatch):
    monkeypatch.setattr(endpoints_module, "EXAMINE_TIMEOUT_S", 10.0)
    deployed = await deployed_counter(node)
    async with serve_rpc(node) as going, serve_rpc(node) as staying:
        urls = [f"http://127.0.0.1:{port}" for port in (going, staying)]
        endpoints = Endpoints(urls, JsonRpcProbe(CHAIN_ID))
        chain = chain_over(endpoints, deployed._contracts["Counter"].address)
        assert (await chain.transact("Counter", "add", [3])).status == 1
        refused = await chain.transact("Counter", "add", [LIMIT])
        assert (refused.code, (await chain.receipt_proof(refused.tx_hash))["index"]) == ("limit_exceeded", 0)
        await endpoints.aclose()


async def test_an_endpoint_that_is_behind_at_the_beginning_is_not_asked(node):
    deployed = await deployed_counter(node)
    for _ in range(5):
        await deployed.transact("Counter", "add", [1])
    first = FaultyEndpoint(node)
    first.blocks_known = 1
    endpoints = over(first, FaultyEndpoint(node))
    assert await height(endpoints) == 6
    assert endpoints.troubles() == {"a": "is behind by 5 blocks"}
    await endpoints.aclose()


async def test_closing_ends_what_was_begun(node):
    endpoint = FaultyEndpoint(node, "hangs")
    endpoints = over(endpoint)
    with pytest.raises(NoEndpoint):
        await height(endpoints)
    await endpoints.aclose()
    assert endpoint.asked[-1] == "disconnect"
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
