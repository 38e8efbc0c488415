"""Durable delivery: an attestation with a quorum reaches the node's API, whatever is killed in between.

    put        written before anything is sent; the same digest twice is one entry
    run        a thread: post the oldest, what is routine after all else, repeat with growing pauses while the world
               fails, drop it when it is refused

Bodies hold packs, so they are encrypted like the log, and emptied once they are delivered.

The idempotency key is the attestation's digest with its kind, so a repeat after a lost answer has no second effect. A
refusal (another member was first with a newer one, for instance) is kept in the log of refusals and not repeated.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from oracle.node_client import NodeApi
from oracle.storage.cipher import StorageCipher
from oracle.storage.database import open_database
from wuxin_client.errors import Denied, Rejected, WuxinError
from wuxin_evidence.errors import EvidenceError

PAUSE_S_MIN = 0.05
PAUSE_S_MAX = 5.0
"""Between tries; a node that comes back is noticed within this."""

log = logging.getLogger("wuxin.oracle")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body BLOB NOT NULL, routine INTEGER NOT NULL, state TEXT NOT NULL,
  detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, routine, id);
"""


class Outbox:
    """Entries are `waiting`, `delivered` or `refused`. `put` and `run` may be in different threads."""

    def __init__(self, path: Path, node: NodeApi, cipher: StorageCipher) -> None:
        self._path = path
        self._node = node
        self._cipher = cipher
        self._db = open_database(path, _SCHEMA)
        self._wake = threading.Event()
        self._stop = threading.Event()

    def put(self, key: str, body: Mapping[str, Any], *, routine: bool = False) -> None:
        """Durable when it returns; delivered some time after, before all that is routine unless it is so itself."""
        self._db.execute(
            "INSERT OR IGNORE INTO outbox (key, body, routine, state, detail) VALUES (?, ?, ?, 'waiting', '')",
            (key, self._cipher.seal(json.dumps(body).encode(), key.encode()), routine),
        )
        self._wake.set()

    def counts(self) -> dict[str, int]:
        """How many entries are in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())

    def bodies(self) -> list[dict[str, Any]]:
        """Every body that is not delivered, oldest first."""
        rows = self._db.execute("SELECT key, body FROM outbox WHERE state != 'delivered' ORDER BY id")
        return [json.loads(self._cipher.open(bytes(sealed), key.encode())) for key, sealed in rows]

    def run(self) -> None:
        """Deliver until `stop`."""
        database = open_database(self._path, _SCHEMA)
        pause_s = PAUSE_S_MIN
        while not self._stop.is_set():
            row = database.execute(
                "SELECT id, key, body FROM outbox WHERE state = 'waiting' ORDER BY routine, id LIMIT 1"
            ).fetchone()
            if row is None:
                self._wake.wait()
                self._wake.clear()
                continue
            outcome = self._deliver(str(row[1]), bytes(row[2]))
            if outcome is None:
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
                continue
            pause_s = PAUSE_S_MIN
            kept = b"" if outcome[0] == "delivered" else row[2]
            database.execute("UPDATE outbox SET state = ?, detail = ?, body = ? WHERE id = ?", (*outcome, kept, row[0]))
        database.close()

    def stop(self) -> None:
        """Let `run` return; from any thread."""
        self._stop.set()
        self._wake.set()

    def _deliver(self, key: str, sealed: bytes) -> tuple[str, str] | None:
        """(state, detail) when it is settled, None when it must be tried again."""
        try:
            self._node.post_attestation(json.loads(self._cipher.open(sealed, key.encode())), key)
        except Denied as denied:
            log.error("the node refuses this member's key: %s", denied)
            return None
        except (Rejected, EvidenceError) as refused:
            log.warning("attestation %s refused: %s", key, refused)
            return "refused", f"{refused.code}: {refused.detail}"
        except (WuxinError, httpx.HTTPError, OSError) as failed:
            log.info("attestation %s waits: %s", key, failed)
            return None
        log.info("attestation %s delivered at %.3f", key, time.time())
        return "delivered", ""
