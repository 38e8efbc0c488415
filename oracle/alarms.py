"""The statement at once: a pack that makes an alarm predicate true is attested over just the packs it rests on.

    on_pack    one more pack of an open window: the running fold of its device, then the predicates
    raise      sign the alarm over carry-in + window so far, as n = 1, 2, … of the window; peers do so by themselves
    on_signed  a peer's alarm: the packs it cites must be held and leave none of ours out; recompute over just those

Three members that admit the same packs in the same order reach the same digest without a word. When two hold n with
different contents, the stronger content (value, then packs, then root) is signed again under the next free n. An alarm
is raised again in a window only for a higher value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from oracle.agreement.context import MemberContext, Statement, log
from oracle.agreement.signatures import SignatureCollector
from oracle.operators.weighed_stock import LossFold, MeasuredPack, alarms, fold_values, listed
from oracle.windows import Position, cite_alarm, is_honest_prefix
from wuxin_evidence.attestation import ALARM, SCHEDULED_N, Indicator, MemberSignature, sequence_of
from wuxin_evidence.ids import indicator_id, subject

WANT_AFTER_S = 0.05
"""Packs that a peer's alarm cites are usually on their way from the broker; after this they are asked for."""
WINDOWS_OPEN_MAX = 2
"""Per slot, the newest. Two devices, or two clocks, may be on either side of a window's border."""
PENDING_MAX = 256
"""Alarms waiting for packs. More would be a peer citing packs that nobody has."""
PENDING_S = 10.0
"""After this a pack that nobody brings is not coming."""


@dataclass
class OpenWindow:
    """The running state of a slot's window: what it would cite now, one fold per device, what was raised already."""

    window: int
    positions: dict[bytes, Position] = field(default_factory=dict[bytes, Position])
    folds: dict[str, LossFold] = field(default_factory=dict[str, LossFold])
    last: dict[str, tuple[str, int, int]] = field(default_factory=dict[str, tuple[str, int, int]])
    last_ms: int = 0
    raised: dict[str, int] = field(default_factory=dict[str, int])
    altered: bool = False


@dataclass
class PendingAlarm:
    """A peer's alarm that cites packs not held yet."""

    organisation: str
    statement: Statement
    signature: MemberSignature
    since: float
    asked: bool = False


