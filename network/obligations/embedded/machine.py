"""The engine of the embedded chain: the Ethereum specification itself (EELS), fork osaka.

This is the only module that imports it. `decode_transaction` checks a raw transaction against the chain id; a
`BlockRun` applies transactions to a `WorldState` and gives what the header needs; `call` leaves nothing behind.

The specification keeps its state in tries of its own. Before its fork module is imported, its state module is replaced
by one that speaks to the journal of state.py, so headers carry no state root. The scan for jump destinations is cached
by code. The revert data of a message is caught on its way, because the specification drops it.

Not applied: system contracts, withdrawals, requests, blobs, delegations. Fees are zero. Of the precompiled contracts
those for pairings, BLAKE2 and blobs fail when called: in Python one call of them can take minutes.
"""

# The specification has types but no marker that says so.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any, cast

from ethereum.crypto.hash import keccak256
from ethereum.exceptions import EthereumException, InvalidSignatureError
from ethereum.forks.osaka.fork_types import EMPTY_ACCOUNT, Account
from ethereum.forks.osaka.fork_types import Address as EvmAddress
from ethereum.trace import OpStart
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.bytes import Bytes0, Bytes32
from ethereum_types.frozen import modify
from ethereum_types.numeric import U64, U256, Uint

from network.obligations.embedded.state import AccountRecord, TransientState, WorldState
from network.obligations.embedded.types import (
    RUN_S_MAX,
    BlockContext,
    CallOutcome,
    EventLog,
    Executed,
    Message,
    OutOfTime,
    SignedTransaction,
    TransactionRefused,
)

_STATE_MODULE = "ethereum.forks.osaka.state"
_FORK_MODULE = "ethereum.forks.osaka.fork"

ZERO_HASH = bytes(32)

JUMP_SCANS_CACHED_MAX = 256
"""Codes whose jump destinations are kept; a lending circle has some ten contracts."""


def _begin(state: WorldState, transient: TransientState) -> None:
    state.open()
    transient.open()


def _commit(state: WorldState, transient: TransientState) -> None:
    state.keep()
    transient.keep()


def _rollback(state: WorldState, transient: TransientState) -> None:
    state.undo()
    transient.undo()


def _get_account_optional(state: WorldState, address: bytes) -> Account | None:
    found = state.account(address)
    if found is None:
        return None
    return Account(nonce=Uint(found.nonce), balance=U256(found.balance), code=found.code)


def _get_account(state: WorldState, address: bytes) -> Account:
    return _get_account_optional(state, address) or EMPTY_ACCOUNT


def _set_account(state: WorldState, address: bytes, account: Account | None) -> None:
    kept = None
    if account is not None:
        kept = AccountRecord(int(account.nonce), int(account.balance), bytes(account.code))
    state.set_account(address, kept)


def _destroy_account(state: WorldState, address: bytes) -> None:
    state.wipe_slots(address)
    state.set_account(address, None)


def _change(state: WorldState, address: bytes, **fields: Any) -> None:
    """Change an account; one that is left empty does not exist (EIP-161)."""
    changed = replace(state.account(address) or AccountRecord(), **fields)
    if changed == AccountRecord():
        _destroy_account(state, address)
    else:
        state.set_account(address, changed)


def _modify_state(state: WorldState, address: bytes, change: Callable[[Account], None]) -> None:
    _set_account(state, address, modify(_get_account(state, address), change))


def _set_balance(state: WorldState, address: bytes, amount: U256) -> None:
    _change(state, address, balance=int(amount))


def _move_ether(state: WorldState, sender: bytes, recipient: bytes, amount: U256) -> None:
    held = int(_get_account(state, sender).balance)
    if held < int(amount):
        raise AssertionError("the engine moves only what it checked to be there")
    _change(state, sender, balance=held - int(amount))
    _change(state, recipient, balance=int(_get_account(state, recipient).balance) + int(amount))


def _increment_nonce(state: WorldState, address: bytes) -> None:
    _change(state, address, nonce=(state.account(address) or AccountRecord()).nonce + 1)


