"""Alarms: raised at once by what a member holds, signed by another only if its own packs say the same."""

from __future__ import annotations

from oracle.alarms import OpenWindow, _fold
from oracle.operators.weighed_stock import alarms, fold_values
from tests.oracle.trio import (
    NAMES,
    SLOT,
    T0_S,
    WINDOW,
    Trio,
    at,
    digest_of,
    mass,
    values,
    withdrawal,
)
from wuxin_evidence.attestation import (
    ALARM,
    OK,
    sequence_of,
)


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


def test_an_alarm_of_a_window_that_has_not_begun_is_not_signed(trio: Trio):
    trio.send(mass(83_100, 100))
    bank = trio.members["bank"]
    carried = frozenset(each.digest for each in bank.store.positions([trio.device.device_id], WINDOW, None))
    holding = alarms({"unexplained_loss_g": 9_000_000}, bank.context.profile)
    lie = bank.alarms._statement(SLOT, WINDOW + 1000, holding, carried, at(100), 1)
    assert bank.collector.sign(lie)
    trio.deliver()
    assert trio.attested("insurer", ALARM) == []
