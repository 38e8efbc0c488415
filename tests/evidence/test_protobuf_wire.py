"""One spelling per message, and every bound named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.encoding.protobuf import WIRE_BYTES_MAX, Field, Kind, Message, delimited, read, write
from wuxin_evidence.errors import EvidenceError

INNER = Message("Inner", (Field(1, "name", Kind.TEXT), Field(2, "fixed", Kind.FIXED)))
OUTER = Message(
    "Outer",
    (
        Field(1, "count", Kind.UNSIGNED),
        Field(2, "signed", Kind.SIGNED),
        Field(3, "inner", INNER),
        Field(4, "always", INNER, always=True),
        Field(5, "many", INNER, repeated=True),
        Field(1023, "raw", Kind.BYTES),
    ),
)

inners = st.fixed_dictionaries({"name": st.text(max_size=9), "fixed": st.integers(-(2**63), 2**63 - 1)})
outers = st.fixed_dictionaries(
    {
        "count": st.integers(0, 2**64 - 1),
        "signed": st.integers(-(2**63), 2**63 - 1),
        "inner": st.none() | inners,
        "always": inners,
        "many": st.lists(inners, max_size=3),
        "raw": st.binary(max_size=9),
    }
)


@given(outers)
def test_what_is_written_is_read_again(values: dict[str, object]) -> None:
    assert read(OUTER, write(OUTER, values)) == values


@given(st.binary(max_size=40))
def test_any_bytes_are_read_in_one_spelling_or_refused(raw: bytes) -> None:
    try:
        values = read(OUTER, raw)
    except EvidenceError as error:
        assert error.code == "malformed"
    else:
        assert write(OUTER, values) == raw


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("080022 00", "a default written out"),
        ("08818000 2200", "a number longer than needed"),
        ("2200 0801", "fields out of order"),
        ("0801 0802 2200", "a field twice"),
        ("0801", "a field left out that is always written"),
        ("2200 3801", "an unknown field"),
        ("0d01000000 2200", "a field of another type"),
        ("08ffffffffffffffffff7f 2200", "a number beyond 64 bits"),
        ("08ff", "a number that does not end"),
        ("2205 0a01", "a message that ends too early"),
        ("2204 1100", "fixed bytes that end too early"),
        ("2203 0a01ff", "text that is not UTF-8"),
    ],
)
def test_a_second_spelling_is_refused(raw: str, why: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read(OUTER, bytes.fromhex(raw))
    assert refused.value.code == "malformed", why


def test_a_message_beyond_the_bound_is_refused_unread() -> None:
    with pytest.raises(EvidenceError) as refused:
        read(OUTER, bytes(WIRE_BYTES_MAX + 1))
    assert refused.value.code == "too_large"


def test_a_length_is_a_varint_before_the_bytes() -> None:
    assert delimited(b"x" * 300)[:2] == b"\xac\x02"
