"""`Web3Chain`: the port `Chain` for one key, over any JSON-RPC endpoint.

Workflow of a transaction: encode by the ABI → take the next nonce → sign here (the key never leaves) → send, with a
fixed gas limit and even if it would revert, because a refusal has to be on the chain to be provable → wait for the
receipt → for a revert read its data (from the receipt where the engine keeps it there, else by running the call
again at the block before) and decode the custom error into a problem.

The nonce is counted here and asked for again whenever the endpoint disagrees, so another process may use the same
account. A send without an answer is `Unavailable` with the transaction's hash: its outcome is unknown; repeating the
command is safe, because contracts take a command id once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from network.evm import proofs
from network.evm.abi import AbiError, ContractAbi, Problem
from network.evm.requests import Endpoint, Refused, Requests, revert_data
from network.evm.signing import Unsigned
from network.ports import Log, Rejected, TxResult, Unavailable
from wuxin_evidence.secp256k1 import EvmKey

GAS_LIMIT = 10_000_000
"""Fixed for every action. The dearest, an attestation that eight facilities follow, stays below; six fit a block."""

CREATE_GAS_LIMIT = 16_000_000
"""For deployments; one transaction may use 16,777,216 at most (EIP-7825)."""

NONCE_ATTEMPTS_MAX = 30
"""Against another process that sends from the same account without pause, each attempt wins about every second time."""
RECEIPT_WAIT_S_MAX = 60.0
LOG_STEP_BLOCKS = 1_000
BLOCK_TIMES_CACHED_MAX = 1_024


@dataclass(frozen=True)
class Contract:
    """A deployed contract; address of 20 bytes."""

    name: str
    address: bytes
    abi: ContractAbi


class Web3Chain:
    """Implements `network.ports.Chain`. `poll_s` is how often a receipt or a new block is asked for."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        chain_id: int,
        contracts: Sequence[Contract],
        key: EvmKey,
        *,
        poll_s: float = 0.25,
    ) -> None:
        self._name = name
        self._requests = Requests(endpoint)
        self._chain_id = chain_id
        self._contracts = {contract.name: contract for contract in contracts}
        self._by_address = {_hex(contract.address): contract for contract in contracts}
        self._key = key
        self._poll_s = poll_s
        self._nonce: int | None = None
        self._sending = asyncio.Lock()
        self._block_times: OrderedDict[int, int] = OrderedDict()

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> bytes:
        """Of the key that signs, 20 bytes."""
        return self._key.address

    async def next_nonce(self) -> int:
        """The nonce of the next transaction from this key, those counted that wait to be mined. Raises Unavailable."""
        return proofs.to_int(await self._ask("eth_getTransactionCount", _hex(self._key.address), "pending"))

    async def transact(self, contract: str, function: str, args: Sequence[Any]) -> TxResult:
        """Send one action and wait for its block; a revert comes back with status 0, its code and detail.

        Raises Rejected `malformed` (arguments that do not fit the ABI; nothing was sent), Unavailable.
        """
        target = self._contract(contract)
        data = _encoded(target.abi, function, args)
        receipt = await self._mined(target.address, data, GAS_LIMIT)
        if proofs.to_int(receipt["status"]) == 0:
            problem = target.abi.decode_error(await self._revert_data(receipt, target.address, data))
            return _result(receipt, problem)
        return _result(receipt, None, tuple([await self._log(log) for log in receipt["logs"] if self._known(log)]))

    async def create(self, bytecode: bytes, abi: ContractAbi, args: Sequence[Any]) -> bytes:
        """Deploy a contract and return its address (20 bytes). Raises Rejected when the constructor reverts,
        Unavailable."""
        try:
            data = bytecode + abi.encode_constructor(args)
        except AbiError as wrong:
            raise Rejected("malformed", str(wrong), "compare the arguments with the contract's ABI") from wrong
        receipt = await self._mined(None, data, CREATE_GAS_LIMIT)
        if proofs.to_int(receipt["status"]) == 0:
            problem = abi.decode_error(await self._revert_data(receipt, None, data))
            raise Rejected(problem.code, problem.detail, "", tx_id=receipt["transactionHash"])
        return proofs.to_bytes(receipt["contractAddress"])

    async def call(self, contract: str, function: str, args: Sequence[Any]) -> Any:
        """Read at the newest block, as this key. Raises Rejected with the view's own problem, Unavailable."""
        target = self._contract(contract)
        data = _encoded(target.abi, function, args)
        try:
            output = await self._requests.ask("eth_call", self._message(target.address, data), "latest")
        except Refused as refused:
            if not refused.data and "revert" not in refused.message.lower():
                raise Unavailable(f"eth_call was refused: {refused.message}", "see the endpoint's log") from refused
            problem = target.abi.decode_error(refused.data)
            raise Rejected(problem.code, problem.detail, "") from refused
        try:
            return target.abi.decode_result(function, proofs.to_bytes(output))
        except AbiError as wrong:
            raise Unavailable(
                f"{contract} at {_hex(target.address)} answers something else: {wrong}",
                "see whether the addresses belong to this chain",
            ) from wrong

    async def logs(self, after: tuple[int, int]) -> AsyncIterator[Log]:
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
            await self._block_or_pause()

    async def height(self) -> int:
        """Number of the newest block."""
        return proofs.to_int(await self._ask("eth_blockNumber"))

    async def header(self, block: int) -> bytes:
        """The header's RLP, equal to the block's hash. Raises Unavailable."""
        return proofs.header_of(await self._block(block, full=False)).rlp()

    async def receipt_proof(self, tx_hash: str) -> Mapping[str, Any]:
        """{header_rlp, receipt_rlp: bytes, proof: the JSON of obligations/proof.json, block, index}.

        Raises Rejected `not_found`, Unavailable.
        """
        receipt = await self._receipt(tx_hash)
        if receipt is None:
            raise Rejected("not_found", f"no transaction {tx_hash} on {self._name}", "give the hash of a mined one")
        number = proofs.to_int(receipt["blockNumber"])
        block = await self._block(number, full=True)
        header, raw, proof = proofs.prove(block, await self._receipts(block), tx_hash)
        return {
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

    async def _mined(self, to: bytes | None, data: bytes, gas_limit: int) -> Mapping[str, Any]:
        async with self._sending:
            tx_hash = await self._send(to, data, gas_limit)
        deadline = asyncio.get_running_loop().time() + RECEIPT_WAIT_S_MAX
        while True:
            receipt = await self._receipt(tx_hash)
            if receipt is not None:
                return receipt
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    f"{tx_hash} was sent and is in no block after {RECEIPT_WAIT_S_MAX:.0f} s",
                    "see whether the chain seals blocks; repeating the command is safe",
                    tx_id=tx_hash,
                )
            await asyncio.sleep(self._poll_s)

    async def _send(self, to: bytes | None, data: bytes, gas_limit: int) -> str:
        """Sign with the next nonce and send; the nonce is forgotten until the endpoint took it."""
        reason = ""
        for _ in range(NONCE_ATTEMPTS_MAX):
            nonce, self._nonce = self._nonce, None
            if nonce is None:
                nonce = proofs.to_int(await self._ask("eth_getTransactionCount", _hex(self._key.address), "pending"))
            raw, tx_hash = Unsigned(self._chain_id, nonce, gas_limit, to, data).signed(self._key)
            try:
                await self._requests.ask("eth_sendRawTransaction", _hex(raw))
            except Refused as refused:
                reason = refused.message
                if "already known" not in reason.lower() and await self._receipt(_hex(tx_hash)) is None:
                    if any(word in reason.lower() for word in _NONCE_TAKEN):
                        continue
                    raise Unavailable(f"the endpoint took no transaction: {reason}", _SEE_ENDPOINT) from refused
            except Unavailable as failure:
                raise Unavailable(failure.detail, failure.hint, tx_id=_hex(tx_hash)) from failure
            self._nonce = nonce + 1
            return _hex(tx_hash)
        raise Unavailable(f"no nonce was accepted in {NONCE_ATTEMPTS_MAX} attempts: {reason}", _SEE_ENDPOINT)

    async def _receipt(self, tx_hash: str) -> Mapping[str, Any] | None:
        """None while unknown; some engines answer an unknown hash with an error, some a pending one without block."""
        try:
            receipt = await self._requests.ask("eth_getTransactionReceipt", tx_hash)
        except Refused:
            return None
        return receipt if receipt and receipt.get("blockNumber") else None

    async def _receipts(self, block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        try:
            return list(await self._requests.ask("eth_getBlockReceipts", block["number"]))
        except Refused:
            hashes = [each["hash"] for each in block["transactions"]]
            return [await self._ask("eth_getTransactionReceipt", each) for each in hashes]

    async def _revert_data(self, receipt: Mapping[str, Any], to: bytes | None, data: bytes) -> bytes:
        kept = revert_data(receipt.get("revertReason"))
        if kept:
            return kept
        block = proofs.to_int(receipt["blockNumber"])
        for tag in (hex(max(block - 1, 0)), hex(block), "latest"):
            try:
                await self._requests.ask("eth_call", self._message(to, data), tag)
            except Refused as refused:
                if refused.data:
                    return refused.data
        return b""

    async def _block(self, number: int, *, full: bool) -> Mapping[str, Any]:
        block = await self._ask("eth_getBlockByNumber", hex(number), full)
        if block is None:
            raise Unavailable(f"no block {number} on {self._name} yet", "ask again when it is sealed")
        return block

    async def _logs_between(self, first: int, last: int) -> list[Mapping[str, Any]]:
        """All logs of a range; halves the range where the endpoint finds it too large."""
        addresses = sorted(self._by_address)
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
        try:
            return await self._requests.ask("eth_getLogs", wanted) if addresses else []
        except Refused as refused:
            if first == last:
                raise Unavailable(f"eth_getLogs was refused: {refused.message}", _SEE_ENDPOINT) from refused
        middle = (first + last) // 2
        return [*await self._logs_between(first, middle), *await self._logs_between(middle + 1, last)]

    def _known(self, log: Mapping[str, Any]) -> bool:
        return str(log["address"]).lower() in self._by_address

    async def _log(self, fields: Mapping[str, Any]) -> Log:
        contract = self._by_address[str(fields["address"]).lower()]
        topics = [proofs.to_bytes(topic) for topic in fields["topics"]]
        data = proofs.to_bytes(fields["data"])
        event, args = contract.abi.decode_event(topics, data) or ("", {"topics": fields["topics"], "data": _hex(data)})
        block = proofs.to_int(fields["blockNumber"])
        return Log(
            chain=self._name,
            block=block,
            log_index=proofs.to_int(fields["logIndex"]),
            contract=contract.name,
            event=event,
            args=args,
            tx_hash=fields["transactionHash"],
            timestamp_s=await self._timestamp_s(block, fields.get("blockTimestamp")),
        )

    async def _timestamp_s(self, block: int, told: Any) -> int:
        if told is not None:
            return proofs.to_int(told)
        if block not in self._block_times:
            self._block_times[block] = proofs.to_int((await self._block(block, full=False))["timestamp"])
            if len(self._block_times) > BLOCK_TIMES_CACHED_MAX:
                self._block_times.popitem(last=False)
        return self._block_times[block]


_NONCE_TAKEN = ("nonce", "replacement")
"""Words with which endpoints say that this nonce is used, or held by another pending transaction."""

_SEE_ENDPOINT = "see the endpoint's log; nothing was changed"


def _encoded(abi: ContractAbi, function: str, args: Sequence[Any]) -> bytes:
    try:
        return abi.encode_call(function, args)
    except AbiError as wrong:
        raise Rejected("malformed", str(wrong), "compare the arguments with the contract's ABI") from wrong


def _result(receipt: Mapping[str, Any], problem: Problem | None, logs: tuple[Log, ...] = ()) -> TxResult:
    return TxResult(
        tx_hash=receipt["transactionHash"],
        block=proofs.to_int(receipt["blockNumber"]),
        status=0 if problem else 1,
        code=problem.code if problem else None,
        detail=problem.detail if problem else "",
        logs=logs,
    )


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
