"""The embedded chain of one lending circle: takes transactions, seals blocks, answers reads.

Workflow of a transaction: `send` decodes it (signature, chain id, bounds) and queues it; whoever gets the turn
seals everything that is queued into one block, so a lone transaction is mined at once and concurrent ones share
a block and its fsync. Sealing is one SQL transaction under BEGIN IMMEDIATE: other processes over the same file
wait or go first, and the cache is checked against the head each time. `send` returns when the block is durable;
a fault before that leaves nothing behind and tells every waiter.

A sealed header carries real transactions and receipts roots, bloom and gas; its state root is zero. extraData is
32 vanity bytes (in genesis the clock's stamp, if the time is a scenario's) and the sealer's signature.

A read-only call runs at the state of the newest block but at the time of now: blocks appear only when somebody
sends, and a view that asks how fresh an attestation is must not answer with the time of the last transaction.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from network.obligations.embedded import machine as evm
from network.obligations.embedded.machine import BlockRun
from network.obligations.embedded.state import AccountRecord, StateStore, WorldState
from network.obligations.embedded.store import (
    ChainStore,
    LogFilter,
    StoredBlock,
    StoredLog,
    StoredTransaction,
    connect,
    prepare,
)
from network.obligations.embedded.types import (
    BlockContext,
    CallOutcome,
    Message,
    OutOfTime,
    SignedTransaction,
    TransactionRefused,
)
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.evm.proof import Header, seal
from wuxin_evidence.evm.trie import ordered_root
from wuxin_evidence.ids import keccak256

BLOCK_GAS_MAX = 60_000_000
"""What public chains allow per block."""

BLOCK_TRANSACTIONS_MAX = 500
"""As the embedded ledger of facts cuts its blocks."""

SEALING_S_MAX = 0.25
"""After so long the block is closed, so that who sent first does not wait for who sent last."""

PENDING_MAX = 5_000
"""Transactions that may wait for their turn; beyond it `send` refuses instead of growing."""

RAW_TRANSACTION_BYTES_MAX = 128 * 1024
"""As go-ethereum's pool; the largest creation allowed (48 KiB) fits well."""

LOGS_MAX = 10_000
"""Logs in one answer; the caller asks for a smaller range when there are more."""

VANITY_BYTES = 32

ESTIMATE_TOLERANCE = 64
"""An estimate stops when it is known to one part in this many."""

_EMPTY_OMMERS = keccak256(b"\xc0")
_EMPTY_ROOT = ordered_root([])

Answer = TypeVar("Answer")


class NodeUnavailable(Exception):
    """The chain cannot do this now: no sealer key here, storage failed, too much pending. Nothing was changed."""


class CallReverted(Exception):
    """A read-only call failed; `output` is the revert data, empty when the engine stopped it (`error`)."""

    def __init__(self, outcome: CallOutcome) -> None:
        reverted = outcome.error == "Revert"
        super().__init__("execution reverted" if reverted else f"execution failed: {outcome.error}")
        self.output = outcome.output if reverted else b""
        self.error = outcome.error


class Clock(Protocol):
    """The time that blocks are stamped with."""

    def now_ms(self) -> int:
        """Give the time in milliseconds UTC."""
        ...


class _Waiting:
    """A queued transaction and what became of it."""

    def __init__(self, transaction: SignedTransaction) -> None:
        self.transaction = transaction
        self.done = False
        self.error: Exception | None = None

    def finish(self, error: Exception | None = None) -> None:
        self.error = error
        self.done = True


