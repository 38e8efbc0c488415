"""The accounts and storage of the embedded chain: a journal over SQLite.

Workflow of a block: `StateStore.trust(head)` drops what was cached at another head (another process may have
sealed blocks meanwhile); a `WorldState` is opened over the store; each transaction and each inner call opens a
checkpoint and keeps or undoes it; at the end `StateStore.write` puts the changes into the open SQL transaction,
and `StateStore.remember` moves them into the cache once that transaction is durable. A read-only call uses a
`WorldState` that is thrown away.

The engine (evm.py) sees none of this: it asks for accounts and slots, and this module knows nothing of it.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Generic, TypeVar

SCHEMA = """
CREATE TABLE IF NOT EXISTS code (hash BLOB PRIMARY KEY, code BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (
    address BLOB PRIMARY KEY, nonce INTEGER NOT NULL, balance BLOB NOT NULL, code_hash BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slot (
    address BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (address, key)
) STRICT, WITHOUT ROWID;
"""

ACCOUNTS_CACHED_MAX = 10_000
"""An account with its code is at most 24 KiB, but code is shared by few contracts: some 5 MB in practice."""

SLOTS_CACHED_MAX = 100_000
"""About 25 MB; a facility touches some twenty slots, so the hot set of thousands of facilities fits."""

Address = bytes
Slot = tuple[bytes, bytes]
"""Address (20 bytes) and storage key (32 bytes)."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One account; balance in wei."""

    nonce: int = 0
    balance: int = 0
    code: bytes = b""


class RecentlyUsed(Generic[Key, Value]):
    """A bounded mapping that forgets what was not asked for longest."""

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: Key) -> Value:
        self._entries.move_to_end(key)
        return self._entries[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


class StateStore:
    """The state at the newest block, read through a cache that belongs to exactly one head."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._head: bytes | None = None
        self._accounts: RecentlyUsed[Address, AccountRecord | None] = RecentlyUsed(ACCOUNTS_CACHED_MAX)
        self._slots: RecentlyUsed[Slot, int] = RecentlyUsed(SLOTS_CACHED_MAX)

    def trust(self, head: bytes | None) -> None:
        """Keep the cache only if it was filled at `head` (a block hash); call it inside the SQL transaction."""
        if head is None or head != self._head:
            self._accounts.clear()
            self._slots.clear()
        self._head = head

    def account(self, address: Address) -> AccountRecord | None:
        """Give an account as it was committed; None where there is none."""
        if address in self._accounts:
            return self._accounts[address]
        row = self._connection.execute(
            "SELECT nonce, balance, code FROM account LEFT JOIN code ON hash = code_hash WHERE address = ?",
            (bytes(address),),
        ).fetchone()
        found = None if row is None else AccountRecord(row[0], int.from_bytes(row[1], "big"), row[2] or b"")
        self._accounts[bytes(address)] = found
        return found

    def slot(self, address: Address, key: bytes) -> int:
        """Give a storage slot as it was committed; zero where it was never written."""
        if (address, key) in self._slots:
            return self._slots[(address, key)]
        row = self._connection.execute(
            "SELECT value FROM slot WHERE address = ? AND key = ?", (bytes(address), bytes(key))
        ).fetchone()
        value = 0 if row is None else int.from_bytes(row[0], "big")
        self._slots[(bytes(address), bytes(key))] = value
        return value

    def has_slots(self, address: Address) -> bool:
        """Whether an account has any storage."""
        row = self._connection.execute("SELECT 1 FROM slot WHERE address = ? LIMIT 1", (bytes(address),))
        return row.fetchone() is not None

    def write(self, world: WorldState) -> None:
        """Put what `world` changed into the open SQL transaction; the cache stays as it was."""
        for address in world.wiped:
            self._connection.execute("DELETE FROM slot WHERE address = ?", (bytes(address),))
        for address, account in world.accounts.items():
            self._write_account(bytes(address), account)
        self._connection.executemany(
            "DELETE FROM slot WHERE address = ? AND key = ?",
            [(bytes(a), bytes(k)) for (a, k), value in world.slots.items() if value == 0],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO slot VALUES (?, ?, ?)",
            [(bytes(a), bytes(k), _minimal(value)) for (a, k), value in world.slots.items() if value],
        )

    def _write_account(self, address: bytes, account: AccountRecord | None) -> None:
        if account is None:
            self._connection.execute("DELETE FROM account WHERE address = ?", (address,))
            return
        code_hash = sha256(account.code).digest() if account.code else None
        if code_hash is not None:
            self._connection.execute("INSERT OR IGNORE INTO code VALUES (?, ?)", (code_hash, account.code))
        self._connection.execute(
            "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?)",
            (address, account.nonce, _minimal(account.balance), code_hash),
        )

    def remember(self, world: WorldState, head: bytes) -> None:
        """Move what was written into the cache, which belongs to `head` from now on."""
        if world.wiped:
            self._slots.clear()
        for address, account in world.accounts.items():
            self._accounts[bytes(address)] = account
        for (address, key), value in world.slots.items():
            self._slots[(bytes(address), bytes(key))] = value
        self._head = head


_ABSENT: Any = object()


class Journal:
    """Writes to plain dictionaries that can be undone back to a checkpoint."""

    def __init__(self) -> None:
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._checkpoints: list[int] = []

    @property
    def depth(self) -> int:
        """How many checkpoints are open."""
        return len(self._checkpoints)

    def put(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an entry of a mapping, and remember what was there."""
        self._undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def open(self) -> None:
        """Set a checkpoint."""
        self._checkpoints.append(len(self._undo))

    def keep(self) -> None:
        """Drop the newest checkpoint and keep what was done since."""
        self._checkpoints.pop()
        if not self._checkpoints:
            self._undo.clear()

    def undo(self) -> None:
        """Go back to the newest checkpoint and drop it."""
        checkpoint = self._checkpoints.pop()
        while len(self._undo) > checkpoint:
            mapping, key, before = self._undo.pop()
            if before is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = before


class WorldState:
    """Accounts and storage as a block or a call sees them: its own changes over the store.

    A transaction runs between `open` and `keep` (or `undo`); inner calls nest. `original` is a slot's value
    before the transaction, `created` the accounts that the transaction created (EIP-2200, EIP-6780).
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._journal = Journal()
        self.accounts: dict[Address, AccountRecord | None] = {}
        self.slots: dict[Slot, int] = {}
        self.wiped: dict[Address, bool] = {}
        self._originals: dict[Slot, int] = {}
        self.created_accounts: set[Address] = set()

    def open(self) -> None:
        """Set a checkpoint."""
        self._journal.open()

    def keep(self) -> None:
        """Drop the newest checkpoint and keep what was done since."""
        self._journal.keep()
        self._forget_transaction()

    def undo(self) -> None:
        """Go back to the newest checkpoint."""
        self._journal.undo()
        self._forget_transaction()

    def undo_all(self) -> None:
        """Undo the transaction whole, at whatever depth it stopped."""
        while self._journal.depth:
            self.undo()

    def _forget_transaction(self) -> None:
        if self._journal.depth == 0:
            self._originals.clear()
            self.created_accounts.clear()

    def account(self, address: Address) -> AccountRecord | None:
        """Give an account as this block sees it."""
        if address in self.accounts:
            return self.accounts[address]
        return self._store.account(address)

    def set_account(self, address: Address, account: AccountRecord | None) -> None:
        """Change an account; None removes it."""
        if self.account(address) != account:
            self._journal.put(self.accounts, address, account)

    def slot(self, address: Address, key: bytes) -> int:
        """Give a storage slot as this block sees it."""
        value = self.slots.get((address, key))
        if value is not None:
            return value
        return 0 if address in self.wiped else self._store.slot(address, key)

    def set_slot(self, address: Address, key: bytes, value: int) -> None:
        """Change a storage slot, and remember what it was before the transaction."""
        before = self.slot(address, key)
        self._originals.setdefault((address, key), before)
        if before != value:
            self._journal.put(self.slots, (address, key), value)

    def original(self, address: Address, key: bytes) -> int:
        """The slot's value before this transaction; zero in an account that the transaction created."""
        if address in self.created_accounts:
            return 0
        before = self._originals.get((address, key))
        return self.slot(address, key) if before is None else before

    def has_slots(self, address: Address) -> bool:
        """Whether an account has any storage, as this block sees it."""
        if any(owner == address and value for (owner, _), value in self.slots.items()):
            return True
        return address not in self.wiped and self._store.has_slots(address)

    def wipe_slots(self, address: Address) -> None:
        """Remove an account's whole storage (self-destruction, or creation over leftovers)."""
        if not self.has_slots(address):
            return
        for owner, key in list(self.slots):
            if owner == address:
                self._journal.put(self.slots, (owner, key), 0)
        self._journal.put(self.wiped, address, True)


class TransientState:
    """Storage that lives for one transaction (EIP-1153)."""

    def __init__(self) -> None:
        self._journal = Journal()
        self._slots: dict[Slot, int] = {}

    def open(self) -> None:
        """Set a checkpoint."""
        self._journal.open()

    def keep(self) -> None:
        """Drop the newest checkpoint and keep what was done since."""
        self._journal.keep()

    def undo(self) -> None:
        """Go back to the newest checkpoint."""
        self._journal.undo()

    def slot(self, address: Address, key: bytes) -> int:
        """Give a transient slot (EIP-1153); zero where it was not written in this transaction."""
        return self._slots.get((address, key), 0)

    def set_slot(self, address: Address, key: bytes, value: int) -> None:
        """Change a transient slot until the transaction ends."""
        self._journal.put(self._slots, (address, key), value)


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