def _set_code(state: WorldState, address: bytes, code: bytes) -> None:
    _change(state, address, code=bytes(code))


def _account_exists(state: WorldState, address: bytes) -> bool:
    return state.account(address) is not None


def _has_code_or_nonce(state: WorldState, address: bytes) -> bool:
    account = state.account(address)
    return account is not None and (account.nonce != 0 or account.code != b"")


def _is_alive(state: WorldState, address: bytes) -> bool:
    return (state.account(address) or AccountRecord()) != AccountRecord()


def _mark_created(state: WorldState, address: bytes) -> None:
    state.created_accounts.add(address)


def _get_storage(state: WorldState | TransientState, address: bytes, key: bytes) -> U256:
    return U256(state.slot(address, key))


def _set_storage(state: WorldState | TransientState, address: bytes, key: bytes, value: U256) -> None:
    state.set_slot(address, key, int(value))


def _get_storage_original(state: WorldState, address: bytes, key: bytes) -> U256:
    return U256(state.original(address, key))


def _state_root(_: WorldState) -> Bytes32:
    return Bytes32(ZERO_HASH)


def _replace_state_module() -> None:
    """Put our state functions where the specification looks for its own; too late once its fork is loaded."""
    if _FORK_MODULE in sys.modules:
        raise ImportError(f"{_FORK_MODULE} was imported before {__name__}; import {__name__} first")
    module = ModuleType(_STATE_MODULE)
    names: dict[str, Any] = {
        "State": WorldState,
        "TransientStorage": TransientState,
        "begin_transaction": _begin,
        "commit_transaction": _commit,
        "rollback_transaction": _rollback,
        "get_account": _get_account,
        "get_account_optional": _get_account_optional,
        "set_account": _set_account,
        "destroy_account": _destroy_account,
        "destroy_storage": WorldState.wipe_slots,
        "mark_account_created": _mark_created,
        "get_storage": _get_storage,
        "set_storage": _set_storage,
        "get_storage_original": _get_storage_original,
        "get_transient_storage": _get_storage,
        "set_transient_storage": _set_storage,
        "account_exists": _account_exists,
        "account_has_code_or_nonce": _has_code_or_nonce,
        "account_has_storage": WorldState.has_slots,
        "is_account_alive": _is_alive,
        "modify_state": _modify_state,
        "move_ether": _move_ether,
        "set_account_balance": _set_balance,
        "increment_nonce": _increment_nonce,
        "set_code": _set_code,
        "state_root": _state_root,
    }
    for name, value in names.items():
        setattr(module, name, value)
    sys.modules[_STATE_MODULE] = module


_replace_state_module()

# Below the replacement on purpose: these modules bind the state functions when they are imported.
from ethereum.forks.osaka import fork, transactions, vm  # noqa: E402
from ethereum.forks.osaka.bloom import logs_bloom  # noqa: E402
from ethereum.forks.osaka.trie import root, trie_get, trie_set  # noqa: E402
from ethereum.forks.osaka.utils.address import compute_contract_address  # noqa: E402
from ethereum.forks.osaka.vm import interpreter  # noqa: E402
from ethereum.forks.osaka.vm.exceptions import OutOfGasError  # noqa: E402
from ethereum.forks.osaka.vm.precompiled_contracts import mapping  # noqa: E402

CALL_FRAMES_MAX = 15_000
"""Python frames: an EVM call takes about eight, and contracts may nest a thousand calls."""

# Lowered, too: EELS and py_ecc leave 100,000 behind, at which deeply nested JSON overflows the C stack of the process.
sys.setrecursionlimit(CALL_FRAMES_MAX)

_PRECOMPILED: frozenset[EvmAddress] = frozenset(cast(Any, mapping).PRE_COMPILED_CONTRACTS)

_PRECOMPILES_OFFERED = frozenset(EvmAddress(number.to_bytes(20, "big")) for number in (1, 2, 3, 4, 5, 0x100))
"""ecrecover, sha256, ripemd160, identity, modexp, P-256."""

TRANSACTION_GAS_MAX = int(transactions.TX_MAX_GAS_LIMIT)
"""16,777,216 (EIP-7825)."""

