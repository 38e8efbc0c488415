"""The engine of the embedded chain: blocks and calls run by the Ethereum specification itself (EELS, fork osaka).

`decode_transaction` checks a raw transaction against the chain id; a `BlockRun` applies transactions to a `WorldState`
and gives what the header needs; `call` leaves nothing behind. How the specification is made to run over our state and
within our bounds stands in specification.py.

Not applied: system contracts, withdrawals, requests, blobs, delegations. Fees are zero.
"""

# The specification has types but no marker that says so.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any, cast

from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes0, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from network.obligations.embedded.decoding import decode_transaction
from network.obligations.embedded.specification import (
    PRECOMPILED,
    TRANSACTION_GAS_MAX,
    ZERO_HASH,
    EvmAddress,
    begin_run,
    compute_contract_address,
    fork,
    get_account,
    interpreter,
    logs_bloom,
    root,
    running,
    transactions,
    trie_get,
    trie_set,
    vm,
)
from network.obligations.embedded.state import AccountRecord, TransientState, WorldState
from network.obligations.embedded.types import (
    BlockContext,
    CallOutcome,
    EventLog,
    Executed,
    Message,
    OutOfTime,
    SignedTransaction,
    TransactionRefused,
)

__all__ = [
    "TRANSACTION_GAS_MAX",
    "ZERO_HASH",
    "BlockRun",
    "call",
    "contract_address",
    "decode_transaction",
    "intrinsic_gas",
]


class _BlockHashes:
    """The list of earlier hashes that BLOCKHASH indexes from its end, read only when a contract asks."""

    def __init__(self, context: BlockContext) -> None:
        self._context = context

    def __getitem__(self, from_end: int) -> Bytes32:
        return Bytes32(self._context.hash_of(self._context.number + int(from_end)))


def _block_environment(context: BlockContext, world: WorldState) -> vm.BlockEnvironment:
    return vm.BlockEnvironment(
        chain_id=U64(context.chain_id),
        state=cast(Any, world),
        block_gas_limit=Uint(context.gas_limit),
        block_hashes=cast(Any, _BlockHashes(context)),
        coinbase=EvmAddress(context.coinbase),
        number=Uint(context.number),
        base_fee_per_gas=Uint(0),
        time=U256(context.timestamp_s),
        prev_randao=Bytes32(ZERO_HASH),
        excess_blob_gas=U64(0),
        parent_beacon_block_root=Bytes32(ZERO_HASH),
    )


