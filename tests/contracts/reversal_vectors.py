"""Vectors of a rule over its life: breached, cured, approved and unfrozen, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field

from contracts.mirror import reversal
from contracts.mirror.reversal import Approvals, Condition, Heard, Rule, RuleState
from tests.contracts.dice import (
    BP,
    DAY_OFFSET_S,
    INT128,
    T0,
    UINT16,
    WINDOW_S,
    Dice,
    Row,
)
from wuxin_evidence.attestation import ALARM, MISSING, OK, SCHEDULED, SCHEDULED_N, SUSPECT, Indicator
from wuxin_evidence.ids import indicator_id

REFUSALS = (None, "not_found", "forbidden", "not_clean", "attestation_stale", "approval_missing")
INDICATORS = (indicator_id("first_count"), indicator_id("second_count"))
APPROVERS = (1, 2, 3)


@dataclass
class _History:
    """One rule of one facility over its life."""

    rule: Rule
    state: RuleState = field(default_factory=RuleState)
    approvals: Approvals = field(default_factory=Approvals)
    opening: int | None = None

    def hears(self, heard: Heard, over_when_bound: int) -> None:
        self.state, breached = reversal.after(self.rule, self.state, heard, over_when_bound)
        if breached:
            self.opening = heard.sequence

    def approves(self, role: int) -> str | None:
        if self.opening is None:
            return "not_found"
        refusal = reversal.refusal_of_approval(self.rule, self.state, role)
        if refusal is None:
            since = self.state.clean_since_sequence
            self.approvals = reversal.approve(self.approvals, self.opening, since, role)
        return refusal

    def unfreezes(self, is_fresh: bool) -> str | None:
        if self.opening is None:
            return "not_found"
        refusal = reversal.refusal_of_unfreeze(self.rule, self.state, self.approved, is_fresh=is_fresh)
        if refusal is None:
            self.opening, self.approvals = None, Approvals()
        return refusal

    @property
    def approved(self) -> int:
        if self.opening is None:
            return 0
        return reversal.approved(self.approvals, self.opening, self.state.clean_since_sequence)


def reversals(dice: Dice) -> Iterator[Row]:
    """history | windows, on missing, cure, approvers, any | two conditions (3 each) | step, sequence | two indicators
    (present, value, quality, status) | fresh | refusal | rule state (6) | stands, opening, approved.

    Step 0 scheduled, 1 alarm, 2 to 4 approvals of bank, insurer, regulator, 5 unfreeze.
    """
    base = (T0 + DAY_OFFSET_S) // WINDOW_S
    for number in range(40):
        rule, window = _rule(dice), base + dice.of([-2, -1, -1, 0, 0, 3]) - 1
        life = _History(rule)
        for _ in range(25):
            step = _step(dice, life)
            sequence, indicators, fresh, refusal = 0, (None, None), dice.chance(80), None
            if step == 0:
                window += dice.of([1] * 30 + [2, 3, 5, 2**34])
                sequence = (window << 16) + SCHEDULED_N
            elif step == 1:
                sequence = (window + dice.of([0, 1, 1, 2]) << 16) + dice.of([0, 1, SCHEDULED_N])
            if step < 2:
                wants_met = dice.chance(20 if life.opening and step == 0 else 70)
                indicators = tuple(_indicator(dice, condition, wants_met) for condition in rule.conditions)
                heard = Heard((SCHEDULED, ALARM)[step], sequence, [each for each in indicators if each])
                life.hears(heard, base - 1)
            else:
                refusal = life.unfreezes(fresh) if step == 5 else life.approves(APPROVERS[step - 2])
            yield [
                number, rule.windows, rule.on_missing, rule.cure_windows, rule.approver_roles, int(rule.match_any),
                *(n for each in rule.conditions for n in (each.comparator, each.threshold, each.min_quality_bp)),
                step, sequence, *_words(indicators), int(fresh), REFUSALS.index(refusal),
                *map(int, astuple(life.state)), int(life.opening is not None), life.opening or 0, life.approved,
            ]  # fmt: skip


def _step(dice: Dice, life: _History) -> int:
    """Windows until the rule is breached and cured again, then approvals, more windows, alarms and the unfreeze."""
    if life.opening is None:
        return dice.of([0, 0, 0, 0, 0, 1, 1, 2, 5])
    is_clean = life.state.clean >= life.rule.cure_windows
    return dice.of([0, 0, 1, 2, 2, 3, 3, 4, 5] if is_clean else [*[0] * 8, 1, 2, 5])


def _rule(dice: Dice) -> Rule:
    conditions = tuple(
        Condition(
            ident, dice.below(6), dice.of([0, 0, 3_000_000, 3_000_000, -INT128, INT128 - 1]), dice.of([0, 5_000, BP])
        )
        for ident in INDICATORS
    )
    return Rule(
        id=indicator_id("rule"),
        version=1,
        match_any=dice.chance(50),
        windows=dice.of([1, 1, 1, 1, 2, 3, UINT16 - 1]),
        on_missing=dice.below(3),
        cure_windows=dice.of([1, 2, 3]),
        approver_roles=dice.of([0, 0b0010, 0b0110, 0b0110, 0b1110]),
        conditions=conditions,
    )


def _indicator(dice: Dice, condition: Condition, wants_met: bool) -> Indicator | None:
    """Beside its threshold, on the wanted side where there is one; sometimes of low quality, not ok, or not there."""
    if dice.chance(2):
        return None
    near = [condition.threshold + off for off in (-1, 0, 1)]
    values = [n for n in (*near, dice.sized(INT128), -dice.sized(INT128)) if -INT128 <= n < INT128]
    sided = [n for n in values if reversal.is_met(condition, n) == wants_met]
    quality = dice.of([*[BP] * 8, condition.min_quality_bp, max(0, condition.min_quality_bp - 1)])
    return Indicator(condition.indicator, dice.of(sided or values), quality, dice.of([OK] * 20 + [MISSING, SUSPECT]))


def _words(indicators: Sequence[Indicator | None]) -> Row:
    return [
        number
        for each in indicators
        for number in ([1, each.value, each.quality_bp, each.status] if each else [0, 0, 0, 0])
    ]
