"""What only the consensus RPC of a CometBFT chain tells: why the EVM refused, and the validators' commit of a block.

The engine's JSON-RPC drops the data of a custom error. The consensus keeps what each transaction answered, in the
results that every validator computed alike, so the reason of a mined refusal is read, not guessed by calling again.
A refused call is repeated through the consensus's own query, which gives the data.

The commit that proves block H, and the hash of its results, are in block H + 1.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from network.obligations.jsonrpc.requests import Endpoint, Refused, Requests, reading
from network.ports import Unavailable
from wuxin_evidence.comet.rpc import prove
from wuxin_evidence.encoding.protobuf import Field, Kind, Message, read, write
from wuxin_evidence.errors import EvidenceError

CALL_GAS_MAX = 25_000_000
BLOCK_WAIT_S = 10.0
BLOCK_POLL_S = 0.05

_CALL_PATH = "/cosmos.evm.vm.v1.Query/EthCall"
_FORBIDDEN_WORDS = "does not have permission"
"""With these words the engine refuses an account that is not on its list of senders."""

_ANY = Message("Any", (Field(1, "type", Kind.TEXT), Field(2, "value", Kind.BYTES)))
_ANSWERS = Message("TxMsgData", (Field(2, "responses", _ANY, repeated=True),))
_ANSWER = Message(
    "MsgEthereumTxResponse",
    (
        Field(1, "hash", Kind.TEXT),
        Field(2, "logs", Kind.BYTES, repeated=True),
        Field(3, "returned", Kind.BYTES),
        Field(4, "vm_error", Kind.TEXT),
        Field(5, "gas_used", Kind.UNSIGNED),
    ),
)
_CALL = Message(
    "EthCallRequest",
    (
        Field(1, "args", Kind.BYTES),
        Field(2, "gas_cap", Kind.UNSIGNED),
        Field(3, "proposer", Kind.BYTES),
        Field(4, "chain_id", Kind.SIGNED),
    ),
)


@dataclass(frozen=True)
class Answer:
    """What the EVM answered: the data that the contract returned or reverted with, and the engine's own words."""

    data: bytes
    error: str

    @property
    def forbidden(self) -> bool:
        """Whether the engine kept the sender out, before any contract was asked."""
        return not self.data and _FORBIDDEN_WORDS in self.error


class CometConsensus:
    """The consensus RPC, over one endpoint or several."""

    def __init__(self, endpoint: Endpoint, chain_id: int) -> None:
        self._requests = Requests(endpoint)
        self._chain_id = chain_id

    async def answer(self, tx_hash: str, block: int) -> Answer | None:
        """What a mined transaction answered; None when the block's results do not name it. Raises Unavailable."""
        told = await self._at("block_results", block)
        with reading(f"the results of block {block}"):
            for result in told["txs_results"] or ():
                try:
                    responses = read(_ANSWERS, base64.b64decode(result.get("data") or ""))["responses"]
                    found = [read(_ANSWER, each["value"]) for each in responses]
                except (EvidenceError, binascii.Error):  # of another module than the EVM
                    continue
                for each in found:
                    if each["hash"] == tx_hash:
                        return Answer(each["returned"], each["vm_error"])
        return None

    async def call(self, message: Mapping[str, str]) -> Answer:
        """What a call answers at the newest block. Raises Unavailable."""
        newest = await self._result("header", {})
        with reading("the newest header"):
            proposer = bytes.fromhex(newest["header"]["proposer_address"])
        request = {
            "args": json.dumps(message).encode(),
            "gas_cap": CALL_GAS_MAX,
            "proposer": proposer,
            "chain_id": self._chain_id,
        }
        told = await self._result(
            "abci_query", {"path": _CALL_PATH, "data": write(_CALL, request).hex(), "prove": False}
        )
        with reading("a call"):
            response = told["response"]
            refusal, value = response.get("code"), base64.b64decode(response.get("value") or "", validate=True)
        if refusal:
            raise Unavailable(f"the consensus refused the call: {response.get('log')}", "see the validator's log")
        try:
            answer = read(_ANSWER, value)
        except EvidenceError as wrong:
            raise Unavailable(f"the consensus answered something else: {wrong.detail}", wrong.hint) from wrong
        return Answer(answer["returned"], answer["vm_error"])

    async def evidence(self, tx_hash: str, block: int) -> dict[str, bytes]:
        """The members of a bundle that prove a transaction. Waits for the next block. Raises Unavailable."""
        following = await self._at("commit", block + 1)
        found, results = await self._at("block", block), await self._at("block_results", block)
        try:
            with reading(f"block {block}"):
                return prove(bytes.fromhex(tx_hash[2:]), found, results, following).members()
        except EvidenceError as wrong:
            raise Unavailable(
                f"the consensus RPC tells block {block} so that it proves nothing: {wrong.detail}", wrong.hint
            ) from wrong

    async def _at(self, method: str, block: int) -> Mapping[str, Any]:
        """What is told of a block, which this endpoint may not have yet while another one does. Raises Unavailable."""
        until = time.monotonic() + BLOCK_WAIT_S
        while True:
            try:
                return await self._requests.ask_with(method, {"height": str(block)})
            except Refused as refused:
                if time.monotonic() > until:
                    raise Unavailable(
                        f"{method} of block {block} did not come: {refused.message}",
                        "see whether the chain seals blocks",
                    ) from refused
            await asyncio.sleep(BLOCK_POLL_S)

    async def _result(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await self._requests.ask_with(method, params)
        except Refused as refused:
            raise Unavailable(f"{method} was refused: {refused.message}", "see the validator's log") from refused