class BlockRun:
    """One block in the making over `world`."""

    def __init__(self, context: BlockContext, world: WorldState) -> None:
        self._world = world
        self._environment = _block_environment(context, world)
        self._output = vm.BlockOutput()
        self.executed: list[Executed] = []

    @property
    def gas_used(self) -> int:
        """Gas of the block's transactions so far."""
        return int(self._output.block_gas_used)

    @property
    def transactions_root(self) -> bytes:
        """The root of the transactions trie, 32 bytes."""
        return bytes(root(self._output.transactions_trie))

    @property
    def receipts_root(self) -> bytes:
        """The root of the receipts trie, 32 bytes."""
        return bytes(root(self._output.receipts_trie))

    @property
    def bloom(self) -> bytes:
        """The logs' bloom filter, 256 bytes."""
        return bytes(logs_bloom(self._output.block_logs))

    def apply(self, transaction: SignedTransaction) -> Executed:
        """Run one transaction; a revert is a result. Raises TransactionRefused, OutOfTime; then nothing changed."""
        gas_before = self.gas_used
        index = Uint(len(self.executed))
        self._world.open()
        begin_run()
        try:
            fork.process_transaction(self._environment, self._output, transaction.body, index)
        except EthereumException as refusal:
            self._forget(index)
            raise TransactionRefused(self._explain(transaction, refusal)) from refusal
        except BaseException:
            self._forget(index)
            raise
        self._world.keep()
        executed = self._executed(transaction, index, gas_before)
        self.executed.append(executed)
        return executed

    def _forget(self, index: Uint) -> None:
        self._world.undo_all()
        trie_set(self._output.transactions_trie, rlp.encode(index), None)

    def _executed(self, transaction: SignedTransaction, index: Uint, gas_before: int) -> Executed:
        caught: interpreter.MessageCallOutput = running.output
        encoded = trie_get(self._output.receipts_trie, rlp.encode(index))
        return Executed(
            transaction=transaction,
            succeeded=caught.error is None,
            error="" if caught.error is None else type(caught.error).__name__,
            gas_used=self.gas_used - gas_before,
            cumulative_gas_used=self.gas_used,
            logs=tuple(
                EventLog(bytes(log.address), tuple(bytes(topic) for topic in log.topics), bytes(log.data))
                for log in caught.logs
            ),
            bloom=bytes(logs_bloom(caught.logs)),
            receipt=encoded if isinstance(encoded, bytes) else rlp.encode(cast(Any, encoded)),
            output=bytes(caught.return_data) if caught.error is not None else b"",
            contract=None if transaction.to else contract_address(transaction.sender, transaction.nonce),
        )

    def _explain(self, transaction: SignedTransaction, refusal: EthereumException) -> str:
        expected = (self._world.account(transaction.sender) or AccountRecord()).nonce
        if transaction.nonce != expected:
            low = "low" if transaction.nonce < expected else "high"
            sender = "0x" + transaction.sender.hex()
            return f"nonce too {low}: the next nonce of {sender} is {expected}, the transaction has {transaction.nonce}"
        if transaction.gas_limit > TRANSACTION_GAS_MAX:
            return f"gas limit {transaction.gas_limit} exceeds {TRANSACTION_GAS_MAX} for one transaction"
        return str(refusal) or type(refusal).__name__


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Where a creation by `sender` with `nonce` puts its contract."""
    return bytes(compute_contract_address(EvmAddress(sender), Uint(nonce)))


def intrinsic_gas(message: Message) -> int:
    """Gas that a transaction with this content pays before and at least (EIP-2028, EIP-7623)."""
    body = transactions.LegacyTransaction(
        nonce=U256(0),
        gas_price=Uint(0),
        gas=Uint(message.gas),
        to=EvmAddress(message.to) if message.to else Bytes0(),
        value=U256(message.value),
        data=message.data,
        v=U256(0),
        r=U256(0),
        s=U256(0),
    )
    return max(int(cost) for cost in transactions.calculate_intrinsic_cost(body))


def call(context: BlockContext, world: WorldState, message: Message) -> CallOutcome:
    """Run a message over `world`, which the caller throws away afterwards."""
    if (world.account(message.sender) or AccountRecord()).balance < message.value:
        return CallOutcome(b"", "InsufficientBalanceError", 0)
    world.open()
    begin_run()
    try:
        output = interpreter.process_message_call(_evm_message(context, world, message))
    except OutOfTime:
        return CallOutcome(b"", "OutOfTime", message.gas)
    return CallOutcome(
        output=bytes(output.return_data),
        error="" if output.error is None else type(output.error).__name__,
        gas_used=message.gas - int(output.gas_left),
    )


def _evm_message(context: BlockContext, world: WorldState, message: Message) -> vm.Message:
    sender = EvmAddress(message.sender)
    nonce = (world.account(sender) or AccountRecord()).nonce
    target = EvmAddress(message.to or contract_address(message.sender, nonce))
    code = get_account(world, target).code if message.to else message.data
    return vm.Message(
        block_env=_block_environment(context, world),
        tx_env=_call_environment(sender, message.gas),
        caller=sender,
        target=target if message.to else Bytes0(),
        current_target=target,
        gas=Uint(message.gas),
        value=U256(message.value),
        data=message.data if message.to else b"",
        code_address=target if message.to else None,
        code=code,
        depth=Uint(0),
        should_transfer_value=True,
        is_static=False,
        accessed_addresses={sender, target, *PRECOMPILED, EvmAddress(context.coinbase)},
        accessed_storage_keys=set(),
        disable_precompiles=False,
        parent_evm=None,
    )


def _call_environment(origin: EvmAddress, gas: int) -> vm.TransactionEnvironment:
    return vm.TransactionEnvironment(
        origin=origin,
        gas_price=Uint(0),
        gas=Uint(gas),
        access_list_addresses=set(),
        access_list_storage_keys=set(),
        transient_storage=cast(Any, TransientState()),
        blob_versioned_hashes=(),
        authorizations=(),
        index_in_block=None,
        tx_hash=None,
    )
