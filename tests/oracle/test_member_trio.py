"""Three members: what they attest together, and what one of them cannot make them attest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.agreement.notes import NoteWriter, notes_topic, read_note
from oracle.alarms import OpenWindow, _fold
from oracle.operators.weighed_stock import alarms, fold_values
from oracle.sources.session import Message
from oracle.sources.values import SourceValues
from tests.oracle.trio import (
    AFTER_GRACE_S,
    CONSORTIUM,
    NAMES,
    SLOT,
    T0_S,
    WINDOW,
    Trio,
    W,
    at,
    mass,
    values,
    withdrawal,
)
from wuxin_evidence.attestation import (
    ALARM,
    LIEN,
    MISSING,
    OK,
    PRICE,
    SCHEDULED,
    SCHEDULED_N,
    MemberSignature,
    sequence_of,
)
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import EMPTY_ROOT, pack_root
from wuxin_evidence.packs.pack import parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading


def a_visit(trio: Trio, offset_s: float, before: int, after: int, to=NAMES) -> None:
    trio.send(mass(before, offset_s), to=to)
    trio.send(mass(after, offset_s + 20), withdrawal(before - after, offset_s + 20), to=to)


def digest_of(envelope: bytes) -> bytes:
    return parse_pack(envelope, CONSORTIUM).digest


class TestScheduled:
    def test_a_window_is_attested_by_all_three_with_the_same_digest(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        a_visit(trio, 400, 79_700, 79_000)
        trio.pass_to(AFTER_GRACE_S)
        digests = {each.attestation.digest() for name in NAMES for each in trio.attested(name, SCHEDULED)}
        assert len(digests) == 1
        signed = trio.attested("bank", SCHEDULED)[0]
        assert values(signed) == {
            "quantity_g": (79_000_000, OK),
            "unexplained_loss_g": (0, OK),
            "run_length": (0, OK),
            "gap_s": (480, OK),
        }
        assert signed.attestation.subject == subject("slot", SLOT)
        assert signed.attestation.sequence == sequence_of(WINDOW, SCHEDULED_N)
        assert (signed.attestation.window_start, signed.attestation.window_end) == (T0_S, T0_S + W.window_s)
        assert signed.attestation.pack_count == 4

    def test_nothing_is_attested_before_the_grace_is_over(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(W.window_s + W.grace_s - 1)
        assert trio.attested("bank", SCHEDULED) == []

    def test_an_empty_window_is_attested_as_missing_and_its_gap_is_the_window(self, trio: Trio):
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("bank", SCHEDULED)[0]
        assert values(signed) == {
            "quantity_g": (0, MISSING),
            "unexplained_loss_g": (0, MISSING),
            "run_length": (0, MISSING),
            "gap_s": (W.window_s, OK),
        }
        assert signed.attestation.pack_root == pack_root([])

    def test_a_loss_across_the_border_of_two_windows_counts_in_the_second(self, trio: Trio):
        trio.send(mass(80_000, 800))
        trio.pass_to(AFTER_GRACE_S)
        trio.send(mass(78_000, AFTER_GRACE_S + 10))
        trio.pass_to(W.window_s + AFTER_GRACE_S)
        first, second = trio.attested("insurer", SCHEDULED)
        assert values(first)["unexplained_loss_g"] == (0, OK)
        assert values(second)["unexplained_loss_g"] == (2_000_000, OK)
        assert second.attestation.pack_count == 2

    def test_a_late_pack_enters_the_next_window_and_is_counted_as_late(self, trio: Trio):
        trio.send(mass(80_000, 100))
        late = trio.device.pack(mass(78_000, 500))
        trio.pass_to(AFTER_GRACE_S)
        trio.publish(late)
        trio.deliver()
        trio.send(mass(78_000, AFTER_GRACE_S + 10))
        trio.pass_to(W.window_s + AFTER_GRACE_S)
        first, second = trio.attested("bank", SCHEDULED)
        assert (first.attestation.pack_count, first.attestation.late_count) == (1, 0)
        assert (second.attestation.pack_count, second.attestation.late_count) == (3, 1)
        assert values(second)["unexplained_loss_g"] == (2_000_000, OK)
        trio.pass_to(2 * W.window_s + AFTER_GRACE_S)
        assert trio.attested("bank", SCHEDULED)[2].attestation.late_count == 0

    def test_a_member_that_missed_a_pack_gets_it_from_the_others(self, trio: Trio):
        trio.send(mass(80_000, 100))
        missed = trio.send(mass(79_800, 200), to=("bank", "insurer"))
        trio.pass_to(AFTER_GRACE_S)
        assert trio.members["inspector"].store.holds(digest_of(missed))
        digests = {trio.attested(name, SCHEDULED)[0].attestation.digest() for name in NAMES}
        assert len(digests) == 1

    def test_two_members_that_each_missed_a_pack_agree_on_the_union(self, trio: Trio):
        trio.down.add("inspector")
        trio.send(mass(80_000, 100), to=("bank",))
        trio.send(mass(79_800, 200), to=("insurer",))
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("bank", SCHEDULED)[0]
        assert signed.attestation.pack_count == 2

    def test_one_member_down_changes_nothing(self, trio: Trio):
        trio.down.add("bank")
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}

    def test_two_members_down_and_nothing_is_attested(self, trio: Trio):
        trio.down |= {"bank", "insurer"}
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(AFTER_GRACE_S)
        trio.settle(10)
        assert trio.attested("inspector", SCHEDULED) == []

    def test_a_member_that_was_down_signs_the_same_when_it_comes_back(self, trio: Trio):
        trio.send(mass(80_000, 50))
        trio.down.add("bank")
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(AFTER_GRACE_S)
        trio.down.remove("bank")
        trio.deliver()
        trio.settle()
        assert (
            trio.attested("bank", SCHEDULED)[0].attestation.digest()
            == trio.attested("insurer", SCHEDULED)[0].attestation.digest()
        )

    def test_a_member_started_again_goes_on_where_it_was(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(AFTER_GRACE_S)
        trio.members["bank"].close()
        trio.start("bank")
        trio.pass_to(W.window_s + AFTER_GRACE_S)
        assert len(trio.attested("bank", SCHEDULED)) == 2

    def test_a_silent_third_member_costs_a_bounded_wait(self, trio: Trio):
        trio.down.add("inspector")
        a_visit(trio, 100, 80_000, 79_700)
        trio.clock.ms = at(AFTER_GRACE_S)
        began = trio.clock.real_s
        trio.until(lambda: bool(trio.attested("bank", SCHEDULED)))
        assert trio.clock.real_s - began <= 1.0


class TestAlteredStore:
    def test_a_member_whose_packs_were_altered_does_not_sign_and_names_the_indicator(self, trio: Trio):
        trio.send(mass(80_000, 100))
        envelope = trio.send(mass(79_900, 200))
        alter(trio, envelope, mass(95_000, 200))
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}
        differs = trio.members["insurer"].differs[0]
        assert differs["organisation"] == "bank"
        assert {row["name"]: (row["mine"], row["theirs"]) for row in differs["indicators"]}["quantity_g"] == (
            95_000_000,
            79_900_000,
        )
        assert differs["altered"] == [digest_of(envelope)]

    def test_bytes_that_no_longer_open_are_noticed_too(self, trio: Trio):
        trio.send(mass(80_000, 100))
        store = trio.members["bank"].store
        store._db.execute("UPDATE packs SET envelope = zeroblob(200)")
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}
        assert trio.members["insurer"].differs[0]["altered"] != []

    def test_an_alarm_on_altered_packs_is_not_signed(self, trio: Trio):
        envelope = trio.send(mass(80_000, 100))
        alter(trio, envelope, mass(95_000, 100))
        trio.members["bank"].close()
        bank = trio.start("bank")
        trio.send(mass(79_900, 200))
        assert bank.context.locks.holder(subject("slot", SLOT), ALARM, sequence_of(WINDOW, 1)) is None


def alter(trio: Trio, envelope: bytes, reading: Reading) -> None:
    """Somebody with the bank's storage key and the device's key changes one stored pack."""
    digest, place = digest_of(envelope), parse_pack(envelope, CONSORTIUM)
    store = trio.members["bank"].store
    other = sign_pack(trio.device.key, CONSORTIUM, place.device_id, place.boot, place.seq, [reading])
    sealed = store._cipher.seal(other, digest)
    store._db.execute("UPDATE packs SET envelope = ? WHERE digest = ?", (sealed, digest))


class TestAlarm:
    def test_a_loss_beyond_the_threshold_is_attested_at_once_and_alike(self, trio: Trio):
        trio.send(mass(83_100, 100))
        trio.send(mass(77_800, 130))
        alarms = [trio.attested(name, ALARM) for name in NAMES]
        assert {each[0].attestation.digest() for each in alarms} == {alarms[0][0].attestation.digest()}
        first = alarms[0][0]
        assert values(first) == {"unexplained_loss_g": (5_300_000, OK)}
        assert first.attestation.sequence == sequence_of(WINDOW, 1)
        assert first.attestation.window_end == T0_S + 130
        assert first.attestation.pack_count == 2

    def test_the_next_loss_is_the_next_alarm_and_no_loss_is_none(self, trio: Trio):
        for kg, offset_s in ((83_100, 100), (77_800, 130), (77_800, 140), (73_000, 150)):
            trio.send(mass(kg, offset_s))
        assert [each.attestation.sequence & 0xFFFF for each in trio.attested("bank", ALARM)] == [1, 2]
        assert [values(each)["unexplained_loss_g"][0] for each in trio.attested("bank", ALARM)] == [
            5_300_000,
            10_100_000,
        ]

    def test_a_member_that_missed_the_carry_in_fetches_it_and_signs(self, trio: Trio):
        trio.down.add("inspector")
        trio.send(mass(83_100, 100), to=("bank",))
        trio.send(mass(77_800, 130), to=("bank", "insurer"))
        trio.settle(1)
        signed = trio.attested("bank", ALARM)
        assert len(signed) == 1
        assert {each.organisation for each in signed[0].signatures} == {"bank", "insurer"}

    def test_two_different_alarms_under_one_number_end_in_one_that_both_sign(self, trio: Trio):
        trio.down.add("inspector")
        trio.send(mass(83_100, 100))
        trio.publish(trio.device.pack(mass(77_800, 130)), to=("bank",))
        second = trio.device.pack(mass(73_000, 150))
        trio.publish(second, to=("insurer",))
        trio.clock.ms = at(150)
        trio.deliver()
        trio.settle(2)
        strongest = [max(values(each)["unexplained_loss_g"][0] for each in trio.attested(n, ALARM))
                     for n in ("bank", "insurer")]  # fmt: skip
        assert strongest == [10_100_000, 10_100_000]
        for name in ("bank", "insurer"):
            rows = trio.members[name].context.locks._db.execute("SELECT count(*), count(DISTINCT sequence) FROM locks")
            total, distinct = rows.fetchone()
            assert total == distinct

    def test_one_member_alone_raises_no_alarm(self, trio: Trio):
        trio.down |= {"bank", "insurer"}
        trio.send(mass(83_100, 100))
        trio.send(mass(77_800, 130))
        trio.settle(1)
        assert trio.attested("inspector", ALARM) == []

    def test_a_peers_alarm_that_leaves_packs_out_is_not_signed(self, trio: Trio):
        trio.send(mass(83_100, 100))
        withheld = trio.send(mass(79_900, 120), withdrawal(3_200, 120))
        trio.send(mass(79_700, 130))
        bank = trio.members["bank"]
        kept = frozenset(
            each.digest
            for each in bank.store.positions([trio.device.device_id], WINDOW, None)
            if each.digest != digest_of(withheld)
        )
        state = OpenWindow(WINDOW)
        for pack in sorted(bank.context.load_packs(kept).packs, key=lambda each: each.order):
            _fold(state, pack, 1_000_000)
        lie = bank.alarms._statement(
            SLOT, WINDOW, alarms(fold_values(state.folds.values()), bank.context.profile), kept, at(130), 1
        )
        assert bank.collector.sign(lie)
        trio.deliver()
        assert all(trio.attested(name, ALARM) == [] for name in NAMES)


class TestEpochs:
    def test_a_window_that_ended_before_the_next_epoch_is_signed_by_its_own_committee(self, trio: Trio):
        """Both ledgers refuse the new epoch's signature under a window of the old one (`wrong_epoch`)."""
        first = trio.committee
        trio.committee = replace(first, epoch=2, active_from_s=T0_S + 900)
        trio.look()
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(AFTER_GRACE_S)
        assert trio.clock.now_ms() // 1000 > trio.committee.active_from_s
        assert [each.attestation.epoch for each in trio.attested("bank", SCHEDULED)] == [1]
        trio.pass_to(AFTER_GRACE_S + 900)
        assert [each.attestation.epoch for each in trio.attested("bank", SCHEDULED)] == [1, 2]

    def test_a_member_of_the_next_epoch_alone_does_not_count_before(self, trio: Trio):
        first = trio.committee
        trio.committee = replace(first, epoch=2, active_from_s=T0_S + 900)
        smaller = replace(first, members=first.members[:2])
        for name in NAMES:
            trio.members[name].context.committees = (smaller, trio.committee)
        a_visit(trio, 100, 80_000, 79_700)
        trio.pass_to(AFTER_GRACE_S)
        for name in NAMES:
            assert {each.organisation for each in trio.attested(name, SCHEDULED)[0].signatures} == {"bank", "insurer"}