class Alarms:
    """Alarms of all slots of one member."""

    def __init__(self, context: MemberContext, collector: SignatureCollector) -> None:
        self._context = context
        self._collector = collector
        self._open: dict[tuple[str, int], OpenWindow] = {}
        self._windows: dict[str, list[int]] = {}
        self._pending: list[PendingAlarm] = []
        self._best: dict[tuple[str, int], Statement] = {}

    def on_pack(self, pack: MeasuredPack, digest: bytes, slots: tuple[str, ...]) -> None:
        """One admitted and durable pack."""
        for slot_id in slots:
            state = self._open.get((slot_id, pack.window))
            if state is None and self._may_open(slot_id, pack.window):
                state = self._rebuilt(slot_id, OpenWindow(pack.window))
            elif state is not None and digest not in state.positions:
                state = self._extended(slot_id, state, pack, digest)
            else:
                continue
            self._keep_open(slot_id, state)
            self._evaluate(slot_id, state)
        self._retry(digest)

    def resume(self) -> None:
        """Look at the open windows of every slot again: after a start, and after a batch that failed half-way."""
        now = self._context.profile.windows.index(self._context.now_s)
        for slot_id in self._context.registry.slots():
            for window in (now - 1, now):
                if not self._is_settled(slot_id, window):
                    self._resume(slot_id, window)

    def _resume(self, slot_id: str, window: int) -> None:
        earlier = self._open.get((slot_id, window))
        state = self._rebuilt(slot_id, OpenWindow(window, raised={} if earlier is None else earlier.raised))
        if any(each.window == window for each in state.positions.values()):
            self._keep_open(slot_id, state)
            self._evaluate(slot_id, state)

    def _may_open(self, slot_id: str, window: int) -> bool:
        """A window that is not settled, and newer than the older one of those that are open."""
        held = self._windows.get(slot_id, [])
        return not (len(held) == WINDOWS_OPEN_MAX and window < held[0]) and not self._is_settled(slot_id, window)

    def _is_settled(self, slot_id: str, window: int) -> bool:
        settled = self._context.store.settled(subject("slot", slot_id))
        return settled is not None and window <= settled.window

    def _keep_open(self, slot_id: str, state: OpenWindow) -> None:
        self._open[slot_id, state.window] = state
        held = sorted({*self._windows.get(slot_id, []), state.window})
        self._windows[slot_id] = held[-WINDOWS_OPEN_MAX:]
        for window in held[:-WINDOWS_OPEN_MAX]:
            del self._open[slot_id, window]

    def on_signed(self, organisation: str, statement: Statement, signature: MemberSignature) -> None:
        """A peer's alarm: corroborate it, or wait for the packs it cites."""
        self._collector.add(organisation, statement, signature)
        if self._collector.own(statement.attestation.digest()) is not None:
            return
        if all(self._context.store.holds(each) for each in statement.packs):
            self._corroborate(organisation, statement)
        elif len(self._pending) < PENDING_MAX:
            self._pending.append(PendingAlarm(organisation, statement, signature, self._context.monotonic()))

    def tick(self) -> None:
        """Ask for cited packs that did not come by themselves."""
        now = self._context.monotonic()
        self._pending = [each for each in self._pending if now - each.since < PENDING_S]
        for each in self._pending:
            if not each.asked and now - each.since >= WANT_AFTER_S:
                each.asked = True
                lacking = sorted(d for d in each.statement.packs if not self._context.store.holds(d))
                self._context.send_note("want", {"to": each.organisation, "packs": lacking})

    def _retry(self, digest: bytes) -> None:
        store = self._context.store
        ready = [each for each in self._pending if digest in each.statement.packs]
        for each in ready:
            if all(store.holds(cited) for cited in each.statement.packs):
                self._pending.remove(each)
                if self._collector.own(each.statement.attestation.digest()) is None:
                    self._corroborate(each.organisation, each.statement)

    def _positions(self, slot_id: str, window: int) -> tuple[Position, ...]:
        devices = self._context.registry.devices_of(slot_id)
        return cite_alarm(self._context.store.positions(devices, window, None), window)

    def _rebuilt(self, slot_id: str, state: OpenWindow) -> OpenWindow:
        """The window's state from the store: at its first pack, and when a pack came out of order."""
        positions = self._positions(slot_id, state.window)
        loaded = self._context.load_packs(each.digest for each in positions)
        fresh = OpenWindow(state.window, {each.digest: each for each in positions}, raised=state.raised)
        fresh.altered = bool(loaded.altered)
        for pack in sorted(loaded.packs, key=lambda each: each.order):
            _fold(fresh, pack, self._context.profile.drop_tolerance_g)
        return fresh

    def _extended(self, slot_id: str, state: OpenWindow, pack: MeasuredPack, digest: bytes) -> OpenWindow:
        if pack.device_id not in state.last or pack.order < state.last[pack.device_id]:
            return self._rebuilt(slot_id, state)
        state.positions[digest] = Position(pack.device_id, pack.boot, pack.seq, digest, pack.window)
        _fold(state, pack, self._context.profile.drop_tolerance_g)
        return state

    def _evaluate(self, slot_id: str, state: OpenWindow) -> None:
        holding = alarms(fold_values(state.folds.values()), self._context.profile)
        risen = {name: each for name, each in holding.items() if each.value > state.raised.get(name, -1)}
        if not risen or self._context.committee_at(self._end_s(state.window, state.last_ms)) is None:
            return
        if state.altered:
            log.error("%s: stored packs of the open window were altered; no alarm is signed on them", slot_id)
            return
        state.raised.update({name: each.value for name, each in risen.items()})
        self._sign_next(self._statement(slot_id, state.window, holding, frozenset(state.positions), state.last_ms, 1))

    def _statement(
        self,
        slot_id: str,
        window: int,
        holding: Mapping[str, Indicator],
        cited: frozenset[bytes],
        last_ms: int,
        n: int,
    ) -> Statement:
        """Its span ends with the last reading it cites: an alarm says nothing about later."""
        span_s = (self._context.profile.windows.start_s(window), self._end_s(window, last_ms))
        return self._context.statement(ALARM, ("slot", slot_id), sequence_of(window, n), span_s, listed(holding), cited)

    def _end_s(self, window: int, last_ms: int) -> int:
        return max(self._context.profile.windows.start_s(window), last_ms // 1000)

    def _sign_next(self, statement: Statement) -> None:
        """Sign this content under the first n of its window that is free or already its own."""
        window = statement.attestation.sequence >> 16
        for n in range(1, SCHEDULED_N):
            numbered = _numbered(statement, sequence_of(window, n))
            holder = self._context.locks.holder(numbered.attestation.subject, ALARM, numbered.attestation.sequence)
            if holder in (None, numbered.attestation.digest()) and self._collector.sign(numbered):
                self._keep_best(numbered)
                return
        log.error("no n is left for another alarm of %s in window %d", statement.subject_id, window)

    def _keep_best(self, statement: Statement) -> None:
        key = statement.subject_id, statement.attestation.sequence >> 16
        held = self._best.get(key)
        if held is None or _strength(statement) >= _strength(held):
            self._best[key] = statement
        for old in sorted(self._best, key=lambda each: each[1])[:-PENDING_MAX]:
            del self._best[old]

    def _corroborate(self, organisation: str, statement: Statement) -> None:
        """Recompute a peer's alarm over just the packs it cites, from my store, and sign it if it is what I get."""
        slot_id, window = statement.subject_id, statement.attestation.sequence >> 16
        now_s, skew_s = self._context.now_s, self._context.profile.clock_skew_s
        if window > self._context.profile.windows.index(now_s + skew_s):
            log.warning("an alarm of %s on %s is of a window that has not begun", organisation, slot_id)
            return
        if not is_honest_prefix(statement.packs, self._positions(slot_id, window)):
            log.warning("an alarm of %s on %s leaves out packs that are held here", organisation, slot_id)
            return
        mine = self._recomputed(statement, window)
        if mine is None or mine.attestation.digest() != statement.attestation.digest():
            theirs = [each.value for each in statement.attestation.indicators]
            got = [] if mine is None else [each.value for each in mine.attestation.indicators]
            log.warning("an alarm of %s on %s: it says %s, computed here %s", organisation, slot_id, theirs, got)
            self._send_differs(statement, mine)
            return
        if self._adds_nothing(mine):
            return
        self._mark_raised(slot_id, window, mine)
        if self._collector.sign(mine):
            self._keep_best(mine)
        else:
            self._settle_tie(mine)

    def _adds_nothing(self, statement: Statement) -> bool:
        """An alarm with a quorum says as much already; a member that started again may raise it once more."""
        held = self._best.get((statement.subject_id, statement.attestation.sequence >> 16))
        return (
            held is not None
            and self._collector.is_done(held.attestation.digest())
            and _strength(held)[0] >= _strength(statement)[0]
        )

    def _settle_tie(self, theirs: Statement) -> None:
        """My lock on this n is another content's: the stronger of the two goes under the next free n."""
        held = self._best.get((theirs.subject_id, theirs.attestation.sequence >> 16))
        if held is None or _strength(theirs) > _strength(held):
            self._sign_next(theirs)
        elif not self._collector.is_done(held.attestation.digest()):
            self._sign_next_after(held, theirs.attestation.sequence)

    def _sign_next_after(self, statement: Statement, sequence: int) -> None:
        """Like the peer, who also lost `sequence` to another content, use the number after it."""
        following = _numbered(statement, sequence + 1)
        if not self._collector.sign(following):
            self._sign_next(statement)

    def _recomputed(self, statement: Statement, window: int) -> Statement | None:
        loaded = self._context.load_packs(statement.packs)
        if loaded.altered:
            return None
        state = OpenWindow(window)
        for pack in sorted(loaded.packs, key=lambda each: each.order):
            _fold(state, pack, self._context.profile.drop_tolerance_g)
        holding = alarms(fold_values(state.folds.values()), self._context.profile)
        if not holding:
            return None
        n = statement.attestation.sequence & 0xFFFF
        return self._statement(statement.subject_id, window, holding, statement.packs, loaded.last_ms, n)

    def _mark_raised(self, slot_id: str, window: int, statement: Statement) -> None:
        state = self._open.get((slot_id, window))
        if state is None:
            return
        values = {each.id: each.value for each in statement.attestation.indicators}
        for predicate in self._context.profile.alarms:
            value = values.get(indicator_id(predicate.indicator), -1)
            state.raised[predicate.indicator] = max(value, state.raised.get(predicate.indicator, -1))

    def _send_differs(self, statement: Statement, mine: Statement | None) -> None:
        theirs = {each.id: each.value for each in statement.attestation.indicators}
        own = {} if mine is None else {each.id: each.value for each in mine.attestation.indicators}
        named = {each.indicator: indicator_id(each.indicator) for each in self._context.profile.alarms}
        rows = [
            {"name": name, "mine": own.get(key), "theirs": theirs.get(key)}
            for name, key in named.items()
            if own.get(key) != theirs.get(key)
        ]
        self._context.send_note(
            "differs",
            {
                "subject_id": statement.subject_id,
                "kind": ALARM,
                "sequence": statement.attestation.sequence,
                "indicators": rows,
                "altered": [],
            },
        )


def _fold(state: OpenWindow, pack: MeasuredPack, tolerance_g: int) -> None:
    before = state.folds.get(pack.device_id, LossFold())
    state.folds[pack.device_id] = before.following(pack, state.window, tolerance_g)
    state.last[pack.device_id] = pack.order
    state.last_ms = max([state.last_ms, *(each.time_ms for each in pack.measurements)])


def _numbered(statement: Statement, sequence: int) -> Statement:
    return replace(statement, attestation=replace(statement.attestation, sequence=sequence))


def _strength(statement: Statement) -> tuple[int, int, bytes]:
    attestation = statement.attestation
    return max(each.value for each in attestation.indicators), attestation.pack_count, attestation.pack_root
