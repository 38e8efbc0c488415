"""`Web3Chain`: the port `Chain` for one key, over any JSON-RPC endpoint.

Workflow of a transaction: encode by the ABI → send with a fixed gas limit, even if it would revert, because a refusal
has to be on the chain to be provable → wait for the receipt (sending.py) → for a revert find what it answered
(refusals.py) and decode the custom error into a problem.

Workflow of following: ask for the newest final block → the logs of the range since the last one → decode. A position
is (block, log index), so following goes on exactly after it, whichever endpoint answers.

A block is final, and is shown, `finality_depth` blocks after it was sealed; engines that decide each block for good
have 0. What proves a transaction depends on the engine, see `receipt_proof`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from network.obligations.jsonrpc import proofs
from network.obligations.jsonrpc.abi import AbiError, ContractAbi, Problem
from network.obligations.jsonrpc.comet import CometConsensus
from network.obligations.jsonrpc.refusals import Refusals
from network.obligations.jsonrpc.requests import Endpoint, Refused, Requests, reading, to_bytes, to_int
from network.obligations.jsonrpc.sending import Sender, WasDone
from network.ports import Log, Rejected, TxResult, Unavailable
from wuxin_evidence.crypto.secp256k1 import EvmKey

GAS_LIMIT = 10_000_000
"""Fixed for every action. The dearest, an attestation that eight facilities follow, stays below; six fit a block."""

CREATE_GAS_LIMIT = 16_000_000
"""For deployments; one transaction may use 16,777,216 at most (EIP-7825)."""

LOG_STEP_BLOCKS = 1_000
BLOCK_TIMES_CACHED_MAX = 1_024
COMMAND_ID = "commandId"
"""The first parameter of functions that a contract carries out once for each id."""


@dataclass(frozen=True)
class Contract:
    """A deployed contract; address of 20 bytes."""

    name: str
    address: bytes
    abi: ContractAbi


class Web3Chain:
    """Implements `network.ports.Chain`.

    `poll_s` is how often a receipt or a new block is asked for; `unproven` says why the engine's blocks prove nothing
    to an outsider, for engines of which that is so; `consensus` is where a CometBFT chain keeps proofs and reasons.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        chain_id: int,
        contracts: Sequence[Contract],
        key: EvmKey,
        *,
        poll_s: float = 0.25,
        finality_depth: int = 0,
        unproven: str = "",
        consensus: CometConsensus | None = None,
    ) -> None:
        self._name = name
        self._requests = Requests(endpoint)
        self._unproven = unproven
        self._finality_depth = finality_depth
        self._consensus = consensus
        self._refusals = Refusals(self._requests, consensus)
        self._sender = Sender(
            self._requests, chain_id, key, poll_s=poll_s, final_height=self.height if finality_depth else None
        )
        self._contracts = {contract.name: contract for contract in contracts}
        self._by_address = {_hex(contract.address): contract for contract in contracts}
        self._key = key
        self._poll_s = poll_s
        self._block_times: OrderedDict[int, int] = OrderedDict()

    @property
    def name(self) -> str:
        """The chain's name in the consortium file, such as `e1`."""
        return self._name

    @property
    def address(self) -> bytes:
        """Of the key that signs, 20 bytes."""
        return self._key.address

    async def next_nonce(self) -> int:
        """The nonce of the next transaction from this key, those counted that wait to be mined. Raises Unavailable."""
        return await self._sender.next_nonce()

    async def transact(self, contract: str, function: str, args: Sequence[Any]) -> TxResult:
        """Send one action and wait for its block; a revert comes back with status 0, its code and detail.

        Raises Rejected `malformed` (arguments that do not fit the ABI; nothing was sent), Unavailable.
        """
        target = self._contract(contract)
        data = _encoded(target.abi, function, args)
        receipt = await self._sender.mined(target.address, data, GAS_LIMIT, self._was_done(target, function, args))
        try:
            with reading(f"transaction {receipt['transactionHash']}"):
                succeeded = to_int(receipt["status"]) != 0
                own = [log for log in receipt["logs"] if self._known(log)]
            if not succeeded:
                message = self._message(target.address, data)
                return _result(receipt, await self._refusals.of_transaction(receipt, message, target.abi))
            return _result(receipt, None, tuple([await self._log(log) for log in own]))
        except Unavailable as failure:
            raise Unavailable(failure.detail, failure.hint, tx_id=receipt["transactionHash"]) from failure

    async def create(self, bytecode: bytes, abi: ContractAbi, args: Sequence[Any]) -> bytes:
        """Deploy a contract and return its address (20 bytes). Raises Rejected when the constructor reverts,
        Unavailable."""
        try:
            data = bytecode + abi.encode_constructor(args)
        except AbiError as wrong:
            raise Rejected("malformed", str(wrong), "compare the arguments with the contract's ABI") from wrong
        receipt = await self._sender.mined(None, data, CREATE_GAS_LIMIT)
        with reading(f"transaction {receipt['transactionHash']}"):
            succeeded = to_int(receipt["status"]) != 0
            address = to_bytes(receipt["contractAddress"]) if succeeded else b""
        if not succeeded:
            problem = await self._refusals.of_transaction(receipt, self._message(None, data), abi)
            raise Rejected(problem.code, problem.detail, "", tx_id=receipt["transactionHash"])
        return address

    async def call(self, contract: str, function: str, args: Sequence[Any]) -> Any:
        """Read at the newest block, as this key. Raises Rejected with the view's own problem, Unavailable."""
        target = self._contract(contract)
        message = self._message(target.address, _encoded(target.abi, function, args))
        tag = hex(await self.height()) if self._finality_depth else "latest"
        try:
            output = await self._requests.ask("eth_call", message, tag)
        except Refused as refused:
            if not refused.data and "revert" not in refused.message.lower():
                raise Unavailable(f"eth_call was refused: {refused.message}", "see the endpoint's log") from refused
            problem = await self._refusals.of_call(refused, message, target.abi)
            raise Rejected(problem.code, problem.detail, "") from refused
        try:
            return target.abi.decode_result(function, to_bytes(output))
        except ValueError as wrong:  # AbiError, or no hex at all
            raise Unavailable(
                f"{contract} at {_hex(target.address)} answers something else: {wrong}",
                "see whether the addresses belong to this chain",
            ) from wrong

    async def logs(self, after: tuple[int, int], read_to: Callable[[int], None] | None = None) -> AsyncIterator[Log]:
        """Events of the known contracts after (block, log index), in order, for ever. Raises Unavailable."""
        position, next_block = after, max(after[0], 0)
        while True:
            head = await self.height()
            while next_block <= head:
                last = min(head, next_block + LOG_STEP_BLOCKS - 1)
                for found in await self._logs_between(next_block, last):
                    log = await self._log(found)
                    if (log.block, log.log_index) > position:
                        position = (log.block, log.log_index)
                        yield log
                next_block = last + 1
                if read_to is not None:
                    read_to(last)
            await self._block_or_pause()

    async def height(self) -> int:
        """Number of the newest final block."""
        told = await self._ask("eth_blockNumber")
        with reading("its height"):
            return max(to_int(told) - self._finality_depth, 0)

    async def header(self, block: int) -> bytes:
        """The header's RLP, equal to the block's hash. Raises Unavailable, also where the engine's hash is another."""
        found = await self._block(block, full=False)
        with reading(f"block {block}"):
            return proofs.header_of(found).rlp()

    async def receipt_proof(self, tx_hash: str) -> Mapping[str, Any]:
        """What the engine has for proof, by `kind`.

        receipt     {header_rlp, receipt_rlp: bytes, proof: the JSON of obligations/proof.json, block, index}
        comet       {members: the bundle's files, by name}
        unproven    {transaction, block_hash: 64 hex digits, block, why}

        Raises Rejected `not_found`, Unavailable.
        """
        receipt = await self._sender.receipt(tx_hash)
        if receipt is None:
            raise Rejected("not_found", f"no transaction {tx_hash} on {self._name}", "give the hash of a mined one")
        number = to_int(receipt["blockNumber"])
        if self._consensus is not None:
            return {"kind": "comet", "members": await self._consensus.evidence(tx_hash, number)}
        if self._unproven:
            return {
                "kind": "unproven",
                "transaction": tx_hash[2:],
                "block": number,
                "block_hash": receipt["blockHash"][2:],
                "why": self._unproven,
            }
        block = await self._block(number, full=True)
        receipts = await self._receipts(block)
        with reading(f"block {number}"):
            header, raw, proof = proofs.prove(block, receipts, tx_hash)
        return {
            "kind": "receipt",
            "header_rlp": header.rlp(),
            "receipt_rlp": raw,
            "proof": proof.to_json(),
            "block": number,
            "index": proof.index,
        }

    async def aclose(self) -> None:
        """Nothing to release: the endpoint belongs to whoever made it."""

    async def _block_or_pause(self) -> None:
        """Until it is worth asking for the height again."""
        await asyncio.sleep(self._poll_s)

    def _contract(self, name: str) -> Contract:
        contract = self._contracts.get(name)
        if contract is None:
            raise Rejected("not_found", f"no contract {name} on {self._name}", "see ledger/obligations-*.json")
        return contract

    async def _ask(self, method: str, *params: Any) -> Any:
        try:
            return await self._requests.ask(method, *params)
        except Refused as refused:
            raise Unavailable(f"{method} was refused: {refused.message}", "see the endpoint's log") from refused

    def _message(self, to: bytes | None, data: bytes) -> dict[str, str]:
        message = {"from": _hex(self._key.address), "data": _hex(data), "gas": hex(GAS_LIMIT)}
        return {**message, "to": _hex(to)} if to else message

    def _was_done(self, contract: Contract, function: str, args: Sequence[Any]) -> WasDone | None:
        """How to learn whether the contract carried out the command, for functions that take a command id."""
        if contract.abi.first_parameter(function) != COMMAND_ID:
            return None

        async def asked() -> bool:
            return bool(await self.call(contract.name, "commandUsed", [self._key.address, args[0]]))

        return asked

    async def _receipts(self, block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        try:
            return list(await self._requests.ask("eth_getBlockReceipts", block["number"]) or ())
        except Refused:
            with reading(f"block {block['number']}"):
                hashes = [each["hash"] for each in block["transactions"]]
            return [await self._ask("eth_getTransactionReceipt", each) for each in hashes]

    async def _block(self, number: int, *, full: bool) -> Mapping[str, Any]:
        block = await self._ask("eth_getBlockByNumber", hex(number), full)
        if block is None:
            raise Unavailable(f"no block {number} on {self._name} yet", "ask again when it is sealed")
        with reading(f"block {number}"):
            if to_int(block["number"]) != number:
                raise ValueError(f"it is block {block['number'][:80]}")
        return block

    async def _logs_between(self, first: int, last: int) -> list[Mapping[str, Any]]:
        """All logs of a range; halves the range where the endpoint finds it too large."""
        addresses = sorted(self._by_address)
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
        try:
            found: Any = await self._requests.ask("eth_getLogs", wanted) if addresses else []
        except Refused as refused:
            if first == last:
                raise Unavailable(f"eth_getLogs was refused: {refused.message}", _SEE_ENDPOINT) from refused
        else:
            return self._asked_for(found, first, last)
        middle = (first + last) // 2
        return [*await self._logs_between(first, middle), *await self._logs_between(middle + 1, last)]

    def _asked_for(self, found: Any, first: int, last: int) -> list[Mapping[str, Any]]:
        """The logs in their order. One of another place would move the reader's position past what it has not seen."""
        with reading(f"the logs of {first} to {last} (eth_getLogs)"):
            logs = sorted(cast("list[Mapping[str, Any]]", found or []), key=_place)
            fit = found is not None and all(first <= _place(log)[0] <= last and self._known(log) for log in logs)
        if not fit:
            raise Unavailable(f"eth_getLogs answered something else than {first} to {last}", _SEE_ENDPOINT)
        return logs

    def _known(self, log: Mapping[str, Any]) -> bool:
        return str(log["address"]).lower() in self._by_address

    async def _log(self, fields: Mapping[str, Any]) -> Log:
        with reading("a log"):
            contract = self._by_address[str(fields["address"]).lower()]
            topics, data = [to_bytes(topic) for topic in fields["topics"]], to_bytes(fields["data"])
            unknown = ("", {"topics": fields["topics"], "data": _hex(data)})
            event, args = contract.abi.decode_event(topics, data) or unknown
            block, log_index = _place(fields)
            tx_hash = _hex(to_bytes(fields["transactionHash"]))
        timestamp_s = await self._timestamp_s(block, fields.get("blockTimestamp"))
        return Log(self._name, block, log_index, contract.name, event, args, tx_hash, timestamp_s)

    async def _timestamp_s(self, block: int, told: Any) -> int:
        if told is not None:
            with reading(f"the time of block {block}"):
                return to_int(told)
        if block not in self._block_times:
            header = await self._block(block, full=False)
            with reading(f"the time of block {block}"):
                self._block_times[block] = to_int(header["timestamp"])
            if len(self._block_times) > BLOCK_TIMES_CACHED_MAX:
                self._block_times.popitem(last=False)
        return self._block_times[block]


_SEE_ENDPOINT = "see the endpoint's log; nothing was changed"


def _place(log: Mapping[str, Any]) -> tuple[int, int]:
    return to_int(log["blockNumber"]), to_int(log["logIndex"])


def _encoded(abi: ContractAbi, function: str, args: Sequence[Any]) -> bytes:
    try:
        return abi.encode_call(function, args)
    except AbiError as wrong:
        raise Rejected("malformed", str(wrong), "compare the arguments with the contract's ABI") from wrong


def _result(receipt: Mapping[str, Any], problem: Problem | None, logs: tuple[Log, ...] = ()) -> TxResult:
    return TxResult(
        tx_hash=receipt["transactionHash"],
        block=to_int(receipt["blockNumber"]),
        status=0 if problem else 1,
        code=problem.code if problem else None,
        detail=problem.detail if problem else "",
        logs=logs,
    )


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
