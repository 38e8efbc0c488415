"""The formulas of weighed stock: integers in, integers out, and no order of arrival that could matter.

Readings of one pack with one time are an `event`: the mass then, and what was registered as withdrawn. Between two
masses of a device, the loss is first − second − withdrawn; a loss beyond the tolerance is unexplained and counts whole.

    quantity_g          sum over devices of the last mass
    unexplained_loss_g  sum of the losses beyond `drop_tolerance_g`
    run_length          longest run of consecutive pairs of masses whose loss was beyond it
    gap_s               longest silence of any device within the window, in whole seconds

A device's packs are folded in (boot, seq) order, devices are summed: the result depends on the set alone. The pack
before the window (carry-in) is folded first, so that a loss across the border of two windows is seen, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from oracle.profile import Measurement, Profile
from wuxin_evidence.attestation import MISSING, OK, SUSPECT, Indicator
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import indicator_id

INT128_MAX = 2**127 - 1
QUALITY_FULL_BP = 10_000


@dataclass(frozen=True)
class MeasuredPack:
    """One pack's measurements with its order and window; `late` when its own window was settled without it."""

    device_id: str
    boot: int
    seq: int
    window: int
    measurements: tuple[Measurement, ...]
    late: bool = False

    @property
    def order(self) -> tuple[str, int, int]:
        """What packs are folded by: device, boot, seq."""
        return self.device_id, self.boot, self.seq


@dataclass(frozen=True)
class LossFold:
    """The running state of one device: last mass, what was withdrawn since, losses so far, the current run."""

    mass_g: int | None = None
    withdrawn_g: int = 0
    loss_g: int = 0
    run: int = 0
    run_longest: int = 0

    def following(self, pack: MeasuredPack, window: int, tolerance_g: int) -> LossFold:
        """The state of `window` after one more pack.

        A carry-in only says where the device stood: the losses within it were counted in its own window.
        """
        after = self.extended(pack.measurements, tolerance_g)
        is_carried_in = self == LossFold() and pack.window < window and not pack.late
        return LossFold(after.mass_g, after.withdrawn_g) if is_carried_in else after

    def extended(self, measurements: Sequence[Measurement], tolerance_g: int) -> LossFold:
        """The state after more readings."""
        state = self
        for mass_g, withdrawn_g in _events(measurements):
            state = replace(state, withdrawn_g=state.withdrawn_g + withdrawn_g)
            if mass_g is not None:
                loss_g = 0 if state.mass_g is None else state.mass_g - mass_g - state.withdrawn_g
                beyond = loss_g > tolerance_g  # what a scale's noise explains is no loss, however often it is said
                run = state.run + 1 if beyond else 0
                lost_g = state.loss_g + (loss_g if beyond else 0)
                state = LossFold(mass_g, 0, lost_g, run, max(state.run_longest, run))
        return state


@dataclass
class _Device:
    fold: LossFold = field(default_factory=LossFold)
    times_ms: list[int] = field(default_factory=list[int])
    weighed_in_window: bool = False


def compute(packs: Iterable[MeasuredPack], window: int, profile: Profile) -> dict[str, Indicator]:
    """The profile's indicators over one window, by name.

    Without a reading in the window all are missing but `gap_s`, which is then the whole window. A device that only
    its carry-in speaks for makes the quantity suspect. Raises `implausible` if a sum leaves int128.
    """
    start_ms, end_ms = profile.windows.start_s(window) * 1000, profile.windows.end_s(window) * 1000
    devices: dict[str, _Device] = {}
    for pack in sorted(packs, key=lambda each: each.order):
        device = devices.setdefault(pack.device_id, _Device())
        device.fold = device.fold.following(pack, window, profile.drop_tolerance_g)
        within = [m for m in pack.measurements if start_ms <= m.time_ms < end_ms]
        device.times_ms.extend(m.time_ms for m in within)
        device.weighed_in_window |= any(m.quantity == "mass_g" for m in within)
    gap_s = max((_gap_ms(each.times_ms, start_ms, end_ms) for each in devices.values()), default=end_ms - start_ms)
    values = {
        "quantity_g": sum(each.fold.mass_g or 0 for each in devices.values()),
        "unexplained_loss_g": sum(each.fold.loss_g for each in devices.values()),
        "run_length": max((each.fold.run_longest for each in devices.values()), default=0),
        "gap_s": gap_s // 1000,
    }
    return _graded(values, devices, profile)


def alarms(values: Mapping[str, int], profile: Profile) -> dict[str, Indicator]:
    """The indicators whose alarm predicate holds; empty when nothing does."""
    return {
        each.indicator: _indicator(each.indicator, values[each.indicator], QUALITY_FULL_BP, OK)
        for each in profile.alarms
        if each.holds(values[each.indicator])
    }


def fold_values(folds: Iterable[LossFold]) -> dict[str, int]:
    """The level indicators that an open window can already have, from one running fold per device."""
    states = list(folds)
    return {
        "quantity_g": sum(each.mass_g or 0 for each in states),
        "unexplained_loss_g": sum(each.loss_g for each in states),
        "run_length": max((each.run_longest for each in states), default=0),
        "gap_s": 0,
    }


def listed(indicators: Mapping[str, Indicator]) -> tuple[Indicator, ...]:
    """In the order an attestation wants: by id."""
    return tuple(sorted(indicators.values(), key=lambda each: each.id))


def _graded(values: Mapping[str, int], devices: Mapping[str, _Device], profile: Profile) -> dict[str, Indicator]:
    weighed = sum(each.weighed_in_window for each in devices.values())
    graded: dict[str, Indicator] = {}
    for name in profile.indicators:
        if name == "gap_s":
            graded[name] = _indicator(name, values[name], QUALITY_FULL_BP, OK)
        elif weighed == 0:
            graded[name] = _indicator(name, 0, 0, MISSING)
        else:
            status = OK if weighed == len(devices) or name != "quantity_g" else SUSPECT
            graded[name] = _indicator(name, values[name], QUALITY_FULL_BP * weighed // len(devices), status)
    return graded


def _indicator(name: str, value: int, quality_bp: int, status: int) -> Indicator:
    if abs(value) > INT128_MAX:
        raise EvidenceError("implausible", f"{name} leaves int128", "narrow the profile's bounds")
    return Indicator(indicator_id(name), value, quality_bp, status)


def _events(measurements: Sequence[Measurement]) -> list[tuple[int | None, int]]:
    """(last mass or None, withdrawn) of each run of readings with one time, in the pack's order."""
    events: list[tuple[int | None, int]] = []
    at_ms: int | None = None
    for each in measurements:
        if each.time_ms != at_ms:
            events.append((None, 0))
            at_ms = each.time_ms
        mass_g, withdrawn_g = events[-1]
        if each.quantity == "mass_g":
            mass_g = each.value
        else:
            withdrawn_g += each.value
        events[-1] = (mass_g, withdrawn_g)
    return events


def _gap_ms(times_ms: Sequence[int], start_ms: int, end_ms: int) -> int:
    moments = [start_ms, *sorted(times_ms), end_ms]
    return max(after - before for before, after in pairwise(moments))
