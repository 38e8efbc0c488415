"""JSON-RPC over the embedded chain: the methods that web3.py, wallets and explorers ask for.

`EmbeddedEndpoint.make_request(method, params)` has the form of a web3 provider and needs no web3. What a method
refuses comes back as a JSON-RPC error: −32602 for parameters, −32601 for an unknown method, −32000 for a refused
transaction, 3 with `data` for a reverted call. Reads of accounts and calls answer for the newest block only;
an older one is refused, not answered wrongly. Receipts carry `revertReason`, as Besu's do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, TypeGuard, cast

from network.obligations.embedded import machine as evm
from network.obligations.embedded.node import BLOCK_GAS_MAX, LOGS_MAX, CallReverted, EvmNode, NodeUnavailable
from network.obligations.embedded.state import AccountRecord
from network.obligations.embedded.store import LogFilter, StoredBlock, StoredLog, StoredTransaction
from network.obligations.embedded.types import (
    CALL_GAS_MAX,
    EventLog,
    Message,
    SignedTransaction,
    TransactionRefused,
)
from wuxin_evidence.evm.proof import Header, decode_header, decode_receipt
from wuxin_evidence.ids import keccak256

CLIENT_VERSION = "wuxin-embedded/1"

LOG_RANGE_BLOCKS_MAX = 50_000
"""Blocks in one eth_getLogs; a follower reads far smaller steps."""

FEE_HISTORY_BLOCKS_MAX = 1024
CALL_DATA_BYTES_MAX = 128 * 1024
TOPICS_MAX = 4

PARSE, METHOD, PARAMS, REFUSED, LIMIT, REVERTED = -32700, -32601, -32602, -32000, -32005, 3

NEWEST = ("latest", "pending", "safe", "finalized")


class RpcError(Exception):
    """A JSON-RPC error object."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """Give the `error` member of a JSON-RPC answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


