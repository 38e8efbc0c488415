"""The formulas: exact, integer, and blind to the order of arrival."""

from __future__ import annotations

import csv
import json
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.products import product
from oracle.operators.weighed_stock import LossFold, MeasuredPack, alarms, compute, fold_values
from oracle.profile import Measurement, Profile
from oracle.windows import CitedSet, Position, cite_alarm, cite_window, is_honest_prefix
from tests.oracle.trio import CONSORTIUM, PROFILE, TestDevice, W, at, mass, withdrawal
from tests.oracle.trio import WINDOW as NOW
from wuxin_evidence.attestation import MISSING, OK, SUSPECT
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import parse_pack
from wuxin_evidence.packs.senml import Reading

TONNE = 1_000_000
BIN_16 = product("weighed-stock").sample / "bin16.csv"


def weighed(seq: int, tonnes: float, offset_s: float, device: str = "a", window: int = NOW, out: float | None = None):
    measurements = [Measurement("mass_g", round(tonnes * TONNE), at(offset_s))]
    if out is not None:
        measurements.append(Measurement("withdrawal_g", round(out * TONNE), at(offset_s)))
    return MeasuredPack(device, 1, seq, window, tuple(measurements))


def found(*packs: MeasuredPack) -> dict[str, tuple[int, int]]:
    return {name: (each.value, each.status) for name, each in compute(packs, NOW, PROFILE).items()}


def test_a_drop_between_visits_beyond_the_tolerance_counts_whole():
    assert found(weighed(1, 83.1, 10), weighed(2, 77.8, 20))["unexplained_loss_g"] == (5_300_000, OK)


def test_a_loss_within_the_carry_in_was_counted_in_its_own_window():
    inside = tuple(Measurement("mass_g", t * TONNE, at(-60 + n)) for n, t in enumerate((90, 80)))
    carried = MeasuredPack("a", 1, 1, NOW - 1, inside)
    assert found(carried, weighed(2, 78, 10))["unexplained_loss_g"] == (2_000_000, OK)
    late = MeasuredPack("a", 1, 1, NOW - 1, inside, late=True)
    assert found(late, weighed(2, 78, 10))["unexplained_loss_g"] == (12_000_000, OK)


def test_a_drop_of_just_the_tolerance_is_explained():
    assert found(weighed(1, 80, 10), weighed(2, 79, 20))["unexplained_loss_g"] == (0, OK)


def test_a_registered_withdrawal_explains_as_much_as_it_registers():
    visit = (weighed(1, 80, 10), weighed(2, 70, 20, out=10))
    assert found(*visit)["unexplained_loss_g"] == (0, OK)
    theft = (weighed(1, 80, 10), weighed(2, 70, 20, out=2))
    assert found(*theft)["unexplained_loss_g"] == (8_000_000, OK)


def test_a_refill_is_no_loss_and_hides_none():
    packs = (weighed(1, 10, 10), weighed(2, 60, 20), weighed(3, 55, 30))
    assert found(*packs)["unexplained_loss_g"] == (5_000_000, OK)


def test_run_length_is_the_longest_run_of_losses():
    packs = [weighed(n, tonnes, 10 * n) for n, tonnes in enumerate((90, 88, 86, 86, 84, 82, 80), 1)]
    assert found(*packs)["run_length"] == (3, OK)


def test_quantity_is_the_sum_of_the_devices_last_masses():
    assert found(weighed(1, 80, 10), weighed(2, 79.5, 20), weighed(1, 20, 15, "b"))["quantity_g"] == (99_500_000, OK)


def test_a_device_that_only_its_carry_in_speaks_for_makes_the_quantity_suspect():
    indicators = compute([weighed(1, 80, 10), weighed(7, 20, -100, "b", NOW - 1)], NOW, PROFILE)
    quantity = indicators["quantity_g"]
    assert (quantity.value, quantity.status, quantity.quality_bp) == (100_000_000, SUSPECT, 5000)
    assert indicators["gap_s"].value == 900


def test_gap_is_the_longest_silence_within_the_window():
    assert found(weighed(1, 80, 100), weighed(2, 80, 600))["gap_s"] == (500, OK)
    assert found(weighed(1, 80, 700))["gap_s"] == (700, OK)


