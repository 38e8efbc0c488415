"""Liens (kind 2) and prices (kind 3): what members read from their own sources and do not compute from packs.

    on_reads     what my node and my price file say now
    propose      a value changed, or its heartbeat is due: sign it, in the order of the committee so that not all
                 propose at once; the first of them is given PROPOSE_STEP_S before the second steps in
    on_signed    a peer's: signed here only if my own reading says the very same, at about the same time

A peer that has not seen a change yet waits for its own next reading, for a bounded time. Nobody signs another's word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oracle.agreement.context import MemberContext, Statement, log
from oracle.agreement.signatures import SignatureCollector
from oracle.operators.weighed_stock import QUALITY_FULL_BP
from oracle.sources.values import SourceValues
from wuxin_evidence.attestation import OK, SCHEDULED_N, Indicator, sequence_of
from wuxin_evidence.ids import indicator_id, subject

PROPOSE_STEP_S = 0.4
"""Real time by which each place in the committee's order waits longer before it proposes."""
REPROPOSE_S = 2.0
"""A proposal without a quorum is made again after this, with a new moment, then after twice as long, up to the
heartbeat: what nobody else reads is not worth a signature every other second."""
PROPOSALS_PER_TICK_MAX = 20
"""Each costs a lock on the disk and two signatures; packs must not wait for ten thousand pledges."""
NUMBERS_AHEAD_MAX = 16
"""How far beyond the last number known here of a window a peer's may be. It missed a few at most; and a
peer must not use up the numbers that are left, since the ledgers take them only in rising order."""
DISAGREE_S = 10.0
"""How long a peer's proposal may wait for my own reading to say the same."""
WAITING_MAX = 256


@dataclass
class ProposalState:
    """What k members last said about a subject, and when this member last proposed."""

    values: Mapping[str, int] | None = None
    at_s: int = 0
    sequence: int = 0
    due_since: float | None = None
    proposed: float = -REPROPOSE_S
    pause_s: float = REPROPOSE_S
    proposed_values: Mapping[str, int] | None = None

    def is_time(self, read: SourceValues, now: float) -> bool:
        """Whether the pause since the last proposal is over; a value not proposed yet does not wait."""
        return dict(read.values) != self.proposed_values or now - self.proposed >= self.pause_s

    def on_proposed(self, read: SourceValues, now: float, pause_s_max: float) -> None:
        """Remember a proposal; the same values again make the next pause twice as long."""
        said_before = dict(read.values) == self.proposed_values
        self.pause_s = min(2 * self.pause_s, pause_s_max) if said_before else REPROPOSE_S
        self.proposed_values, self.proposed = dict(read.values), now

    def rest(self) -> None:
        """Nothing is due: the next proposal is the first of its kind."""
        self.due_since, self.proposed, self.pause_s, self.proposed_values = None, -REPROPOSE_S, REPROPOSE_S, None


@dataclass
class UnconfirmedProposal:
    """A peer's proposal that my reading does not confirm yet."""

    statement: Statement
    since: float


