"""From digests back to measurements, out of the store and checked again: a member computes on what it can still prove.

An envelope that does not open, or whose content no longer has the digest it is stored under, was altered after it was
admitted. What it says now still enters the computation, so that a member can say which indicator differs; the member
does not sign on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oracle.agreement.committee import Desk
from oracle.operators.weighed_stock import MeasuredPack
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import parse_pack


@dataclass(frozen=True)
class Recalled:
    """The packs as the store has them now, and the digests for which that is not what was admitted."""

    packs: tuple[MeasuredPack, ...]
    altered: frozenset[bytes]

    @property
    def last_ms(self) -> int:
        """Time of the newest reading, 0 without one."""
        return max((m.time_ms for pack in self.packs for m in pack.measurements), default=0)


def recall(digests: Iterable[bytes], desk: Desk, late: frozenset[bytes] = frozenset()) -> Recalled:
    """Every named pack from the store, those of `late` marked. Raises KeyError for one that is not held."""
    packs: list[MeasuredPack] = []
    altered: set[bytes] = set()
    for digest in digests:
        try:
            pack = parse_pack(desk.store.envelope(digest), desk.consortium_id)
            measurements = desk.profile.scale(pack)
        except EvidenceError:
            altered.add(digest)
            continue
        if pack.digest != digest:
            altered.add(digest)
        window = desk.profile.windows.index(max(m.time_ms for m in measurements) // 1000)
        packs.append(MeasuredPack(pack.device_id, pack.boot, pack.seq, window, measurements, digest in late))
    return Recalled(tuple(packs), frozenset(altered))
