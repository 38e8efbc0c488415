"""The scheduled statement of a window: members agree on the set of packs, then each computes and signs for itself.

    due      end of window + grace: my set is frozen, `have` says it
    union    a peer's `have` names packs that I lack: `want`, admit what comes, say `have` again
    agreed   k members name my very set, and all have spoken or the rest had its time: recompute from the store
    signed   lock, sign; with k signatures on one digest the window is settled

What comes from the broker after `have` belongs to the next window's statement as late, unless a peer had it in time.
A member that computes another value than a peer over the same set says `differs` and names the indicator; it never
signs the peer's. Every wait here is in real time, every window in clock time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from oracle.agreement.context import MemberContext, Statement, log
from oracle.agreement.notes import Note, digests
from oracle.agreement.signatures import SignatureCollector, differences
from oracle.operators.weighed_stock import compute, listed
from oracle.storage.store import SETTLED_KEPT, Settled
from oracle.windows import CitedSet, Position, cite_window
from wuxin_evidence.attestation import SCHEDULED, SCHEDULED_N, Indicator, MemberSignature, sequence_of
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import subject

SILENT_WAIT_S = 0.4
"""How long k agreeing members wait for the others' sets: a silent member costs this much and no more."""
WANTED_WAIT_S = 1.0
"""How long a pack that a peer named is waited for; whoever names packs and does not bring them costs this much."""
REPEAT_S = 2.0
"""A `have` that led nowhere is said again after this; by then a registry or a connection may have changed."""
HAVES_MAX = 32
"""Times one window's set is said; after that the window stays unattested, and lending stops by staleness."""
CATCH_UP_WINDOWS_MAX = 8
"""Windows a member that was away still closes, beside the first one that it missed: the others, who settled it, answer
from their logs, and what that window cited decides what is late in all after it."""
EARLIER_WAIT_S = 10.0
"""How long a window waits for the one before it: what that one cites is not late any more, and counts once."""
GIVE_UP_S = 64.0
"""A window that is open for longer is reported as one that members cannot agree on."""
CLOSINGS_KEPT = SETTLED_KEPT
"""Windows of a slot that are remembered, so that a member that comes back can still be answered."""


@dataclass
class Closing:
    """One window of one slot on its way to a statement."""

    slot_id: str
    window: int
    opened: float
    log_size: int
    held: dict[bytes, Position]
    cited: CitedSet
    changed: float
    haves: int = 0
    said: float = 0.0
    published_sets: set[CitedSet] = field(default_factory=set[CitedSet])
    peers: dict[str, CitedSet] = field(default_factory=dict[str, CitedSet])
    wanted: dict[bytes, float] = field(default_factory=dict[bytes, float])
    computed: dict[str, Indicator] | None = None
    altered: frozenset[bytes] = frozenset()
    statement: Statement | None = None
    theirs: dict[str, Statement] = field(default_factory=dict[str, Statement])
    differs_sent: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])
    settled: bool = False
    reported: bool = False
    after: Closing | None = None


