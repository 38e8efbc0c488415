"""The evidence log of one member: every pack it admitted, for ever, in the order it came.

    with store.batch():             one transaction, one fsync; the tree grows only after it is on the disk
        store.add(pack, window, …)

The envelope is encrypted (SM4-GCM, bound to its digest); digest, order and leaf hash are in the clear, so that proofs
need no key. Two packs at one (device, boot, seq) make that place equivocal: neither is cited any more.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oracle.storage.cipher import StorageCipher
from oracle.storage.database import open_database
from oracle.windows import Position
from wuxin_evidence.log.tree import Tree, leaf_hash
from wuxin_evidence.packs.pack import Pack

EVIDENCE_FILE = "evidence.db"
"""In a member's home."""
WINDOW_END = 2**47
"""Above every window: a sequence is a window's index and 16 bits."""
SETTLED_KEPT = 64
"""Windows of a subject whose cited packs are remembered, so that a member that was away can be answered."""
LOADS_KEPT = 4096
"""Device windows whose load is remembered; any other is counted again when a pack of it comes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (
  idx INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, leaf BLOB NOT NULL,
  device_id TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, window INTEGER NOT NULL,
  late INTEGER NOT NULL, equivocal INTEGER NOT NULL DEFAULT 0, admitted_ms INTEGER NOT NULL,
  envelope BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS packs_order ON packs (device_id, boot, seq);
CREATE INDEX IF NOT EXISTS packs_window ON packs (device_id, window);
CREATE INDEX IF NOT EXISTS packs_equivocal ON packs (digest) WHERE equivocal = 1;
CREATE TABLE IF NOT EXISTS settled_windows (
  subject BLOB NOT NULL, window INTEGER NOT NULL, log_size INTEGER NOT NULL, cited BLOB NOT NULL, late BLOB NOT NULL,
  PRIMARY KEY (subject, window)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS peers (organisation TEXT PRIMARY KEY, boot INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_POSITION = "device_id, boot, seq, digest, window"


@dataclass(frozen=True)
class Settled:
    """A window of a subject that this member is done with: what it cited, and the log's size when it was closed."""

    window: int
    log_size: int
    cited: frozenset[bytes]
    late: frozenset[bytes]