@dataclass
class Standing:
    """Every lien and price that one member reads."""

    context: MemberContext
    collector: SignatureCollector
    read_again: Callable[[], None]
    _reads: dict[tuple[int, str], SourceValues] = field(default_factory=dict[tuple[int, str], SourceValues])
    _attested: dict[tuple[int, str], ProposalState] = field(default_factory=dict[tuple[int, str], ProposalState])
    _waiting: list[UnconfirmedProposal] = field(default_factory=list[UnconfirmedProposal])

    def on_reads(self, reads: list[SourceValues]) -> None:
        """A fresh look at my own sources."""
        self._reads = {(each.kind, each.subject_id): each for each in reads}
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not self._confirm(each.statement):
                self._keep_waiting(each)
        self.tick()

    def tick(self) -> None:
        """Propose what is due and this member's turn."""
        if self.context.committee is None:
            return
        now, now_s = self.context.monotonic(), self.context.now_s
        proposed = 0
        for key, read in self._reads.items():
            last = self._attested.setdefault(key, ProposalState())
            if not self._is_due(read, last, now_s):
                last.rest()
                continue
            last.due_since = now if last.due_since is None else last.due_since
            turn = last.due_since + self.context.rank * PROPOSE_STEP_S
            if now >= turn and last.is_time(read, now) and proposed < PROPOSALS_PER_TICK_MAX:
                proposed += 1
                last.on_proposed(read, now, self.context.profile.heartbeat_s)
                self._propose(read, now_s)

    def on_signed(self, statement: Statement) -> None:
        """A peer's statement, its signature already counted."""
        if self.collector.own(statement.attestation.digest()) is None and not self._confirm(statement):
            self.read_again()
            self._keep_waiting(UnconfirmedProposal(statement, self.context.monotonic()))

    def settle(self, statement: Statement) -> None:
        """k members signed: the heartbeat counts from here."""
        attestation = statement.attestation
        last = self._attested.setdefault((attestation.kind, statement.subject_id), ProposalState())
        last.sequence = max(last.sequence, attestation.sequence)
        if attestation.window_end >= last.at_s:
            read = self._reads.get((attestation.kind, statement.subject_id))
            names = {indicator_id(name): name for name in (read.values if read else ())}
            last.values = {names.get(each.id, each.id.hex()): each.value for each in attestation.indicators}
            last.at_s = attestation.window_end
            last.rest()

    def _is_due(self, read: SourceValues, last: ProposalState, now_s: int) -> bool:
        if read.since_s > now_s:  # a price of a clock that runs fast waits for its moment, and is not dated anew
            return False
        if last.values is None:
            return read.standing
        if dict(read.values) != dict(last.values):
            return True
        return read.standing and now_s - last.at_s >= self.context.profile.heartbeat_s

    def _propose(self, read: SourceValues, now_s: int) -> None:
        window = self.context.profile.windows.index(now_s)
        n = self._last_number(read.kind, read.about, window) + 1
        if n < SCHEDULED_N:
            self.collector.sign(self._statement(read, now_s, sequence_of(window, n)))

    def _last_number(self, kind: int, about: tuple[str, str], window: int) -> int:
        """The highest n of a window that this member signed or k members did, or 0."""
        attested = self._attested.get((kind, about[1]), ProposalState()).sequence
        return max(
            attested & 0xFFFF if attested >> 16 == window else 0,
            self.context.locks.last_number(subject(*about), kind, window),
        )

    def _statement(self, read: SourceValues, at_s: int, sequence: int) -> Statement:
        indicators = sorted(
            (Indicator(indicator_id(name), value, QUALITY_FULL_BP, OK) for name, value in read.values.items()),
            key=lambda each: each.id,
        )
        span_s = (read.since_s or at_s, at_s)
        return self.context.statement(read.kind, read.about, sequence, span_s, tuple(indicators))

    def _confirm(self, statement: Statement) -> bool:
        """Sign it if my own reading makes the very same statement; True when there is nothing left to wait for.

        A proposal may be old by a heartbeat, since clocks may run fast, but ahead only by the clock skew.
        """
        theirs = statement.attestation
        ahead_s = theirs.window_end - self.context.now_s
        if not -self.context.profile.heartbeat_s <= ahead_s <= self.context.profile.clock_skew_s:
            log.warning("a proposal on %s is %d s ahead of this clock", statement.subject_id, ahead_s)
            return True
        window, n = theirs.sequence >> 16, theirs.sequence & 0xFFFF
        if window != self.context.profile.windows.index(theirs.window_end):
            return True
        last = self._last_number(theirs.kind, (statement.subject_kind, statement.subject_id), window)
        if not 0 < n <= min(last + NUMBERS_AHEAD_MAX, SCHEDULED_N - 1):
            log.warning("a proposal on %s has number %d, the last one here is %d", statement.subject_id, n, last)
            return True
        read = self._reads.get((theirs.kind, statement.subject_id))
        if read is None or read.since_s > theirs.window_end:
            return False
        mine = self._statement(read, theirs.window_end, theirs.sequence)
        if mine.attestation.digest() != theirs.digest():
            return False
        self.collector.sign(mine)
        return True

    def _keep_waiting(self, each: UnconfirmedProposal) -> None:
        if self.context.monotonic() - each.since < DISAGREE_S and len(self._waiting) < WAITING_MAX:
            self._waiting.append(each)
            return
        self._send_differs(each.statement)

    def _send_differs(self, statement: Statement) -> None:
        attestation = statement.attestation
        read = self._reads.get((attestation.kind, statement.subject_id))
        theirs = {each.id: each.value for each in attestation.indicators}
        values: Mapping[str, int] = read.values if read else {}
        rows = [
            {"name": name, "mine": value, "theirs": theirs.get(indicator_id(name))}
            for name, value in values.items()
            if theirs.get(indicator_id(name)) != value
        ]
        log.warning("%s differs from a peer's reading: %s", statement.subject_id, rows)
        self.context.send_note(
            "differs",
            {
                "subject_id": statement.subject_id,
                "kind": attestation.kind,
                "sequence": attestation.sequence,
                "indicators": rows,
                "altered": [],
            },
        )
