from decimal import Decimal

import pytest
from cbor2 import CBORTag
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.senml import READINGS_MAX, Reading, decode_readings, encode_readings

T0_MS = 1_641_118_398_123
READINGS = st.builds(
    Reading,
    name=st.sampled_from(["mass_kg", "withdrawal_kg", "urn:dev:ow:10e2073a01080063"]),
    value=st.integers(-(10**20), 10**20)
    | st.builds(lambda n, e: Decimal(n).scaleb(-e), st.integers(-(10**15), 10**15), st.integers(0, 12)),
    unit=st.sampled_from(["kg", "", "Cel"]),
    time_ms=st.integers(T0_MS, T0_MS + 10**9),
)


def decode(*records) -> tuple[Reading, ...]:
    return decode_readings(cbor.encode(list(records)))


def refused(*records) -> str:
    with pytest.raises(EvidenceError) as refusal:
        decode(*records)
    return refusal.value.code


@given(st.lists(READINGS, min_size=1, max_size=8))
def test_readings_come_back_exactly(readings):
    assert list(decode_readings(encode_readings(readings))) == readings


def test_base_fields_resolve_into_every_record():
    first = {-2: "dev:", -3: 1_641_118_398, -4: "kg", -5: 1000, 0: "mass", 2: 5}
    assert decode(first, {0: "mass", 2: 7.5, 6: 1}, {0: "door", 1: "", 2: 0, 6: 2}) == (
        Reading("dev:mass", 1005, "kg", 1_641_118_398_000),
        Reading("dev:mass", Decimal("1007.5"), "kg", 1_641_118_399_000),
        Reading("dev:door", 1000, "", 1_641_118_400_000),
    )


def test_a_later_base_replaces_the_earlier_one():
    second = {-2: "b", -3: 1_641_118_400, 2: 2}
    assert [reading.name for reading in decode({-2: "a", -3: 1_641_118_398, 2: 1}, second)] == ["a", "b"]
    assert decode({-2: "a", -3: 1_641_118_398, 2: 1}, second)[1].time_ms == 1_641_118_400_000


def test_a_binary_float_is_its_shortest_decimal():
    assert decode({-3: 1_641_118_398.123, 0: "m", 2: 0.1})[0] == Reading("m", Decimal("0.1"), "", T0_MS)


def test_a_decimal_fraction_is_exact():
    reading = decode({0: "m", 2: CBORTag(4, [-20, 10**21 + 1]), 6: 1_641_118_398})[0]
    assert reading.value == Decimal("10.00000000000000000001")


def test_a_whole_number_is_an_int_however_it_was_written():
    values = [decode({0: "m", 2: value, 6: 1_641_118_398})[0].value for value in (5, 5.0, CBORTag(4, [-1, 50]))]
    assert values == [5, 5, 5]
    assert {type(value) for value in values} == {int}


def test_times_round_half_even_to_milliseconds():
    times = [decode({0: "m", 2: 1, 6: CBORTag(4, [-4, 16411183981225 + n])})[0].time_ms for n in (0, 10)]
    assert times == [1_641_118_398_122, 1_641_118_398_124]


def test_an_unknown_field_is_ignored_unless_it_must_be_understood():
    record = {0: "m", 2: 1, 6: 1_641_118_398}
    assert decode({**record, "note": "x"})
    assert refused({**record, "note_": "x"}) == "malformed"


GOOD = {0: "m", 2: 1, 6: 1_641_118_398}


@pytest.mark.parametrize(
    "record",
    [
        {0: "m", 6: 1_641_118_398},
        {**GOOD, 2: "1"},
        {**GOOD, 2: True},
        {**GOOD, 2: None},
        {**GOOD, 2: CBORTag(4, [1])},
        {**GOOD, 2: CBORTag(4, [31, 1])},
        {**GOOD, 2: CBORTag(4, [-31, 1])},
        {**GOOD, 2: CBORTag(4, [1.5, 1])},
        {**GOOD, 2: CBORTag(5, [1, 1])} | {2: CBORTag(6, [1, 1])},
        {**GOOD, 2: 10**38},
        {**GOOD, 2: 1e300},
        {**GOOD, 3: "text"},
        {**GOOD, 4: True},
        {**GOOD, 5: 1},
        {**GOOD, 8: b"data"},
        {**GOOD, -6: 1},
        {**GOOD, -1: 11},
        {**GOOD, -1: "10"},
        {**GOOD, 0: "no spaces here"},
        {**GOOD, 0: "x" * 129},
        {**GOOD, 0: 7},
        {**GOOD, 1: "x" * 33},
        {**GOOD, 6: 5},
        {**GOOD, 6: -1},
        {**GOOD, 6: 2**60},
        {2: 1, 6: 1_641_118_398},
        {},
    ],
)
def test_a_record_that_says_too_little_or_too_much_is_refused(record):
    assert refused(record) == "malformed"


@pytest.mark.parametrize("raw", ["80", "a0", "00", "8100", "81f97e00", "81a10280", "81a302f97e0000616d061a61d17ffe"])
def test_what_is_no_senml_is_refused(raw):
    with pytest.raises(EvidenceError) as refusal:
        decode_readings(bytes.fromhex(raw))
    assert refusal.value.code == "malformed"


def test_readings_are_bounded_in_number():
    with pytest.raises(EvidenceError) as refusal:
        encode_readings([Reading("m", 1, "", T0_MS)] * (READINGS_MAX + 1))
    assert refusal.value.code == "too_large"
    assert refused(*[GOOD] * (READINGS_MAX + 1)) == "too_large"


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e31"), Decimal("1" * 39)])
def test_a_reading_is_finite_and_bounded(value):
    with pytest.raises(EvidenceError) as refusal:
        Reading("m", value, "kg", T0_MS)
    assert refusal.value.code == "malformed"


FIELDS = st.dictionaries(
    st.integers(-7, 9) | st.sampled_from(["x", "x_"]),
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.builds(CBORTag, st.just(4), st.lists(st.integers(-40, 40), max_size=3)),
    max_size=6,
)


@given(st.lists(FIELDS, max_size=4))
def test_no_records_raise_anything_but_a_refusal(records):
    try:
        decode(*records)
    except EvidenceError as error:
        assert error.code == "malformed"