class Store:
    """One member's log. Not for two threads at once."""

    def __init__(self, path: Path, cipher: StorageCipher) -> None:
        self._db = open_database(path, _SCHEMA)
        self._cipher = cipher
        self._added: list[bytes] = []
        self._loads: OrderedDict[tuple[str, int], tuple[int, int]] = OrderedDict()
        self.tree = Tree(row[0] for row in self._db.execute("SELECT leaf FROM packs ORDER BY idx"))

    @contextmanager
    def batch(self) -> Generator[None]:
        """Everything added inside is durable when the block ends, or none of it is there."""
        self._added = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._added = []
            self._loads.clear()
            raise
        for leaf in self._added:
            self.tree.append_hash(leaf)

    def add(self, pack: Pack, window: int, late: bool, now_ms: int) -> None:
        """Append one admitted pack; only inside `batch`."""
        leaf = leaf_hash(pack.sig_structure)
        packs, size = self.load(pack.device_id, window)
        self._db.execute(
            "INSERT INTO packs VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
            (
                *(len(self.tree) + len(self._added), pack.digest, leaf, pack.device_id, pack.boot, pack.seq),
                *(window, late, now_ms, self._cipher.seal(pack.envelope, pack.digest)),
            ),
        )
        self._added.append(leaf)
        self._loads[pack.device_id, window] = packs + 1, size + len(pack.envelope)

    def load(self, device_id: str, window: int) -> tuple[int, int]:
        """How many packs of a device's window are held, and how many bytes they are."""
        key = device_id, window
        if key not in self._loads:
            row = self._db.execute(
                "SELECT count(*), coalesce(sum(length(envelope)), 0) FROM packs WHERE device_id = ? AND window = ?", key
            ).fetchone()
            self._loads[key] = int(row[0]), int(row[1])
        while len(self._loads) > LOADS_KEPT:
            self._loads.popitem(last=False)
        return self._loads[key]

    def mark_equivocal(self, device_id: str, boot: int, seq: int) -> None:
        """Cite no pack at that place any more: two of them claim it."""
        self._db.execute(
            "UPDATE packs SET equivocal = 1 WHERE device_id = ? AND boot = ? AND seq = ?", (device_id, boot, seq)
        )

    def equivocal(self) -> frozenset[bytes]:
        """Digests of packs whose place another pack claims too."""
        return frozenset(bytes(row[0]) for row in self._db.execute("SELECT digest FROM packs WHERE equivocal = 1"))

    def digest_at(self, device_id: str, boot: int, seq: int) -> bytes | None:
        """The digest of the pack admitted at that place."""
        row = self._db.execute(
            "SELECT digest FROM packs WHERE device_id = ? AND boot = ? AND seq = ?", (device_id, boot, seq)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def holds(self, digest: bytes) -> bool:
        """Whether a pack is in the log."""
        return self._db.execute("SELECT 1 FROM packs WHERE digest = ?", (digest,)).fetchone() is not None

    def index_of(self, digest: bytes) -> int:
        """Place in the log. Raises KeyError."""
        row = self._db.execute("SELECT idx FROM packs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest.hex())
        return int(row[0])

    def envelope(self, digest: bytes) -> bytes:
        """The envelope as it came. Raises KeyError when not held, `conflict` when it does not open."""
        row = self._db.execute("SELECT envelope FROM packs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest.hex())
        return self._cipher.open(bytes(row[0]), digest)

    def positions(self, devices: Iterable[str], window: int, settled: Settled | None) -> list[Position]:
        """What a statement of `window` may cite of these devices: the window's packs, each device's last one before,
        and late ones (with the pack before each) that came after `settled`."""
        found: dict[bytes, Position] = {}
        for device_id in devices:
            late = self._late(device_id, window, settled)
            for position in [*late, *self._of_window(device_id, window), *self._before(device_id, window)]:
                # A late pack is often the pack before another one, too: late it stays, in whatever order both came
                if position.late or position.digest not in found:
                    found[position.digest] = position
        return list(found.values())

    def _of_window(self, device_id: str, window: int) -> list[Position]:
        rows = self._db.execute(
            f"SELECT {_POSITION} FROM packs WHERE device_id = ? AND window = ? AND equivocal = 0", (device_id, window)
        )
        return [Position(*row) for row in rows]

    def _before(self, device_id: str, window: int) -> list[Position]:
        row = self._db.execute(
            f"SELECT {_POSITION} FROM packs WHERE device_id = ? AND window < ? AND equivocal = 0"
            " ORDER BY boot DESC, seq DESC LIMIT 1",
            (device_id, window),
        ).fetchone()
        return [] if row is None else [Position(*row)]

    def _late(self, device_id: str, window: int, settled: Settled | None) -> list[Position]:
        if settled is None:
            return []
        rows = self._db.execute(
            f"SELECT {_POSITION} FROM packs WHERE device_id = ? AND window < ? AND equivocal = 0"
            " AND (idx >= ? OR window > ?)",
            (device_id, window, settled.log_size, settled.window),
        ).fetchall()
        found: list[Position] = []
        for row in rows:
            if bytes(row[3]) in settled.cited:
                continue
            found.extend(self._predecessor(device_id, row[1], row[2]))
            found.append(Position(*row, late=True))
        return found

    def _predecessor(self, device_id: str, boot: int, seq: int) -> list[Position]:
        # A loss is a difference: the late pack alone would say where the device stood, and not what went since.
        row = self._db.execute(
            f"SELECT {_POSITION} FROM packs WHERE device_id = ? AND (boot, seq) < (?, ?) AND equivocal = 0"
            " ORDER BY boot DESC, seq DESC LIMIT 1",
            (device_id, boot, seq),
        ).fetchone()
        return [] if row is None else [Position(*row)]

    def settled(self, subject: bytes, window: int | None = None) -> Settled | None:
        """That window of a subject, if this member is done with it; without a window the newest such one."""
        if window is None:
            return self.settled_before(subject, WINDOW_END)
        found = self.settled_before(subject, window + 1)
        return found if found is not None and found.window == window else None

    def settled_before(self, subject: bytes, window: int) -> Settled | None:
        """The newest window of a subject below `window` that this member is done with."""
        row = self._db.execute(
            "SELECT window, log_size, cited, late FROM settled_windows WHERE subject = ? AND window < ?"
            " ORDER BY window DESC LIMIT 1",
            (subject, window),
        ).fetchone()
        return None if row is None else Settled(row[0], row[1], _split(bytes(row[2])), _split(bytes(row[3])))

    def settle(self, subject: bytes, settled: Settled) -> None:
        """Remember that this member is done with a window; the first account of a window stays."""
        self._db.execute(
            "INSERT OR IGNORE INTO settled_windows VALUES (?, ?, ?, ?, ?)",
            (subject, settled.window, settled.log_size, *(b"".join(sorted(x)) for x in (settled.cited, settled.late))),
        )
        self._db.execute(
            "DELETE FROM settled_windows WHERE subject = ? AND window <= ?", (subject, settled.window - SETTLED_KEPT)
        )

    def peer_position(self, organisation: str) -> tuple[int, int]:
        """(boot, seq) of the last note of a peer."""
        row = self._db.execute("SELECT boot, seq FROM peers WHERE organisation = ?", (organisation,)).fetchone()
        return (-1, -1) if row is None else (int(row[0]), int(row[1]))

    def set_peer_positions(self, positions: Sequence[tuple[str, int, int]]) -> None:
        """Remember how far each peer was heard, as (organisation, boot, seq)."""
        self._db.executemany("INSERT OR REPLACE INTO peers VALUES (?, ?, ?)", positions)

    def next_number(self, name: str) -> int:
        """1, 2, 3 …, never the same again: this member's boot count."""
        self._db.execute(
            "INSERT INTO numbers VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,)
        )
        return int(self._db.execute("SELECT value FROM numbers WHERE name = ?", (name,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; a store that failed is closed as far as it can be."""
        try:
            self._db.close()
        except sqlite3.Error:
            return


def _split(digests: bytes) -> frozenset[bytes]:
    return frozenset(digests[n : n + 32] for n in range(0, len(digests), 32))
