"""What one hostile member or device, one odd message or one failed write does not bring about."""

from __future__ import annotations

import base64
import json
import queue
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from node.api import relayed
from node.api.limits import BODY_BYTES_MAX
from oracle import admission
from oracle.agreement.notes import DIGESTS_MAX, NoteWriter, notes_topic
from oracle.agreement.requested_packs import TAKEN_MAX
from oracle.outbox import Outbox
from oracle.process import Process
from oracle.sources.session import Message
from oracle.sources.values import SourceValues
from oracle.standing import NUMBERS_AHEAD_MAX, PROPOSALS_PER_TICK_MAX
from oracle.storage.cipher import StorageCipher
from oracle.storage.quarantine import EQUIVOCATIONS_MAX, ROWS_MAX, Quarantine
from tests.oracle.trio import CONSORTIUM, DEVICE, NAMES, SLOT, WINDOW, TestDevice, Trio, W, at, mass, values
from wuxin_evidence.attestation import ALARM, LIEN, SCHEDULED, SCHEDULED_N, SignedAttestation, sequence_of
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.packs.pack import parse_pack, sign1, sign_pack, topic


def note_of(trio: Trio, kind: str, body: dict, boot: int = 5) -> Message:
    """A note that the insurer really signed."""
    writer = NoteWriter(CONSORTIUM, "insurer", trio.identities["insurer"].keys.sm2, boot)
    return Message(writer.topic, writer.write(kind, body))


def another_scale(trio: Trio) -> TestDevice:
    other = TestDevice("scale-2", SigningKey.generate("es256"))
    trio.devices.append(other.enrolled())
    trio.look()
    return other


def signed_sets(trio: Trio, name: str, kind: int) -> list[set[str]]:
    """Whose signatures are in each body that `name` put into its outbox."""
    bodies = trio.members[name].outbox.bodies()
    found = [SignedAttestation.from_json(body["attestation"]) for body in bodies]
    return [{one.organisation for one in each.signatures} for each in found if each.attestation.kind == kind]


class TestNotes:
    @pytest.mark.parametrize("author", ["insurer", "nobody"])
    def test_a_note_whose_author_is_a_number_is_refused_and_the_member_goes_on(self, trio: Trio, author: str):
        raw = sign1(SigningKey.generate("sm2-sm3"), {4: 7}, b"x", b"")
        trio.members["bank"].receive([Message(notes_topic(CONSORTIUM, author), raw)])
        trio.send(mass(100, 1))
        assert len(trio.members["bank"].store.tree) == 1

    @pytest.mark.parametrize("boot", [2**63, 2**64, -1])
    def test_a_note_with_a_boot_that_no_log_can_order_is_refused_and_packs_are_stored_after_it(
        self, trio: Trio, boot: int
    ):
        trio.members["bank"].receive([note_of(trio, "differs", {}, boot)])
        trio.send(mass(100, 1))
        assert len(trio.members["bank"].store.tree) == 1
        assert trio.members["bank"].differs == []

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("have", {"slot": SLOT, "window": 1, "packs": [], "late": []}),
            ("want", {"to": "bank", "packs": 5}),
            ("want", {"to": [], "packs": [b"x" * 32]}),
            ("packs", {"envelopes": [b"", b"\xd2", 5, b"\xd2\x84\x40\xa0\x40\x40"]}),
            ("signed", {"statement": 5}),
            ("signed", {"statement": cbor.encode([[{}]]), "subject_kind": {}, "subject_id": SLOT, "packs": [],
                        "late": [], "sm2": b"x" * 64, "secp256k1": b"x" * 65}),
        ],
    )  # fmt: skip
    def test_a_note_of_an_odd_shape_is_refused_and_the_member_goes_on(self, trio: Trio, kind: str, body: dict):
        trio.members["bank"].receive([note_of(trio, kind, body)])
        trio.send(mass(100, 1))
        assert len(trio.members["bank"].store.tree) == 1

    @pytest.mark.parametrize("fault", [TypeError, ValueError, OverflowError])
    def test_a_note_that_breaks_what_hears_it_is_refused_and_the_member_goes_on(self, trio: Trio, monkeypatch, fault):
        bank = trio.members["bank"]

        def broken(note):
            raise fault("unforeseen")

        monkeypatch.setattr(bank.closings, "on_have", broken)
        message = note_of(trio, "have", {})
        assert bank.receive([message]) == [message]


