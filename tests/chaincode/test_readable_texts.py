"""What people read holds nothing that they cannot see, or that shows them something else, in any version of Unicode."""

import re
import sys
import unicodedata

import pytest

from chaincode.security.receipts import Goods
from chaincode.world.description import json_schema
from tests.chaincode.facts_world import TERMS, World, asset, pledge, receipt
from wuxin_evidence.codepoints import FIRST_EMPTY_PLANE, INVISIBLE
from wuxin_evidence.codepoints import HIDDEN as HIDDEN_PLACES
from wuxin_evidence.encoding.canonical import canonical_json

HIDDEN = {
    "override of direction": "\u202e",
    "isolate of direction": "\u2066",
    "Arabic letter mark": "\u061c",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "next line": "\x85",
    "NUL": "\x00",
    "delete": "\x7f",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\xad",
    "grapheme joiner": "\u034f",
    "Hangul filler": "\u3164",
    "variation selector": "\ufe0f",
    "ideographic variation selector": "\U000e0100",
    "tag": "\U000e0041",
    "interlinear annotation": "\ufff9",
    "private use": "\ue000",
    "private use of plane 16": "\U0010fffd",
    "place of an object": "\ufffc",
    "Braille without a dot": "\u2800",
    "musical note without a head": "\U0001d159",
    "unassigned": "\u0378",
    "unassigned of plane 1": "\U0001ffff",
    "unassigned plane": "\U00050000",
    "noncharacter": "\ufdd0",
    "noncharacter of plane 2": "\U0002ffff",
}


@pytest.mark.parametrize("character", HIDDEN.values(), ids=list(HIDDEN))
def test_a_name_with_something_hidden_in_it_is_malformed_and_the_place_is_named(world: World, character: str) -> None:
    refusal = world.refusal("warehouse", "issue_receipt", **receipt(keeper=f"张{character}三"))
    assert refusal["code"] == "malformed"
    assert refusal["detail"] == f"keeper: has U+{ord(character):04X} at character 2"


def test_it_holds_for_every_text_that_people_read(receipted: World) -> None:
    hidden = "a\u202eb"
    goods = {**receipt()["goods"], "marks": hidden}
    assert receipted.refused("warehouse", "issue_receipt", **receipt("receipt-2", goods=goods)) == "malformed"
    assert receipted.refused("warehouse", "cancel_receipt", receipt_id="receipt-1", reason=hidden) == "malformed"
    assert receipted.refused("manufacturer", "register_asset", **asset(description=hidden)) == "malformed"
    numbered = pledge(registration_number=hidden)
    assert receipted.refused("manufacturer", "propose_pledge", terms=TERMS, **numbered) == "malformed"


def test_a_consortium_has_a_name_that_shows(empty: World) -> None:
    founding = {**empty.founding(), "name": "Wuxin\u202e"}
    assert empty.refused("bank", "init_consortium", **founding) == "malformed"


@pytest.mark.parametrize(
    "keeper", ["张三", "O’Brien & Söhne", "𠮷野家", "上海　一号库", "№ 7 — “A” ½", "Владимир", "ชื่อ", "e\u0301"]
)
def test_a_name_as_people_write_it_is_taken(world: World, keeper: str) -> None:
    assert world.call("warehouse", "issue_receipt", **receipt(keeper=keeper))["keeper"] == keeper


def test_the_list_is_in_order_and_nothing_is_named_twice() -> None:
    flat = [place for pair in INVISIBLE for place in pair]
    assert flat == sorted(flat)
    assert all(first <= last for first, last in INVISIBLE)


def test_the_list_has_all_that_this_version_of_unicode_hides() -> None:
    """The list is fixed; a version of Unicode that hides more should be looked at, not followed by itself."""
    listed = {place for first, last in INVISIBLE for place in range(first, last + 1)}
    hidden = {
        place
        for place in range(sys.maxunicode + 1)
        if unicodedata.category(chr(place)) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs") or place & 0xFFFE == 0xFFFE
    }
    assert hidden <= listed


def test_what_no_version_of_unicode_had_assigned_is_hidden_but_among_the_ideographs() -> None:
    """Of Unicode 14.0, in which the list was written; what a later one assigns stays refused until somebody looks."""
    ideographic = range(0x20000, FIRST_EMPTY_PLANE)
    for place in range(sys.maxunicode + 1):
        is_hidden = HIDDEN_PLACES.match(chr(place)) is not None
        if place in ideographic and place & 0xFFFE != 0xFFFE:
            assert not is_hidden, hex(place)
        elif unicodedata.category(chr(place)) == "Cn":
            assert is_hidden, hex(place)
    listed = {place for first, last in INVISIBLE for place in range(first, last + 1)}
    assert unicodedata.unidata_version != "14.0.0" or not [
        hex(place)
        for place in range(FIRST_EMPTY_PLANE)
        if place not in listed and HIDDEN_PLACES.match(chr(place)) and unicodedata.category(chr(place)) != "Cn"
    ]


@pytest.mark.parametrize(
    "terms",
    [
        {"a\u202e": "b"},
        {"a": "b\u202e"},
        {"a": "\x1b[2J"},
        {"a": [{"b": ["c\n"]}]},
        {"a": {"\x1b": 1}},
        {"a": "\u2800"},
    ],
)
def test_private_terms_hide_nothing_in_names_or_texts_at_any_depth(receipted: World, terms: dict[str, object]) -> None:
    document = canonical_json({"salt": "5a" * 16, **terms})
    refusal = receipted.refusal("manufacturer", "propose_pledge", terms=document, **pledge())
    assert refusal["code"] == "malformed" and refusal["detail"].startswith("the terms have U+")
    taken = canonical_json({"salt": "5a" * 16, "合同": ["HT-2022-001", {"价": 7}, None, True]})
    receipted.call("manufacturer", "propose_pledge", terms=taken, **pledge())


def test_no_letter_sign_or_mark_in_use_is_listed() -> None:
    fillers_and_selectors = {0x2800, 0xFFFC, 0x1D159, 0x115F, 0x1160, 0x3164, 0xFFA0, 0x17B4, 0x17B5, 0x034F}
    fillers_and_selectors.update(range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0x110000))
    shown = {
        place
        for first, last in INVISIBLE
        for place in range(first, last + 1)
        if unicodedata.category(chr(place))[0] in "LMNPS"
    }
    assert shown <= fillers_and_selectors


def test_the_schema_refuses_the_same_of_the_basic_plane() -> None:
    pattern = json_schema(Goods)["properties"]["name"]["pattern"]
    for first, last in INVISIBLE:
        if last < 0xD800 or 0xDFFF < first <= 0xFFFF:
            assert not re.search(pattern, chr(first))
            assert not re.search(pattern, chr(last))
    assert re.search(pattern, "阴极铜 𠮷")