def test_a_window_with_nothing_but_a_carry_in_is_missing():
    assert found(weighed(1, 80, -10, window=NOW - 1))["quantity_g"] == (0, MISSING)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30), st.randoms())
def test_the_order_of_arrival_never_matters(masses: list[int], shuffled: random.Random):
    packs = [MeasuredPack("ab"[n % 2], 1, n, NOW, (Measurement("mass_g", g, at(n)),)) for n, g in enumerate(masses)]
    mixed = list(packs)
    shuffled.shuffle(mixed)
    assert compute(packs, NOW, PROFILE) == compute(mixed, NOW, PROFILE)


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=30))
def test_the_running_fold_says_what_the_whole_computation_says(masses: list[int]):
    fold = LossFold()
    for n, g in enumerate(masses):
        fold = fold.extended((Measurement("mass_g", g, at(n)),), PROFILE.drop_tolerance_g)
    whole = compute(
        [MeasuredPack("a", 1, n, NOW, (Measurement("mass_g", g, at(n)),)) for n, g in enumerate(masses)], NOW, PROFILE
    )
    running = fold_values([fold])
    assert all(running[name] == whole[name].value for name in ("quantity_g", "unexplained_loss_g", "run_length"))


def test_an_alarm_predicate_is_strict():
    base = {"quantity_g": 0, "run_length": 0, "gap_s": 0}
    assert alarms({**base, "unexplained_loss_g": 3_000_000}, PROFILE) == {}
    assert list(alarms({**base, "unexplained_loss_g": 3_000_001}, PROFILE)) == ["unexplained_loss_g"]


def test_the_breach_of_the_shipped_series_is_in_its_rows():
    if not BIN_16.exists():
        pytest.fail("the shipped sample is missing")
    fold = LossFold()
    with BIN_16.open() as file:
        for row in csv.DictReader(file):
            start, end, out = (int(Decimal(row[c]) * TONNE) for c in ("start_weight_kg", "end_weight_kg", "intake_kg"))
            fold = fold.extended((Measurement("mass_g", start, 0),), PROFILE.drop_tolerance_g)
            pair = (Measurement("mass_g", end, 1), Measurement("withdrawal_g", out, 1))
            fold = fold.extended(pair, PROFILE.drop_tolerance_g)
    assert fold.loss_g > 3_000_000


SCALE = {"quantity": "mass_g", "unit": "kg", "scale_exponent": 3, "min": 0, "max": 10}


