"""A member anchors its log once a heartbeat, only what grew, and goes on from where the ledger is after a restart."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from oracle.anchors import AnchoredCheckpoint, AnchorSnapshot, AnchorWatch, Offer
from tests.oracle.trio import AFTER_GRACE_S, CONSORTIUM, PROFILE, Trio, mass
from wuxin_client.errors import Conflict, Denied, Unanswered
from wuxin_evidence.attestation import SCHEDULED
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Checkpoint, Verifier, open_checkpoint
from wuxin_evidence.log.tree import Tree, verify_consistency

BEAT_S = PROFILE.heartbeat_s
ORIGIN = f"wuxin/1/{CONSORTIUM.hex()}/logs/bank"


class Ledger:
    """What the facts do with an offer: take it if it continues what is anchored."""

    def __init__(self, trio: Trio) -> None:
        self.trio = trio
        self.anchored: list[AnchoredCheckpoint] = []

    @property
    def newest(self) -> AnchoredCheckpoint | None:
        return self.anchored[-1] if self.anchored else None

    def look(self) -> int:
        """The bank looks; how many offers it has made so far."""
        self.trio.members["bank"].on_anchor_snapshot(AnchorSnapshot(self.newest))
        return len(self.trio.offered["bank"])

    def take(self, offer: Offer) -> Checkpoint:
        assert offer.body["origin"] == ORIGIN
        key = self.trio.identities["bank"].keys.sm2
        checkpoint = open_checkpoint(offer.body["note"].encode(), [Verifier("bank", key.suite, key.public_key)])
        path = [bytes.fromhex(step) for step in offer.body["consistency"]]
        if self.newest is None:
            assert path == []
        else:
            verify_consistency(self.newest.size, checkpoint.size, path, self.newest.root, checkpoint.root)
        at_s = self.trio.clock.ms // 1000
        self.anchored.append(AnchoredCheckpoint(checkpoint.size, checkpoint.root, offer.body["note"], at_s))
        return checkpoint


@pytest.fixture
def ledger(trio: Trio) -> Ledger:
    return Ledger(trio)


def later(trio: Trio, seconds: int) -> None:
    trio.clock.ms += seconds * 1000


def test_an_empty_log_is_not_anchored(ledger: Ledger):
    assert ledger.look() == 0


def test_each_growth_is_offered_once_and_a_heartbeat_after_the_last(trio: Trio, ledger: Ledger):
    trio.send(mass(80_000, 10))
    assert [ledger.look() for _ in range(3)] == [1, 1, 1], "not again while the ledger has not answered"
    assert ledger.take(trio.offered["bank"][0]).size == 1
    trio.send(mass(80_000, 20), mass(80_000, 30))
    trio.send(mass(80_000, 40))
    assert ledger.look() == 1, "a heartbeat has not passed"
    later(trio, BEAT_S)
    assert [ledger.look() for _ in range(3)] == [2, 2, 2]
    assert ledger.take(trio.offered["bank"][1]).size == 3
    later(trio, 5 * BEAT_S)
    assert ledger.look() == 2, "nothing grew"


def test_a_restarted_member_goes_on_from_what_the_ledger_holds(trio: Trio, ledger: Ledger):
    trio.send(mass(80_000, 10))
    ledger.look()
    ledger.take(trio.offered["bank"][0])
    trio.send(mass(80_000, 20))
    trio.members["bank"].close()
    trio.start("bank")
    assert ledger.look() == 1, "the heartbeat counts from the ledger's own time"
    later(trio, BEAT_S)
    assert ledger.look() == 2
    assert ledger.take(trio.offered["bank"][1]).size == 2


def test_an_offer_that_a_restart_lost_is_made_again(trio: Trio, ledger: Ledger):
    trio.send(mass(80_000, 10))
    ledger.look()
    trio.members["bank"].close()
    trio.start("bank")
    assert ledger.look() == 2
    assert ledger.take(trio.offered["bank"][1]).size == 1


def test_an_offer_that_the_ledger_never_took_is_made_again_a_heartbeat_later(trio: Trio, ledger: Ledger):
    trio.send(mass(80_000, 10))
    ledger.look()
    later(trio, BEAT_S)
    assert ledger.look() == 2


@pytest.mark.parametrize(
    "anchored", [AnchoredCheckpoint(1, bytes(32), "note", 0), AnchoredCheckpoint(9, bytes(32), "note", 0)]
)
def test_a_log_that_does_not_continue_its_anchor_is_not_anchored_further(
    trio: Trio, ledger: Ledger, anchored: AnchoredCheckpoint, caplog: pytest.LogCaptureFixture
):
    trio.send(mass(80_000, 10))
    trio.send(mass(80_000, 20))
    ledger.anchored.append(anchored)
    assert [ledger.look(), ledger.look()] == [0, 0]
    assert caplog.text.count("does not continue its anchored size") == 1
    assert trio.members["bank"].anchors.consistency() is None


def test_what_is_relayed_carries_the_path_from_the_anchored_checkpoint(trio: Trio, ledger: Ledger):
    trio.send(mass(80_000, 10))
    ledger.look()
    ledger.take(trio.offered["bank"][0])
    ledger.look()
    for offset_s in range(20, 200, 20):
        trio.send(mass(80_000, offset_s))
    trio.pass_to(AFTER_GRACE_S)
    assert trio.attested("bank", SCHEDULED)
    body = trio.members["bank"].outbox.bodies()[-1]
    told = body["consistency"]
    assert ledger.newest is not None and told["from"] == ledger.newest.note
    key = trio.identities["bank"].keys.sm2
    later_on = open_checkpoint(body["checkpoint"].encode(), [Verifier("bank", key.suite, key.public_key)])
    path = [bytes.fromhex(step) for step in told["path"]]
    verify_consistency(1, later_on.size, path, ledger.newest.root, later_on.root)
    assert "consistency" not in trio.members["insurer"].outbox.bodies()[-1], "it has anchored nothing yet"


class NodeAtTimes:
    """A node that answers each post with the next of `script`: an error to raise, or None."""

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.posts: list[str] = []

    def newest_anchor(self, origin):
        root = Tree().root().hex()
        return {"size": 0, "root": root, "note": "note", "created_at_s": 7} if origin == ORIGIN else None

    def post_anchor(self, body, idempotency_key):
        self.posts.append(idempotency_key)
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error


def watch(node: NodeAtTimes, origin: str = ORIGIN) -> AnchorWatch:
    return AnchorWatch(node, origin, queue.SimpleQueue(), threading.Event())


class TestThread:
    @pytest.mark.parametrize("error", [Unanswered("unavailable", "down"), Denied("unauthenticated", "no key")])
    def test_an_offer_waits_for_a_node_that_does_not_take_it(self, error: Exception):
        node = NodeAtTimes(error)
        thread = watch(node)
        thread.offer(Offer({}, "a"))
        with pytest.raises(type(error)):
            thread.post()
        thread.post()
        thread.post()
        assert node.posts == ["a", "a"], "the same command under the same key, until it is answered"

    def test_a_newer_offer_replaces_one_that_waits(self):
        node = NodeAtTimes()
        thread = watch(node)
        thread.offer(Offer({}, "a"))
        thread.offer(Offer({}, "b"))
        thread.post()
        assert node.posts == ["b"]

    def test_a_refused_offer_is_not_repeated(self):
        node = NodeAtTimes(Conflict("conflict", "no"))
        thread = watch(node)
        thread.offer(Offer({}, "a"))
        thread.post()
        thread.post()
        assert node.posts == ["a"]

    def test_a_look_reads_the_newest_record(self):
        newest = watch(NodeAtTimes()).look().newest
        assert newest is not None and (newest.size, newest.at_s, newest.note) == (0, 7, "note")
        assert watch(NodeAtTimes(), "elsewhere").look().newest is None

    def test_the_thread_outlives_every_error_of_the_node(self, tmp_path: Path):
        inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        stop = threading.Event()
        node = NodeAtTimes(EvidenceError("malformed", "what", ""))
        thread = AnchorWatch(node, ORIGIN, inbox, stop)
        thread.offer(Offer({}, "a"))
        running = threading.Thread(target=thread.run)
        running.start()
        try:
            assert isinstance(inbox.get(timeout=5), AnchorSnapshot)
        finally:
            stop.set()
            running.join(5)
        assert node.posts == ["a", "a"]
