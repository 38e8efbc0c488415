"""The order of a column of times: oldest first or newest first, and which rows break it.

    ordered(times) -> Ordered(direction, turn, outliers)

A row with a wrong clock must not make the good rows after it look wrong. So the longest run of rows that are in order
is held for right, and a row outside it for wrong: only where that run is the only one of its length, in one direction,
and the wrong rows stand alone between right ones. Two rows that are wrong side by side agree with one another, and may
as well be the clock that is right.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Ordered:
    """What a column of times shows.

    `direction` is 1 for oldest first, -1 for newest first, 0 where all times are equal or it cannot be told; `turn` is
    the place of the first time that goes against those above, None where there is none; `outliers` are the places of
    the wrong rows, None where it cannot be told which ones are wrong.
    """

    direction: int
    turn: int | None
    outliers: tuple[int, ...] | None


def ordered(times: Sequence[int]) -> Ordered:
    """Find the order of times and what breaks it; places count from 0. Equal times are in order."""
    direction, turn = 0, None
    for place, (above, time) in enumerate(pairwise(times), start=1):
        step = (time > above) - (time < above)
        if step * direction < 0:
            turn = place
            break
        direction = direction or step
    if turn is None:
        return Ordered(direction, None, ())
    rising, falling = _longest_run(times), _longest_run([-time for time in times])
    if rising[0] == falling[0]:
        return Ordered(0, turn, None)
    direction, (size, run) = (1, rising) if rising > falling else (-1, falling)
    outliers = tuple(sorted(set(range(len(times))).difference(run)))
    is_told = len(run) == size and all(after - before > 1 for before, after in pairwise(outliers))
    return Ordered(direction, turn, outliers if is_told else None)


def _longest_run(times: Sequence[int]) -> tuple[int, list[int]]:
    """The length of the longest runs that never fall, and the places in any of them: just as many where it is one."""
    before = _lengths(times)
    after = _lengths([-time for time in reversed(times)])[::-1]
    size = max(before)
    return size, [place for place, length in enumerate(before) if length + after[place] - 1 == size]


def _lengths(times: Sequence[int]) -> list[int]:
    """For each time the length of the longest run that never falls and ends with it; in n log n steps."""
    ends: list[int] = []
    lengths: list[int] = []
    for time in times:
        length = bisect_right(ends, time)
        ends[length : length + 1] = [time]
        lengths.append(length + 1)
    return lengths
