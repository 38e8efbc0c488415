"""What goes into the engine of the embedded chain and what comes out; no engine in here.

All addresses have 20 bytes, hashes and topics 32. Amounts in wei, times in seconds, gas as such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CALL_GAS_MAX = 60_000_000
"""Gas of a read-only call: one block's worth. What bounds its time is RUN_S_MAX."""

RUN_S_MAX = 3.0
"""Wall time of one transaction or call. Our dearest action takes some 0.1 s; but the specification needs seconds for a
million gas of the cheapest instructions, so that gas alone would let one transaction hold the chain for minutes."""


class OutOfTime(Exception):
    """A transaction or call ran longer than RUN_S_MAX; nothing of it stays."""

    def __init__(self) -> None:
        super().__init__(f"it runs longer than {RUN_S_MAX:.0f} s on the embedded engine")


class TransactionRefused(Exception):
    """A transaction that can be in no block as it is; nothing was changed."""


@dataclass(frozen=True)
class BlockContext:
    """What a contract can ask of its block. `hash_of` answers BLOCKHASH for an earlier number."""

    chain_id: int
    number: int
    timestamp_s: int
    coinbase: bytes
    gas_limit: int
    hash_of: Callable[[int], bytes]


@dataclass(frozen=True)
class EventLog:
    """A log as a contract wrote it: its address of 20 bytes, up to four topics of 32, its data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class SignedTransaction:
    """A decoded transaction whose signature and chain id were checked. `to` is None for a creation."""

    raw: bytes
    hash: bytes
    type: int
    sender: bytes
    nonce: int
    gas_limit: int
    gas_price: int
    to: bytes | None
    value: int
    data: bytes
    v: int
    r: int
    s: int
    body: Any
    """The specification's own object."""


@dataclass(frozen=True)
class Executed:
    """A transaction in a block. `output` is the revert data where it failed; `receipt` as in the receipts trie."""

    transaction: SignedTransaction
    succeeded: bool
    error: str
    gas_used: int
    cumulative_gas_used: int
    logs: tuple[EventLog, ...]
    bloom: bytes
    receipt: bytes
    output: bytes
    contract: bytes | None


@dataclass(frozen=True)
class Message:
    """A read-only call; `to` None runs `data` as creation code."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int = 0
    gas: int = CALL_GAS_MAX


@dataclass(frozen=True)
class CallOutcome:
    """`error` is empty on success, else the engine's name of what stopped it (Revert, OutOfGasError, …)."""

    output: bytes
    error: str
    gas_used: int
