"""The Ethereum specification (EELS), fork osaka, as the embedded chain runs it: over our state, within our bounds.

The specification keeps its state in tries of its own. Before its fork module is imported, its state module is replaced
by one that speaks to the journal of state.py, so headers carry no state root. The scan for jump destinations is cached
by code. The revert data of a message is caught on its way, because the specification drops it.

Of the precompiled contracts those for pairings, BLAKE2 and blobs fail when called: in Python one call of them can take
minutes. The specification's modules are taken from here, never from `ethereum.forks`, so that they are never loaded
before they are changed.
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

from ethereum.forks.osaka.fork_types import EMPTY_ACCOUNT, Account
from ethereum.forks.osaka.fork_types import Address as EvmAddress
from ethereum.trace import OpStart
from ethereum_types.bytes import Bytes32
from ethereum_types.frozen import modify
from ethereum_types.numeric import U256, Uint

from network.obligations.embedded.state import AccountRecord, TransientState, WorldState
from network.obligations.embedded.types import RUN_S_MAX, OutOfTime

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


def get_account(state: WorldState, address: bytes) -> Account:
    """The account at this address; an empty one where there is none."""
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
    _set_account(state, address, modify(get_account(state, address), change))


def _set_balance(state: WorldState, address: bytes, amount: U256) -> None:
    _change(state, address, balance=int(amount))


def _move_ether(state: WorldState, sender: bytes, recipient: bytes, amount: U256) -> None:
    held = int(get_account(state, sender).balance)
    if held < int(amount):
        raise AssertionError("the engine moves only what it checked to be there")
    _change(state, sender, balance=held - int(amount))
    _change(state, recipient, balance=int(get_account(state, recipient).balance) + int(amount))


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
        "get_account": get_account,
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

PRECOMPILED: frozenset[EvmAddress] = frozenset(cast(Any, mapping).PRE_COMPILED_CONTRACTS)
"""Warm from the beginning of every call (EIP-2929), also those that are not offered."""

_PRECOMPILES_OFFERED = frozenset(EvmAddress(number.to_bytes(20, "big")) for number in (1, 2, 3, 4, 5, 0x100))
"""ecrecover, sha256, ripemd160, identity, modexp, P-256."""

TRANSACTION_GAS_MAX = int(transactions.TX_MAX_GAS_LIMIT)
"""16,777,216 (EIP-7825)."""

running = threading.local()
"""Of the transaction or call that this thread runs: `deadline`, and then `output`."""


def begin_run() -> None:
    """Give the transaction or call that this thread runs now `RUN_S_MAX` seconds."""
    running.deadline = time.monotonic() + RUN_S_MAX


def _catch_output(run: Callable[[vm.Message], interpreter.MessageCallOutput]) -> Callable[[vm.Message], Any]:
    def catching(message: vm.Message) -> interpreter.MessageCallOutput:
        running.output = run(message)
        return running.output

    return catching


def _watch(evm: object, event: object) -> None:
    """In the place of the specification's tracer, which is told of every instruction: ends what runs too long."""
    if type(event) is OpStart and time.monotonic() > running.deadline:
        raise OutOfTime


def _not_offered(_: vm.Evm) -> None:
    raise OutOfGasError


_precompiles: dict[EvmAddress, Any] = cast(Any, mapping).PRE_COMPILED_CONTRACTS
_precompiles.update({address: _not_offered for address in _precompiles if address not in _PRECOMPILES_OFFERED})

interpreter.get_valid_jump_destinations = lru_cache(JUMP_SCANS_CACHED_MAX)(interpreter.get_valid_jump_destinations)
interpreter.evm_trace = _watch
fork.process_message_call = _catch_output(fork.process_message_call)

__all__ = [
    "PRECOMPILED",
    "TRANSACTION_GAS_MAX",
    "ZERO_HASH",
    "EvmAddress",
    "begin_run",
    "compute_contract_address",
    "fork",
    "get_account",
    "interpreter",
    "logs_bloom",
    "root",
    "running",
    "transactions",
    "trie_get",
    "trie_set",
    "vm",
]
