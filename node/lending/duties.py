"""Duties: half-done states between the two ledgers, each with a name, a since, a next actor and a deadline.

    pledge_without_facility   the pledge is accepted, no facility backs on it
    facility_without_lien     a facility is open, its lien is not attested as standing
    closing_unreleased        the facility is closing, the pledge is not released, or that is not attested
    facts_ahead               the facts recorded an attestation that the obligations have not accepted
    obligations_ahead         the obligations accepted one that the facts have not recorded
    conflict                  the ledgers contradict each other

Any of them makes the collateral not lendable. `half_done` is a pure function; `all_duties` runs it over every pledge
that is not at its end. Whether a lien stands is the contract's question, asked of its mirror.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from node.lending.situation import RECEIPT, Situation, load
from node.projection import tables
from wuxin_evidence.attestation import ALARM, LIEN, PRICE, SCHEDULED
from wuxin_evidence.ids import facility_key

RELAY_S = 60  # an attestation reaches both ledgers within seconds; after this somebody has to look
ATTEST_S = 900  # the oracle attests a changed lien within its window
RELEASE_S = 3 * 86_400  # days to release a repaid pledge, before the regulator is told
FACILITY_S = 7 * 86_400  # days from an accepted pledge to its facility; then the pledgor may ask for release
LIVE = ("active", "closing")


@dataclass(frozen=True)
class Duty:
    """One half-done state: what it is called, since when, who has to act, until when, and how."""

    code: str
    since_s: int
    next_actor: str
    deadline_s: int
    hint: str


def half_done(situation: Situation, now_s: int) -> Iterator[Duty]:
    """The half-done states of one pledge at `now_s`, the contradictions first."""
    yield from _conflicts(situation)
    yield from _pledge_and_facility(situation, now_s)
    yield from _ahead(situation)


def all_duties(connection: Connection, now_s: int) -> list[tuple[str, str, Duty]]:
    """(receipt id, pledge id, duty) of every pledge that is open, or whose facility is."""
    pledge, facility = tables.pledge, tables.facility
    open_liens = select(facility.c.lien_subject).where(facility.c.state.in_(("proposed", *LIVE)))
    named = select(tables.subject_name.c.ident).where(
        tables.subject_name.c.kind == "pledge", tables.subject_name.c.subject.in_(open_liens)
    )
    rows = connection.execute(
        select(pledge).where(or_(pledge.c.status == "active", pledge.c.id.in_(named))).order_by(pledge.c.id)
    ).all()
    found: list[tuple[str, str, Duty]] = []
    for row in rows:
        receipt = connection.execute(RECEIPT, {"receipt_id": row.receipt_id}).first()
        if receipt is not None:
            duties = half_done(load(connection, receipt, row.id), now_s)
            found.extend((row.receipt_id, row.id, duty) for duty in duties)
    return found


def _conflicts(situation: Situation) -> Iterator[Duty]:
    pledge, facility = situation.pledge, situation.facility
    if pledge and facility is not None and pledge["status"] == "active" and facility.state in LIVE:
        named = pledge.get("facility_id")
        if named and facility_key(named).hex() != facility.id:
            hint = f"the pledge names facility {named}, the chain has another one over this lien"
            yield Duty("conflict", facility.since_s, pledge["pledgee"], facility.since_s + RELEASE_S, hint)
    for key, head in situation.heads.items():
        fact = situation.facts_heads.get(key)
        if fact is not None and fact.sequence == head.sequence and fact.digest != head.digest:
            hint = "the ledgers hold different attestations under one sequence: ask the oracle members"
            yield Duty("conflict", max(head.at_s, fact.at_s), "oracle", head.at_s + RELAY_S, hint)


def _pledge_and_facility(situation: Situation, now_s: int) -> Iterator[Duty]:
    pledge, facility = situation.pledge, situation.facility
    if pledge is None:
        return
    since, pledgee = int(pledge["since_s"]), str(pledge["pledgee"])
    if facility is not None and facility.state == "closing":
        yield _closing(pledge["status"], since, pledgee, facility.since_s)
    elif pledge["status"] == "active" and (facility is None or facility.state == "closed"):
        hint = "propose the facility that the pledge names, or release the pledge"
        yield Duty("pledge_without_facility", since, pledgee, since + FACILITY_S, hint)
    elif facility is not None and facility.state in ("proposed", "active") and not situation.lien_stands(now_s):
        start = max(since, facility.since_s)
        if situation.pledge_rests:
            hint = "the oracle attests the lien"
            yield Duty("facility_without_lien", start, "oracle", start + ATTEST_S, hint)
        else:
            hint = "the pledge is not active: accept it, or close the facility"
            yield Duty("facility_without_lien", start, pledgee, start + ATTEST_S, hint)


def _closing(pledge_status: str, since_s: int, pledgee: str, closing_s: int) -> Duty:
    if pledge_status == "active":
        hint = "the debt is repaid: release the pledge"
        return Duty("closing_unreleased", closing_s, pledgee, closing_s + RELEASE_S, hint)
    hint = "the oracle attests the release, then lender or borrower closes the facility"
    return Duty("closing_unreleased", since_s, "oracle", since_s + ATTEST_S, hint)


def _ahead(situation: Situation) -> Iterator[Duty]:
    """Ledgers that disagree on how far an attested subject has come, where a facility depends on it."""
    if situation.facility is None or situation.facility.state not in ("proposed", *LIVE):
        return
    watched = [
        (situation.facility.quantity_subject, SCHEDULED),
        (situation.facility.quantity_subject, ALARM),
        (situation.facility.lien_subject, LIEN),
        (situation.facility.price_subject, PRICE),
    ]
    # An attestation on one ledger only is evidence that one of them lacks: nothing lends on half a word.
    for key in watched:
        head, fact = situation.heads.get(key), situation.facts_heads.get(key)
        chain_at, facts_at = (head.sequence if head else -1), (fact.sequence if fact is not None else -1)
        if facts_at > chain_at and fact is not None:
            hint = "relay the attestation to the obligations"
            yield Duty("facts_ahead", fact.at_s, "oracle", fact.at_s + RELAY_S, hint)
        elif chain_at > facts_at and head is not None:
            hint = "relay the attestation to the facts"
            yield Duty("obligations_ahead", head.at_s, "oracle", head.at_s + RELAY_S, hint)
