"""The mirror of the contracts' arithmetic: examples to read, vectors that bind it to the Solidity, mutants it finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contracts import build
from contracts.loader import load_artifact
from contracts.mirror import collateral, facility, interest, reversal
from contracts.mirror.collateral import Attested, Latest, Reading
from contracts.mirror.facility import ACTIVE, STATES, Facility, Funding, Position
from contracts.mirror.interest import DAY_S, FRACTIONS, Debt, business_day
from contracts.mirror.reversal import Approvals, Condition, Heard, Outcome, Rule, RuleState
from contracts.mirror.terms import Terms
from contracts.structs import camel, stated
from tests.contracts import vectors
from tests.contracts.dice import BP, T0, Dice
from tests.contracts.facility_vectors import BASE
from tests.contracts.reversal_vectors import REFUSALS
from wuxin_evidence.attestation import ALARM, MISSING, OK, SCHEDULED, SCHEDULED_N, SUSPECT, Indicator
from wuxin_evidence.ids import indicator_id

SOURCES = Path(build.__file__).parent / "src"
TONNES_100 = 100_000_000
FRESH = Attested(
    quantity=Latest(TONNES_100, BP, OK, T0),
    lien_active=Latest(1, BP, OK, T0),
    lien_quantity=Latest(TONNES_100, BP, OK, T0),
    price=Latest(7_000_000, BP, OK, T0),
)
FUNDED = Funding(10**12, lender_listed=True, borrower_listed=True)
OPEN = Facility(ACTIVE, BASE, Debt(), standing_reasons=0)
LINE_MINOR = BASE.line_minor


# A debt.


def test_interest_counts_days_of_360_and_carries_the_remainder() -> None:
    debt = Debt(principal_minor=1_000_000, accrued_day=100).accrued_to(130, 435)
    assert (debt.interest_minor, debt.fraction, debt.accrued_day) == (3_625, 0, 130)
    daily = Debt(principal_minor=1_000_000, accrued_day=100)
    for day in range(101, 131):
        daily = daily.accrued_to(day, 435)
    assert daily == debt


def test_the_day_itself_is_not_yet_counted_and_an_earlier_one_takes_nothing_back() -> None:
    debt = Debt(principal_minor=1_000_000, accrued_day=100)
    assert debt.accrued_to(100, 435) == debt.accrued_to(99, 435) == debt


def test_a_business_day_begins_at_the_midnight_of_its_offset() -> None:
    midnight = 19_000 * DAY_S
    assert business_day(midnight - 1, 0) == 18_999
    assert business_day(midnight - 28_800, 28_800) == business_day(midnight, 0) == 19_000
    assert business_day(midnight - 28_801, 28_800) == 18_999


def test_a_change_of_rate_accrues_to_its_day_first() -> None:
    debt = Debt(principal_minor=3_600_000, accrued_day=0).accrued_to(10, 100).accrued_to(20, 200)
    assert debt.interest_minor == 10 * 100 + 10 * 200


def test_a_fraction_of_a_minor_unit_is_owed_whole_and_paid_with_the_rest() -> None:
    debt = Debt(principal_minor=100, fraction=1)
    assert debt.owed_minor == 101
    left, payment = debt.paid(101)
    assert (left.owed_minor, left.fraction) == (0, 0)
    assert (payment.interest_minor, payment.principal_minor) == (1, 100)


def test_a_payment_goes_to_fees_then_interest_then_principal() -> None:
    left, payment = Debt(principal_minor=100, interest_minor=10, fees_minor=5, fraction=7).paid(40)
    assert (payment.fees_minor, payment.interest_minor, payment.principal_minor) == (5, 10, 25)
    assert left == Debt(principal_minor=75, fraction=7)


def test_more_than_is_owed_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match="101 is more than the 100 owed"):
        Debt(principal_minor=100).paid(101)


# Collateral.


def test_the_limit_is_the_advance_on_the_smallest_quantity_or_the_line() -> None:
    terms = replace(BASE, line_minor=10**12)
    assert collateral.limit_minor(terms, FRESH, T0) == 100 * 7_000_000 * 7 // 10
    assert collateral.value_minor(terms, FRESH, T0) == 100 * 7_000_000
    less = replace(FRESH, quantity=Latest(1_999_999, BP, OK, T0))
    assert collateral.limit_minor(terms, less, T0) == 1_999_999 * 7_000_000 * 7_000 // (1_000_000 * BP)
    assert collateral.limit_minor(BASE, FRESH, T0) == LINE_MINOR


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("quantity", Latest()),
        ("quantity", Latest(TONNES_100, BP, OK, T0 - 3_600)),
        ("quantity", Latest(TONNES_100, BP, SUSPECT, T0)),
        ("quantity", Latest(TONNES_100, 4_999, OK, T0)),
        ("lien_active", Latest()),
        ("lien_active", Latest(0, BP, OK, T0)),
        ("lien_active", Latest(2, BP, OK, T0)),
        ("lien_active", Latest(1, BP, SUSPECT, T0)),
        ("lien_active", Latest(1, BP, OK, T0 - 7_200)),
        ("lien_quantity", Latest()),
        ("lien_quantity", Latest(0, BP, OK, T0)),
        ("lien_quantity", Latest(TONNES_100, BP, SUSPECT, T0)),
        ("price", Latest()),
        ("price", Latest(7_000_000, BP, OK, T0 - DAY_S)),
        ("price", Latest(7_000_000, BP, SUSPECT, T0)),
    ],
)
def test_a_word_that_is_missing_stale_suspect_or_of_low_quality_makes_the_collateral_worth_nothing(
    name: str, word: Latest
) -> None:
    attested = replace(FRESH, **{name: word})
    code = {"quantity": "attestation_stale", "price": "price_stale"}.get(name, "lien_missing")
    assert collateral.limit_minor(BASE, attested, T0) == collateral.value_minor(BASE, attested, T0) == 0
    assert facility.blockers(OPEN, attested, FUNDED, T0) == (code,)


def test_a_missing_window_leaves_the_last_value_to_age() -> None:
    aging = replace(FRESH, quantity=Latest(TONNES_100, BP, MISSING, T0))
    assert collateral.quantity(BASE, aging, T0 + 3_599) == Reading(True, TONNES_100, T0)
    assert not collateral.quantity(BASE, aging, T0 + 3_600).fresh


def test_a_price_beyond_96_bits_counts_as_96_bits() -> None:
    terms = replace(BASE, line_minor=2**128 - 1, receipt_quantity=1, quantity_per_price_unit=1, advance_rate_bp=BP)
    dear = replace(FRESH, price=Latest(2**127 - 1, BP, OK, T0))
    assert collateral.limit_minor(terms, dear, T0) == 2**96 - 1


def test_a_negative_word_is_worth_nothing() -> None:
    negative = replace(FRESH, quantity=Latest(-1, BP, OK, T0))
    assert collateral.quantity(BASE, negative, T0) == Reading(True, 0, T0)
    assert facility.blockers(OPEN, negative, FUNDED, T0) == ("limit_exceeded",)


def test_a_lien_ended_however_long_ago_is_released_and_one_never_attested_is_not() -> None:
    assert collateral.released(Latest(0, BP, OK, 1))
    assert not collateral.released(Latest())
    assert not collateral.released(Latest(0, BP, SUSPECT, 1))
    assert not collateral.released(Latest(1, BP, OK, 1))


# A facility.


def test_the_headroom_is_what_the_limit_leaves_after_debt_and_fee() -> None:
    drawn = replace(OPEN, debt=Debt(principal_minor=LINE_MINOR - 1_000, accrued_day=business_day(T0, 28_800)))
    assert facility.position(drawn, FRESH, T0) == Position(drawn.debt, LINE_MINOR, 900, 0)
    assert facility.headroom_minor(BASE, 1_000, 901) == 0


@pytest.mark.parametrize(
    "blocked",
    [
        replace(OPEN, state=STATES.index("closing")),
        replace(OPEN, standing_reasons=1),
        replace(OPEN, terms=replace(BASE, maturity_s=T0)),
    ],
)
def test_what_is_not_open_has_a_limit_and_no_headroom(blocked: Facility) -> None:
    stands = facility.position(blocked, FRESH, T0)
    assert (stands.limit_minor, stands.headroom_minor) == (LINE_MINOR, 0)


def test_blockers_come_in_the_order_in_which_a_draw_is_refused() -> None:
    worst = replace(OPEN, state=1, standing_reasons=1, terms=replace(BASE, maturity_s=T0))
    assert facility.blockers(worst, Attested(), Funding(), T0) == (
        "facility_not_active", "facility_matured", "facility_frozen", "attestation_stale", "lien_missing",
        "price_stale", "insufficient_funds", "forbidden",
    )  # fmt: skip


def test_what_is_wholly_drawn_is_refused_for_its_limit_alone() -> None:
    spent = replace(OPEN, debt=Debt(principal_minor=LINE_MINOR, accrued_day=business_day(T0, 28_800)))
    assert facility.blockers(spent, FRESH, FUNDED, T0) == ("limit_exceeded",)


def test_nothing_known_of_the_deposits_is_no_permission() -> None:
    assert facility.blockers(OPEN, FRESH, Funding(), T0) == ("insufficient_funds", "forbidden")


# A freeze and its undoing.

LOSS = indicator_id("unexplained_loss_g")
RULE = Rule(
    id=indicator_id("loss"),
    version=1,
    match_any=False,
    windows=1,
    on_missing=1,
    cure_windows=2,
    approver_roles=0b0110,
    conditions=(Condition(LOSS, 2, 3_000_000, 5_000),),
)
BANK, INSURER = 1, 2


def scheduled(window: int, loss_g: int = 0, status: int = OK, quality_bp: int = BP) -> Heard:
    return Heard(SCHEDULED, (window << 16) + SCHEDULED_N, [Indicator(LOSS, loss_g, quality_bp, status)])


def alarm(window: int, loss_g: int) -> Heard:
    return Heard(ALARM, window << 16, [Indicator(LOSS, loss_g, BP, OK)])


def after(*heard: Heard, rule: Rule = RULE, over_when_bound: int = 99) -> tuple[RuleState, list[bool]]:
    state, breaches = RuleState(), list[bool]()
    for each in heard:
        state, breached = reversal.after(rule, state, each, over_when_bound)
        breaches.append(breached)
    return state, breaches


def test_clean_windows_in_a_row_cure() -> None:
    state, breaches = after(scheduled(100, 5_000_000), scheduled(101), scheduled(102))
    assert breaches == [True, False, False]
    assert (state.clean, state.clean_since_sequence) == (2, scheduled(101).sequence)


@pytest.mark.parametrize(
    "ends",
    [
        scheduled(104),
        scheduled(103, status=MISSING),
        scheduled(103, status=SUSPECT),
        scheduled(103, quality_bp=4_999),
        scheduled(103, 5_000_000),
        alarm(103, 5_000_000),
        Heard(SCHEDULED, scheduled(103).sequence, []),
    ],
    ids=["a gap", "a missing window", "a suspect window", "low quality", "a breach", "an alarm", "no indicator"],
)
def test_approvals_are_void_once_the_clean_run_is_broken(ends: Heard) -> None:
    state, _ = after(scheduled(100, 5_000_000), scheduled(101), scheduled(102))
    opening = scheduled(100).sequence
    both = Approvals()
    for role in (BANK, INSURER):
        assert reversal.refusal_of_approval(RULE, state, role) is None
        both = reversal.approve(both, opening, state.clean_since_sequence, role)
    assert reversal.approved(both, opening, state.clean_since_sequence) == 0b0110
    assert reversal.refusal_of_unfreeze(RULE, state, 0b0110, is_fresh=True) is None
    state, _ = reversal.after(RULE, state, ends, 99)
    assert reversal.approved(both, opening, state.clean_since_sequence) == 0
    cured, _ = reversal.after(RULE, state, scheduled(105), 99)
    assert reversal.approved(both, opening, cured.clean_since_sequence) == 0


def test_approvals_of_another_opening_are_void() -> None:
    assert reversal.approved(Approvals(opening=1, clean_since=7, roles=0b0110), 2, 7) == 0


def test_an_approval_drops_those_for_an_earlier_run() -> None:
    assert reversal.approve(Approvals(1, 7, 0b0010), 1, 9, INSURER) == Approvals(1, 9, 0b0100)


def test_unfreezing_asks_for_clean_windows_then_freshness_then_approvals() -> None:
    clean = RuleState(clean=2, clean_since_sequence=1)
    assert reversal.refusal_of_unfreeze(RULE, RuleState(clean=1), 0b0110, is_fresh=True) == "not_clean"
    assert reversal.refusal_of_unfreeze(RULE, clean, 0, is_fresh=False) == "attestation_stale"
    assert reversal.refusal_of_unfreeze(RULE, clean, 0b0010, is_fresh=True) == "approval_missing"


def test_who_the_rule_does_not_name_cannot_approve_and_nobody_before_the_cure() -> None:
    assert reversal.refusal_of_approval(RULE, RuleState(clean=2), 3) == "forbidden"
    assert reversal.refusal_of_approval(RULE, RuleState(clean=1), BANK) == "not_clean"


def test_windows_are_due_from_the_one_in_which_the_facility_became_active() -> None:
    missing_breaches = replace(RULE, on_missing=2, windows=3)
    assert after(scheduled(100), rule=missing_breaches)[1] == [False]
    assert after(scheduled(103), rule=missing_breaches)[1] == [True]
    assert after(scheduled(99), rule=missing_breaches)[1] == [False]


def test_consecutive_windows_count_and_an_unmet_one_starts_again() -> None:
    three = replace(RULE, windows=3)
    met = [scheduled(100 + n, 5_000_000) for n in range(3)]
    assert after(*met, rule=three)[1] == [False, False, True]
    assert after(*met[:2], scheduled(102), scheduled(103, 5_000_000), rule=three)[1] == [False] * 4


def test_an_alarm_acts_at_once_only_where_one_window_does() -> None:
    assert after(alarm(100, 5_000_000))[1] == [True]
    assert after(alarm(100, 5_000_000), rule=replace(RULE, windows=2))[1] == [False]
    assert after(alarm(100, 0))[0] == RuleState()


def test_of_any_one_met_condition_is_enough_and_of_all_a_missing_one_is_too_many() -> None:
    other = Condition(indicator_id("gap_s"), 3, 60, 0)
    both = replace(RULE, conditions=(RULE.conditions[0], other))
    loss = [Indicator(LOSS, 5_000_000, 0, OK)]
    assert reversal.evaluate(replace(both, match_any=True), loss) is Outcome.MET
    assert reversal.evaluate(both, loss) is Outcome.MISSING


def test_a_gap_of_centuries_stops_at_the_end_of_its_type() -> None:
    state, breaches = after(scheduled(2**40, status=MISSING), rule=replace(RULE, on_missing=2))
    assert (state.count, breaches) == (2**32 - 1, [True])


# One declaration.


def test_the_terms_are_the_contracts_own_in_names_types_and_order() -> None:
    declared = load_artifact("CreditFacility").struct("Terms").members
    kinds = {"address": "bytes", "bytes32": "bytes"}
    assert [(camel(each.name), each.type) for each in fields(Terms)] == [
        (member.name, kinds.get(member.type, "int")) for member in declared
    ]


def test_terms_survive_the_way_through_a_call_and_a_read_model() -> None:
    huge = replace(BASE, line_minor=2**127)
    told: dict[str, Any] = {**stated(huge), "lineMinor": str(2**127)}
    assert Terms.of(told) == huge
    assert load_artifact("CreditFacility").struct("Terms").call(stated(huge)) == stated(huge)


@pytest.mark.parametrize(("ours", "name"), [(Condition, "Condition"), (Rule, "Rule"), (RuleState, "RuleState")])
def test_what_the_mirror_takes_of_a_struct_is_the_contracts_own_in_names_and_order(ours: Any, name: str) -> None:
    declared = [member.name for member in load_artifact("RuleBook").struct(name).members if member.name != "actions"]
    assert [camel(each.name) for each in fields(ours)] == declared


def test_the_mirror_counts_with_the_contracts_own_constants() -> None:
    text = (SOURCES / "Interest.sol").read_text("utf-8") + (SOURCES / "Collateral.sol").read_text("utf-8")
    written = dict(re.findall(r"constant (\w+) = ([\d_]+);", text))
    assert {name: int(written[name]) for name in ("BP", "DAYS_PER_YEAR", "SECONDS_PER_DAY", "OK", "SUSPECT")} == {
        "BP": interest.BP, "DAYS_PER_YEAR": interest.DAYS_PER_YEAR, "SECONDS_PER_DAY": DAY_S, "OK": OK,
        "SUSPECT": SUSPECT,
    }  # fmt: skip
    states = (SOURCES / "interfaces" / "ICreditFacility.sol").read_text("utf-8").split("enum State {")[1].split("}")[0]
    assert tuple(each.strip().lower() for each in states.split(",")) == STATES


# Ten thousand vectors.


def test_the_mirror_gives_the_recorded_outputs_of_ten_thousand_vectors() -> None:
    made = vectors.files()
    assert sum(len(rows) for rows in vectors.generate().values()) == 10_000
    assert vectors.listing(made) == vectors.DIGESTS.read_text("utf-8")


def test_the_vectors_reach_what_matters() -> None:
    made = vectors.generate()
    listed = [row[36] for row in made["facilities"]]
    assert {number for number in listed if number < 16} == set(range(10)), "each code alone, and none"
    limits = [row[32] for row in made["limit"]]
    assert sum(0 < given < row[4] for given, row in zip(limits, made["limit"], strict=True)) > 300
    assert sum(given == row[4] for given, row in zip(limits, made["limit"], strict=True)) > 300
    assert sum(row[14] > 0 for row in made["interest"]) > 1_000, "a remainder is carried"
    lives = made["reversals"]
    gone = [
        now[12] for before, now in pairwise(lives)
        if before[0] == now[0] and before[32] and not now[32] and now[30]
    ]  # fmt: skip
    assert {0, 1} <= set(gone), "approvals end by windows and by alarms"
    assert {row[23] for row in lives} == set(range(len(REFUSALS))), "every refusal"


def _owed_rounded_down(debt: Debt) -> int:
    return debt.principal_minor + debt.interest_minor + debt.fees_minor


def _read_until_after(latest: Latest, now_s: int, max_age_s: int, min_quality_bp: int) -> Reading:
    young = latest.observed_at_s > 0 and now_s <= latest.observed_at_s + max_age_s
    fresh = young and latest.status != SUSPECT and latest.quality_bp >= min_quality_bp
    return Reading(fresh, max(0, latest.value), latest.observed_at_s)


def _approved_for_any_run(approvals: Approvals, opening: int, clean_since: int) -> int:
    return approvals.roles if approvals.opening == opening else 0


def _soiled_without_its_window(state: RuleState, window: int) -> RuleState:
    return replace(state, clean=0, clean_since_sequence=0)


MUTANTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "a year of 365 days": ("interest", lambda patch: patch.setattr(interest, "FRACTIONS", 365 * BP)),
    "a debt rounded down": ("interest", lambda patch: patch.setattr(Debt, "owed_minor", property(_owed_rounded_down))),
    "a price that is not clamped": ("limit", lambda patch: patch.setattr(collateral, "PRICE_COUNTED_MAX", 2**127)),
    "a value fresh one second longer": ("limit", lambda patch: patch.setattr(collateral, "_read", _read_until_after)),
    "a draw without its fee": (
        "facilities",
        lambda patch: patch.setattr(facility, "headroom_minor", lambda _, limit, owed: max(0, limit - owed)),
    ),
    "a proposal that lends": ("facilities", lambda patch: patch.setattr(facility, "ACTIVE", 1)),
    "approvals that outlive a gap": (
        "reversals",
        lambda patch: patch.setattr(reversal, "approved", _approved_for_any_run),
    ),
    "a breach that is forgotten": (
        "reversals",
        lambda patch: patch.setattr(reversal, "_soiled", _soiled_without_its_window),
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_of_the_mirror_is_found(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family, change = MUTANTS[mutant]
    change(monkeypatch)
    raw = vectors.encode(list(vectors.FAMILIES[family](Dice(family))))
    assert vectors.listing({f"{family}.bin": raw}) not in vectors.DIGESTS.read_text("utf-8")


def test_the_remainder_is_a_fraction_of_a_minor_unit() -> None:
    assert FRACTIONS == 3_600_000
