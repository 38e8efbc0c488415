"""An endpoint in front of a real chain, with the troubles that real endpoints have."""

import asyncio

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.jsonrpc.endpoints import Endpoints, JsonRpcProbe
from tests.network.evm_counter import CHAIN_ID


class FaultyEndpoint:
    """`trouble`: "" · down · hangs · swallows (takes transactions and forgets them) · mute (does it, gives no answer,
    and is down from then on).

    `blocks_known` is the newest block that it admits to know; `chain_id` another chain to claim to be.
    """

    def __init__(self, node, trouble=""):
        self._inside = EmbeddedEndpoint(node)
        self.trouble = trouble
        self.blocks_known = None
        self.chain_id = None
        self.asked = []
        self.swallowed = []
        self.swallowing = asyncio.Event()

    async def make_request(self, method, params):
        self.asked.append(method)
        sending = method == "eth_sendRawTransaction"
        if self.trouble == "down":
            raise ConnectionError("connection refused")
        if self.trouble == "hangs":
            await asyncio.sleep(3600)
        if self.trouble == "swallows" and sending:
            self.swallowed.append(params[0])
            self.swallowing.set()
            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + "00" * 32}
        answer = await asyncio.to_thread(self._inside.make_request, method, params)
        if self.trouble == "mute" and sending:
            self.trouble = "down"
            raise ConnectionError("connection reset")
        if method == "eth_chainId" and self.chain_id is not None:
            answer["result"] = hex(self.chain_id)
        return self._as_known(method, answer)

    async def disconnect(self):
        self.asked.append("disconnect")

    def _as_known(self, method, answer):
        known, result = self.blocks_known, answer.get("result")
        if known is None or result is None:
            return answer
        if method == "eth_blockNumber":
            return {**answer, "result": hex(min(known, int(result, 16)))}
        if method == "eth_getTransactionReceipt" and int(result["blockNumber"], 16) > known:
            return {**answer, "result": None}
        if method == "eth_getLogs":
            return {**answer, "result": [log for log in result if int(log["blockNumber"], 16) <= known]}
        return answer


def over(*endpoints, timeout_s=0.2, chain_id=CHAIN_ID):
    """The endpoints as one; their addresses are a, b, c …"""
    named = dict(zip("abcdefgh", endpoints, strict=False))
    return Endpoints(list(named), JsonRpcProbe(chain_id), timeout_s=timeout_s, opened=named.__getitem__)
