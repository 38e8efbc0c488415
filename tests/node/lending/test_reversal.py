"""Which approvals count is folded from the ledgers; what a ledger does not tell is not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Row, select

from contracts.mirror.reversal import Condition, Rule
from node.lending.reversal import approvals_of
from node.projection import tables
from node.projection.facts import put
from tests.node.lending.situations import FACILITY_KEY, SLOT, read_model
from wuxin_evidence.attestation import ALARM, MISSING, OK, SCHEDULED, SCHEDULED_N, SUSPECT, Attestation, Indicator
from wuxin_evidence.ids import indicator_id

LOSS = indicator_id("unexplained_loss_g")
RULE = Rule(
    id=b"\x0b" * 32,
    version=1,
    match_any=False,
    windows=1,
    on_missing=1,
    cure_windows=2,
    approver_roles=0b0110,
    conditions=(Condition(LOSS, 2, 3_000_000, 0),),
)
RULES = {RULE.id.hex(): RULE}
OPENING = (100 << 16) + SCHEDULED_N
BANK, INSURER = 1, 2


class Ledgers:
    """A freeze by window 100, and what came after it, each in a block of its own."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.block = connection, 10
        self.opening = OPENING
        put(connection, tables.freeze_reason, self._opened() | {"since_block": 10, "since_log": 1})

    def _opened(self) -> dict[str, Any]:
        return {
            "facility": FACILITY_KEY, "reason_key": "ab", "standing": True, "cause": RULE.id.hex(), "version": 1,
            "subject": SLOT.hex(), "role": 0, "opening_sequence": self.opening, "since_s": 1, "opened_at_s": 1,
            "opened_block": self.block, "opened_log": 1, "tx_id": "0x",
        }  # fmt: skip

    def window(self, window: int, loss_g: int = 0, status: int = OK, *, recorded: bool = True) -> None:
        self._attested(SCHEDULED, (window << 16) + SCHEDULED_N, loss_g, status, recorded)

    def alarm(self, window: int, loss_g: int) -> None:
        self._attested(ALARM, window << 16, loss_g, OK, True)

    def reopened(self) -> None:
        self.opening += 1
        put(self.connection, tables.freeze_reason, self._opened() | {"since_block": 10, "since_log": 1})

    def cleared(self) -> None:
        self.block += 1
        at = {"standing": False, "cleared_at_s": 2, "cleared_block": self.block, "cleared_log": 0}
        put(self.connection, tables.freeze_reason, dict(self.reason._mapping) | at)

    def approved(self, role: int) -> None:
        self.block += 1
        row = {
            "block": self.block, "log_index": 0, "facility": FACILITY_KEY, "reason_key": "ab",
            "opening_sequence": self.opening, "role": role, "at_s": self.block, "tx_id": "0x",
        }  # fmt: skip
        put(self.connection, tables.approval, row)

    @property
    def reason(self) -> Row[Any]:
        return self.connection.execute(select(tables.freeze_reason)).one()

    def void(self, rules: dict[str, Rule] = RULES) -> list[bool | None]:
        return [given.void for given in approvals_of(self.connection, self.reason, rules)]

    def _attested(self, kind: int, sequence: int, loss_g: int, status: int, recorded: bool) -> None:
        self.block += 1
        indicators = (Indicator(LOSS, loss_g if status == OK else 0, 10_000 if status == OK else 0, status),)
        made = Attestation(
            bytes(32), 1, SLOT, kind, sequence, 0, 900, bytes(32), bytes(32), 1, 0, indicators
        )  # fmt: skip
        digest = made.digest().hex()
        accepted = {
            "digest": digest, "subject": SLOT.hex(), "kind": kind, "sequence": sequence, "tx_id": "0x",
            "block": self.block, "log_index": 0, "at_s": self.block,
        }  # fmt: skip
        put(self.connection, tables.accepted_attestation, accepted)
        if recorded:
            record = {"attestation": made.to_cbor().hex(), "digest": digest}
            made = {"block": 1, "tx_index": 0, "tx_id": "f", "made_block": 1, "made_index": 0, "made_s": 1}
            row = {"id": digest, "digest": digest, "record": record, **made}
            put(self.connection, tables.attestation, row)


@pytest.fixture
def cured() -> Iterator[Ledgers]:
    """Clean in windows 101 and 102, then approved by the bank."""
    with read_model() as connection:
        ledgers = Ledgers(connection)
        ledgers.window(101)
        ledgers.window(102)
        ledgers.approved(BANK)
        yield ledgers


def test_it_counts_while_the_clean_run_goes_on(cured: Ledgers) -> None:
    assert cured.void() == [False]
    cured.window(103)
    cured.window(104)
    assert cured.void() == [False]


@pytest.mark.parametrize(
    ("window", "loss_g", "status"), [(104, 0, OK), (103, 0, MISSING), (103, 0, SUSPECT), (103, 5_000_000, OK)]
)
def test_it_is_void_after_a_window_that_is_not_clean_and_stays_so(
    cured: Ledgers, window: int, loss_g: int, status: int
) -> None:
    cured.window(window, loss_g, status)
    assert cured.void() == [True]
    cured.window(105)
    cured.window(106)
    assert cured.void() == [True]
    cured.approved(INSURER)
    assert cured.void() == [True, False]


def test_an_alarm_that_is_met_voids_it_and_one_that_is_not_met_does_not(cured: Ledgers) -> None:
    cured.alarm(103, 0)
    assert cured.void() == [False]
    cured.alarm(103, 5_000_000)
    assert cured.void() == [True]


def test_one_of_an_earlier_opening_is_void_whatever_the_windows_say(cured: Ledgers) -> None:
    cured.block += 1
    cured.reopened()
    assert cured.void() == [True]


def test_a_cleared_reason_keeps_what_stood_when_it_was_cleared(cured: Ledgers) -> None:
    cured.approved(INSURER)
    cured.cleared()
    cured.window(110)
    assert cured.void() == [False, False]


def test_with_another_pack_or_an_attestation_that_the_facts_lack_it_is_not_known(cured: Ledgers) -> None:
    assert cured.void({}) == [None]
    cured.window(103, recorded=False)
    assert cured.void() == [None]


def test_an_approval_before_any_window_is_not_known() -> None:
    with read_model() as connection:
        ledgers = Ledgers(connection)
        ledgers.approved(BANK)
        assert ledgers.void() == [None]