def test_a_pack_that_breaks_admission_is_quarantined_alone(trio: Trio, monkeypatch):
    bank, judge = trio.members["bank"], admission.admit

    def broken(envelope, *rest):
        if envelope == b"odd":
            raise ZeroDivisionError("unforeseen")
        return judge(envelope, *rest)

    monkeypatch.setattr("oracle.member.admit", broken)
    trio.publish(b"odd", to=("bank",))
    trio.publish(trio.device.pack(mass(80_000, 0)), to=("bank",))
    trio.deliver()
    assert [each.code for each in bank.quarantine.newest()] == ["malformed"]
    assert len(bank.store.tree) == 1


def test_a_batch_that_failed_is_heard_again_with_its_notes(trio: Trio, monkeypatch):
    trio.send(mass(10_000, 1))
    loss = trio.device.pack(mass(2_000, 10))
    trio.clock.ms = at(10)
    trio.down = {"bank"}
    trio.publish(loss)
    trio.deliver()
    bank, batch = trio.members["bank"], list(trio.queues["bank"])

    def full(positions):
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patch, pytest.raises(sqlite3.OperationalError):
        patch.setattr(bank.store, "set_peer_positions", full)
        bank.receive(batch)
    bank.receive(batch)
    assert signed_sets(trio, "bank", ALARM)[-1] == set(NAMES)


class TestQuorum:
    def test_a_member_with_an_interest_that_signs_first_does_not_spoil_the_quorum(self, trio: Trio):
        """Ledgers do not count the insurer here; the two others' signatures must reach them together."""
        trio.send(mass(10_000, 1))
        loss = trio.device.pack(mass(5_000, 10))
        trio.clock.ms = at(10)
        trio.publish(loss, to=["insurer"])
        trio.members["insurer"].receive(list(trio.queues["insurer"]))
        trio.queues["insurer"].clear()
        for name in ("bank", "inspector"):
            batch = [Message(topic(CONSORTIUM, DEVICE), loss), *trio.queues[name]]
            trio.queues[name].clear()
            trio.members[name].receive(batch)
        trio.settle(1)
        for name in ("bank", "inspector"):
            assert {"bank", "inspector"} <= signed_sets(trio, name, ALARM)[-1]

    def test_each_further_signature_is_put_once(self, trio: Trio):
        trio.send(mass(10_000, 1))
        trio.send(mass(5_000, 10))
        trio.settle(5)
        assert [len(each) for each in signed_sets(trio, "bank", ALARM)] == [2, 3]


class TestNumbers:
    READ = SourceValues(LIEN, "pledge", "p-1", {"lien_active": 1, "receipt_status": 1, "receipt_quantity_g": 1000})
    GONE = SourceValues(LIEN, "pledge", "p-1", {"lien_active": 0, "receipt_status": 1, "receipt_quantity_g": 0})

    @pytest.mark.parametrize("n", [0, NUMBERS_AHEAD_MAX + 1, SCHEDULED_N - 1, SCHEDULED_N])
    def test_a_member_cannot_use_up_the_numbers_of_a_window(self, trio: Trio, n: int):
        trio.clock.ms = at(5)
        for name in NAMES:
            trio.reads[name] = [self.READ]
        trio.down.add("insurer")
        evil = trio.members["insurer"]
        evil.collector.sign(evil.standing._statement(self.READ, evil.context.now_s, sequence_of(WINDOW, n)))
        trio.look("bank", "inspector")
        trio.settle(3)
        for name in ("bank", "inspector"):
            trio.reads[name] = [self.GONE]
        trio.clock.ms = at(60)
        trio.look("bank", "inspector")
        trio.settle(20)
        last = max(trio.attested("bank", LIEN), key=lambda each: each.attestation.sequence)
        assert values(last)["lien_active"][0] == 0

    def test_a_peer_that_is_a_few_numbers_ahead_is_signed(self, trio: Trio):
        trio.clock.ms = at(5)
        bank = trio.members["bank"]
        trio.reads["insurer"] = [self.READ]
        trio.look("insurer")
        bank.collector.sign(
            bank.standing._statement(self.READ, bank.context.now_s, sequence_of(WINDOW, NUMBERS_AHEAD_MAX))
        )
        trio.deliver()
        assert len(trio.attested("bank", LIEN)) == 1


