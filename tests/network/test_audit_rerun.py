"""Transactions with private terms, run again by an auditor who does not have the terms."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chaincode.world.stub import implicit_collection
from network.audit.rerun import rerun
from network.facts.embedded.state import State
from network.facts.embedded.storage import SCHEMA
from tests.network.audit_home import facts_file, lived_in, one
from wuxin_evidence.fabric import HashedCollection, HashedWrite, TransactionView, Version, Write, parse_block


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived_in(tmp_path_factory)


@pytest.fixture
def state() -> Iterator[State]:
    with closing(sqlite3.connect(":memory:")) as own:
        own.executescript(SCHEMA)
        yield State(own)


def before(home: Path, function: str, state: State) -> TransactionView:
    """The first transaction of this function, with the state brought to where it found it."""
    for number in range(1, 100):
        raw = one(facts_file(home), "SELECT block FROM blocks WHERE number = ?", [number])
        view = parse_block(raw).transactions[0]
        if view.function == function:
            return view
        if view.is_valid:
            state.apply(view.changes[0], Version(number, 0), view.tx_id, view.timestamp_s)
    raise AssertionError(f"no {function}")


def with_collections(view: TransactionView, *collections: HashedCollection) -> TransactionView:
    return replace(view, changes=(replace(view.changes[0], collections=collections),))


@pytest.mark.parametrize("function", ["propose_pledge", "accept_pledge"])
def test_public_results_are_confirmed_without_the_private_terms(home: Path, state: State, function: str) -> None:
    found = rerun(before(home, function, state), state)
    assert found.differences == ()
    assert found.private


def test_accepting_other_terms_than_were_proposed_is_found(home: Path, state: State) -> None:
    view = before(home, "accept_pledge", state)
    others = [
        replace(each, writes=tuple(HashedWrite(w.key_hash, b"o" * 32, is_delete=False) for w in each.writes))
        for each in view.changes[0].collections
    ]
    found = rerun(with_collections(view, *others), state)
    assert [each.split()[:4] for each in found.differences] == [["the", "chaincode", "answers", "409"]]


def test_a_private_write_beside_the_terms_is_found(home: Path, state: State) -> None:
    view = before(home, "propose_pledge", state)
    more = HashedCollection.of(implicit_collection("InsurerMSP"), (), [Write("k", b"v", is_delete=False)])
    found = rerun(with_collections(view, *view.changes[0].collections, more), state)
    assert found.differences == ("the private collections differ",)


def test_a_private_write_does_not_spare_a_function_that_has_none_from_being_compared(home: Path, state: State) -> None:
    view = before(home, "register_slot", state)
    hidden = HashedCollection.of(implicit_collection("WarehouseMSP"), (), [Write("k", b"v", is_delete=False)])
    found = rerun(with_collections(view, hidden), state)
    assert found.differences == ("the private collections differ",)
    assert not found.private


def test_another_event_or_response_than_the_chaincodes_is_found(home: Path, state: State) -> None:
    view = before(home, "register_slot", state)
    assert rerun(replace(view, event_payload=b"[]"), state).differences == ("the event differs",)
    assert rerun(replace(view, response=b"{}"), state).differences == ("the response differs",)
    assert rerun(replace(view, response_status=201), state).differences != ()
