"""Why a contract refused: the custom error of a reverted transaction or call, wherever the engine keeps it.

Asked in this order, because the first ones tell what happened and the later ones what would happen now:

    revertReason in the receipt             Besu with its option for it, the embedded chain
    the consensus's results                 CometBFT chains
    the same call at the block before,      engines that hand on revert data with eth_call
      at the block, at the newest
    debug_traceTransaction                  go-ethereum and its kin, where that method is open

Where none has it, the problem is `reverted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from network.obligations.jsonrpc.abi import REVERTED, ContractAbi, Problem
from network.obligations.jsonrpc.comet import Answer, CometConsensus
from network.obligations.jsonrpc.requests import Refused, Requests, revert_data, to_int

Message = Mapping[str, str]


class Refusals:
    """Asks an engine for the reasons that it gives."""

    def __init__(self, requests: Requests, consensus: CometConsensus | None) -> None:
        self._requests = requests
        self._consensus = consensus

    async def of_transaction(self, receipt: Mapping[str, Any], message: Message, abi: ContractAbi) -> Problem:
        """The problem of a mined transaction with status 0. Raises Unavailable."""
        kept = revert_data(receipt.get("revertReason"))
        if kept:
            return abi.decode_error(kept)
        block = to_int(receipt["blockNumber"])
        if self._consensus is not None:
            answer = await self._consensus.answer(receipt["transactionHash"], block)
            if answer is not None:
                return _problem(answer, abi)
        for tag in (hex(max(block - 1, 0)), hex(block), "latest"):
            try:
                await self._requests.ask("eth_call", message, tag)
            except Refused as refused:
                if refused.data:
                    return abi.decode_error(refused.data)
        return abi.decode_error(await self._traced(receipt["transactionHash"]))

    async def of_call(self, refused: Refused, message: Message, abi: ContractAbi) -> Problem:
        """The problem of a refused `eth_call`. Raises Unavailable."""
        if refused.data or self._consensus is None:
            return abi.decode_error(refused.data)
        return _problem(await self._consensus.call(message), abi)

    async def _traced(self, tx_hash: str) -> bytes:
        try:
            trace = await self._requests.ask("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
        except Refused:
            return b""
        return revert_data(cast("Mapping[str, Any]", trace).get("output")) if isinstance(trace, Mapping) else b""


def _problem(answer: Answer, abi: ContractAbi) -> Problem:
    """A contract's own error; the engine's words where no contract spoke."""
    if answer.forbidden:
        return Problem("forbidden", answer.error)
    if not answer.data and answer.error:
        return Problem(REVERTED, answer.error)
    return abi.decode_error(answer.data)
