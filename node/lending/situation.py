"""The situation of a pledged receipt: everything both ledgers say about it, loaded by a handful of indexed reads.

    rows of both ledgers ─▶ Situation ─▶ Attested, Facility, Funding, which the contracts' mirror computes with

`collateral` judges it for a lender, `duties` for whoever has to act next. Loading and judging are apart so that the
judgement is a pure function of values and of the time it is made for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from chaincode.security import lien
from contracts.mirror import collateral as mirror
from contracts.mirror.collateral import NEVER, Attested, Latest
from contracts.mirror.facility import Facility, Funding
from contracts.mirror.terms import Terms
from node.projection import deposits, tables
from node.projection.obligations import mirrored
from wuxin_evidence.attestation import LIEN, PRICE, SCHEDULED
from wuxin_evidence.ids import indicator_id, subject

QUANTITY = indicator_id("quantity_g").hex()
LIEN_ACTIVE = indicator_id("lien_active").hex()
RECEIPT_QUANTITY = indicator_id("receipt_quantity_g").hex()
PRICE_PER_T = indicator_id("price_minor_per_t").hex()

Json = dict[str, Any]

# Built once: composing a statement costs more than the indexed read that it makes.
RECEIPT = select(tables.receipt).where(tables.receipt.c.id == bindparam("receipt_id"))
_PLEDGE = select(tables.pledge.c.record).where(tables.pledge.c.id == bindparam("pledge_id"))
_FACILITIES = (
    select(tables.facility)
    .where(tables.facility.c.lien_subject == bindparam("lien_subject"))
    .order_by(tables.facility.c.block.desc())
)
_STANDING = (
    select(tables.freeze_reason)
    .where(tables.freeze_reason.c.facility == bindparam("facility"), tables.freeze_reason.c.standing)
    .order_by(tables.freeze_reason.c.since_s)
)
_SUBJECTS: BindParameter[Any] = bindparam("subjects", expanding=True)
_VALUES = select(tables.feed_value).where(tables.feed_value.c.subject.in_(_SUBJECTS))
_CHAIN_HEADS = select(tables.feed_head).where(tables.feed_head.c.subject.in_(_SUBJECTS))
_FACTS_HEADS = select(tables.facts_head).where(tables.facts_head.c.subject.in_(_SUBJECTS))
_CHECKPOINTS = select(tables.checkpoint)


@dataclass(frozen=True)
class Value:
    """The newest word on one indicator in the facts: the value as of `observed_at_s`, zero when there was none;
    `status` and `sequence` are those of the newest word, which may be newer than the value."""

    value: int | None
    quality_bp: int
    status: int
    observed_at_s: int
    sequence: int


@dataclass(frozen=True)
class Head:
    """How far one ledger has come with a subject and kind."""

    sequence: int
    digest: str
    at_s: int


@dataclass(frozen=True)
class Situation:
    """One receipt with its pledge, its facility, what is attested, and the ledgers' positions it was read at."""

    receipt: Json
    pledge: Json | None
    facility: Row[Any] | None
    reasons: Sequence[Row[Any]]
    values: Mapping[tuple[str, int, str], Value]
    heads: Mapping[tuple[str, int], Head]
    facts_heads: Mapping[tuple[str, int], Head]
    slot_subject: str
    lien_subject: str
    price_subject: str
    funding: Funding
    as_of: Mapping[str, tuple[int, int]]

    @cached_property
    def mirrored(self) -> Facility | None:
        """The facility as the contract stores it, None without a facility."""
        return None if self.facility is None else mirrored(self.facility)

    @property
    def terms(self) -> Terms | None:
        """The facility's terms, None without a facility."""
        return None if self.mirrored is None else self.mirrored.terms

    @property
    def quantity(self) -> Value | None:
        """The quantity that the facility reads; without a facility that of the receipt's slot."""
        terms = self.terms
        if terms is None:
            return self.values.get((self.slot_subject, SCHEDULED, QUANTITY))
        return self.values.get((terms.quantity_subject.hex(), SCHEDULED, terms.quantity_indicator.hex()))

    @property
    def price(self) -> Value | None:
        """The price that the facility reads; without a facility that of the receipt's commodity."""
        terms = self.terms
        if terms is None:
            return self.values.get((self.price_subject, PRICE, PRICE_PER_T))
        return self.values.get((terms.price_subject.hex(), PRICE, terms.price_indicator.hex()))

    @property
    def lien_active(self) -> Value | None:
        """The newest word on whether the lien is active."""
        return self.values.get((self.lien_subject, LIEN, LIEN_ACTIVE))

    @cached_property
    def attested(self) -> Attested:
        """The words that the facility depends on, as far as the obligations have accepted them.

        What only the facts hold is never attested for a contract: its word may be an earlier one that is not known.
        """
        terms = self.terms
        if terms is None:
            return Attested()
        return Attested(
            self._latest(terms.quantity_subject.hex(), SCHEDULED, terms.quantity_indicator.hex()),
            self._latest(terms.lien_subject.hex(), LIEN, LIEN_ACTIVE),
            self._latest(terms.lien_subject.hex(), LIEN, RECEIPT_QUANTITY),
            self._latest(terms.price_subject.hex(), PRICE, terms.price_indicator.hex()),
        )

    @property
    def pledge_rests(self) -> bool:
        """Whether the pledge is accepted and rests on the receipt, in the facts."""
        return self.pledge is not None and lien.rests(self.receipt, self.pledge)

    def lien_stands(self, now_s: int) -> bool:
        """Whether the lien stands for the facility, in the one meaning that the contract gives it."""
        terms = self.terms
        return terms is not None and mirror.lien(terms, self.attested, now_s).fresh

    def _latest(self, subject_hex: str, kind: int, indicator: str) -> Latest:
        value, head = self.values.get((subject_hex, kind, indicator)), self.heads.get((subject_hex, kind))
        if value is None or head is None or head.sequence < value.sequence:
            return NEVER
        return Latest(value.value or 0, value.quality_bp, value.status, value.observed_at_s)


