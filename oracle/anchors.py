"""Anchoring: a member pins its own evidence log to the facts, so that nobody can rewrite it later, not even itself.

    anchor thread   newest anchored checkpoint ─▶ inbox
    worker          the log outgrew it, and a heartbeat passed ─▶ offer: signed checkpoint, proof from the anchored size
    anchor thread   offer ─▶ node's API, again until it is answered

Nothing of this is kept on disk: what is anchored is asked of the node, so a restart or a node that is down costs only
the delay. The thread is its own, so that no pack and no alarm waits for it.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from oracle.agreement.context import MemberContext, log
from oracle.node_client import NodeApi
from wuxin_client.errors import Denied, Rejected, WuxinError
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Checkpoint, sign_checkpoint

LOOK_S = 1.0
"""Between two looks at the node; the newest anchored checkpoint is known within this."""


def log_origin(consortium_id: bytes, organisation: str) -> str:
    """The name of a member's log."""
    return f"wuxin/1/{consortium_id.hex()}/logs/{organisation}"


@dataclass(frozen=True)
class AnchoredCheckpoint:
    """A checkpoint of this member's log in the facts; `at_s` is when it was anchored, seconds UTC."""

    size: int
    root: bytes
    note: str
    at_s: int

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> AnchoredCheckpoint:
        """Out of the node's record. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(int(record["size"]), bytes.fromhex(record["root"]), str(record["note"]), int(record["created_at_s"]))


@dataclass(frozen=True)
class AnchorSnapshot:
    """One look: the newest anchored checkpoint, None when there is none yet."""

    newest: AnchoredCheckpoint | None


@dataclass(frozen=True)
class Offer:
    """The body of POST /v1/anchors and its idempotency key."""

    body: Mapping[str, Any]
    key: str


class Anchors:
    """The worker's side: decides and signs; nothing here waits."""

    def __init__(self, context: MemberContext, offer: Callable[[Offer], None]) -> None:
        self.origin = log_origin(context.consortium_id, context.organisation)
        self._context = context
        self._offer = offer
        self._newest: AnchoredCheckpoint | None = None
        self._offered_at_s: int | None = None
        self._foreign: AnchoredCheckpoint | None = None

    def on_snapshot(self, snapshot: AnchorSnapshot) -> None:
        """Remember what is anchored; offer the next checkpoint when it is due."""
        newest = snapshot.newest
        if newest is not None and not self._continues(newest):
            self._newest = None
            if newest != self._foreign:
                log.error("the log does not continue its anchored size %d: restore evidence.db", newest.size)
            self._foreign = newest
            return
        self._newest = newest
        if self._is_due():
            self._offered_at_s = self._context.now_s
            self._offer(self._next())

    def checkpoint(self) -> str:
        """The signed note of the log as it is."""
        tree = self._context.store.tree
        checkpoint = Checkpoint(self.origin, len(tree), tree.root())
        return sign_checkpoint(checkpoint, self._context.organisation, self._context.keys.sm2).decode()

    def consistency(self) -> dict[str, Any] | None:
        """{from, path}: the newest anchored note, and the proof from it to the log as it is; None without one."""
        return None if self._newest is None else {"from": self._newest.note, "path": self._path(self._newest.size)}

    def _is_due(self) -> bool:
        context, newest = self._context, self._newest
        size = 0 if newest is None else newest.size
        if (
            len(context.store.tree) <= size
            or context.committee is None
            or context.rank >= len(context.committee.members)
        ):
            return False
        times_s = [self._offered_at_s, None if newest is None else newest.at_s]
        return all(at_s is None or context.now_s - at_s >= context.profile.heartbeat_s for at_s in times_s)

    def _next(self) -> Offer:
        note = self.checkpoint()
        path = [] if self._newest is None else self._path(self._newest.size)
        body = {"origin": self.origin, "note": note, "consistency": path}
        return Offer(body, f"anchor-{hashlib.sha256(note.encode()).hexdigest()}")

    def _path(self, size: int) -> list[str]:
        tree = self._context.store.tree
        return [each.hex() for each in tree.consistency_proof(size, len(tree))]

    def _continues(self, anchored: AnchoredCheckpoint) -> bool:
        tree = self._context.store.tree
        return anchored.size <= len(tree) and tree.root(anchored.size) == anchored.root


class AnchorWatch:
    """The anchor thread: looks at the node, and posts the offer that waits; a newer offer replaces an older one."""

    def __init__(self, node: NodeApi, origin: str, inbox: queue.Queue[object], stop: threading.Event) -> None:
        self._node = node
        self._origin = origin
        self._inbox = inbox
        self._stop = stop
        self._waiting: deque[Offer] = deque(maxlen=1)

    def offer(self, offer: Offer) -> None:
        """From any thread; posted within `LOOK_S` of the node's being there."""
        self._waiting.append(offer)

    def run(self) -> None:
        """Post and look every LOOK_S until the process stops."""
        while not self._stop.is_set():
            try:
                self.post()
                self._inbox.put(self.look())
            except (WuxinError, EvidenceError, httpx.HTTPError, OSError, KeyError, TypeError, ValueError) as error:
                log.info("anchoring waits: %s", error)
            self._stop.wait(LOOK_S)

    def look(self) -> AnchorSnapshot:
        """One look. Raises the node's errors."""
        record = self._node.newest_anchor(self._origin)
        return AnchorSnapshot(None if record is None else AnchoredCheckpoint.read(record))

    def post(self) -> None:
        """Post what waits; it waits on when the node does not answer or refuses the key. Raises the node's errors."""
        for offer in tuple(self._waiting):
            try:
                self._node.post_anchor(offer.body, offer.key)
            except Denied:
                raise
            except Rejected as refused:
                log.warning("the checkpoint %s is refused: %s", offer.key, refused)
            with suppress(ValueError):  # a newer offer may have taken its place
                self._waiting.remove(offer)
