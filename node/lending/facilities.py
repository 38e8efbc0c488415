"""Facilities: how one is proposed from facts, and how it is shown.

    receipt + pledge + what the bank wants ─▶ terms of CreditFacility.propose
    facility rows, reasons, approvals, movements ─▶ one record

The chain knows addresses and hashes only. What they stand for comes from the consortium file and the facts: subjects
by `subject_name`, organisations by their published addresses. An id that the facts have not named yet is shown
as 0x hex.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from contracts.loader import RulePack, load_artifact
from contracts.mirror.terms import Terms
from contracts.structs import stated
from network.membership.consortium import Consortium
from node.commands import obligations
from node.commands.facility_arguments import ProposeFacility
from node.gate.problems import Problem
from node.lending.reversal import approvals_of
from node.products import product_of, rule_pack
from node.projection import tables
from node.projection.obligations import mirrored
from node.projection.records import missing
from wuxin_evidence.ids import facility_key, indicator_id, keccak256, subject

MOVEMENTS_SHOWN = 50
ROLE_NAMES = {1: "bank", 2: "insurer", 3: "regulator"}

Json = dict[str, Any]


def terms_of(
    connection: Connection,
    wish: ProposeFacility,
    lender: str,
    consortium: Consortium,
    chain: str,
    address_of: Callable[[str], str],
    home: Path,
) -> Json:
    """The contract's Terms for a wish, derived from the facts; bytes as 0x hex.

    Raises `not_found` (receipt, pledge), `receipt_not_active`, `pledge_not_active`, `not_pledgee`,
    `not_owner` (the borrower does not own the receipt), `unsupported_action` (several slots, other currency).
    """
    receipt = _record(connection, "receipt", wish.receipt_id)
    pledge = _record(connection, "pledge", wish.pledge_id)
    _require_lendable(wish, lender, receipt, pledge, consortium.circle(chain).currency)
    insurer = wish.insurer or _insurer(consortium, chain)
    pack = rule_pack(wish.rule_pack, home)
    value = product_of(pack).valuation
    terms = Terms(
        lender=_address(address_of(lender)),
        borrower=_address(address_of(wish.borrower)),
        insurer=_address(address_of(insurer)) if insurer else bytes(20),
        borrower_organisation=keccak256(wish.borrower.encode()),
        storing_organisation=keccak256(str(receipt["warehouse"]).encode()),
        quantity_subject=subject("slot", receipt["slots"][0]),
        lien_subject=subject("pledge", wish.pledge_id),
        price_subject=subject("commodity", receipt["commodity"]),
        quantity_indicator=indicator_id(value.quantity_indicator),
        price_indicator=indicator_id(value.price_indicator),
        quantity_per_price_unit=value.quantity_per_price_unit,
        receipt_quantity=receipt["quantity_g"],
        min_quality_bp=wish.min_quality_bp,
        advance_rate_bp=wish.advance_rate_bp,
        rate_bp=wish.rate_bp,
        day_offset_s=consortium.day_offset_s,
        line_minor=wish.line_minor,
        draw_fee_minor=wish.draw_fee_minor,
        quantity_max_age_s=wish.max_quantity_age_s,
        lien_max_age_s=wish.max_lien_age_s,
        price_max_age_s=wish.max_price_age_s,
        maturity_s=wish.maturity_s,
        rule_pack=pack.hash,
    )
    return load_artifact("CreditFacility").struct("Terms").call(stated(terms))


@dataclass(frozen=True)
class LendingCircle:
    """What stands behind a circle's chain: who an address (hex) is, its deposits' currency, the known rule packs."""

    organisation_at: Callable[[str], str]
    currency: str
    packs: Mapping[bytes, RulePack]

    def pack_of(self, row: Row[Any]) -> RulePack | None:
        """The rule pack that a facility's terms name by its hash, None when this node does not have it."""
        return self.packs.get(bytes.fromhex(_bare(row.terms["rulePack"])))


@dataclass(frozen=True)
class Names:
    """What hashes and addresses stand for: subjects of the facts (kind and id), and the circle."""

    subjects: Mapping[str, tuple[str, str]]
    circle: LendingCircle

    def ident(self, subject_hex: str) -> str:
        """The id behind a subject, or the subject as 0x hex."""
        named = self.subjects.get(subject_hex)
        return named[1] if named else "0x" + subject_hex