class EmbeddedEndpoint:
    """The methods of one node. Thread-safe; a sent transaction is mined when the answer comes."""

    def __init__(self, node: EvmNode) -> None:
        self.node = node
        fixed: dict[str, Any] = {
            "web3_clientVersion": CLIENT_VERSION,
            "net_version": str(node.chain_id),
            "net_listening": True,
            "net_peerCount": _quantity(0),
            "eth_chainId": _quantity(node.chain_id),
            "eth_syncing": False,
            "eth_accounts": [],
            "eth_gasPrice": _quantity(0),
            "eth_maxPriorityFeePerGas": _quantity(0),
        }
        methods: dict[str, Callable[..., Any]] = {
            "web3_sha3": self._sha3,
            "eth_blockNumber": self._block_number,
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockTransactionCountByNumber": self._transaction_count_of_block,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionByBlockNumberAndIndex": self._transaction_at,
            "eth_getRawTransactionByHash": self._raw_transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getBalance": self._balance,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage_at,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_getLogs": self._logs,
            "eth_sendRawTransaction": self._send_raw,
        }
        self._fixed = fixed
        self._methods = {name: (run, signature(run)) for name, run in methods.items()}

    def make_request(self, method: str, params: Any) -> dict[str, Any]:
        """Answer one request as a JSON-RPC response object; never raises for what a caller can cause."""
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1}
        try:
            return {**answer, "result": self._answer(method, params)}
        except RpcError as error:
            return {**answer, "error": error.to_json()}

    def _answer(self, method: str, params: Any) -> Any:
        if method in self._fixed:
            return self._fixed[method]
        if method not in self._methods:
            raise RpcError(METHOD, f"the method {method} does not exist here")
        run, parameters = self._methods[method]
        try:
            bound = parameters.bind(*_listed(params))
        except TypeError as wrong:
            raise RpcError(PARAMS, f"wrong parameters for {method}: {wrong}") from wrong
        try:
            return run(*bound.args)
        except CallReverted as reverted:
            raise RpcError(REVERTED, str(reverted), _data(reverted.output)) from reverted
        except (TransactionRefused, NodeUnavailable) as refusal:
            raise RpcError(REFUSED, str(refusal)) from refusal
        except sqlite3.Error as fault:
            raise RpcError(REFUSED, f"the chain's storage failed: {fault}") from fault

    def _sha3(self, raw: Any) -> str:
        return _data(keccak256(_bytes(raw)))

    def _block_number(self) -> str:
        return _quantity(self.node.height())

    def _block_by_number(self, tag: Any, full: Any = False) -> dict[str, Any] | None:
        return self._block_json(self._block_at(tag), full)

    def _block_by_hash(self, block_hash: Any, full: Any = False) -> dict[str, Any] | None:
        return self._block_json(self.node.block_by_hash(_hash(block_hash)), full)

    def _transaction_count(self, who: Any, tag: Any = "latest") -> str:
        return _quantity(self._account(who, tag).nonce)

    def _balance(self, who: Any, tag: Any = "latest") -> str:
        return _quantity(self._account(who, tag).balance)

    def _code(self, who: Any, tag: Any = "latest") -> str:
        return _data(self._account(who, tag).code)

    def _send_raw(self, raw: Any) -> str:
        return _data(self.node.send(_bytes(raw)))

    def _block_at(self, tag: Any) -> StoredBlock | None:
        return self.node.block(self._number(tag))

    def _number(self, tag: Any) -> int:
        if tag in NEWEST:
            return self.node.height()
        return 0 if tag == "earliest" else _integer(tag)

    def _require_newest(self, tag: Any) -> None:
        """State is kept for the newest block only; `tag` may also be EIP-1898's object."""
        if _is_mapping(tag):
            tag = tag.get("blockNumber", "a block hash")
        if tag is None or tag in NEWEST:
            return
        if tag == "a block hash" or self._number(tag) != self.node.height():
            raise RpcError(REFUSED, f"state at block {tag} is not kept; ask for latest")

    def _account(self, who: Any, tag: Any) -> AccountRecord:
        self._require_newest(tag)
        return self.node.account(_address(who))

    def _storage_at(self, who: Any, key: Any, tag: Any = "latest") -> str:
        self._require_newest(tag)
        slot = _integer(key).to_bytes(32, "big")
        return _data(self.node.slot(_address(who), slot).to_bytes(32, "big"))

    def _call(self, request: Any, tag: Any = "latest", overrides: Any = None) -> str:
        self._require_newest(tag)
        if overrides:
            raise RpcError(PARAMS, "state overrides are not supported")
        return _data(self.node.call(_message(request)))

    def _estimate_gas(self, request: Any, tag: Any = "latest") -> str:
        self._require_newest(tag)
        return _quantity(self.node.estimate_gas(_message(request)))

    def _fee_history(self, count: Any, newest: Any, percentiles: Any = None) -> dict[str, Any]:
        last = self._number(newest)
        blocks = max(0, min(_integer(count), last + 1, FEE_HISTORY_BLOCKS_MAX))
        rewards = [_quantity(0) for _ in cast("list[Any]", percentiles or [])]
        return {
            "oldestBlock": _quantity(last + 1 - blocks),
            "baseFeePerGas": [_quantity(0)] * (blocks + 1),
            "gasUsedRatio": [0.0] * blocks,
            **({"reward": [rewards] * blocks} if rewards else {}),
        }

    def _block_json(self, block: StoredBlock | None, full: Any) -> dict[str, Any] | None:
        if block is None:
            return None
        stored = self.node.transactions(block.number)
        body = [self._transaction_json(each, block) if full else _data(each.hash) for each in stored]
        return {
            **header_json(decode_header(block.header)),
            "hash": _data(block.hash),
            "size": _quantity(len(block.header) + sum(len(each.raw) for each in stored)),
            "totalDifficulty": _quantity(0),
            "uncles": [],
            "transactions": body,
        }

    def _transaction_count_of_block(self, tag: Any) -> str | None:
        block = self._block_at(tag)
        return None if block is None else _quantity(len(self.node.transactions(block.number)))

    def _block_receipts(self, tag: Any) -> list[dict[str, Any]] | None:
        block = self._block_at(tag)
        if block is None:
            return None
        return [self._receipt_json(each, block) for each in self.node.transactions(block.number)]

    def _found(self, tx_hash: Any) -> tuple[StoredTransaction, StoredBlock] | None:
        stored = self.node.transaction(_hash(tx_hash))
        block = None if stored is None else self.node.block(stored.block)
        return None if stored is None or block is None else (stored, block)

    def _transaction(self, tx_hash: Any) -> dict[str, Any] | None:
        found = self._found(tx_hash)
        return None if found is None else self._transaction_json(*found)

    def _transaction_at(self, tag: Any, position: Any) -> dict[str, Any] | None:
        block = self._block_at(tag)
        stored = [] if block is None else self.node.transactions(block.number)
        at = _integer(position)
        return self._transaction_json(stored[at], cast(StoredBlock, block)) if at < len(stored) else None

    def _raw_transaction(self, tx_hash: Any) -> str | None:
        found = self._found(tx_hash)
        return None if found is None else _data(found[0].raw)

    def _receipt(self, tx_hash: Any) -> dict[str, Any] | None:
        found = self._found(tx_hash)
        return None if found is None else self._receipt_json(*found)

    def _transaction_json(self, stored: StoredTransaction, block: StoredBlock) -> dict[str, Any]:
        signed = evm.decode_transaction(stored.raw, self.node.chain_id)
        return {
            **_signed_json(signed),
            "chainId": _quantity(self.node.chain_id),
            "blockHash": _data(block.hash),
            "blockNumber": _quantity(block.number),
            "transactionIndex": _quantity(stored.position),
        }

    def _receipt_json(self, stored: StoredTransaction, block: StoredBlock) -> dict[str, Any]:
        signed = evm.decode_transaction(stored.raw, self.node.chain_id)
        receipt = decode_receipt(stored.receipt)
        logs = [
            StoredLog(block.number, stored.first_log + place, stored.position, EventLog(*log))
            for place, log in enumerate(receipt.logs)
        ]
        return {
            "transactionHash": _data(stored.hash),
            "transactionIndex": _quantity(stored.position),
            "blockHash": _data(block.hash),
            "blockNumber": _quantity(block.number),
            "from": _data(signed.sender),
            "to": _data(signed.to) if signed.to else None,
            "type": _quantity(signed.type),
            "status": _quantity(receipt.status),
            "gasUsed": _quantity(stored.gas_used),
            "cumulativeGasUsed": _quantity(receipt.cumulative_gas_used),
            "effectiveGasPrice": _quantity(0),
            "contractAddress": _data(stored.contract) if stored.contract and receipt.status else None,
            "logsBloom": _data(receipt.logs_bloom),
            "logs": [_log_json(log, stored.hash, block) for log in logs],
            **({"revertReason": _data(stored.output)} if stored.output else {}),
        }

    def _logs(self, request: Any) -> list[dict[str, Any]]:
        wanted = self._log_filter(request)
        if wanted.to_block - wanted.from_block >= LOG_RANGE_BLOCKS_MAX:
            raise RpcError(LIMIT, f"the range exceeds {LOG_RANGE_BLOCKS_MAX} blocks; ask for less")
        found = self.node.logs(wanted)
        if found is None:
            raise RpcError(LIMIT, f"more than {LOGS_MAX} logs match; ask for fewer blocks")
        blocks = {log.block: cast(StoredBlock, self.node.block(log.block)) for log in found}
        hashes = {number: [tx.hash for tx in self.node.transactions(number)] for number in blocks}
        return [_log_json(log, hashes[log.block][log.position], blocks[log.block]) for log in found]

    def _log_filter(self, request: Any) -> LogFilter:
        if not _is_mapping(request):
            raise RpcError(PARAMS, "a filter is an object")
        addresses: Any = request.get("address") or ()
        topics = cast("list[Any]", request.get("topics") or [])
        if len(topics) > TOPICS_MAX:
            raise RpcError(PARAMS, f"a log has at most {TOPICS_MAX} topics")
        if "blockHash" in request:
            block = self.node.block_by_hash(_hash(request["blockHash"]))
            if block is None:
                raise RpcError(REFUSED, "unknown block")
            first = last = block.number
        else:
            first = self._number(request.get("fromBlock", "latest"))
            last = self._number(request.get("toBlock", "latest"))
        return LogFilter(
            first,
            last,
            tuple(_address(each) for each in (addresses if _is_list(addresses) else (addresses,))),
            tuple(_topic_choice(each) for each in topics),
        )


