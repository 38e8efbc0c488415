"""What members read from their node and price file, and the records they refuse to make a statement of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from node.products import product
from oracle.node_client import read_committee, read_committees
from oracle.profile import HOME_PROFILE, Profile, profile_file
from oracle.registry import read_devices
from oracle.sources.liens import read_liens
from oracle.sources.prices import PRICE_FILE, PriceSource
from tests.oracle.trio import PROFILE, Trio
from wuxin_client.errors import NotFound
from wuxin_evidence.attestation import LIEN, PRICE
from wuxin_evidence.errors import EvidenceError

PRICE_ROW = {
    "commodity": "copper-cathode",
    "price_minor_per_t": 957_000,
    "currency": "USD",
    "source": "stated in a test",
    "priced_at_s": 1_640_995_200,
}


class Records:
    """A node that knows these pledges and receipts."""

    def __init__(self, pledges: list[dict], receipts: dict[str, dict]) -> None:
        self._pledges = pledges
        self._receipts = receipts

    def pledges(self):
        return self._pledges

    def receipt(self, receipt_id):
        if receipt_id not in self._receipts:
            raise NotFound("not_found", receipt_id)
        return self._receipts[receipt_id]


def pledge(status: str) -> dict:
    return {"pledge_id": "p-1", "receipt_id": "r-1", "status": status}


def receipt(lien: dict | None, status: str = "active") -> dict:
    return {"receipt_id": "r-1", "status": status, "quantity_g": 80_000_000, "lien": lien}


ACTIVE_LIEN = {"pledge_id": "p-1", "pledgee": "bank", "status": "active", "since_s": 1}


def test_an_accepted_pledge_is_a_lien_with_the_receipts_quantity():
    (read,) = read_liens(Records([pledge("active")], {"r-1": receipt(ACTIVE_LIEN)}))
    assert (read.kind, read.about, read.standing) == (LIEN, ("pledge", "p-1"), True)
    assert read.values == {"lien_active": 1, "receipt_status": 1, "receipt_quantity_g": 80_000_000}


def test_a_released_pledge_is_a_lien_of_zero_that_is_not_repeated():
    (read,) = read_liens(Records([pledge("released")], {"r-1": receipt(None)}))
    assert (read.values["lien_active"], read.standing) == (0, False)


@pytest.mark.parametrize(
    "lien",
    [None, {**ACTIVE_LIEN, "pledge_id": "p-2"}, {**ACTIVE_LIEN, "status": "proposed"}],
    ids=["no entry", "another pledge", "only proposed"],
)
def test_a_pledge_that_its_receipt_does_not_confirm_is_no_lien(lien: dict | None):
    (read,) = read_liens(Records([pledge("active")], {"r-1": receipt(lien)}))
    assert read.values["lien_active"] == 0


def test_a_proposed_pledge_and_one_whose_receipt_is_gone_say_nothing():
    assert read_liens(Records([pledge("proposed")], {"r-1": receipt(None)})) == []
    assert read_liens(Records([pledge("active")], {})) == []


def test_a_cancelled_receipt_is_told_by_its_number():
    (read,) = read_liens(Records([pledge("active")], {"r-1": receipt(ACTIVE_LIEN, "cancelled")}))
    assert read.values["receipt_status"] == 3


class FixedClock:
    """Ten seconds before the price of the test."""

    def now_ms(self) -> int:
        return (PRICE_ROW["priced_at_s"] - 10) * 1000


def price_source(home: Path, *currencies: str) -> PriceSource:
    return PriceSource(home, currencies or {"CNY", "USD"}, FixedClock(), clock_skew_s=10)


def test_the_price_comes_with_the_moment_it_was_made(tmp_path: Path):
    assert price_source(tmp_path).read() == []
    (tmp_path / PRICE_FILE).write_text(json.dumps(PRICE_ROW))
    (read,) = price_source(tmp_path).read()
    assert (read.kind, read.about, read.since_s) == (PRICE, ("commodity", "copper-cathode"), 1_640_995_200)
    assert read.values == {"price_minor_per_t": 957_000}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({**PRICE_ROW, "price_minor_per_t": -1}),
        json.dumps({**PRICE_ROW, "price_minor_per_t": 957.5}),
        json.dumps({**PRICE_ROW, "priced_at_s": "today"}),
        json.dumps({name: value for name, value in PRICE_ROW.items() if name != "source"}),
        json.dumps({**PRICE_ROW, "price_minor_per_t": 2**63}),
        json.dumps({**PRICE_ROW, "price_minor_per_t": True}),
        json.dumps({**PRICE_ROW, "commodity": "a b"}),
        json.dumps({**PRICE_ROW, "commodity": 7}),
        json.dumps({**PRICE_ROW, "commodity": "c" * 129}),
        json.dumps(PRICE_ROW)[:-1] + ', "price_minor_per_t": 1}',
        "[" * 60_000,
        b"\xff\xff\xff".decode("latin-1"),
        json.dumps({**PRICE_ROW, "unit": "kg"}),
        json.dumps({**PRICE_ROW, "currency": 5}),
        json.dumps({**PRICE_ROW, "currency": "usd"}),
        json.dumps({**PRICE_ROW, "source": {}}),
        json.dumps({**PRICE_ROW, "source": ""}),
    ],
    ids=[
        "no JSON",
        "no object",
        "negative",
        "not whole",
        "no time",
        "no source",
        "too high",
        "a truth value",
        "commodity with a space",
        "commodity no text",
        "commodity too long",
        "a field twice",
        "deep",
        "no text",
        "unknown field",
        "currency no text",
        "currency no code",
        "source no text",
        "source empty",
    ],
)
def test_a_price_file_that_cannot_be_used_is_malformed(tmp_path: Path, text: str):
    (tmp_path / PRICE_FILE).write_text(text)
    with pytest.raises(EvidenceError) as refused:
        price_source(tmp_path).read()
    assert refused.value.code == "malformed"
    assert refused.value.hint


def test_a_price_in_a_currency_that_no_circle_lends_in_is_refused_and_the_circles_own_named(tmp_path: Path):
    (tmp_path / PRICE_FILE).write_text(json.dumps(PRICE_ROW))
    with pytest.raises(EvidenceError) as refused:
        price_source(tmp_path, "CNY").read()
    assert refused.value.code == "malformed" and "USD" in refused.value.detail and "CNY" in refused.value.hint


@pytest.mark.parametrize("later", [1, 10**9])
def test_a_price_that_is_further_ahead_of_the_clock_than_its_skew_is_no_price(tmp_path: Path, later: int):
    (tmp_path / PRICE_FILE).write_text(json.dumps({**PRICE_ROW, "priced_at_s": PRICE_ROW["priced_at_s"] + later}))
    with pytest.raises(EvidenceError) as refused:
        price_source(tmp_path).read()
    assert refused.value.code == "clock_skew" and "ahead of the clock" in refused.value.detail


def test_the_committee_is_read_out_of_a_record_that_says_more(trio: Trio):
    record = {**trio.committee.to_json(), "created_at_s": 1, "updated_tx": "ab", "block": 3}
    assert read_committee(record) == trio.committee


def test_the_committees_before_and_after_are_read_where_the_node_names_them(trio: Trio):
    before, record = trio.committee, trio.committee.to_json()
    later = replace(before, epoch=2, active_from_s=900)
    assert read_committees({**record, "previous": None, "next": None}) == [before]
    assert read_committees({**record, "next": later.to_json()}) == [before, later]
    assert read_committees({**later.to_json(), "previous": record, "next": None}) == [before, later]


def test_a_committee_still_to_come_does_not_replace_the_one_in_force(trio: Trio):
    context, before = trio.members["bank"].context, trio.committee
    trio.committee = type(before)(2, 2, before.members, context.now_s + 100)
    trio.look()
    assert context.current == before
    trio.clock.ms += 100_000
    assert context.current == before, "a window that ends where the next begins is the old one's"
    trio.clock.ms += 1_000
    assert context.current.epoch == 2


def test_devices_are_read_with_their_slots():
    row = {"device_id": "d", "suite": "es256", "public_key": "04ff", "status": "active", "slots": None}
    assert read_devices([row])[0].slots == ()


def test_a_home_uses_its_own_profile(tmp_path):
    (tmp_path / HOME_PROFILE).write_text(json.dumps(product("weighed-stock").profile_at(30)))
    assert Profile.load(profile_file(tmp_path)).windows.window_s == 30


def test_a_product_is_shipped_by_its_name():
    assert Profile.load(product("weighed-stock").profile()).hash == PROFILE.hash
    for name in ("moon-1", "../products/weighed-stock"):
        with pytest.raises(EvidenceError) as refused:
            product(name)
        assert refused.value.code == "not_found"
    with pytest.raises(EvidenceError) as refused:
        product("weighed-stock").profile_at(7)
    assert refused.value.code == "not_found"
