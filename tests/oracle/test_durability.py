"""Acknowledged means durable, locked means one digest, put means delivered: whatever fails or is killed in between."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from oracle.agreement.locks import Locks
from oracle.outbox import Outbox
from oracle.sources.session import Message
from oracle.storage.cipher import StorageCipher
from oracle.storage.store import Store
from tests.oracle.trio import CONSORTIUM, DEVICE, SLOT, WINDOW, Trio, at, mass
from wuxin_client.errors import Conflict, Unanswered
from wuxin_evidence.attestation import ALARM, sequence_of
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import leaf_hash, verify_inclusion
from wuxin_evidence.packs.pack import parse_pack, topic

CIPHER = StorageCipher(b"k" * 16)


class FailingDatabase:
    """A connection whose n-th statement fails, with the disk's words; later ones work again."""

    def __init__(self, database: sqlite3.Connection, n: int) -> None:
        self._database = database
        self._left = n

    def execute(self, sql: str, parameters=()):
        self._left -= 1
        if self._left == 0:
            raise sqlite3.OperationalError("disk I/O error")
        return self._database.execute(sql, parameters)

    def executemany(self, sql: str, rows):
        self._left -= 1
        if self._left == 0:
            raise sqlite3.OperationalError("disk I/O error")
        return self._database.executemany(sql, rows)

    def __getattr__(self, name: str):
        return getattr(self._database, name)


@pytest.mark.parametrize("n", range(1, 51))
def test_nothing_is_acknowledged_that_is_not_on_the_disk(trio: Trio, n: int):
    trio.clock.ms = at(200)
    bank = trio.members["bank"]
    envelopes = [trio.device.pack(mass(80_000 - k, 10 * k)) for k in range(8)]
    batch = [Message(topic(CONSORTIUM, DEVICE), each) for each in [*envelopes, b"rubbish"]]
    bank.store._db = FailingDatabase(bank.store._db, n)
    acknowledged: list[Message] = []
    for part in (batch[:3], batch[3:]):
        try:
            acknowledged += bank.receive(part)
        except sqlite3.OperationalError:
            continue
    reopened = Store(trio.home / "bank" / "evidence.db", StorageCipher(trio.identities["bank"].storage_key))
    for message in acknowledged:
        if message.payload != b"rubbish":
            assert reopened.holds(parse_pack(message.payload, CONSORTIUM).digest)
    assert reopened.tree.root() == bank.store.tree.root()
    reopened.close()
    left = [each for each in batch if each not in acknowledged]
    assert bank.receive(left) == left
    assert len(bank.store.tree) == 8


def test_an_alarm_that_a_failure_cut_off_is_raised_when_the_batch_comes_again(trio: Trio):
    trio.send(mass(83_100, 100))
    loss = [Message(topic(CONSORTIUM, DEVICE), trio.device.pack(mass(77_800, 130)))]
    trio.clock.ms = at(130)
    bank = trio.members["bank"]
    working, bank.context.locks._db = bank.context.locks._db, FailingDatabase(bank.context.locks._db, 1)
    with pytest.raises(sqlite3.OperationalError):
        bank.receive(loss)
    bank.context.locks._db = working
    assert bank.receive(loss) == loss
    trio.publish(loss[0].payload, to=("insurer",))
    trio.deliver()
    assert len(trio.attested("bank", ALARM)) == 1


def test_a_batch_that_failed_is_stored_when_it_comes_again(trio: Trio):
    trio.clock.ms = at(200)
    bank = trio.members["bank"]
    batch = [Message(topic(CONSORTIUM, DEVICE), trio.device.pack(mass(80_000, 10)))]
    working = bank.store._db
    bank.store._db = FailingDatabase(working, 2)
    with pytest.raises(sqlite3.OperationalError):
        bank.receive(batch)
    bank.store._db = working
    assert bank.receive(batch) == batch
    assert len(bank.store.tree) == 1


def test_every_stored_pack_has_its_place_in_the_tree_after_a_restart(trio: Trio):
    envelopes = [trio.send(mass(80_000, n)) for n in range(20)]
    trio.members["bank"].close()
    bank = trio.start("bank")
    size, root = len(bank.store.tree), bank.store.tree.root()
    assert size == 20
    for envelope in envelopes:
        pack = parse_pack(envelope, CONSORTIUM)
        place = bank.store.index_of(pack.digest)
        proof = bank.store.tree.inclusion_proof(place, size)
        verify_inclusion(leaf_hash(pack.sig_structure), place, size, proof, root)