class TestShares:
    def test_a_device_cannot_crowd_out_another_ones_loss(self, trio: Trio, monkeypatch):
        monkeypatch.setattr(admission, "PACKS_PER_WINDOW_MAX", 40)
        other = another_scale(trio)
        trio.send(mass(10_000, 1))
        for k in range(45):
            trio.publish(other.pack(mass(1, 2 + k)), device_id=other.device_id)
        trio.clock.ms = at(300)
        trio.deliver()
        trio.send(mass(1_000, 301))
        trio.settle(1)
        codes = {each.code for each in trio.members["bank"].quarantine.newest()}
        assert (codes, len(trio.members["bank"].store.tree)) == ({"too_large"}, 22)
        bodies = [each for each in trio.members["bank"].outbox.bodies() if each["packs"]]
        assert bodies
        assert all(len(each["packs"]) <= 40 for each in bodies)

    def test_the_share_is_counted_from_the_disk_after_a_restart_and_in_bytes_too(self, trio: Trio, monkeypatch):
        trio.send(mass(10_000, 1))
        first = len(trio.device.pack(mass(10_000, 2)))
        monkeypatch.setattr(admission, "BYTES_PER_WINDOW_MAX", 2 * first)
        trio.members["bank"].close()
        bank = trio.start("bank")
        trio.send(mass(10_000, 3))
        assert [each.code for each in bank.quarantine.newest()] == ["too_large"]
        trio.send(mass(10_000, W.window_s + 1))
        assert len(bank.store.tree) == 2

    def test_what_admission_lets_in_fits_into_notes_and_into_the_nodes_request(self):
        assert admission.PACKS_PER_WINDOW_MAX <= relayed.PACKS_MAX <= DIGESTS_MAX
        hashes = 24
        """A log of 16 million packs."""
        proof = {"digest": "0" * 64, "index": 2**hashes, "path": ["0" * 64] * hashes}
        proofs = admission.PACKS_PER_WINDOW_MAX * (len(json.dumps(proof)) + 2)
        quoted = admission.PACKS_PER_WINDOW_MAX * 8
        carried_in = len(base64.b64encode(bytes(admission.BYTES_PER_WINDOW_MAX)))
        assert 2 * carried_in + proofs + quoted < BODY_BYTES_MAX


class TestBorders:
    def test_a_pack_of_the_next_window_does_not_silence_the_open_one(self, trio: Trio):
        other = another_scale(trio)
        end = W.window_s
        trio.send(mass(10_000, end - 40))
        trio.clock.ms = at(end - 9)
        trio.publish(other.pack(mass(10, end + 0.5)), device_id=other.device_id)
        trio.deliver()
        trio.send(mass(2_000, end - 5))
        trio.settle(1)
        assert len(trio.attested("bank", ALARM)) == 1

    def test_a_member_started_again_after_the_border_still_raises_the_alarm(self, trio: Trio, monkeypatch):
        trio.send(mass(10_000, 1))
        loss = trio.device.pack(mass(2_000, W.window_s - 2))
        trio.clock.ms = at(W.window_s - 1)
        for name in NAMES:
            member = trio.members[name]
            monkeypatch.setattr(member, "_follow", lambda each: None)
            member.receive([Message(topic(CONSORTIUM, DEVICE), loss)])
            member.close()
        trio.clock.ms = at(W.window_s + 5)
        for name in NAMES:
            trio.queues[name].clear()
            trio.start(name)
        trio.settle(1)
        assert len(trio.attested("bank", ALARM)) == 1