class TestProfile:
    def test_scaling_is_exact_and_rounds_half_to_even(self):
        device = TestDevice()
        readings = [mass("0.0005", 1), mass("0.0015", 2), mass("80.123", 3), withdrawal("-5.0", 4)]
        pack = parse_pack(device.pack(*readings), CONSORTIUM)
        assert [each.value for each in PROFILE.scale(pack)] == [0, 2, 80_123, -5_000]

    def test_the_hash_is_of_the_canonical_form(self):
        document = json.loads(product("weighed-stock").profile().read_text())
        shuffled = dict(reversed(list(document.items())))
        assert Profile.parse(shuffled).hash == PROFILE.hash
        assert Profile.parse({**document, "grace_s": 121}).hash != PROFILE.hash

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"window_s": 0}, "window_s: 0 must be greater than or equal to 1"),
            ({"window_s": "900"}, "window_s: '900' must be a valid integer"),
            ({"window_s": 900.5}, "window_s: 900.5 must be a valid integer"),
            ({"grace_s": True}, "grace_s: True must be a valid integer"),
            ({"day_offset_s": 86_401}, "day_offset_s"),
            ({"colour": "red"}, "colour: is not a field here"),
            ({"indicators": ["moon"]}, "indicators[0]: 'moon' must be 'quantity_g'"),
            ({"indicators": []}, "indicators"),
            ({"alarms": [{"indicator": "gap_s", "comparator": "lt", "value": 1}]}, "alarms[0].comparator: 'lt' must"),
            ({"alarms": [{"indicator": "gap_s", "comparator": "gt", "value": -1}]}, "alarms[0].value: -1 must"),
            ({"readings": {}}, "readings"),
            ({"readings": {"m": {}}}, "readings.m.quantity: is missing"),
            ({"readings": {"m": {**SCALE, "scale_exponent": 10}}}, "readings.m.scale_exponent: 10 must"),
            ({"readings": {"m": {**SCALE, "quantity": "volume_ml"}}}, "readings.m.quantity: 'volume_ml' must"),
            ({"readings": {"m": {**SCALE, "min": 5, "max": 4}}}, "readings.m: min 5 is greater than max 4"),
            ({"readings": {"m": {**SCALE, "max": 2**53}}}, "readings.m.max"),
        ],
    )
    def test_a_profile_that_cannot_be_computed_is_refused(self, change: dict, said: str):
        document = {**json.loads(product("weighed-stock").profile().read_text()), **change}
        with pytest.raises(EvidenceError) as refused:
            Profile.parse(document)
        assert refused.value.code == "malformed"
        assert said in refused.value.detail

    @pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\xff", b'{"name": 1, "name": 2}', b"[" * 100_000])
    def test_a_file_that_is_no_profile_is_refused(self, raw: bytes, tmp_path):
        (tmp_path / "profile.json").write_bytes(raw)
        with pytest.raises(EvidenceError) as refused:
            Profile.load(tmp_path / "profile.json")
        assert refused.value.code == "malformed"

    def test_a_byte_order_mark_is_no_part_of_a_profile(self, tmp_path):
        (tmp_path / "profile.json").write_bytes(b"\xef\xbb\xbf" + product("weighed-stock").profile().read_bytes())
        assert Profile.load(tmp_path / "profile.json") == PROFILE

    def test_a_missing_field_is_named(self):
        document = json.loads(product("weighed-stock").profile().read_text())
        del document["grace_s"]
        with pytest.raises(EvidenceError, match="grace_s"):
            Profile.parse(document)


class TestWindows:
    def test_windows_are_cut_at_the_day_of_the_consortium(self):
        start = W.start_s(NOW)
        assert (start + 28800) % 900 == 0
        assert (W.index(start), W.index(start + 899), W.index(start + 900)) == (NOW, NOW, NOW + 1)

    def test_a_window_is_due_when_its_grace_is_over(self):
        assert W.last_due(W.due_ms(NOW) - 1) == NOW - 1
        assert W.last_due(W.due_ms(NOW)) == NOW

    def test_only_the_last_pack_before_the_window_is_carried_in(self):
        held = [position(n, NOW - 1) for n in (1, 2, 3)] + [position(4, NOW), position(5, NOW + 1)]
        assert cite_window(held, NOW) == CitedSet(frozenset({digest(3), digest(4)}), frozenset())

    def test_a_late_pack_is_cited_with_the_one_before_it(self):
        held = [position(1, NOW - 1), position(2, NOW - 1, late=True), position(3, NOW - 1), position(4, NOW)]
        assert cite_window(held, NOW) == CitedSet(frozenset(map(digest, (1, 2, 3, 4))), frozenset({digest(2)}))

    def test_an_alarm_that_leaves_out_a_pack_in_the_middle_is_not_honest(self):
        held = cite_alarm([position(n, NOW) for n in (1, 2, 3)], NOW)
        assert is_honest_prefix(frozenset({digest(1), digest(2)}), held)
        assert not is_honest_prefix(frozenset({digest(1), digest(3)}), held)
        assert not is_honest_prefix(frozenset({digest(2), digest(3)}), held)
        assert not is_honest_prefix(frozenset({digest(1), digest(9)}), held)


def digest(seq: int) -> bytes:
    return bytes([seq]) * 32


def position(seq: int, window: int, late: bool = False) -> Position:
    return Position("a", 1, seq, digest(seq), window, late)


def test_readings_of_one_time_are_one_event_in_any_order():
    late = Reading("withdrawal_kg", Decimal(300), "kg", at(20))
    device = TestDevice()
    for order in ([mass(79_700, 20), late], [late, mass(79_700, 20)]):
        pack = parse_pack(device.pack(mass(81_000, 10), *order), CONSORTIUM)
        fold = LossFold().extended(PROFILE.scale(pack), 0)
        assert fold.loss_g == 1_000_000
