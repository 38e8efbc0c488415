"""A transaction arrives exactly once, whatever becomes of it on the way."""

import asyncio
import random

import pytest

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.jsonrpc import sending
from network.obligations.jsonrpc.requests import Requests
from network.obligations.jsonrpc.sending import Sender
from network.obligations.jsonrpc.signing import Unsigned, contract_address
from network.ports import Unavailable
from tests.network.evm.faulty_endpoint import FaultyEndpoint, over
from tests.network.evm_counter import ABI, ANNA, BYTECODE, CHAIN_ID, chain_over, deployed_counter

pytestmark = pytest.mark.usefixtures("hurried")


def sender_over(endpoint):
    return Sender(Requests(endpoint), CHAIN_ID, ANNA, poll_s=0.01)


async def counter(node, endpoint):
    deployed = await deployed_counter(node)
    return chain_over(endpoint, deployed._contracts["Counter"].address)


async def test_a_lost_transaction_is_sent_again_with_the_same_bytes(node):
    endpoint = FaultyEndpoint(node)
    chain = await counter(node, endpoint)
    endpoint.trouble = "swallows"
    sent = asyncio.create_task(chain.transact("Counter", "add", [5]))
    await endpoint.swallowing.wait()
    endpoint.trouble = ""
    result = await sent
    assert node.transaction(bytes.fromhex(result.tx_hash[2:])).raw == bytes.fromhex(endpoint.swallowed[0][2:])
    assert await chain.call("Counter", "total", []) == 5


async def test_what_was_lost_by_somebody_who_gave_up_holds_nobody_up(node):
    endpoint = FaultyEndpoint(node)
    chain = await counter(node, endpoint)
    endpoint.trouble = "swallows"
    given_up = asyncio.create_task(chain.transact("Counter", "add", [5]))
    await endpoint.swallowing.wait()
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    endpoint.trouble = ""
    assert (await chain.transact("Counter", "add", [1])).status == 1
    assert await chain.call("Counter", "total", []) == 1


class Queueing(FaultyEndpoint):
    """Keeps a transaction that comes too early and says nothing of it, as go-ethereum's pool does."""

    def __init__(self, node):
        super().__init__(node)
        self.queue = []

    async def make_request(self, method, params):
        answer = await super().make_request(method, params)
        if method == "eth_sendRawTransaction" and "too high" in str(answer.get("error")):
            self.queue.append(params[0])
            return {"result": "0x" + "00" * 32}
        if method == "eth_sendRawTransaction" and "error" not in answer:
            for raw in self.queue:
                await super().make_request(method, [raw])
        return answer


async def test_a_gap_before_a_queued_transaction_is_filled_with_nothing(node):
    endpoint = Queueing(node)
    chain = await counter(node, endpoint)
    chain._sender._nonce = 3  # as if 1 and 2 had been sent and lost, by callers that are gone
    assert (await chain.transact("Counter", "add", [1])).status == 1
    assert await chain.call("Counter", "total", []) == 1
    assert await chain.next_nonce() == 4


async def test_a_nonce_that_another_process_took_is_replaced(node):
    endpoint = FaultyEndpoint(node)
    chain = await counter(node, endpoint)
    endpoint.trouble = "swallows"
    sent = asyncio.create_task(chain.transact("Counter", "add", [5]))
    await endpoint.swallowing.wait()
    twin = chain_over(EmbeddedEndpoint(node), chain._contracts["Counter"].address)
    assert (await twin.transact("Counter", "add", [2])).status == 1
    endpoint.trouble = ""
    assert (await sent).status == 1
    assert await chain.call("Counter", "total", []) == 7


async def test_a_command_that_was_carried_out_is_not_sent_under_another_nonce(node, monkeypatch):
    monkeypatch.setattr(sending, "RECEIPT_WAIT_S_MAX", 0.5)
    endpoint = FaultyEndpoint(node, "swallows")
    sender = sender_over(endpoint)

    async def was_done():
        return True

    sent = asyncio.create_task(sender.mined(ANNA.address, b"", 50_000, was_done))
    await endpoint.swallowing.wait()
    raw, _ = Unsigned(CHAIN_ID, 0, 60_000, ANNA.address, b"").signed(ANNA)
    node.send(raw)
    endpoint.trouble = ""
    with pytest.raises(Unavailable) as unknown:
        await sent
    assert unknown.value.tx_id
    assert node.account(ANNA.address).nonce == 1