class TestLocks:
    def test_killed_between_lock_and_signature_a_member_never_signs_a_second_digest(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        bank = trio.members["bank"]
        other = bank.context.statement(
            SCHEDULED, ("slot", SLOT), sequence_of(WINDOW, SCHEDULED_N), (T0_S, T0_S + 900), ()
        )
        bank.context.locks.take(subject("slot", SLOT), SCHEDULED, sequence_of(WINDOW, SCHEDULED_N), b"\x01" * 32)
        bank.close()
        trio.start("bank")
        assert not trio.members["bank"].collector.sign(other)
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert "bank" not in {each.organisation for each in signed.signatures}

    def test_killed_after_the_lock_on_its_own_digest_it_signs_that_digest(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        trio.down |= {"insurer", "inspector"}
        trio.pass_to(AFTER_GRACE_S)
        trio.down.clear()
        trio.settle(4)
        assert len(trio.attested("bank", SCHEDULED)) == 1


class TestStanding:
    LIEN_READ = SourceValues(
        LIEN, "pledge", "p-1", {"lien_active": 1, "receipt_status": 1, "receipt_quantity_g": 80_000_000}
    )
    PRICE_READ = SourceValues(
        PRICE, "commodity", "copper-cathode", {"price_minor_per_t": 957_000}, since_s=T0_S - 86_400
    )

    def test_a_lien_that_all_read_alike_is_attested_once(self, trio: Trio):
        for name in NAMES:
            trio.reads[name] = [self.LIEN_READ]
        trio.look()
        trio.settle()
        for name in NAMES:
            signed = trio.attested(name, LIEN)
            assert len(signed) == 1
            assert values(signed[0])["lien_active"] == (1, OK)
            assert signed[0].attestation.pack_root == EMPTY_ROOT
            assert signed[0].attestation.window_start == signed[0].attestation.window_end

    def test_a_changed_lien_is_attested_under_the_next_number(self, trio: Trio):
        self.test_a_lien_that_all_read_alike_is_attested_once(trio)
        gone = replace(self.LIEN_READ, values={**self.LIEN_READ.values, "lien_active": 0}, standing=False)
        for name in NAMES:
            trio.reads[name] = [gone]
        trio.look()
        trio.settle()
        first, second = trio.attested("bank", LIEN)
        assert values(second)["lien_active"] == (0, OK)
        assert second.attestation.sequence > first.attestation.sequence

    def test_the_heartbeat_repeats_what_stands(self, trio: Trio):
        for name in NAMES:
            trio.reads[name] = [self.PRICE_READ]
        trio.look()
        trio.settle()
        trio.pass_to(901)
        assert len(trio.attested("bank", PRICE)) == 2
        assert trio.attested("bank", PRICE)[0].attestation.window_start == T0_S - 86_400

    def test_a_member_that_reads_another_price_does_not_sign_and_two_others_are_enough(self, trio: Trio):
        trio.reads["bank"] = [replace(self.PRICE_READ, values={"price_minor_per_t": 1})]
        trio.reads["insurer"] = trio.reads["inspector"] = [self.PRICE_READ]
        trio.look()
        trio.settle()
        signed = trio.attested("inspector", PRICE)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}
        assert values(signed)["price_minor_per_t"] == (957_000, OK)

    def test_three_different_prices_are_no_price(self, trio: Trio):
        for price, name in enumerate(NAMES, 1):
            trio.reads[name] = [replace(self.PRICE_READ, values={"price_minor_per_t": price})]
        trio.look()
        trio.settle(15)
        assert all(trio.attested(name, PRICE) == [] for name in NAMES)

    def test_a_peer_that_sees_the_change_later_signs_then(self, trio: Trio):
        trio.down.add("inspector")
        trio.reads["bank"] = [self.LIEN_READ]
        trio.look("bank")
        trio.settle(1)
        assert trio.attested("bank", LIEN) == []
        trio.reads["insurer"] = [self.LIEN_READ]
        trio.look("insurer")
        trio.settle(1)
        assert len(trio.attested("bank", LIEN)) == 1


def test_a_note_of_a_stranger_or_played_again_is_not_heard(trio: Trio):
    trio.down.add("inspector")
    a_visit(trio, 100, 80_000, 79_700)
    trio.pass_to(AFTER_GRACE_S)
    stranger = NoteWriter(CONSORTIUM, "bank", SigningKey.generate("sm2-sm3"), 1)
    with pytest.raises(EvidenceError) as refused:
        read_note(stranger.write("have", {}), notes_topic(CONSORTIUM, "bank"), CONSORTIUM, [trio.committee])
    assert refused.value.code == "bad_signature"
    played = next(raw for sender, raw in trio.said if sender == "bank")
    message = Message(notes_topic(CONSORTIUM, "bank"), played)
    assert trio.members["insurer"]._read_notes([message]) == []


def test_a_member_that_signs_two_digests_for_one_sequence_is_heard_once(trio: Trio):
    bank, insurer = trio.members["bank"], trio.members["insurer"]
    statements = [
        bank.context.statement(SCHEDULED, ("slot", SLOT), sequence_of(WINDOW, SCHEDULED_N), (T0_S, T0_S + n), ())
        for n in (1, 2)
    ]

    def signed(statement):
        digest = statement.attestation.digest()
        return MemberSignature("bank", bank.context.keys.sm2.sign(digest), bank.context.keys.evm.sign_digest(digest))

    insurer.collector.add("bank", statements[0], signed(statements[0]))
    with pytest.raises(EvidenceError) as refused:
        insurer.collector.add("bank", statements[1], signed(statements[1]))
    assert refused.value.code == "equivocation"
    assert trio.attested("insurer", SCHEDULED) == []


def test_a_signature_of_another_member_does_not_count(trio: Trio):
    bank, insurer = trio.members["bank"], trio.members["insurer"]
    statement = bank.context.statement(SCHEDULED, ("slot", SLOT), 1, (T0_S, T0_S), ())
    digest = statement.attestation.digest()
    copied = MemberSignature("inspector", bank.context.keys.sm2.sign(digest), bank.context.keys.evm.sign_digest(digest))
    with pytest.raises(EvidenceError) as refused:
        insurer.collector.add("inspector", statement, copied)
    assert refused.value.code == "quorum_not_met"


def test_an_alarm_of_a_window_that_has_not_begun_is_not_signed(trio: Trio):
    trio.send(mass(83_100, 100))
    bank = trio.members["bank"]
    carried = frozenset(each.digest for each in bank.store.positions([trio.device.device_id], WINDOW, None))
    holding = alarms({"unexplained_loss_g": 9_000_000}, bank.context.profile)
    lie = bank.alarms._statement(SLOT, WINDOW + 1000, holding, carried, at(100), 1)
    assert bank.collector.sign(lie)
    trio.deliver()
    assert trio.attested("insurer", ALARM) == []
