import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError

SAFE = st.integers(-(2**53) + 1, 2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | SAFE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


@given(DOCUMENTS)
def test_a_document_comes_back_as_it_went(document):
    assert parse_canonical_json(canonical_json(document)) == document


def test_keys_are_sorted_and_spaces_left_out():
    assert canonical_json({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()


def test_keys_are_sorted_by_utf16_units():
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, -(2**53), {1: 2}, b"x", {1, 2}, "\ud800", [[1.5]]])
def test_what_readers_disagree_about_is_not_written(value):
    assert refused(canonical_json, value) == "malformed"


def test_the_largest_safe_integer_is_written():
    assert canonical_json(2**53 - 1) == b"9007199254740991"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e3",
        b"NaN",
        b"-0",
        b"",
        b"1 ",
        b"\xff",
        b'"\\u0061"',
        b"9007199254740992",
        b"9" * 5000,
        b"[" * 100000,
        b'"' + b'\\"' * 500_000,
        b'"' * 999_999,
        b'"\\',
        b"[" * 40 + b"]" * 40,
    ],
)
def test_another_spelling_is_not_read(raw):
    assert refused(parse_canonical_json, raw) == "malformed"


def test_a_megabyte_is_the_bound():
    assert refused(parse_canonical_json, b" " * (1024 * 1024 + 1)) == "too_large"
    assert refused(canonical_json, "x" * (1024 * 1024)) == "too_large"


def test_deep_nesting_is_refused_before_the_reader_recurses():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        assert refused(parse_canonical_json, b'{"a":' * 150_000) == "malformed"
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_within_text_are_not_nesting():
    text = '[{"\\' * 40
    assert parse_canonical_json(canonical_json([text, {text: text}])) == [text, {text: text}]


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    try:
        parse_canonical_json(raw)
    except EvidenceError as error:
        assert error.code == "malformed"