def names(connection: Connection, wanted: set[str], circle: LendingCircle) -> Names:
    """Look up what the facts call these subjects."""
    table = tables.subject_name
    rows = connection.execute(select(table).where(table.c.subject.in_(sorted(wanted)))).all()
    return Names({row.subject: (row.kind, row.ident) for row in rows}, circle)


def key_of(facility_id: str) -> str:
    """Hex of the bytes32 of a facility id; an id that is shown as 0x hex is taken as it is."""
    return obligations.key_of(facility_id)[2:]


def find(connection: Connection, facility_id: str) -> Row[Any]:
    """The facility's row; raises `not_found`."""
    row = connection.execute(select(tables.facility).where(tables.facility.c.id == key_of(facility_id))).first()
    if row is None:
        raise missing("facility", facility_id)
    return row


def names_in(pledge: Json | None, row: Row[Any], circle: LendingCircle) -> Names:
    """The names that a pledge alone gives to its facility's subjects; asks no table."""
    known: dict[str, tuple[str, str]] = {}
    if pledge is not None:
        known[row.lien_subject] = ("pledge", pledge["pledge_id"])
        named = pledge.get("facility_id")
        if named is not None and facility_key(named).hex() == row.id:
            known[row.id] = ("facility", named)
    return Names(known, circle)


def show(connection: Connection, row: Row[Any], known: Names, now_s: int) -> Json:
    """A facility as the API shows it: its summary, standing reasons and newest movements."""
    receipt_id = _receipt_of(connection, known.ident(row.lien_subject))
    pack = known.circle.pack_of(row)
    standing = [show_reason(connection, reason, pack) for reason in reasons(connection, row.id) if reason.standing]
    return {
        **summary(row, known, receipt_id, now_s),
        "reasons": standing,
        "movements": movements(connection, row.id),
    }


def summary(row: Row[Any], known: Names, receipt_id: str | None, now_s: int) -> Json:
    """A facility's own row, with its debt on the business day of `now_s`; amounts in minor units."""
    facility = mirrored(row)
    terms, debt = facility.terms, facility.debt_at(now_s)
    return {
        "facility_id": known.ident(row.id),
        "facility_key": row.id,
        "status": row.state,
        "since_s": row.since_s,
        "lender": known.circle.organisation_at(row.lender),
        "borrower": known.circle.organisation_at(row.borrower),
        "pledge_id": known.ident(row.lien_subject),
        "receipt_id": receipt_id,
        "currency": known.circle.currency,
        "line_minor": row.line_minor,
        "advance_rate_bp": terms.advance_rate_bp,
        "rate_bp": terms.rate_bp,
        "maturity_s": terms.maturity_s,
        "max_quantity_age_s": terms.quantity_max_age_s,
        "max_lien_age_s": terms.lien_max_age_s,
        "max_price_age_s": terms.price_max_age_s,
        "rule_pack": terms.rule_pack.hex(),
        "principal_minor": row.principal_minor,
        "interest_minor": debt.interest_minor,
        "fees_minor": row.fees_minor,
        "debt_minor": debt.owed_minor,
        "drawn_total_minor": row.drawn_total_minor,
        "repaid_total_minor": row.repaid_total_minor,
        "frozen": row.standing_reasons > 0,
        "block": row.block,
        "tx_id": row.tx_id,
    }


def subjects_of(row: Row[Any]) -> set[str]:
    """The subjects that `show` wants named."""
    return {row.id, row.lien_subject}


def reasons(connection: Connection, facility: str) -> list[Row[Any]]:
    """Every reason a facility ever had, standing or cleared, the oldest first."""
    table = tables.freeze_reason
    return list(
        connection.execute(
            select(table).where(table.c.facility == facility).order_by(table.c.since_block, table.c.since_log)
        ).all()
    )