class EvmNode:
    """One chain, usable by the threads of one process and by several processes at once. See `open_node`."""

    def __init__(self, path: Path, chain_id: int, clock: Clock, sealer: EvmKey | None, stamp: bytes) -> None:
        self.chain_id = chain_id
        self._clock = clock
        self._sealer = sealer
        self._pending: deque[_Waiting] = deque()
        self._turn = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._writing = connect(path)
        self._chain = ChainStore(self._writing)
        self._state = StateStore(self._writing)
        self._reading_lock = threading.Lock()
        self._begin(stamp)
        self._reading = connect(path)
        self._read_chain = ChainStore(self._reading)

    def close(self) -> None:
        """Waits for the block in the making; afterwards nothing can be asked."""
        with self._turn, self._reading_lock:
            self._writing.close()
            self._reading.close()

    def on_block(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called, in the sealing thread, after each block of this process; gives what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def send(self, raw: bytes) -> bytes:
        """Put a raw transaction into a block and return its hash (32 bytes), durable.

        A transaction that is already in a block is answered with its hash again. Raises TransactionRefused,
        NodeUnavailable.
        """
        if len(raw) > RAW_TRANSACTION_BYTES_MAX:
            raise TransactionRefused(f"a transaction of {len(raw)} bytes exceeds {RAW_TRANSACTION_BYTES_MAX}")
        waiting = _Waiting(evm.decode_transaction(raw, self.chain_id))
        if len(self._pending) >= PENDING_MAX:
            raise NodeUnavailable(f"{PENDING_MAX} transactions are waiting; send again later")
        self._pending.append(waiting)
        with self._turn:
            while not waiting.done:
                self._seal_pending()
        if waiting.error is not None:
            raise waiting.error
        return waiting.transaction.hash

    def call(self, message: Message) -> bytes:
        """Run a message at the newest state and the time of now. Raises CallReverted."""
        outcome = self._with_state(lambda world, head: evm.call(self._call_context(head), world, message))
        if outcome.error:
            raise CallReverted(outcome)
        return outcome.output

    def estimate_gas(self, message: Message) -> int:
        """Gas limit with which the message succeeds now, up to 1/64 above the least. Raises CallReverted."""
        base = evm.intrinsic_gas(message)

        def attempt(gas: int) -> CallOutcome:
            limited = Message(message.sender, message.to, message.data, message.value, gas - base)
            return self._with_state(lambda world, head: evm.call(self._call_context(head), world, limited))

        high = min(base + message.gas, evm.TRANSACTION_GAS_MAX)
        outcome = attempt(max(high, base))
        if outcome.error:
            raise CallReverted(outcome)
        low = base + outcome.gas_used - 1
        while high - low > max(1, low // ESTIMATE_TOLERANCE):
            middle = min((low + high) // 2, low + low // 8 + 1)
            if attempt(middle).error:
                low = middle
            else:
                high = middle
        return high

    def account(self, address: bytes) -> AccountRecord:
        """Give an account as of the newest block; an empty one where there is none."""
        return self._with_state(lambda world, _: world.account(address)) or AccountRecord()

    def slot(self, address: bytes, key: bytes) -> int:
        """Give a storage slot as of the newest block; zero where it was never written."""
        return self._with_state(lambda world, _: world.slot(address, key))

    def height(self) -> int:
        """Number of the newest block."""
        return self._read(lambda chain: chain.height())

    def block(self, number: int) -> StoredBlock | None:
        """Give a block by its number."""
        return self._read(lambda chain: chain.block(number))

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """Give a block by the hash of its header."""
        return self._read(lambda chain: chain.block_by_hash(block_hash))

    def transaction(self, tx_hash: bytes) -> StoredTransaction | None:
        """Give a mined transaction by its hash."""
        return self._read(lambda chain: chain.transaction(tx_hash))

    def transactions(self, block: int) -> list[StoredTransaction]:
        """List a block's transactions in their order."""
        return self._read(lambda chain: chain.transactions(block))

    def logs(self, wanted: LogFilter) -> list[StoredLog] | None:
        """Logs in order; None when more than LOGS_MAX match."""
        return self._read(lambda chain: chain.logs(wanted, LOGS_MAX))

    def _read(self, ask: Callable[[ChainStore], Answer]) -> Answer:
        with self._reading_lock:
            return ask(self._read_chain)

    def _with_state(self, ask: Callable[[WorldState, StoredBlock], Answer]) -> Answer:
        with self._turn, _transaction(self._writing, "BEGIN"):
            head = self._trusted_head()
            return ask(WorldState(self._state), head)

    def _trusted_head(self) -> StoredBlock:
        head = self._chain.head()
        if head is None:
            raise NodeUnavailable("the chain has no genesis block")
        self._state.trust(head.hash)
        return head

    def _begin(self, stamp: bytes) -> None:
        """Seal the genesis block unless somebody did; refuse a file of another chain."""
        with _transaction(self._writing, "BEGIN IMMEDIATE"):
            prepare(self._writing)
            found = self._chain.chain_id()
            if found is None:
                self._chain.begin_chain(self.chain_id)
                genesis = _header(None, self._now_s(), self._sealer_key().address)
                self._chain.append(self._sealed(genesis, stamp), ())
            elif found != self.chain_id:
                raise ValueError(f"the file holds chain {found}, not {self.chain_id}")

    def _sealer_key(self) -> EvmKey:
        if self._sealer is None:
            raise NodeUnavailable("this process does not hold the sealer's key; ask the sealer's node")
        return self._sealer

    def _sealed(self, header: Header, vanity: bytes = bytes(VANITY_BYTES)) -> Header:
        return seal(replace(header, extra_data=vanity), self._sealer_key().sign_digest)

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000

    def _call_context(self, head: StoredBlock) -> BlockContext:
        return self._context(head.number, max(head.timestamp_s, self._now_s()), bytes(20))

    def _context(self, number: int, timestamp_s: int, coinbase: bytes) -> BlockContext:
        def hash_of(wanted: int) -> bytes:
            block = self._chain.block(wanted)
            return block.hash if block else bytes(32)

        return BlockContext(self.chain_id, number, timestamp_s, coinbase, BLOCK_GAS_MAX, hash_of)

    def _seal_pending(self) -> None:
        """Seal one block of what is queued; every transaction taken is finished, or queued again in front."""
        batch = [self._pending.popleft() for _ in range(min(len(self._pending), BLOCK_TRANSACTIONS_MAX))]
        left: list[_Waiting] = []
        try:
            left = self._seal(sorted(batch, key=lambda waiting: waiting.transaction.nonce))
        except NodeUnavailable as refusal:
            _fail(batch, refusal)
        except (sqlite3.Error, OSError) as fault:
            _fail(batch, NodeUnavailable(f"the chain's storage failed: {fault}"))
        except BaseException as fault:
            _fail(batch, NodeUnavailable(f"sealing stopped: {fault!r}"))
            raise
        self._pending.extendleft(reversed(left))

    def _seal(self, batch: list[_Waiting]) -> list[_Waiting]:
        sealer = self._sealer_key()
        finished: list[tuple[_Waiting, Exception | None]] = []
        try:
            with _transaction(self._writing, "BEGIN IMMEDIATE"):
                head = self._trusted_head()
                world = WorldState(self._state)
                timestamp_s = max(head.timestamp_s, self._now_s())
                run = BlockRun(self._context(head.number + 1, timestamp_s, sealer.address), world)
                left = self._run_batch(run, batch, finished)
                block = self._write_block(head, timestamp_s, run, world) if run.executed else None
        except BaseException:
            self._state.trust(None)
            raise
        if block is not None:
            self._state.remember(world, block.hash)
            for listener in tuple(self._listeners):
                listener()
        for waiting, error in finished:
            waiting.finish(error)
        return left

    def _run_batch(
        self, run: BlockRun, batch: list[_Waiting], finished: list[tuple[_Waiting, Exception | None]]
    ) -> list[_Waiting]:
        """Run what fits; gives what has to wait for the next block."""
        deadline = time.monotonic() + SEALING_S_MAX
        sealed: set[bytes] = set()
        left: list[_Waiting] = []
        for waiting in batch:
            signed = waiting.transaction
            if run.executed and (time.monotonic() > deadline or signed.gas_limit > BLOCK_GAS_MAX - run.gas_used):
                left.append(waiting)
            elif signed.hash in sealed or self._chain.transaction(signed.hash):
                finished.append((waiting, None))
            else:
                finished.append((waiting, _applied(run, signed)))
                sealed.add(signed.hash)
        return left

    def _write_block(self, head: StoredBlock, timestamp_s: int, run: BlockRun, world: WorldState) -> StoredBlock:
        sealer = self._sealer_key()
        header = self._sealed(_header(head, timestamp_s, sealer.address, run))
        self._state.write(world)
        return self._chain.append(header, run.executed)


def open_node(
    db_path: Path, chain_id: int, clock: Clock, sealer_key: EvmKey | None, *, stamp: bytes = bytes(VANITY_BYTES)
) -> EvmNode:
    """Open the chain in `db_path`, making it if it does not exist. `stamp` is the genesis block's vanity.

    Without a sealer key the chain can only be read. Raises NodeUnavailable (no chain and no key to begin it),
    ValueError (another chain id or format), sqlite3.Error.
    """
    if len(stamp) != VANITY_BYTES:
        raise ValueError(f"the stamp of a genesis block has {VANITY_BYTES} bytes")
    return EvmNode(db_path, chain_id, clock, sealer_key, stamp)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done:
            waiting.finish(error)


def _applied(run: BlockRun, signed: SignedTransaction) -> Exception | None:
    try:
        run.apply(signed)
    except TransactionRefused as refusal:
        return refusal
    except OutOfTime as stopped:
        return TransactionRefused(f"the transaction is not taken: {stopped}")
    except RecursionError:
        return TransactionRefused("the call depth of this transaction exceeds what the embedded engine can follow")
    return None


def _header(parent: StoredBlock | None, timestamp_s: int, coinbase: bytes, run: BlockRun | None = None) -> Header:
    """A header before sealing; sixteen fields (London), state root and mix hash zero."""
    return Header(
        parent_hash=parent.hash if parent else bytes(32),
        ommers_hash=_EMPTY_OMMERS,
        coinbase=coinbase,
        state_root=evm.ZERO_HASH,
        transactions_root=run.transactions_root if run else _EMPTY_ROOT,
        receipts_root=run.receipts_root if run else _EMPTY_ROOT,
        logs_bloom=run.bloom if run else bytes(256),
        difficulty=0,
        number=parent.number + 1 if parent else 0,
        gas_limit=BLOCK_GAS_MAX,
        gas_used=run.gas_used if run else 0,
        timestamp=timestamp_s,
        extra_data=b"",
        mix_hash=bytes(32),
        nonce=bytes(8),
        later=(b"",),
    )


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Generator[None, None, None]:
    """One SQL transaction; whatever stops it, nothing of it stays."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
