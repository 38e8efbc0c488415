"""Numbers that follow from a seed alone, and the bounds and times that all vectors share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

SEED = b"wuxin/mirror/1"

UINT16, UINT32, UINT64, UINT96, UINT128, INT128 = 2**16, 2**32, 2**64, 2**96, 2**128, 2**127
BP = 10_000
T0 = 1_641_081_600
"""Where the facilities of the vectors begin, as in forge's Circle: a midnight at +08:00."""
WINDOW_S, DAY_OFFSET_S = 900, 28_800

Row = list[int]
T = TypeVar("T")


class Dice:
    """Numbers that follow from a seed alone; Python's own generators differ between versions."""

    def __init__(self, name: str) -> None:
        self._seed, self._rolls = SEED + name.encode(), 0

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` − 1."""
        self._rolls += 1
        digest = hashlib.sha512(self._seed + self._rolls.to_bytes(8, "big")).digest()
        return int.from_bytes(digest, "big") % bound

    def of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def sized(self, bound: int) -> int:
        """A number below `bound` of any size: each number of bits is as likely, and the ends come often."""
        if self.chance(10):
            return self.of([0, 1, 2, bound // 2, bound - 2, bound - 1]) % bound
        return self.below(2 ** (1 + self.below(bound.bit_length()))) % bound