def test_both_packs_of_an_equivocation_are_kept_through_a_flood(tmp_path: Path):
    quarantine = Quarantine(tmp_path / "quarantine.db", StorageCipher(b"k" * 16))
    quarantine.put(b"second", "t", "pack_equivocation", "", 1)
    quarantine.flush()
    for _ in range(ROWS_MAX + 1):
        quarantine.put(b"junk", "t", "malformed", "", 2)
    quarantine.flush()
    rows = quarantine.newest(2 * ROWS_MAX)
    assert len(rows) == ROWS_MAX + 1
    assert rows[-1].code == "pack_equivocation"


def test_equivocations_are_bounded_too(tmp_path: Path):
    quarantine = Quarantine(tmp_path / "quarantine.db", StorageCipher(b"k" * 16))
    for n in range(EQUIVOCATIONS_MAX + 5):
        quarantine.put(b"second", "t", "pack_equivocation", "", n)
    quarantine.flush()
    rows = quarantine.newest(2 * EQUIVOCATIONS_MAX)
    assert (len(rows), rows[-1].at_ms) == (EQUIVOCATIONS_MAX, 5)


class TestRequestedPacks:
    def test_packs_that_nobody_asked_for_are_not_even_verified(self, trio: Trio, monkeypatch):
        thief = SigningKey.generate("sm2-sm3")
        forged = [sign_pack(thief, CONSORTIUM, DEVICE, 9, n, [mass(1, 1)]) for n in range(20)]
        judged: list[bytes] = []
        monkeypatch.setattr("oracle.member.admit", lambda raw, *rest: judged.append(raw))
        trio.members["bank"].receive([note_of(trio, "packs", {"envelopes": forged})])
        trio.settle(1)
        assert judged == []

    def test_a_forged_answer_does_not_keep_the_true_pack_out(self, trio: Trio):
        bank = trio.members["bank"]
        envelope = trio.device.pack(mass(10_000, 1))
        digest = parse_pack(envelope, CONSORTIUM).digest
        bank.requested_packs.request([digest])
        trio.clock.ms = at(5)
        forged = envelope[:-4] + bytes(4)
        bank.receive([note_of(trio, "packs", {"envelopes": [forged]}, boot=5)])
        assert not bank.store.holds(digest)
        bank.receive([note_of(trio, "packs", {"envelopes": [envelope]}, boot=6)])
        assert bank.store.holds(digest)

    def test_many_wanted_packs_are_taken_a_few_at_a_time_and_all_in_the_end(self, trio: Trio):
        bank = trio.members["bank"]
        envelopes = [trio.device.pack(mass(10_000, 1)) for _ in range(2 * TAKEN_MAX + 1)]
        bank.requested_packs.request(parse_pack(each, CONSORTIUM).digest for each in envelopes)
        trio.clock.ms = at(5)
        bank.receive([note_of(trio, "packs", {"envelopes": envelopes})])
        assert len(bank.store.tree) == TAKEN_MAX
        trio.settle(0.3)
        assert len(bank.store.tree) == len(envelopes)


def test_a_flood_of_forged_packs_is_tried_for_other_devices_a_few_times_a_second(trio: Trio, monkeypatch):
    another_scale(trio)
    tried: list[int] = []
    monkeypatch.setattr(admission, "_signed_for", lambda *rest: tried.append(1))
    thief = SigningKey.generate("sm2-sm3")
    for n in range(20):
        trio.publish(sign_pack(thief, CONSORTIUM, DEVICE, 9, n, [mass(1, 0)]), to=("bank",))
    trio.deliver()
    assert len(tried) == admission.GUESSES_PER_S_MAX
    assert {each.code for each in trio.members["bank"].quarantine.newest()} == {"bad_signature"}


@pytest.mark.parametrize(
    ("slot_id", "window"), [("no-such-slot", WINDOW), (SLOT, WINDOW - 1000), (SLOT, WINDOW + 1000)]
)
def test_a_statement_of_no_slot_or_of_another_time_takes_no_room(trio: Trio, slot_id: str, window: int):
    insurer = trio.members["insurer"]
    span_s = (W.start_s(window), W.end_s(window))
    insurer.collector.sign(
        insurer.context.statement(SCHEDULED, ("slot", slot_id), sequence_of(window, SCHEDULED_N), span_s, ())
    )
    trio.deliver()
    assert not trio.members["bank"].collector._by_digest