async def test_a_send_without_an_answer_is_mined_once_by_the_second_endpoint(node):
    endpoints = over(FaultyEndpoint(node, "mute"), FaultyEndpoint(node))
    chain = await counter(node, endpoints)
    assert (await chain.transact("Counter", "add", [5])).status == 1
    assert await chain.call("Counter", "total", []) == 5
    await endpoints.aclose()


async def test_a_refusal_after_a_silent_endpoint_is_not_answered_with_another_nonce(node, monkeypatch):
    monkeypatch.setattr(sending, "LOOK_AFTER_S", 0.5)
    first, second = FaultyEndpoint(node), FaultyEndpoint(node)
    endpoints = over(first, second)
    chain = await counter(node, endpoints)
    await chain.height()
    first.trouble, second.blocks_known = "mute", 1  # the second has heard of the nonce's use, not of the receipt
    sent = asyncio.create_task(chain.transact("Counter", "add", [5]))
    await asyncio.sleep(0.3)
    assert not sent.done()
    second.blocks_known = None
    assert (await sent).status == 1
    assert await chain.call("Counter", "total", []) == 5
    assert await chain.next_nonce() == 2
    await endpoints.aclose()


async def test_many_in_flight_over_failing_endpoints_all_count_once(node):
    chance = random.Random(7)
    troubled = [FaultyEndpoint(node), FaultyEndpoint(node)]
    endpoints = over(*troubled, timeout_s=0.5)
    chain = await counter(node, endpoints)
    working = True

    async def trouble():
        while working:
            for each in troubled:
                each.trouble = chance.choice(["", "", "down", "swallows", "mute"])
            await asyncio.sleep(0.02)

    async def add():
        for _ in range(20):
            try:
                return await chain.transact("Counter", "add", [1])
            except Unavailable as failure:
                # Without a command id an unknown outcome cannot be repeated; here the chain itself is asked.
                tx_hash = bytes.fromhex(failure.tx_id[2:]) if failure.tx_id else b""
                if tx_hash and node.transaction(tx_hash) is not None:
                    return None
                await asyncio.sleep(0.05)
        raise AssertionError("never arrived")

    troubling = asyncio.create_task(trouble())
    await asyncio.gather(*(add() for _ in range(30)))
    working = False
    await troubling
    assert (
        await chain_over(EmbeddedEndpoint(node), chain._contracts["Counter"].address).call("Counter", "total", []) == 30
    )
    await endpoints.aclose()


async def test_an_account_that_waits_at_another_count_is_believed(node):
    """Some engines leave what waits out of the pending count and name the expected nonce in the refusal."""

    class Forgetful(FaultyEndpoint):
        async def make_request(self, method, params):
            answer = await super().make_request(method, params)
            if method == "eth_getTransactionCount":
                return {**answer, "result": "0x0"}
            if "error" in answer and "nonce" in answer["error"]["message"]:
                return {"error": {"code": -32000, "message": "invalid nonce; got 0, expected 1: invalid sequence"}}
            return answer

    chain = await counter(node, Forgetful(node))
    assert (await chain.transact("Counter", "add", [4])).status == 1


async def test_only_final_blocks_are_shown(node):
    deployed = await deployed_counter(node)
    shallow = chain_over(EmbeddedEndpoint(node), deployed._contracts["Counter"].address)
    deep = type(shallow)(
        "e1", EmbeddedEndpoint(node), CHAIN_ID, deployed._contracts.values(), ANNA, poll_s=0.01, finality_depth=2
    )
    waiting = asyncio.create_task(deep.transact("Counter", "add", [1]))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    assert await deep.height() == 0
    for _ in range(2):
        await shallow.transact("Counter", "add", [1])
    assert (await asyncio.wait_for(waiting, 5)).block == 2
    assert await deep.height() == 2


async def test_what_is_in_a_block_and_waits_to_be_final_is_not_sent_again(node):
    deployed = await deployed_counter(node)
    deep = type(deployed)(
        "e1", EmbeddedEndpoint(node), CHAIN_ID, deployed._contracts.values(), ANNA, poll_s=0.01, finality_depth=2
    )
    waiting = asyncio.create_task(deep.transact("Counter", "add", [1]))
    await asyncio.sleep(1)  # many looks; no block comes that would make it final
    assert not waiting.done()
    assert node.account(ANNA.address).nonce == 2
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_the_address_of_a_contract_follows_from_creator_and_nonce(node):
    made = await chain_over(EmbeddedEndpoint(node)).create(BYTECODE, ABI, [9])
    assert made == contract_address(ANNA.address, 0)
