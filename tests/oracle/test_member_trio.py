"""Three members over scheduled windows: what they attest together, whoever missed a pack, was down, or comes late."""

from __future__ import annotations

from dataclasses import replace

from tests.oracle.trio import (
    AFTER_GRACE_S,
    NAMES,
    SLOT,
    T0_S,
    WINDOW,
    Trio,
    W,
    a_visit,
    at,
    digest_of,
    mass,
    values,
)
from wuxin_evidence.attestation import (
    MISSING,
    OK,
    SCHEDULED,
    SCHEDULED_N,
    sequence_of,
)
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import pack_root


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
