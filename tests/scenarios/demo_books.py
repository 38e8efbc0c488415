"""What a played demo leaves in a node's read model, without what is of this run alone.

    events      per ledger and subject, in their order; the founding's, which has no subject, by name
    states      of facilities, money, receipts, pledges, devices, freezes, approvals
    history     every transaction of the facts: who called which function

Ids become the order in which they were first heard of. Left out are statements that are made because time passes, and
interest, which a night in between would change.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from network.membership.homes import home_of

SEEN_BY = "bank"
"""It acts last, and its act is done when its own node has read it."""
AS_TIME_PASSES = ("attestation_recorded", "attestation_accepted", "checkpoint_anchored")
BY_THE_HOUR = ("record_attestation", "anchor_checkpoint")
FOUNDING = "chain"
"""Kind of what concerns a chain as a whole. The order of its first transactions is the engine's."""

EVENTS = "SELECT ledger, subject_kind, subject_id, type FROM event ORDER BY ledger, block, place, item"
HISTORY = "SELECT function, msp_id FROM fact_transaction WHERE code = 'VALID' ORDER BY block, tx_index"
STATES = {
    "facilities": "SELECT state, standing_reasons, line_minor, principal_minor, fees_minor, drawn_total_minor"
    " FROM facility",
    "movements": "SELECT kind, principal_minor, fees_minor FROM movement ORDER BY block, log_index",
    "freezes": "SELECT standing, cause, version, role FROM freeze_reason",
    "approvals": "SELECT role FROM approval ORDER BY block, log_index",
    "receipts": "SELECT status, owner FROM receipt",
    "pledges": "SELECT status FROM pledge",
    "devices": "SELECT status FROM device",
    "claims": "SELECT count(*) FROM slot_claim",
    "acknowledged": "SELECT organisation FROM notice_ack",
}


@dataclass(frozen=True)
class Books:
    """Equal for two runs of one story, whatever carried the ledgers."""

    events: dict[str, list[str]]
    states: dict[str, list[Any]]
    history: list[tuple[str, str]]


def books_of(home: Path) -> Books:
    """Of a demo's home, once nothing runs over it."""
    with closing(sqlite3.connect(home_of(home, SEEN_BY) / "readmodel.db")) as model:
        states = {name: model.execute(query).fetchall() for name, query in STATES.items()}
        return Books(
            _by_subject(model.execute(EVENTS)),
            {name: rows if "ORDER" in STATES[name] else sorted(rows) for name, rows in states.items()},
            [call for call in model.execute(HISTORY) if call[0] not in BY_THE_HOUR],
        )


def _by_subject(rows: Iterable[tuple[str, str, str, str]]) -> dict[str, list[str]]:
    heard: defaultdict[str, list[str]] = defaultdict(list)
    told: defaultdict[str, list[str]] = defaultdict(list)
    for ledger, kind, subject, event in rows:
        if event in AS_TIME_PASSES:
            continue
        if subject not in heard[kind]:
            heard[kind].append(subject)
        number = "" if kind == FOUNDING else f" {heard[kind].index(subject) + 1}"
        told[f"{ledger}: {kind}{number}"].append(event)
    return {about: sorted(events) if FOUNDING in about else events for about, events in told.items()}