def load(connection: Connection, receipt_row: Row[Any], pledge_id: str | None = None) -> Situation:
    """Read the situation of a receipt within one snapshot; `pledge_id` asks for an earlier pledge of it."""
    receipt: Json = {**receipt_row.record, "block": receipt_row.block, "tx_id": receipt_row.tx_id}
    lien = receipt.get("lien")
    pledge_id = pledge_id or (lien["pledge_id"] if lien else None)
    pledge = _pledge(connection, pledge_id)
    slot_subject = subject("slot", receipt["slots"][0]).hex()
    lien_subject = subject("pledge", pledge_id).hex() if pledge_id else ""
    price_subject = subject("commodity", receipt["commodity"]).hex()
    facility = _facility(connection, lien_subject)
    followed = () if facility is None else (facility.quantity_subject, facility.price_subject)
    subjects = sorted({each for each in (slot_subject, lien_subject, price_subject, *followed) if each})
    return Situation(
        receipt=receipt,
        pledge=pledge,
        facility=facility,
        reasons=_reasons(connection, facility),
        values=_values(connection, subjects),
        heads=_heads(connection, subjects),
        facts_heads=_facts_heads(connection, subjects),
        slot_subject=slot_subject,
        lien_subject=lien_subject,
        price_subject=price_subject,
        funding=_funding(connection, facility),
        as_of={row.ledger: (row.block, row.place) for row in connection.execute(_CHECKPOINTS).all()},
    )


def _pledge(connection: Connection, pledge_id: str | None) -> Json | None:
    if pledge_id is None:
        return None
    row = connection.execute(_PLEDGE, {"pledge_id": pledge_id}).first()
    return None if row is None else dict(row.record)


def _facility(connection: Connection, lien_subject: str) -> Row[Any] | None:
    """The facility over a lien: the one that is open, else the newest."""
    if not lien_subject:
        return None
    rows = connection.execute(_FACILITIES, {"lien_subject": lien_subject}).all()
    live = [row for row in rows if row.state in ("active", "closing")]
    proposed = [row for row in rows if row.state == "proposed"]
    return next(iter([*live, *proposed, *rows]), None)


def _funding(connection: Connection, facility: Row[Any] | None) -> Funding:
    if facility is None:
        return Funding()
    return deposits.funding(connection, facility.lender, facility.borrower)


def _reasons(connection: Connection, facility: Row[Any] | None) -> Sequence[Row[Any]]:
    if facility is None or facility.standing_reasons == 0:
        return ()
    return connection.execute(_STANDING, {"facility": facility.id}).all()


def _values(connection: Connection, subjects: Sequence[str]) -> dict[tuple[str, int, str], Value]:
    return {
        (row.subject, row.kind, row.indicator): Value(
            row.value, row.quality_bp or 0, row.status, row.observed_at_s or 0, row.sequence
        )
        for row in connection.execute(_VALUES, {"subjects": subjects}).all()
    }


def _heads(connection: Connection, subjects: Sequence[str]) -> dict[tuple[str, int], Head]:
    rows = connection.execute(_CHAIN_HEADS, {"subjects": subjects}).all()
    return {(row.subject, row.kind): Head(row.sequence, row.digest, row.at_s) for row in rows}


def _facts_heads(connection: Connection, subjects: Sequence[str]) -> dict[tuple[str, int], Head]:
    rows = connection.execute(_FACTS_HEADS, {"subjects": subjects}).all()
    return {(row.subject, row.kind): Head(row.sequence, row.digest, row.at_s) for row in rows}