def test_of_a_differs_note_only_the_known_fields_are_kept(trio: Trio):
    row = {"name": "x" * 1000, "mine": 1, "theirs": "much", "more": [0] * 10}
    body = {"subject_id": "s" * 10_000, "kind": 0, "sequence": 1, "indicators": [row] * 100, "altered": [b"x" * 32]}
    trio.members["bank"].receive([note_of(trio, "differs", {**body, "more": [0] * 100_000})])
    (kept,) = trio.members["bank"].differs
    assert set(kept) == {"organisation", "subject_id", "kind", "sequence", "indicators", "altered"}
    assert kept["indicators"][0] == {"name": "x" * 128, "mine": 1, "theirs": None}
    assert (len(kept["subject_id"]), len(kept["indicators"])) == (128, 16)


class TestProposals:
    READS = tuple(
        SourceValues(LIEN, "pledge", f"p-{n}", {"lien_active": 1, "receipt_status": 1, "receipt_quantity_g": 5})
        for n in range(2 * PROPOSALS_PER_TICK_MAX)
    )

    def signed(self, trio: Trio) -> int:
        rows = trio.members["bank"].context.locks._db.execute("SELECT count(*) FROM locks").fetchone()
        return int(rows[0])

    def test_many_liens_after_a_restart_are_proposed_a_few_at_a_time(self, trio: Trio):
        trio.clock.ms = at(5)
        trio.reads["bank"] = list(self.READS)
        trio.look("bank")
        assert self.signed(trio) == PROPOSALS_PER_TICK_MAX
        trio.members["bank"].tick()
        assert self.signed(trio) == 2 * PROPOSALS_PER_TICK_MAX

    def test_a_proposal_that_nobody_joins_is_made_less_and_less_often(self, trio: Trio):
        trio.down |= {"insurer", "inspector"}
        trio.clock.ms = at(5)
        trio.reads["bank"] = [self.READS[0]]
        trio.look("bank")
        trio.settle(70)
        assert self.signed(trio) == 6, "at 0, 2, 6, 14, 30 and 62 s"

    def test_a_changed_value_does_not_wait_for_the_pause(self, trio: Trio):
        self.test_a_proposal_that_nobody_joins_is_made_less_and_less_often(trio)
        trio.reads["bank"] = [replace(self.READS[0], values={**self.READS[0].values, "lien_active": 0})]
        trio.look("bank")
        assert self.signed(trio) == 7


class TestOutbox:
    def test_the_outbox_keeps_no_reading_in_the_clear(self, trio: Trio):
        envelope = trio.send(mass(10_000, 1))
        trio.send(mass(5_000, 10))
        trio.settle(1)
        outbox = trio.members["bank"].outbox
        assert outbox.bodies()[0]["packs"]
        outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw = (trio.home / "bank" / "outbox.db").read_bytes()
        assert base64.b64encode(envelope) not in raw

    def test_a_delivered_body_is_emptied(self, tmp_path: Path):
        class Node:
            def post_attestation(self, body, idempotency_key):
                outbox.stop()

        outbox = Outbox(tmp_path / "outbox.db", Node(), StorageCipher(b"k" * 16))
        outbox.put("a", {"n": 1})
        outbox.run()
        assert outbox._db.execute("SELECT state, body FROM outbox").fetchall() == [("delivered", b"")]


def test_a_full_inbox_holds_back_the_broker_and_not_the_end_of_the_process():
    process = Process.__new__(Process)
    process._inbox, process._stop = queue.Queue(1), threading.Event()
    process._deliver(Message("t", b"1"))
    waiting = threading.Thread(target=process._deliver, args=(Message("t", b"2"),))
    waiting.start()
    assert process._inbox.get(timeout=5).payload == b"1"
    waiting.join(5)
    assert not waiting.is_alive()
    waiting = threading.Thread(target=process._deliver, args=(Message("t", b"3"),))
    waiting.start()
    process.stop()
    waiting.join(5)
    assert not waiting.is_alive()
