"""From digests back to measurements, out of the store and checked again: a member computes on what it can still prove.

An envelope that does not open, or whose content no longer has the digest it is stored under, was altered after it was
admitted. What it says now still enters the computation, so that a member can say which indicator differs; the member
does not sign on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oracle.operators.weighed_stock import MeasuredPack
from oracle.profile import Profile
from oracle.storage.store import Store
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import parse_pack


@dataclass(frozen=True)
class LoadedPacks:
    """The packs as the store has them now, and the digests for which that is not what was admitted."""

    packs: tuple[MeasuredPack, ...]
    altered: frozenset[bytes]

    @property
    def last_ms(self) -> int:
        """Time of the newest reading, 0 without one."""
        return max((m.time_ms for pack in self.packs for m in pack.measurements), default=0)


def load_packs(
    digests: Iterable[bytes],
    store: Store,
    consortium_id: bytes,
    profile: Profile,
    late: frozenset[bytes] = frozenset(),
) -> LoadedPacks:
    """Every named pack from the store, those of `late` marked. Raises KeyError for a pack that is not held."""
    packs: list[MeasuredPack] = []
    altered: set[bytes] = set()
    for digest in digests:
        try:
            pack = parse_pack(store.envelope(digest), consortium_id)
            measurements = profile.scale(pack)
        except EvidenceError:
            altered.add(digest)
            continue
        if pack.digest != digest:
            altered.add(digest)
        window = profile.windows.index(max(m.time_ms for m in measurements) // 1000)
        packs.append(MeasuredPack(pack.device_id, pack.boot, pack.seq, window, measurements, digest in late))
    return LoadedPacks(tuple(packs), frozenset(altered))
