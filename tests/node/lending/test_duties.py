"""Duties: half-done states between the two ledgers, the lien judged as the contract judges it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, delete

from node.lending.duties import ATTEST_S, FACILITY_S, RELAY_S, RELEASE_S, Duty, all_duties, half_done
from node.lending.situation import Head, Situation
from node.projection import tables
from node.projection.facts import put
from tests.node.lending.situations import (
    ACTIVE_KEY,
    HEADS,
    NOW_S,
    PLEDGED,
    RECEIPT,
    SLOT,
    VALUES,
    facility_row,
    lendable,
    read_model,
)
from wuxin_evidence.attestation import ALARM, SCHEDULED, SUSPECT
from wuxin_evidence.ids import subject

T0 = NOW_S - 60


def duties(situation: Situation, now_s: int = NOW_S) -> list[Duty]:
    return list(half_done(situation, now_s))


def only(situation: Situation, now_s: int = NOW_S) -> Duty:
    (duty,) = duties(situation, now_s)
    return duty


def with_pledge(**changed: Any) -> Situation:
    return replace(lendable(), pledge={**PLEDGED, **changed})


def test_with_everything_in_place_nobody_owes_anything() -> None:
    assert duties(lendable()) == []


@pytest.mark.parametrize("facility", [None, facility_row(state="closed")], ids=["none", "closed"])
def test_an_accepted_pledge_without_a_facility_is_the_pledgees_duty(facility: Any) -> None:
    duty = only(replace(lendable(), facility=facility))
    assert (duty.code, duty.next_actor, duty.deadline_s) == ("pledge_without_facility", "bank", T0 + FACILITY_S)


@pytest.mark.parametrize("state", ["proposed", "active"])
def test_a_facility_whose_lien_does_not_stand_is_the_oracles_duty(state: str) -> None:
    suspect = {**VALUES, ACTIVE_KEY: replace(VALUES[ACTIVE_KEY], status=SUSPECT)}
    duty = only(replace(lendable(), facility=facility_row(state=state), values=suspect))
    assert (duty.code, duty.next_actor, duty.deadline_s) == ("facility_without_lien", "oracle", T0 + ATTEST_S)


def test_a_lien_attested_too_long_ago_no_longer_stands() -> None:
    """Freshness is part of the one meaning: the contract refuses the draw, so somebody has to act."""
    assert duties(lendable(), T0 + 7_199) == []
    assert only(lendable(), T0 + 7_200).code == "facility_without_lien"


def test_before_the_pledge_is_accepted_the_lien_is_the_pledgees_duty() -> None:
    waiting = replace(with_pledge(status="proposed"), values={}, facility=facility_row(state="proposed"))
    assert (only(waiting).code, only(waiting).next_actor) == ("facility_without_lien", "bank")


def test_closing_is_first_the_pledgees_duty_then_the_oracles() -> None:
    closing = replace(lendable(), facility=facility_row(state="closing"))
    duty = only(closing)
    assert (duty.code, duty.next_actor, duty.deadline_s) == ("closing_unreleased", "bank", T0 + RELEASE_S)
    released = replace(closing, pledge={**PLEDGED, "status": "released"})
    assert (only(released).next_actor, only(released).deadline_s) == ("oracle", T0 + ATTEST_S)


def test_a_pledge_that_names_another_facility_is_a_conflict() -> None:
    assert only(with_pledge(facility_id="f-2")).code == "conflict"


def test_two_digests_under_one_sequence_are_a_conflict() -> None:
    other = HEADS | {(SLOT.hex(), SCHEDULED): Head(5, "dd", T0)}
    assert [each.code for each in duties(replace(lendable(), facts_heads=other))] == ["conflict"]


@pytest.mark.parametrize(
    ("facts", "chain", "code"), [(6, 5, "facts_ahead"), (5, 6, "obligations_ahead"), (6, None, "facts_ahead")]
)
@pytest.mark.parametrize("kind", [SCHEDULED, ALARM])
def test_a_ledger_that_is_ahead_is_named(facts: int, chain: int | None, code: str, kind: int) -> None:
    key = (SLOT.hex(), kind)
    heads = {each: head for each, head in HEADS.items() if each != key}
    here = heads if chain is None else heads | {key: Head(chain, "aa", T0)}
    duty = only(replace(lendable(), heads=here, facts_heads=heads | {key: Head(facts, "aa", T0)}))
    assert (duty.code, duty.next_actor, duty.deadline_s) == (code, "oracle", T0 + RELAY_S)


def test_nobody_waits_for_a_facility_that_is_closed() -> None:
    ahead = HEADS | {(SLOT.hex(), SCHEDULED): Head(9, "aa", T0)}
    closed = replace(with_pledge(status="released"), facility=facility_row(state="closed"), facts_heads=ahead)
    assert duties(closed) == []


def test_the_lien_has_one_meaning_for_the_answer_and_for_the_duties() -> None:
    from node.lending.collateral import blockers_of

    for now_s in (T0, T0 + 7_199, T0 + 7_200, T0 + 10**6):
        codes = {each.code for each in blockers_of(lendable(), now_s)}
        assert ("lien_missing" in codes) == ("facility_without_lien" in codes) == (not lendable().lien_stands(now_s))


@pytest.fixture
def facts() -> Iterator[Connection]:
    """Two receipts: on the first rests an accepted pledge, the pledge on the second was released."""
    with read_model() as connection:
        for n, status in ((1, "active"), (2, "released")):
            place = {"block": n, "tx_index": 0, "tx_id": "f", "made_block": n, "made_index": 0, "made_s": T0}
            receipt = {**RECEIPT, "receipt_id": f"r-{n}", "lien": {**RECEIPT["lien"], "pledge_id": f"p-{n}"}}
            pledge = {**PLEDGED, "pledge_id": f"p-{n}", "receipt_id": f"r-{n}", "status": status}
            put(connection, tables.receipt, place | {"id": f"r-{n}", "record": receipt})
            row = {"id": f"p-{n}", "receipt_id": f"r-{n}", "status": status, "record": pledge}
            put(connection, tables.pledge, place | row)
        yield connection


def over_the_lien_of(connection: Connection, pledge_id: str, state: str) -> None:
    """A facility of the chain over the lien of this pledge."""
    lien = subject("pledge", pledge_id).hex()
    put(connection, tables.subject_name, {"subject": lien, "kind": "pledge", "ident": pledge_id})
    put(connection, tables.facility, dict(facility_row(state=state, lien_subject=lien)._mapping))


def listed(connection: Connection) -> list[tuple[str, str, str]]:
    return [(receipt_id, pledge_id, duty.code) for receipt_id, pledge_id, duty in all_duties(connection, NOW_S)]


def test_of_all_pledges_the_open_ones_are_looked_at(facts: Connection) -> None:
    assert listed(facts) == [("r-1", "p-1", "pledge_without_facility")]


@pytest.mark.parametrize("state", ["closing", "active"])
def test_a_released_pledge_is_looked_at_while_its_facility_is_open(facts: Connection, state: str) -> None:
    """The bank that released first is not done: nobody would close the facility otherwise."""
    over_the_lien_of(facts, "p-2", state)
    assert [row for row in listed(facts) if row[1] == "p-2"] == [
        ("r-2", "p-2", "closing_unreleased" if state == "closing" else "facility_without_lien")
    ]


def test_a_released_pledge_whose_facility_is_closed_is_nobodys_duty(facts: Connection) -> None:
    over_the_lien_of(facts, "p-2", "closed")
    assert [row for row in listed(facts) if row[1] == "p-2"] == []


def test_a_pledge_whose_receipt_was_not_read_yet_is_left_out(facts: Connection) -> None:
    facts.execute(delete(tables.receipt))
    assert listed(facts) == []
