"""How a rule's freeze is opened and undone: `contracts/src/RuleBook.sol` and `CreditFacility.approveUnfreeze`.

each attestation of the quantity subject ─▶ RuleState (count of met windows, run of clean ones)
approval ─▶ counts for one opening and one clean run; a breach or a gap ends the run, and so voids the approval
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from wuxin_evidence.attestation import ALARM, OK, Indicator

ON_MISSING_BREACH = 2
COUNT_MAX = 2**32 - 1
"""Counts stop at their type's end: a gap of centuries is still only a gap."""

_MET = (int.__lt__, int.__le__, int.__gt__, int.__ge__, int.__eq__, int.__ne__)


class Outcome(Enum):
    """`RuleBook.Outcome`: what an attestation says about a rule."""

    UNMET = 0
    MET = 1
    MISSING = 2


@dataclass(frozen=True)
class Condition:
    """`IRuleBook.Condition`: `comparator` 0 <, 1 <=, 2 >, 3 >=, 4 ==, 5 !=; `indicator` 32 bytes."""

    indicator: bytes
    comparator: int
    threshold: int
    min_quality_bp: int


@dataclass(frozen=True)
class Rule:
    """`IRuleBook.Rule` without its actions: every one that a loaded pack can hold is a freeze.

    `on_missing` 0 hold, 1 alarm, 2 breach; `approver_roles` bits 1 << role (1 bank, 2 insurer, 3 regulator).
    """

    id: bytes
    version: int
    match_any: bool
    windows: int
    on_missing: int
    cure_windows: int
    approver_roles: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class RuleState:
    """`IRuleBook.RuleState`: how far one rule of one facility is; all zero before its first window."""

    started: bool = False
    last_window: int = 0
    last_breach_window: int = 0
    count: int = 0
    clean: int = 0
    clean_since_sequence: int = 0


@dataclass(frozen=True)
class Heard:
    """What the rule book takes of an attestation: its kind (scheduled or alarm), sequence and indicators."""

    kind: int
    sequence: int
    indicators: Sequence[Indicator]


@dataclass(frozen=True)
class Approvals:
    """`CreditFacility.Approvals`: `opening` and `clean_since` name what the approvers saw; `roles` are bits."""

    opening: int = 0
    clean_since: int = 0
    roles: int = 0


def after(rule: Rule, state: RuleState, heard: Heard, over_when_bound: int) -> tuple[RuleState, bool]:
    """`RuleBook._apply`: the state after an attestation, and whether the rule is breached by it.

    `over_when_bound` is the window that was over when the facility became active: windows are due after it.
    """
    outcome = evaluate(rule, heard.indicators)
    if heard.kind == ALARM:
        if outcome is not Outcome.MET:
            return state, False
        return _soiled(state, heard.sequence >> 16), rule.windows == 1
    return _after_window(rule, state, outcome, heard.sequence, over_when_bound)


def evaluate(rule: Rule, indicators: Sequence[Indicator]) -> Outcome:
    """`RuleBook._evaluate`: all conditions, or any; a needed indicator that is missing makes the outcome missing."""
    outcomes = [_condition(condition, indicators) for condition in rule.conditions]
    if rule.match_any and Outcome.MET in outcomes:
        return Outcome.MET
    if Outcome.MISSING in outcomes:
        return Outcome.MISSING
    return Outcome.UNMET if Outcome.UNMET in outcomes else Outcome.MET


def is_met(condition: Condition, value: int) -> bool:
    """`RuleBook._compare`: whether a value meets a condition."""
    return _MET[condition.comparator](value, condition.threshold)


def approved(approvals: Approvals, opening: int, clean_since: int) -> int:
    """`CreditFacility._approved`: bits of the approvals that count for this opening and this clean run."""
    counts = approvals.opening == opening and approvals.clean_since == clean_since
    return approvals.roles if counts else 0


def approve(approvals: Approvals, opening: int, clean_since: int, role: int) -> Approvals:
    """`CreditFacility.approveUnfreeze`, its writes: an approval for what stands now drops those for anything else."""
    return Approvals(opening, clean_since, approved(approvals, opening, clean_since) | 1 << role)


def refusal_of_approval(rule: Rule, state: RuleState, role: int) -> str | None:
    """`CreditFacility.approveUnfreeze`: the code of its refusal for a role over a standing reason, else None."""
    if not rule.approver_roles & 1 << role:
        return "forbidden"
    return "not_clean" if state.clean < rule.cure_windows else None


def refusal_of_unfreeze(rule: Rule, state: RuleState, approved_roles: int, *, is_fresh: bool) -> str | None:
    """`CreditFacility.unfreeze`: the code of its refusal in its own order, None when a reason of the rule clears."""
    if state.clean < rule.cure_windows:
        return "not_clean"
    if not is_fresh:
        return "attestation_stale"
    return "approval_missing" if rule.approver_roles & ~approved_roles else None


def _after_window(
    rule: Rule, state: RuleState, outcome: Outcome, sequence: int, over_when_bound: int
) -> tuple[RuleState, bool]:
    window = sequence >> 16
    last = state.last_window if state.started else over_when_bound
    missing = max(0, window - last - 1) + (outcome is Outcome.MISSING)
    state, breached = replace(state, started=True, last_window=window), False
    if missing:
        state, breached = _missed(rule, state, missing)
    if outcome is Outcome.MET:
        state = replace(state, count=_sum(state.count, 1))
        breached = breached or state.count >= rule.windows
    if breached or outcome is Outcome.MET:
        state = _soiled(state, window)
    if outcome is not Outcome.UNMET:
        return state, breached
    state = replace(state, count=0)
    if window > state.last_breach_window:
        since = state.clean_since_sequence if state.clean else sequence
        state = replace(state, clean=_sum(state.clean, 1), clean_since_sequence=since)
    return state, breached


def _missed(rule: Rule, state: RuleState, missing: int) -> tuple[RuleState, bool]:
    """`RuleBook._miss`: a gap ends the clean run; under on_missing breach it counts as met windows."""
    state = replace(state, clean=0, clean_since_sequence=0)
    if rule.on_missing != ON_MISSING_BREACH:
        return state, False
    state = replace(state, count=_sum(state.count, missing))
    return state, state.count >= rule.windows


def _soiled(state: RuleState, window: int) -> RuleState:
    """`RuleBook._soil`: the window, and those before it, can no longer be clean."""
    return replace(state, clean=0, clean_since_sequence=0, last_breach_window=max(window, state.last_breach_window))


def _condition(condition: Condition, indicators: Sequence[Indicator]) -> Outcome:
    for indicator in indicators:
        if indicator.id != condition.indicator:
            continue
        if indicator.status != OK:
            break
        if is_met(condition, indicator.value):
            return Outcome.MET
        return Outcome.MISSING if indicator.quality_bp < condition.min_quality_bp else Outcome.UNMET
    return Outcome.MISSING


def _sum(count: int, more: int) -> int:
    return min(COUNT_MAX, count + more)