def header_json(header: Header) -> dict[str, Any]:
    """A header's fields as JSON-RPC names them (without hash)."""
    return {
        "number": _quantity(header.number),
        "parentHash": _data(header.parent_hash),
        "sha3Uncles": _data(header.ommers_hash),
        "miner": _data(header.coinbase),
        "stateRoot": _data(header.state_root),
        "transactionsRoot": _data(header.transactions_root),
        "receiptsRoot": _data(header.receipts_root),
        "logsBloom": _data(header.logs_bloom),
        "difficulty": _quantity(header.difficulty),
        "gasLimit": _quantity(header.gas_limit),
        "gasUsed": _quantity(header.gas_used),
        "timestamp": _quantity(header.timestamp),
        "extraData": _data(header.extra_data),
        "mixHash": _data(header.mix_hash),
        "nonce": _data(header.nonce),
        "baseFeePerGas": _quantity(0),
    }


def _signed_json(signed: SignedTransaction) -> dict[str, Any]:
    typed: dict[str, Any] = {} if signed.type == 0 else {"accessList": [], "yParity": _quantity(signed.v)}
    if signed.type == 2:
        typed |= {"maxFeePerGas": _quantity(signed.gas_price), "maxPriorityFeePerGas": _quantity(0)}
    return {
        "hash": _data(signed.hash),
        "type": _quantity(signed.type),
        "from": _data(signed.sender),
        "to": _data(signed.to) if signed.to else None,
        "nonce": _quantity(signed.nonce),
        "gas": _quantity(signed.gas_limit),
        "gasPrice": _quantity(signed.gas_price),
        "value": _quantity(signed.value),
        "input": _data(signed.data),
        "v": _quantity(signed.v),
        "r": _quantity(signed.r),
        "s": _quantity(signed.s),
        **typed,
    }