class Closings:
    """All windows of all slots of one member."""

    def __init__(self, context: MemberContext, collector: SignatureCollector) -> None:
        self._context = context
        self._collector = collector
        self._next: dict[str, int] = {}
        self._open: dict[tuple[str, int], Closing] = {}

    def know_slots(self) -> None:
        """A slot that is seen for the first time is attested from the window that is open now."""
        for slot_id in self._context.registry.slots():
            if slot_id not in self._next:
                self._next[slot_id] = self._first_window(slot_id)

    def tick(self) -> None:
        """Open what is due, decide what waited long enough, say again what led nowhere."""
        last_due = self._context.profile.windows.last_due(self._context.clock.now_ms())
        self.know_slots()
        for slot_id, first in list(self._next.items()):
            missed = [first] if last_due - CLOSINGS_KEPT < first <= last_due - CATCH_UP_WINDOWS_MAX else []
            before: Closing | None = None
            for window in (*missed, *range(max(first, last_due - CATCH_UP_WINDOWS_MAX + 1), last_due + 1)):
                closing = self._closing(slot_id, window)
                closing.after, before = before, closing
            self._next[slot_id] = max(first, last_due + 1)
        self._forget(last_due)
        now = self._context.monotonic()
        for closing in [each for each in self._open.values() if not each.settled]:
            self._decide(closing)
            if closing.statement is None and now - closing.said > REPEAT_S:
                self._ask(closing)
                self._send_have(closing)
            if not closing.settled and not closing.reported and now - closing.opened > GIVE_UP_S:
                closing.reported = True
                self._context.status.problem(_about(closing), self._disagreement(closing))

    def on_have(self, note: Note) -> None:
        """A peer's set. Raises `malformed`."""
        slot_id, window, cited = _read_have(note)
        closing = self._find(slot_id, window)
        if closing is None:
            return
        closing.peers[note.organisation] = cited
        if closing.statement is not None or closing.settled:
            self._answer(closing, note.organisation)
            return
        self._ask(closing)
        self._refresh(closing)

    def on_pack(self, digest: bytes) -> None:
        """A pack that somebody wanted is in the store."""
        for closing in self._open.values():
            if digest in closing.wanted and closing.statement is None:
                closing.wanted.pop(digest)
                if not closing.wanted:
                    self._refresh(closing)

    def on_signed(self, organisation: str, statement: Statement, signature: MemberSignature) -> None:
        """A peer's signed statement: counted as its own, never copied."""
        window = statement.attestation.sequence >> 16
        closing = self._find(statement.subject_id, window)
        self._collector.add(organisation, statement, signature)
        if closing is None:
            return
        closing.theirs[organisation] = statement
        theirs = CitedSet(statement.packs, statement.late)
        if closing.computed is None and closing.cited != theirs and theirs in closing.published_sets:
            closing.cited = theirs
            self._sign(closing)
        self._compare(closing, organisation)

    def settle(self, statement: Statement) -> None:
        """k members signed: this window of the slot is done."""
        closing = self._find(statement.subject_id, statement.attestation.sequence >> 16)
        if closing is None or closing.settled:
            return
        closing.settled = True
        settled = Settled(closing.window, closing.log_size, statement.packs, statement.late)
        self._context.store.settle(statement.attestation.subject, settled)
        if closing.reported:
            self._context.status.solved(_about(closing))
        for window in range(closing.window + 1, closing.window + CLOSINGS_KEPT):
            if (later := self._open.get((closing.slot_id, window))) is not None:
                self._recount(later)

    def _forget(self, last_due: int) -> None:
        """Old windows, settled or given up: nobody asks about them any more."""
        for key in [each for each in self._open if each[1] <= last_due - CLOSINGS_KEPT]:
            if (closing := self._open.pop(key)).reported:
                self._context.status.solved(_about(closing))

    def _first_window(self, slot_id: str) -> int:
        # A member that was away settles every window since; one that never settled any begins now, not in 1970.
        settled = self._context.store.settled(subject("slot", slot_id))
        return self._context.profile.windows.index(self._context.now_s) if settled is None else settled.window + 1

    def _find(self, slot_id: str, window: int) -> Closing | None:
        """The closing of a window that is over, out of the log if it is settled; None for one that is not over, or
        that is too old, or of no slot of ours."""
        windows, now_ms = self._context.profile.windows, self._context.clock.now_ms()
        if (closing := self._open.get((slot_id, window))) is not None:
            return closing
        is_over = windows.due_ms(window) - self._context.profile.clock_skew_s * 1000 <= now_ms
        age = windows.last_due(now_ms) - window
        if not is_over or age >= CLOSINGS_KEPT or not self._context.registry.has_slot(slot_id):
            return None
        about, store = subject("slot", slot_id), self._context.store
        if (settled := store.settled(about, window)) is not None:
            return self._signed_before(slot_id, settled)
        newest = store.settled(about)
        is_new = newest is None or window > newest.window
        return self._closing(slot_id, window) if is_new and age < CATCH_UP_WINDOWS_MAX else None

    def _signed_before(self, slot_id: str, settled: Settled) -> Closing | None:
        """A window that was settled before this member started again: signed once more, so that a peer that missed
        it can settle it, too. The lock lets the same digest through and no other."""
        if not all(self._context.store.holds(each) for each in settled.cited):
            return None
        now, cited = self._context.monotonic(), CitedSet(settled.cited, settled.late)
        closing = Closing(slot_id, settled.window, now, settled.log_size, {}, cited, now, settled=True)
        self._open[slot_id, settled.window] = closing
        self._sign(closing)
        return closing

    def _closing(self, slot_id: str, window: int) -> Closing:
        key = (slot_id, window)
        if key not in self._open:
            now = self._context.monotonic()
            held = {each.digest: each for each in self._positions(slot_id, window)}
            cited = cite_window(held.values(), window)
            self._open[key] = Closing(slot_id, window, now, len(self._context.store.tree), held, cited, now)
            self._send_have(self._open[key])
        return self._open[key]

    def _positions(self, slot_id: str, window: int) -> list[Position]:
        context = self._context
        settled = context.store.settled_before(subject("slot", slot_id), window)
        return context.store.positions(context.registry.devices_of(slot_id), window, settled)

    def _disagreement(self, closing: Closing) -> EvidenceError:
        """Why a window is not settled, as far as this member knows."""
        committee = self._context.committee_at(self._context.profile.windows.end_s(closing.window))
        members = [] if committee is None else [each.organisation for each in committee.members]
        others = [name for name in members if name != self._context.organisation]
        differing = [name for name in others if name in closing.peers and closing.peers[name] != closing.cited]
        silent = [name for name in others if name not in closing.peers]
        end_s = self._context.profile.windows.end_s(closing.window)
        detail = f"the window that ended at {end_s} s UTC is not settled: cited here {len(closing.cited.packs)} packs,"
        detail += f" {len(closing.altered)} of them altered; another set at {differing}, no set from {silent}"
        return EvidenceError("quorum_not_met", detail, "compare the members' logs; start those that are silent")

    def _send_have(self, closing: Closing) -> None:
        if closing.haves >= HAVES_MAX:
            return
        closing.haves += 1
        closing.said = self._context.monotonic()
        closing.published_sets.add(closing.cited)
        body = {"slot": closing.slot_id, "window": closing.window}
        lists = {"packs": sorted(closing.cited.packs), "late": sorted(closing.cited.late)}
        self._context.send_note("have", {**body, **lists})

    def _ask(self, closing: Closing) -> None:
        """Want each pack that a peer names and this member lacks."""
        now = self._context.monotonic()
        for organisation, cited in closing.peers.items():
            lacking = {each for each in cited.packs if not self._context.store.holds(each)}
            fresh = sorted(each for each in lacking if now - closing.wanted.get(each, -REPEAT_S) >= REPEAT_S)
            if fresh:
                closing.wanted.update(dict.fromkeys(fresh, now))
                self._context.send_note("want", {"to": organisation, "packs": fresh})

    def _refresh(self, closing: Closing) -> None:
        """My set again, now that more may be held of what peers named."""
        named = {digest for cited in closing.peers.values() for digest in cited.packs}
        for position in self._positions(closing.slot_id, closing.window):
            if position.digest in named:
                closing.held.setdefault(position.digest, position)
        for digest in self._context.store.equivocal() & closing.held.keys():
            del closing.held[digest]
        self._cite(closing)

    def _recount(self, closing: Closing) -> None:
        """An earlier window was settled: the packs that it cited are not late in this one any more."""
        if closing.settled or closing.statement is not None:
            return
        still_late = {each.digest for each in self._positions(closing.slot_id, closing.window) if each.late}
        for digest, position in closing.held.items():
            closing.held[digest] = replace(position, late=position.late and digest in still_late)
        self._cite(closing)

    def _cite(self, closing: Closing) -> None:
        """Say my set again if it changed, and sign if that is what was missing."""
        cited = cite_window(closing.held.values(), closing.window)
        if cited != closing.cited:
            closing.cited, closing.changed = cited, self._context.monotonic()
            self._send_have(closing)
        self._decide(closing)

    def _decide(self, closing: Closing) -> None:
        """Sign when k members name my set, and everyone has spoken or had the time to."""
        committee = self._context.committee_at(self._context.profile.windows.end_s(closing.window))
        if closing.settled or closing.computed is not None or committee is None:
            return
        now = self._context.monotonic()
        if closing.after is not None and not closing.after.settled and now - closing.opened < EARLIER_WAIT_S:
            return
        peers = (cited for name, cited in closing.peers.items() if committee.find(name))
        agreeing = 1 + sum(cited == closing.cited for cited in peers)
        everyone = agreeing >= len(committee.members)
        wait_s = WANTED_WAIT_S if closing.wanted else SILENT_WAIT_S
        if agreeing >= committee.threshold and (everyone or now - closing.changed >= wait_s):
            self._sign(closing)

    def _sign(self, closing: Closing) -> None:
        loaded = self._context.load_packs(closing.cited.packs, closing.cited.late)
        closing.computed = compute(loaded.packs, closing.window, self._context.profile)
        closing.altered = loaded.altered
        if loaded.altered:
            log.error("%s: %d stored packs were altered; not signing", closing.slot_id, len(loaded.altered))
        else:
            statement = self._statement(closing, listed(closing.computed))
            closing.statement = statement
            if not self._collector.sign(statement):
                log.error("%s window %d is locked by another digest", closing.slot_id, closing.window)
        for organisation in list(closing.theirs):
            self._compare(closing, organisation)

    def _statement(self, closing: Closing, indicators: tuple[Indicator, ...]) -> Statement:
        windows = self._context.profile.windows
        return self._context.statement(
            SCHEDULED,
            ("slot", closing.slot_id),
            sequence_of(closing.window, SCHEDULED_N),
            (windows.start_s(closing.window), windows.end_s(closing.window)),
            indicators,
            closing.cited.packs,
            closing.cited.late,
        )

    def _compare(self, closing: Closing, organisation: str) -> None:
        """Say once per peer and digest which indicators differ from mine."""
        theirs = closing.theirs[organisation]
        digest = theirs.attestation.digest()
        if closing.computed is None or (organisation, digest) in closing.differs_sent:
            return
        if closing.statement is not None and closing.statement.attestation.digest() == digest:
            return
        closing.differs_sent.add((organisation, digest))
        differing = differences(closing.computed, theirs.attestation.indicators)
        log.warning("%s window %d differs from %s: %s", closing.slot_id, closing.window, organisation, differing)
        self._context.send_note(
            "differs",
            {
                "subject_id": closing.slot_id,
                "kind": SCHEDULED,
                "sequence": theirs.attestation.sequence,
                "indicators": differing,
                "altered": sorted(closing.altered),
            },
        )

    def _answer(self, closing: Closing, organisation: str) -> None:
        """A member that comes late to a window I signed hears my set and my signature, once per time it asks."""
        statement = closing.statement
        if statement is None or organisation in closing.theirs:
            return
        own = self._collector.own(statement.attestation.digest())
        if own is not None:
            self._send_have(closing)
            self._collector.publish(statement, own)


def _about(closing: Closing) -> str:
    return f"slot {closing.slot_id} window {closing.window}"


def _read_have(note: Note) -> tuple[str, int, CitedSet]:
    try:
        slot_id, window = note.body["slot"], note.body["window"]
        cited = CitedSet(digests(note.body["packs"]), digests(note.body["late"]))
    except KeyError as error:
        raise malformed(f"a have note without {error}") from error
    if not isinstance(slot_id, str) or type(window) is not int or not 0 <= window < 2**47:
        raise malformed("a have note names a slot and a window")
    if not cited.late <= cited.packs:
        raise EvidenceError("malformed", "late packs that are not among the cited ones")
    return slot_id, window, cited
