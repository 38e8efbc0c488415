"""Everything that the parts of one member share: name, keys, profile, clock, devices, store, locks, committees.

`MemberContext.statement(…)` makes the struct that a member signs, from values that the member computed or read itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from network.clock import Clock
from oracle.agreement.locks import Locks
from oracle.profile import Profile
from oracle.registry import Registry
from oracle.storage.evidence import LoadedPacks, load_packs
from oracle.storage.status import Status
from oracle.storage.store import Store
from wuxin_evidence.attestation import Attestation, Committee, Indicator
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import pack_root

COMMITTEES_KEPT = 4
"""The one in force, the next, and those before, whose last windows may not be settled."""

log = logging.getLogger("wuxin.oracle")


@dataclass(frozen=True)
class Keys:
    """What a member signs with."""

    sm2: SigningKey
    evm: EvmKey


@dataclass(frozen=True)
class Statement:
    """An attestation, what it is about in words, and which packs it rests on."""

    attestation: Attestation
    subject_kind: str
    subject_id: str
    packs: frozenset[bytes] = frozenset()
    late: frozenset[bytes] = frozenset()


@dataclass
class MemberContext:
    """What the parts of one member share."""

    organisation: str
    consortium_id: bytes
    keys: Keys
    profile: Profile
    clock: Clock
    registry: Registry
    store: Store
    locks: Locks
    send_note: Callable[[str, Mapping[str, object]], None]
    monotonic: Callable[[], float]
    status: Status
    committees: tuple[Committee, ...] = ()

    def learn(self, committees: Iterable[Committee]) -> None:
        """Committees that the node names; an epoch that is known stays as it is."""
        known = {each.epoch: each for each in (*committees, *self.committees)}
        self.committees = tuple(known[epoch] for epoch in sorted(known)[-COMMITTEES_KEPT:])

    def committee_at(self, end_s: int) -> Committee | None:
        """The committee that answers for a window ending at `end_s`, with the edge that both ledgers have."""
        return next((each for each in reversed(self.committees) if each.active_from_s < end_s), None)

    @property
    def committee(self) -> Committee | None:
        """The one in force now."""
        return self.committee_at(self.now_s)

    @property
    def now_s(self) -> int:
        """The clock's time, seconds UTC."""
        return self.clock.now_ms() // 1000

    @property
    def rank(self) -> int:
        """Place in the committee's order: who proposes first."""
        names = [each.organisation for each in self.current.members]
        return names.index(self.organisation) if self.organisation in names else len(names)

    @property
    def current(self) -> Committee:
        """The committee in force now. Raises `unavailable` before the node has named one."""
        return self.require_committee(self.now_s)

    def require_committee(self, end_s: int) -> Committee:
        """The committee that answers for a window ending at `end_s`. Raises `unavailable` when none is known."""
        committee = self.committee_at(end_s)
        if committee is None:
            raise EvidenceError("unavailable", f"no committee of {end_s} is known", "wait for the node's answer")
        return committee

    def statement(
        self,
        kind: int,
        about: tuple[str, str],
        sequence: int,
        span_s: tuple[int, int],
        indicators: tuple[Indicator, ...],
        packs: frozenset[bytes] = frozenset(),
        late: frozenset[bytes] = frozenset(),
    ) -> Statement:
        """The statement of `indicators` over `span_s`, citing `packs`; over no packs the root is that of none."""
        attestation = Attestation(
            consortium_id=self.consortium_id,
            epoch=self.require_committee(span_s[1]).epoch,
            subject=subject(*about),
            kind=kind,
            sequence=sequence,
            window_start=span_s[0],
            window_end=span_s[1],
            profile=self.profile.hash,
            pack_root=pack_root(packs),
            pack_count=len(packs),
            late_count=len(late),
            indicators=indicators,
        )
        return Statement(attestation, *about, packs, late)

    def load_packs(self, digests: Iterable[bytes], late: frozenset[bytes] = frozenset()) -> LoadedPacks:
        """Every named pack from the store, those of `late` marked. Raises KeyError for a pack that is not held."""
        return load_packs(digests, self.store, self.consortium_id, self.profile, late)