class TestLocks:
    def test_the_first_digest_holds_the_lock_for_ever(self, tmp_path: Path):
        locks = Locks(tmp_path / "locks.db")
        assert locks.take(b"s" * 32, 0, 7, b"a" * 32) == b"a" * 32
        assert locks.take(b"s" * 32, 0, 7, b"b" * 32) == b"a" * 32
        locks.close()
        assert Locks(tmp_path / "locks.db").take(b"s" * 32, 0, 7, b"b" * 32) == b"a" * 32

    def test_other_kinds_sequences_and_subjects_are_free(self, tmp_path: Path):
        locks = Locks(tmp_path / "locks.db")
        locks.take(b"s" * 32, 0, 7, b"a" * 32)
        for about, kind, sequence in ((b"t" * 32, 0, 7), (b"s" * 32, 1, 7), (b"s" * 32, 0, 8)):
            assert locks.take(about, kind, sequence, b"b" * 32) == b"b" * 32

    def test_killed_between_lock_and_signature_the_next_alarm_takes_the_next_number(self, trio: Trio, monkeypatch):
        trio.send(mass(83_100, 100))
        bank = trio.members["bank"]
        killed = RuntimeError("killed")

        def die(self, message):
            raise killed

        loss = trio.device.pack(mass(77_800, 130))
        trio.clock.ms = at(130)
        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr(type(bank.context.keys.evm), "sign_digest", die)
            bank.receive([Message(topic(CONSORTIUM, DEVICE), loss)])
        about, first = subject("slot", SLOT), sequence_of(WINDOW, 1)
        locked = bank.context.locks.holder(about, ALARM, first)
        assert locked is not None
        bank.close()
        trio.start("bank")
        trio.publish(loss, to=("insurer", "inspector"))
        trio.deliver()
        trio.send(mass(70_000, 140))
        bank = trio.members["bank"]
        assert bank.context.locks.holder(about, ALARM, first) == locked
        by_bank = [
            each for each in trio.attested("insurer", ALARM) if "bank" in {s.organisation for s in each.signatures}
        ]
        assert all(each.attestation.digest() == locked for each in by_bank if each.attestation.sequence == first)


class FlakyNode:
    """Fails a given number of times before it takes a post; refuses what it is told to."""

    def __init__(self, failures: int = 0, refuse: frozenset[str] = frozenset()) -> None:
        self.failures = failures
        self.refuse = refuse
        self.taken: list[str] = []
        self.tried: list[str] = []

    def post_attestation(self, body, idempotency_key):
        self.tried.append(idempotency_key)
        if self.failures:
            self.failures -= 1
            raise Unanswered("unavailable", "no answer")
        if idempotency_key in self.refuse:
            raise Conflict("sequence_regressed", "a newer one is there")
        self.taken.append(idempotency_key)


def delivered(outbox: Outbox, *, until: dict[str, int]) -> None:
    thread = threading.Thread(target=outbox.run)
    thread.start()
    for _ in range(400):
        if outbox.counts() == until:
            break
        threading.Event().wait(0.01)
    outbox.stop()
    thread.join()
    assert outbox.counts() == until


class TestOutbox:
    def test_a_failing_node_is_asked_again_with_the_same_key_and_order_is_kept(self, tmp_path: Path):
        node = FlakyNode(failures=3)
        outbox = Outbox(tmp_path / "outbox.db", node, CIPHER)
        outbox.put("a", {"n": 1})
        outbox.put("b", {"n": 2})
        delivered(outbox, until={"delivered": 2})
        assert node.taken == ["a", "b"]
        assert node.tried == ["a", "a", "a", "a", "b"]

    def test_an_alarm_passes_the_routine_that_waits(self, tmp_path: Path):
        node = FlakyNode()
        outbox = Outbox(tmp_path / "outbox.db", node, CIPHER)
        outbox.put("window 1", {}, routine=True)
        outbox.put("window 2", {}, routine=True)
        outbox.put("alarm", {})
        delivered(outbox, until={"delivered": 3})
        assert node.taken == ["alarm", "window 1", "window 2"]

    def test_the_same_key_twice_is_one_entry(self, tmp_path: Path):
        outbox = Outbox(tmp_path / "outbox.db", FlakyNode(), CIPHER)
        outbox.put("a", {"n": 1})
        outbox.put("a", {"n": 1})
        assert outbox.counts() == {"waiting": 1}

    def test_what_waited_when_the_process_was_killed_is_delivered_afterwards(self, tmp_path: Path):
        Outbox(tmp_path / "outbox.db", FlakyNode(), CIPHER).put("a", {"n": 1})
        node = FlakyNode()
        delivered(Outbox(tmp_path / "outbox.db", node, CIPHER), until={"delivered": 1})
        assert node.taken == ["a"]

    def test_a_refused_attestation_does_not_hold_up_the_next(self, tmp_path: Path):
        node = FlakyNode(refuse=frozenset({"a"}))
        outbox = Outbox(tmp_path / "outbox.db", node, CIPHER)
        outbox.put("a", {})
        outbox.put("b", {})
        delivered(outbox, until={"delivered": 1, "refused": 1})
