"""How far a freeze is undone: which approvals still count, by the windows since they were given.

    approvals and accepted attestations, in the chain's order ─▶ the rule book's mirror ─▶ void or not

The contract lets an approval count for one opening and one run of clean windows. It tells the opening in an event, but
not the run. The run is folded here from the last window before the first approval on: an approval was only accepted
while a run stood, so nothing older matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from contracts.mirror.reversal import Heard, Rule, RuleState, after
from node.projection import tables
from wuxin_evidence.attestation import ALARM, SCHEDULED, Attestation

Place = tuple[int, int]
"""Block and log index."""


@dataclass(frozen=True)
class Given:
    """An approval as it stands: its row, and whether it is void; None where the read model cannot tell."""

    row: Row[Any]
    void: bool | None


def approvals_of(connection: Connection, reason: Row[Any], rules: Mapping[str, Rule]) -> list[Given]:
    """The approvals given while a reason stood, the oldest first.

    `rules` are those of the facility's pack by hex id; a rule that is not among them, or an attestation that the
    facts do not have, leaves it open whether an approval is void.
    """
    rows = _approvals(connection, reason)
    opened: Place = (reason.opened_block, reason.opened_log)
    present = [row for row in rows if _place(row) > opened and row.opening_sequence == reason.opening_sequence]
    runs = _runs(connection, reason, present, rules.get(reason.cause)) if present else None
    return [Given(row, _void(row, present, runs)) for row in rows]


def _void(row: Row[Any], present: Sequence[Row[Any]], runs: Mapping[Place | None, int] | None) -> bool | None:
    if row not in present:
        return True
    return None if runs is None else runs[_place(row)] != runs[None]


def _runs(
    connection: Connection, reason: Row[Any], approvals: Sequence[Row[Any]], rule: Rule | None
) -> Mapping[Place | None, int] | None:
    """The clean run, named by its first sequence, at each approval, and under None at the end; None: not known."""
    before = _last_window(connection, reason.subject, approvals[0])
    if rule is None or before is None:
        return None
    state = RuleState(started=True, last_window=before >> 16, clean=rule.cure_windows, clean_since_sequence=before)
    runs: dict[Place | None, int] = {}
    given = {_place(row) for row in approvals}
    heard = dict(_heard(connection, reason, approvals[0]))
    for place in sorted(given | heard.keys()):
        if place in given:
            runs[place] = state.clean_since_sequence
            continue
        attestation = heard[place]
        if attestation is None:
            return None
        said = Heard(attestation.kind, attestation.sequence, attestation.indicators)
        state, _ = after(rule, state, said, over_when_bound=0)
    runs[None] = state.clean_since_sequence
    return runs


def _approvals(connection: Connection, reason: Row[Any]) -> Sequence[Row[Any]]:
    table = tables.approval
    since = _later(table.c.block, table.c.log_index, (reason.since_block, reason.since_log))
    wanted = select(table).where(table.c.facility == reason.facility, table.c.reason_key == reason.reason_key, since)
    if reason.cleared_block is not None:
        wanted = wanted.where(~_later(table.c.block, table.c.log_index, (reason.cleared_block, reason.cleared_log)))
    return connection.execute(wanted.order_by(table.c.block, table.c.log_index)).all()


def _last_window(connection: Connection, subject: str, approval: Row[Any]) -> int | None:
    """Sequence of the last scheduled window that the chain had accepted when an approval was given."""
    table = tables.accepted_attestation
    wanted = (
        select(table.c.sequence)
        .where(table.c.subject == subject, table.c.kind == SCHEDULED)
        .where(~_later(table.c.block, table.c.log_index, _place(approval)))
        .order_by(table.c.block.desc(), table.c.log_index.desc())
    )
    return connection.execute(wanted.limit(1)).scalar()


def _heard(connection: Connection, reason: Row[Any], approval: Row[Any]) -> Iterator[tuple[Place, Attestation | None]]:
    """What the rule book heard after an approval, until the reason was cleared; None for what the facts do not have."""
    accepted, recorded = tables.accepted_attestation, tables.attestation
    wanted = (
        select(accepted.c.block, accepted.c.log_index, recorded.c.record)
        .select_from(accepted.outerjoin(recorded, recorded.c.digest == accepted.c.digest))
        .where(accepted.c.subject == reason.subject, accepted.c.kind.in_((SCHEDULED, ALARM)))
        .where(_later(accepted.c.block, accepted.c.log_index, _place(approval)))
    )
    if reason.cleared_block is not None:
        end = (reason.cleared_block, reason.cleared_log)
        wanted = wanted.where(~_later(accepted.c.block, accepted.c.log_index, end))
    for row in connection.execute(wanted).all():
        body = None if row.record is None else Attestation.from_cbor(bytes.fromhex(row.record["attestation"]))
        yield (int(row.block), int(row.log_index)), body


def _later(block: ColumnElement[int], log: ColumnElement[int], place: Place) -> ColumnElement[bool]:
    return or_(block > place[0], and_(block == place[0], log > place[1]))


def _place(row: Row[Any]) -> Place:
    return int(row.block), int(row.log_index)
