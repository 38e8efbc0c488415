"""Why a contract refused, from engines that tell it in different places or not at all."""

import pytest

from network.ports import Rejected
from tests.network.evm.faulty_endpoint import FaultyEndpoint
from tests.network.evm_counter import LIMIT, chain_over, deployed_counter
from wuxin_evidence.ids import keccak256


class Reticent(FaultyEndpoint):
    """Keeps no reason in receipts and drops the data of a refused call, as cosmos/evm does; `trace` it may tell."""

    trace = None

    async def make_request(self, method, params):
        if method == "debug_traceTransaction" and self.trace:
            return {"result": {"output": self.trace}}
        answer = await super().make_request(method, params)
        if method == "eth_getTransactionReceipt" and answer.get("result"):
            answer["result"].pop("revertReason", None)
        if method == "eth_call" and "error" in answer:
            answer["error"] = {"code": -32000, "message": "execution reverted"}
        return answer


async def counter(node, endpoint):
    deployed = await deployed_counter(node)
    return chain_over(endpoint, deployed._contracts["Counter"].address)


async def test_a_reason_that_only_a_trace_has_is_found_there(node):
    endpoint = Reticent(node)
    chain = await counter(node, endpoint)
    selector = keccak256(b"LimitExceeded(uint256,uint256)")[:4]
    endpoint.trace = f"0x{selector.hex()}{7:064x}{3:064x}"
    refused = await chain.transact("Counter", "add", [LIMIT + 1])
    assert (refused.status, refused.code, refused.detail) == (0, "limit_exceeded", "amount_minor 7, headroom_minor 3")


async def test_a_reason_that_the_engine_has_nowhere_is_called_reverted(node):
    chain = await counter(node, Reticent(node))
    refused = await chain.transact("Counter", "add", [LIMIT + 1])
    assert (refused.status, refused.code) == (0, "reverted")
    with pytest.raises(Rejected) as view:
        await chain.call("Counter", "scrap", ["no such slot"])
    assert view.value.code == "reverted"


@pytest.mark.parametrize("unknown", [{"result": None}, {"error": {"code": -32000, "message": "tx not found"}}])
async def test_a_receipt_that_is_not_there_yet_is_waited_for(node, unknown):
    class Late(FaultyEndpoint):
        refused = 3

        async def make_request(self, method, params):
            if method == "eth_getTransactionReceipt" and self.refused:
                self.refused -= 1
                return unknown
            return await super().make_request(method, params)

    chain = await counter(node, Late(node))
    assert (await chain.transact("Counter", "add", [1])).status == 1