def show_reason(connection: Connection, row: Row[Any], pack: RulePack | None) -> Json:
    """A reason with the approvals given for it.

    `void` marks those that no longer count: given for an earlier opening, or before a gap or a breach ended the run of
    clean windows. It is null where the rule pack, or an attestation since, is not known here.
    """
    manual = row.role != 0
    rules = {} if pack is None else {rule.id.hex(): rule for rule in pack.rules}
    return {
        "reason_key": row.reason_key,
        "manual": manual,
        "cause": _cause(row.cause) if manual else row.cause,
        "rule": None if manual else _rule_names(pack).get(row.cause, row.cause),
        "version": row.version,
        "subject": row.subject,
        "role": ROLE_NAMES.get(row.role),
        "opening_sequence": row.opening_sequence,
        "since_s": row.since_s,
        "opened_at_s": row.opened_at_s,
        "cleared_at_s": row.cleared_at_s,
        "tx_id": row.tx_id,
        "approvals": [
            {
                "role": ROLE_NAMES.get(each.row.role),
                "opening_sequence": each.row.opening_sequence,
                "at_s": each.row.at_s,
                "tx_id": each.row.tx_id,
                "void": each.void,
            }
            for each in approvals_of(connection, row, rules)
        ],
    }


def movements(connection: Connection, facility: str) -> list[Json]:
    """The newest draws and repayments, the newest first."""
    table = tables.movement
    rows = connection.execute(
        select(table)
        .where(table.c.facility == facility)
        .order_by(table.c.block.desc(), table.c.log_index.desc())
        .limit(MOVEMENTS_SHOWN)
    ).mappings()
    return [{name: value for name, value in row.items() if name not in ("facility", "log_index")} for row in rows]


def standing_reason(connection: Connection, facility: str, reason_key: str) -> Row[Any]:
    """The standing reason under a key; raises `not_found`."""
    wanted = reason_key.removeprefix("0x")
    for row in reasons(connection, facility):
        if row.standing and row.reason_key == wanted:
            return row
    raise missing("standing reason", reason_key)


def _cause(cause_hex: str) -> str:
    text = bytes.fromhex(cause_hex).rstrip(b"\x00")
    return text.decode() if text.isascii() and text.decode("ascii", "replace").isprintable() else cause_hex


def _rule_names(pack: RulePack | None) -> dict[str, str]:
    documents: list[Json] = [] if pack is None else pack.document["rules"]
    return {keccak256(rule["id"].encode()).hex(): rule["id"] for rule in documents}


def _require_lendable(wish: ProposeFacility, lender: str, receipt: Json, pledge: Json, currency: str) -> None:
    # The contract knows no receipt and no pledge by name; what is wrong here would be found at the first draw only.
    if len(receipt["slots"]) > 1:
        raise Problem(
            "unsupported_action",
            f"receipt {wish.receipt_id} covers {len(receipt['slots'])} slots; a facility follows one quantity",
            "lend on a receipt over one slot",
        )
    if wish.currency != currency:
        raise Problem(
            "unsupported_action", f"deposits are in {currency}, not {wish.currency}", f"propose it in {currency}"
        )
    if receipt["status"] != "active":
        raise Problem("receipt_not_active", f"receipt {wish.receipt_id} is {receipt['status']}", "use an active one")
    if pledge["receipt_id"] != wish.receipt_id or pledge["status"] not in ("proposed", "active"):
        raise Problem(
            "pledge_not_active",
            f"pledge {wish.pledge_id} is {pledge['status']} on receipt {pledge['receipt_id']}",
            "name the pledge that rests on this receipt",
        )
    if pledge["pledgee"] != lender:
        raise Problem("not_pledgee", f"the pledgee is {pledge['pledgee']}", "let the pledgee propose the facility")
    if receipt["owner"] != wish.borrower:
        raise Problem("not_owner", f"the owner is {receipt['owner']}, not {wish.borrower}", "lend to the owner")
    if pledge.get("facility_id") not in (None, wish.facility_id):
        raise Problem(
            "conflict", f"the pledge was accepted for facility {pledge['facility_id']}", "propose that facility"
        )


def _insurer(consortium: Consortium, chain: str) -> str | None:
    circle = consortium.circle(chain)
    return next((name for name in circle.members if "insurer" in consortium.organisation(name).roles), None)


def _record(connection: Connection, name: str, ident: str) -> Json:
    table = tables.READ_MODEL.tables[name]
    row = connection.execute(select(table).where(table.c.id == ident)).first()
    if row is None:
        raise missing(name, ident)
    return dict(row.record)


def _receipt_of(connection: Connection, pledge_id: str) -> str | None:
    row = connection.execute(select(tables.pledge).where(tables.pledge.c.id == pledge_id)).first()
    return None if row is None else row.receipt_id


def _address(text: str) -> bytes:
    return bytes.fromhex(_bare(text))


def _bare(text: str) -> str:
    return text.removeprefix("0x")
