"""Situations made by hand: a receipt that can be lent on, to be spoilt by a test in one place at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, create_engine, select

from contracts.mirror.facility import Funding
from contracts.structs import stated
from node.lending.situation import LIEN_ACTIVE, RECEIPT_QUANTITY, Head, Situation, Value
from node.projection import tables
from node.projection.facts import put
from tests.contracts.dice import T0
from tests.contracts.facility_vectors import BASE
from wuxin_evidence.attestation import LIEN, OK, PRICE, SCHEDULED
from wuxin_evidence.ids import facility_key, subject

NOW_S = T0 + 60
SLOT, PLEDGE, COMMODITY = subject("slot", "s-1"), subject("pledge", "p-1"), subject("commodity", "copper")
TERMS = replace(BASE, quantity_subject=SLOT, lien_subject=PLEDGE, price_subject=COMMODITY)
QUANTITY_G = 50_000_000
FACILITY_KEY = facility_key("f-1").hex()
RECEIPT: Mapping[str, Any] = {
    "receipt_id": "r-1",
    "status": "active",
    "owner": "manufacturer",
    "slots": ["s-1"],
    "commodity": "copper",
    "quantity_g": QUANTITY_G,
    "lien": {"pledge_id": "p-1", "status": "active", "pledgee": "bank", "since_s": T0},
}
PLEDGED: Mapping[str, Any] = {
    "pledge_id": "p-1",
    "receipt_id": "r-1",
    "status": "active",
    "pledgee": "bank",
    "since_s": T0,
    "facility_id": "f-1",
}

QUANTITY_KEY = (SLOT.hex(), SCHEDULED, TERMS.quantity_indicator.hex())
ACTIVE_KEY = (PLEDGE.hex(), LIEN, LIEN_ACTIVE)
PLEDGED_KEY = (PLEDGE.hex(), LIEN, RECEIPT_QUANTITY)
PRICE_KEY = (COMMODITY.hex(), PRICE, TERMS.price_indicator.hex())
VALUES = {
    QUANTITY_KEY: Value(QUANTITY_G, 10_000, OK, T0, 5),
    ACTIVE_KEY: Value(1, 10_000, OK, T0, 5),
    PLEDGED_KEY: Value(QUANTITY_G, 10_000, OK, T0, 5),
    PRICE_KEY: Value(7_000_000, 10_000, OK, T0, 5),
}
HEADS = {(SLOT.hex(), SCHEDULED): Head(5, "aa", T0), (PLEDGE.hex(), LIEN): Head(5, "bb", T0)} | {
    (COMMODITY.hex(), PRICE): Head(5, "cc", T0)
}


def read_model() -> Connection:
    """An empty read model in memory."""
    engine = create_engine("sqlite://")
    tables.READ_MODEL.create_all(engine)
    return engine.connect()


def facility_row(**changed: Any) -> Row[Any]:
    """The row of an active facility without debt over the lien."""
    row: dict[str, Any] = {
        "id": FACILITY_KEY, "state": "active", "since_s": T0, "lender": "01" * 20, "borrower": "02" * 20,
        "lien_subject": PLEDGE.hex(), "quantity_subject": SLOT.hex(), "price_subject": COMMODITY.hex(),
        "terms": stated(TERMS), "line_minor": TERMS.line_minor, "principal_minor": 0, "interest_minor": 0,
        "fees_minor": 0, "interest_fraction": 0, "accrued_day": 0, "drawn_total_minor": 0, "repaid_total_minor": 0,
        "standing_reasons": 0, "block": 1, "tx_id": "0x01", "made_block": 1, "made_log": 0,
        "made_s": T0,
    }  # fmt: skip
    with read_model() as connection:
        put(connection, tables.facility, row | changed)
        return connection.execute(select(tables.facility)).one()


def lendable() -> Situation:
    """Everything in place: nothing refuses a draw."""
    return Situation(
        receipt=dict(RECEIPT),
        pledge=dict(PLEDGED),
        facility=facility_row(),
        reasons=(),
        values=VALUES,
        heads=HEADS,
        facts_heads=HEADS,
        slot_subject=SLOT.hex(),
        lien_subject=PLEDGE.hex(),
        price_subject=COMMODITY.hex(),
        funding=Funding(10**12, lender_listed=True, borrower_listed=True),
        as_of={"f": (3, 0), "e1": (7, 2)},
    )