def _log_json(log: StoredLog, tx_hash: bytes, block: StoredBlock) -> dict[str, Any]:
    return {
        "address": _data(log.event.address),
        "topics": [_data(topic) for topic in log.event.topics],
        "data": _data(log.event.data),
        "blockNumber": _quantity(block.number),
        "blockHash": _data(block.hash),
        "blockTimestamp": _quantity(block.timestamp_s),
        "transactionHash": _data(tx_hash),
        "transactionIndex": _quantity(log.position),
        "logIndex": _quantity(log.log_index),
        "removed": False,
    }


def _message(request: Any) -> Message:
    if not _is_mapping(request):
        raise RpcError(PARAMS, "a call is an object")
    data = _bytes(request.get("input", request.get("data")) or "0x")
    if len(data) > CALL_DATA_BYTES_MAX:
        raise RpcError(PARAMS, f"call data of {len(data)} bytes exceeds {CALL_DATA_BYTES_MAX}")
    target = request.get("to")
    return Message(
        sender=_address(request["from"]) if request.get("from") else bytes(20),
        to=_address(target) if target else None,
        data=data,
        value=_integer(request.get("value") or 0),
        gas=min(_integer(request.get("gas") or CALL_GAS_MAX), BLOCK_GAS_MAX),
    )


def _listed(params: Any) -> Sequence[Any]:
    if not _is_list(params):
        raise RpcError(PARAMS, "params must be a list")
    return params


def _topic_choice(value: Any) -> tuple[bytes, ...]:
    if value is None:
        return ()
    return tuple(_hash(each) for each in (value if _is_list(value) else [value]))


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _quantity(number: int) -> str:
    return hex(number)


def _data(raw: bytes) -> str:
    return "0x" + raw.hex()


def _bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise RpcError(PARAMS, "expected bytes as a hex string with 0x")


def _sized(value: Any, size: int, what: str) -> bytes:
    raw = _bytes(value)
    if len(raw) != size:
        raise RpcError(PARAMS, f"{what} has {size} bytes, this one {len(raw)}")
    return raw


def _hash(value: Any) -> bytes:
    return _sized(value, 32, "a hash")


def _address(value: Any) -> bytes:
    return _sized(value, 20, "an address")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.startswith("0x") and 2 < len(value) <= 66:
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise RpcError(PARAMS, "expected a quantity as a hex string with 0x")