_running = threading.local()
"""Of the transaction or call that this thread runs: `deadline`, and then `output`."""


def _catch_output(run: Callable[[vm.Message], interpreter.MessageCallOutput]) -> Callable[[vm.Message], Any]:
    def catching(message: vm.Message) -> interpreter.MessageCallOutput:
        _running.output = run(message)
        return _running.output

    return catching


def _watch(evm: object, event: object) -> None:
    """In the place of the specification's tracer, which is told of every instruction: ends what runs too long."""
    if type(event) is OpStart and time.monotonic() > _running.deadline:
        raise OutOfTime


def _not_offered(_: vm.Evm) -> None:
    raise OutOfGasError


_precompiles: dict[EvmAddress, Any] = cast(Any, mapping).PRE_COMPILED_CONTRACTS
_precompiles.update({address: _not_offered for address in _precompiles if address not in _PRECOMPILES_OFFERED})

interpreter.get_valid_jump_destinations = lru_cache(JUMP_SCANS_CACHED_MAX)(interpreter.get_valid_jump_destinations)
interpreter.evm_trace = _watch
fork.process_message_call = _catch_output(fork.process_message_call)


_TYPES: dict[int, Any] = {1: transactions.AccessListTransaction, 2: transactions.FeeMarketTransaction}


def decode_transaction(raw: bytes, chain_id: int) -> SignedTransaction:
    """Read a raw transaction: legacy with EIP-155, 2930 or 1559. Raises TransactionRefused."""
    if not raw:
        raise TransactionRefused("the transaction is empty")
    if raw[0] in _TYPES:
        body = _decode_body(_TYPES[raw[0]], raw[1:])
        chain = int(body.chain_id)
        v = int(body.y_parity)
    elif raw[0] >= 0xC0:
        body = _decode_body(transactions.LegacyTransaction, raw)
        v = int(body.v)
        chain = (v - 35) // 2 if v >= 35 else 0
    else:
        raise TransactionRefused(f"transaction type {raw[0]} is not taken here; send a legacy, 2930 or 1559 one")
    if chain != chain_id:
        named = f"chain id {chain}" if chain else "no chain id (EIP-155)"
        raise TransactionRefused(f"invalid chain id for signer: the transaction has {named}, this chain is {chain_id}")
    return _signed(raw, body, chain_id, v)


def _decode_body(kind: Any, encoded: bytes) -> Any:
    try:
        body = rlp.decode_to(kind, encoded)
        canonical = rlp.encode(body) == encoded
    except (RLPException, ValueError, TypeError, OverflowError, RecursionError) as malformed:
        raise TransactionRefused(f"the transaction is not valid RLP: {malformed}") from malformed
    if not canonical:
        raise TransactionRefused("the transaction is not canonical RLP")
    return body


def _signed(raw: bytes, body: Any, chain_id: int, v: int) -> SignedTransaction:
    try:
        sender = fork.recover_sender(U64(chain_id), body)
    except (InvalidSignatureError, ValueError, OverflowError) as bad:
        raise TransactionRefused(f"invalid sender: {bad or 'no key made this signature'}") from bad
    raw_type = raw[0] if raw[0] in _TYPES else 0
    return SignedTransaction(
        raw=raw,
        hash=bytes(keccak256(raw)),
        type=raw_type,
        sender=bytes(sender),
        nonce=int(body.nonce),
        gas_limit=int(body.gas),
        gas_price=int(body.max_fee_per_gas if raw_type == 2 else body.gas_price),
        to=bytes(body.to) or None,
        value=int(body.value),
        data=bytes(body.data),
        v=v,
        r=int(body.r),
        s=int(body.s),
        body=body,
    )


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
        _running.deadline = time.monotonic() + RUN_S_MAX
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
        caught: interpreter.MessageCallOutput = _running.output
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
    _running.deadline = time.monotonic() + RUN_S_MAX
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
    code = _get_account(world, target).code if message.to else message.data
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
        accessed_addresses={sender, target, *_PRECOMPILED, EvmAddress(context.coinbase)},
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
