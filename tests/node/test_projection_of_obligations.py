"""Obligations fold as the contracts keep them: debts, deposits and what stands of a freeze, log by log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from contracts.mirror.facility import Funding
from contracts.mirror.interest import DAY_S, Debt
from contracts.structs import stated
from network.ports import Log
from node.projection import deposits, tables
from node.projection.obligations import apply_log, mirrored
from tests.contracts.dice import T0
from tests.node.lending.situations import FACILITY_KEY, TERMS, read_model

KEY = "0x" + FACILITY_KEY
BANK, MAKER, CONTRACT = "0x" + "01" * 20, "0x" + "02" * 20, "0x" + "fa" * 20
RATE_TERMS = stated(TERMS) | {"rateBp": 3_600}
"""One minor unit of interest a day on every thousand."""


class Chain:
    """Logs applied one after the other, each in a block of its own."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.block = connection, 0

    def log(self, contract: str, event: str, at_s: int = T0, **args: Any) -> bool:
        self.block += 1
        made = Log("e1", self.block, 0, contract, event, args, f"0x{self.block:064x}", at_s)
        return apply_log(self.connection, made, RATE_TERMS if event == "FacilityProposed" else None)

    def facility(self, event: str, at_s: int = T0, **args: Any) -> bool:
        return self.log("CreditFacility", event, at_s, facilityId=KEY, **args)

    def token(self, event: str, **args: Any) -> bool:
        return self.log("DepositToken", event, **args)

    @property
    def debt(self) -> Debt:
        return mirrored(self.connection.execute(select(tables.facility)).one()).debt

    @property
    def funding(self) -> Funding:
        return deposits.funding(self.connection, BANK[2:], MAKER[2:])


@pytest.fixture
def chain() -> Iterator[Chain]:
    with read_model() as connection:
        yield Chain(connection)


@pytest.fixture
def active(chain: Chain) -> Chain:
    chain.facility(
        "FacilityProposed", lender=BANK, borrower=MAKER, lienSubject=stated(TERMS)["lienSubject"], lineMinor=2**70
    )
    chain.facility("FacilityActivated")
    return chain


def test_a_draw_then_days_then_a_payment(active: Chain) -> None:
    active.facility("Drawn", amountMinor=1_000_500, feeMinor=20, debtMinor=1_000_520)
    assert (active.debt.principal_minor, active.debt.fees_minor) == (1_000_500, 20)
    active.facility("InterestAccrued", T0 + 3 * DAY_S, interestMinor=3_001, throughDay=active.debt.accrued_day + 3)
    assert (active.debt.interest_minor, active.debt.fraction) == (3_001, 1_800_000)
    active.facility(
        "Repaid",
        T0 + 3 * DAY_S,
        payer=MAKER,
        feesMinor=20,
        interestMinor=3_001,
        principalMinor=500,
        debtMinor=1_000_001,
    )
    assert active.debt == Debt(1_000_000, 0, 0, 1_800_000, active.debt.accrued_day)
    kinds = active.connection.execute(select(tables.movement.c.kind, tables.movement.c.amount_minor)).all()
    assert [tuple(each) for each in kinds] == [("draw", 1_000_500), ("repayment", 3_521)]


def test_paying_everything_takes_the_rounded_fraction_and_leaves_nothing(active: Chain) -> None:
    active.facility("Drawn", amountMinor=500, feeMinor=0, debtMinor=500)
    active.facility("Repaid", T0 + DAY_S, payer=MAKER, feesMinor=0, interestMinor=1, principalMinor=500, debtMinor=0)
    assert active.debt.owed_minor == 0 and active.debt.fraction == 0


def test_a_line_beyond_64_bits_is_kept_whole_and_a_changed_one_counts(active: Chain) -> None:
    row = active.connection.execute(select(tables.facility)).one()
    assert mirrored(row).terms.line_minor == 2**70
    active.facility("LineChanged", fromMinor=2**70, toMinor=7)
    assert mirrored(active.connection.execute(select(tables.facility)).one()).terms.line_minor == 7


def test_a_log_counts_once(active: Chain) -> None:
    active.facility("Drawn", amountMinor=500, feeMinor=0, debtMinor=500)
    active.block -= 1
    assert not active.facility("Drawn", amountMinor=500, feeMinor=0, debtMinor=500)
    assert active.debt.principal_minor == 500


# Deposits.


@pytest.fixture
def funded(active: Chain) -> Chain:
    active.token("Connected", facility=CONTRACT)
    for account in (BANK, MAKER):
        active.token("AccountListed", account=account, listed=True)
    active.token("Transfer", **{"from": "0x" + "00" * 20, "to": BANK, "value": 1_000})
    active.token("Approval", owner=BANK, spender=CONTRACT, value=600)
    return active


def test_nothing_told_is_nothing_available(chain: Chain) -> None:
    assert chain.funding == Funding(0, lender_listed=False, borrower_listed=False)


def test_what_is_available_is_the_smaller_of_balance_and_allowance(funded: Chain) -> None:
    assert funded.funding == Funding(600, lender_listed=True, borrower_listed=True)
    funded.token("Approval", owner=BANK, spender=CONTRACT, value=5_000)
    assert funded.funding.available_minor == 1_000


def test_a_draw_uses_the_allowance_which_no_event_tells(funded: Chain) -> None:
    funded.facility("Drawn", amountMinor=250, feeMinor=0, debtMinor=250)
    funded.token("Transfer", **{"from": BANK, "to": MAKER, "value": 250})
    assert funded.funding.available_minor == 350
    funded.facility("Repaid", payer=MAKER, feesMinor=0, interestMinor=0, principalMinor=250, debtMinor=0)
    funded.token("Transfer", **{"from": MAKER, "to": BANK, "value": 250})
    assert funded.funding.available_minor == 350, "a repayment gives no allowance back"


def test_an_allowance_without_end_is_not_used_up(funded: Chain) -> None:
    funded.token("Approval", owner=BANK, spender=CONTRACT, value=2**256 - 1)
    funded.facility("Drawn", amountMinor=250, feeMinor=0, debtMinor=250)
    assert funded.funding.available_minor == 1_000


def test_an_allowance_to_somebody_else_is_none(funded: Chain) -> None:
    funded.token("Approval", owner=BANK, spender=CONTRACT, value=0)
    funded.token("Approval", owner=BANK, spender=MAKER, value=600)
    assert funded.funding.available_minor == 0


def test_a_delisted_account_is_told(funded: Chain) -> None:
    funded.token("AccountListed", account=MAKER, listed=False)
    assert funded.funding == Funding(600, lender_listed=True, borrower_listed=False)


def test_a_transfer_of_another_contract_moves_no_deposit(funded: Chain) -> None:
    funded.log("RuleBook", "Connected", feed=MAKER, facility=MAKER)
    funded.log("AttestationFeed", "Connected", ruleBook=MAKER, facility=MAKER)
    assert funded.funding.available_minor == 600
