import pytest
from cbor2 import CBORTag
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEYS = st.integers(-(2**64), 2**64 - 1) | TEXT | st.binary(max_size=30)
NUMBERS = st.integers(-(2**128), 2**128 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | st.binary(max_size=30)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)


def refused(call, *arguments) -> EvidenceError:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES.filter(lambda value: depth(value) <= 8))
def test_a_value_comes_back_as_it_went(value):
    assert cbor.decode(cbor.encode(value)) == value


@given(st.dictionaries(KEYS, st.none(), max_size=12))
def test_map_keys_stand_in_the_order_of_their_bytes(value):
    keys = [cbor.encode(key) for key in cbor.decode(cbor.encode(value))]
    assert keys == sorted(keys)


def test_order_is_bytewise_and_not_length_first():
    assert cbor.encode({-1: 0, 100: 0, 10: 0}) == bytes.fromhex("a30a001864002000")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "f90000"),
        (-0.0, "f98000"),
        (1.5, "f93e00"),
        (65504.0, "f97bff"),
        (65536.0, "fa47800000"),
        (100000.0, "fa47c35000"),
        (5.960464477539063e-8, "f90001"),
        (1.1, "fb3ff199999999999a"),
        (1.0e300, "fb7e37e43c8800759c"),
        (2**64, "c249010000000000000000"),
        (-(2**64), "3bffffffffffffffff"),
        (23, "17"),
        (24, "1818"),
    ],
)
def test_numbers_take_their_shortest_form(value, expected):
    assert cbor.encode(value).hex() == expected
    assert cbor.decode(bytes.fromhex(expected)) == value


NOT_CANONICAL = {
    "an integer longer than needed": "1800",
    "a length longer than needed": "5801ff",
    "a float longer than needed": "fa3f800000",
    "a small integer as a bignum": "c24101",
    "an indefinite array": "9fff",
    "indefinite bytes": "5f4101ff",
    "map keys out of order": "a220000a00",
    "map keys in length-first order": "a30a0020001864" + "00",
    "a key twice": "a201020103",
    "two keys that Python takes for one": "a2f5020103",
    "bytes after the end": "0000",
    "nothing": "",
    "an end too early": "8201",
    "a self-described prefix": "d9d9f701",
    "a list within itself": "d81c81d81d00",
    "a pattern to compile": "d823686128612b292b2424",
    "a date": "c11a00000001",
    "undefined": "f7",
    "a simple value": "e0",
    "NaN": "f97e00",
    "infinity": "f97c00",
    "text that is not UTF-8": "62c328",
    "a list as a key": "a18000",
    "a float as a key": "a1f93c0000",
    "nine levels": "81" * 9 + "00",
    "thousands of levels": "81" * 5000 + "00",
    "nine tags": "d2" * 9 + "00",
    "an array that claims 2^64 items": "9bffffffffffffffff",
    "bytes that claim 2^64": "5bffffffffffffffff",
    "an integer of 129 bits": "c25101" + "00" * 16,
}


@pytest.mark.parametrize("raw", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_any_other_encoding_is_refused(raw):
    assert refused(cbor.decode, bytes.fromhex(raw)).code == "malformed"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1.5: 0}, {None: 0}, {1}, object(), "\ud800", {"\ud800": 1}, 2**128, {2**64: 0}],
)
def test_what_has_no_canonical_form_is_not_written(value):
    assert refused(cbor.encode, value).code == "malformed"


def test_eight_levels_are_read_and_a_tag_is_kept():
    assert cbor.decode(bytes.fromhex("81" * 8 + "00"))
    assert cbor.decode(bytes.fromhex("d28100")) == CBORTag(18, [0])
    assert cbor.decode(bytes.fromhex("c482200f")) == CBORTag(4, [-1, 15])


def test_a_megabyte_is_the_bound():
    assert refused(cbor.decode, b"\x00" * (1024 * 1024 + 1)).code == "too_large"
    assert refused(cbor.encode, b"\x00" * (1024 * 1024)).code == "too_large"


@given(st.binary(max_size=80))
def test_whatever_decodes_is_the_only_encoding_of_its_value(raw):
    try:
        value = cbor.decode(raw)
    except EvidenceError as error:
        assert error.code == "malformed"
    else:
        assert cbor.encode(value) == raw
