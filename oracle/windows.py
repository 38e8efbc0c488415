"""Which window a moment belongs to, and which packs a statement cites.

Windows are cut at `day_offset_s`; a pack belongs to the window of its last reading. A scheduled statement of window w
cites, per device,

    w-packs     every pack of w
    carry-in    the last pack before w: losses are measured from it
    late packs  packs of earlier windows that came after their window was settled, each with the pack before it, so
                that a drop which a late pack brings counts in the window that cites it (erring to the tight side)

An alarm cites the carry-in and the window's packs up to the one that raised it. Order is (device, boot, seq).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Windows:
    """Window arithmetic, in seconds."""

    window_s: int
    grace_s: int
    day_offset_s: int

    def index(self, t_s: int) -> int:
        """The window of a moment, seconds UTC."""
        return (t_s + self.day_offset_s) // self.window_s

    def start_s(self, index: int) -> int:
        """When a window begins, seconds UTC."""
        return index * self.window_s - self.day_offset_s

    def end_s(self, index: int) -> int:
        """When a window ends, seconds UTC; the next one begins then."""
        return self.start_s(index + 1)

    def due_ms(self, index: int) -> int:
        """When the window's grace is over."""
        return (self.end_s(index) + self.grace_s) * 1000

    def last_due(self, now_ms: int) -> int:
        """The newest window whose grace is over."""
        return self.index(now_ms // 1000 - self.grace_s) - 1


@dataclass(frozen=True, order=True)
class Position:
    """A pack's place: (device, boot, seq) is the order; the rest is what citing needs to know."""

    device_id: str
    boot: int
    seq: int
    digest: bytes
    window: int
    late: bool = False


@dataclass(frozen=True)
class CitedSet:
    """What a statement cites: digests of all packs, and of those that came after their window was settled."""

    packs: frozenset[bytes]
    late: frozenset[bytes]


def cite_window(held: Iterable[Position], window: int) -> CitedSet:
    """The set of a scheduled statement of `window`, from all positions up to it that a member holds."""
    packs: set[bytes] = set()
    late: set[bytes] = set()
    for device in _by_device(each for each in held if each.window <= window):
        prior = [each for each in device if each.window < window]
        packs.update(each.digest for each in device if each.window == window)
        if prior:
            packs.add(prior[-1].digest)
        for before, each in zip([None, *prior], prior, strict=False):
            if each.late:
                late.add(each.digest)
                packs.update({each.digest} | ({before.digest} if before else set()))
    return CitedSet(frozenset(packs), frozenset(late))


def cite_alarm(held: Iterable[Position], window: int) -> tuple[Position, ...]:
    """Carry-in and packs of `window` of each device, in order."""
    cited: list[Position] = []
    for device in _by_device(each for each in held if each.window <= window):
        first = next((n for n, each in enumerate(device) if each.window == window), len(device))
        cited.extend(device[max(0, first - 1) :])
    return tuple(cited)


def is_honest_prefix(cited: frozenset[bytes], held: Sequence[Position]) -> bool:
    """Whether `cited`, all of it held, leaves out nothing: per device a run from the carry-in on, without gaps."""
    if not cited <= {each.digest for each in held}:
        return False
    for device in _by_device(held):
        taken = [each.digest in cited for each in device]
        if taken != sorted(taken, reverse=True):
            return False
    return True


def _by_device(held: Iterable[Position]) -> list[list[Position]]:
    devices: dict[str, list[Position]] = {}
    for each in sorted(held):
        devices.setdefault(each.device_id, []).append(each)
    return list(devices.values())
