"""Obligations: from a chain's logs to facilities, freeze reasons, approvals and movements.

    FacilityProposed ─▶ facility (with the terms, which never change: one view call)
    Drawn, InterestAccrued, Repaid ─▶ debt, kept as the contract keeps it
    FreezeOpened … FreezeCleared ─▶ freeze_reason; UnfreezeApproved ─▶ approval
    AttestationAccepted ─▶ feed_head: how far the chain's own word goes
    logs of the deposit token ─▶ deposits

The debt is folded by the contracts' mirror, so that what is owed today needs no call to the chain. Other logs are kept
as events only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select, update

from contracts.mirror.facility import STATES, Facility
from contracts.mirror.interest import Debt, business_day
from contracts.mirror.terms import Terms
from network.ports import Log
from node.projection import deposits, tables
from node.projection.decoded import bare, plain
from node.projection.facts import move_checkpoint, put

Json = dict[str, Any]
StatedTerms = Mapping[str, Any]
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def snake(name: str) -> str:
    """FreezeOpened → freeze_opened."""
    return _HUMP.sub("_", name).lower()


def apply_log(connection: Connection, log: Log, terms: StatedTerms | None) -> bool:
    """Apply one log inside the caller's write transaction; False if it had been applied before.

    `terms` are the facility's terms, needed for FacilityProposed only.
    """
    at = connection.execute(select(tables.checkpoint).where(tables.checkpoint.c.ledger == log.chain)).first()
    if at is not None and (log.block, log.log_index) <= (at.block, at.place):
        return False
    _record_event(connection, log)
    if log.contract == deposits.CONTRACT:
        deposits.apply_deposit(connection, log)
    elif log.event == "FacilityProposed":
        _propose(connection, log, terms or {})
    else:
        apply = _HANDLERS.get(log.event)
        if apply is not None:
            apply(connection, log)
    move_checkpoint(connection, log.chain, log.block, log.log_index, log.tx_hash)
    return True


def mirrored(row: Row[Any]) -> Facility:
    """A row of `facility` as the contract stores it, for the mirror to compute with."""
    terms = Terms.of({**row.terms, "lineMinor": row.line_minor})
    return Facility(STATES.index(row.state), terms, _debt(row), int(row.standing_reasons))


def _debt(row: Row[Any]) -> Debt:
    return Debt(
        int(row.principal_minor),
        int(row.interest_minor),
        int(row.fees_minor),
        int(row.interest_fraction),
        int(row.accrued_day),
    )


def _record_event(connection: Connection, log: Log) -> None:
    args = {name: plain(value) for name, value in log.args.items()}
    facility, subject = args.get("facilityId"), args.get("subject")
    kind, ident = ("facility", facility) if facility else ("subject", subject) if subject else ("chain", log.chain)
    put(
        connection,
        tables.event,
        {
            "ledger": log.chain,
            "block": log.block,
            "place": log.log_index,
            "item": 0,
            "type": snake(log.event),
            "subject_kind": kind,
            "subject_id": str(ident),
            "at_s": log.timestamp_s,
            "tx_id": log.tx_hash,
            "body": {"contract": log.contract, **args},
        },
    )
    known = connection.execute(
        select(tables.obligation_transaction).where(tables.obligation_transaction.c.tx_id == log.tx_hash)
    ).first()
    put(
        connection,
        tables.obligation_transaction,
        {
            "tx_id": log.tx_hash,
            "block": log.block,
            "facility": facility or (known.facility if known else None),
            "events": [*(known.events if known else []), snake(log.event)],
            "at_s": log.timestamp_s,
        },
    )


def _propose(connection: Connection, log: Log, terms: StatedTerms) -> None:
    stated = {name: plain(value) for name, value in terms.items()}
    put(
        connection,
        tables.facility,
        {
            "id": bare(log.args["facilityId"]),
            "state": "proposed",
            "since_s": log.timestamp_s,
            "lender": bare(log.args["lender"]),
            "borrower": bare(log.args["borrower"]),
            "lien_subject": bare(log.args["lienSubject"]),
            "quantity_subject": bare(terms["quantitySubject"]),
            "price_subject": bare(terms["priceSubject"]),
            "terms": stated,
            "line_minor": int(log.args["lineMinor"]),
            "principal_minor": 0,
            "interest_minor": 0,
            "fees_minor": 0,
            "interest_fraction": 0,
            "accrued_day": business_day(log.timestamp_s, int(terms["dayOffsetS"])),
            "drawn_total_minor": 0,
            "repaid_total_minor": 0,
            "standing_reasons": 0,
            "block": log.block,
            "tx_id": log.tx_hash,
            "made_block": log.block,
            "made_log": log.log_index,
            "made_s": log.timestamp_s,
        },
    )


def _facility(connection: Connection, log: Log) -> Row[Any] | None:
    ident = bare(log.args["facilityId"])
    return connection.execute(select(tables.facility).where(tables.facility.c.id == ident)).first()


def _change(connection: Connection, log: Log, **columns: Any) -> None:
    connection.execute(
        update(tables.facility)
        .where(tables.facility.c.id == bare(log.args["facilityId"]))
        .values(block=log.block, tx_id=log.tx_hash, **columns)
    )


def _move_to(state: str) -> Callable[[Connection, Log], None]:
    return lambda connection, log: _change(connection, log, state=state, since_s=log.timestamp_s)


def _line_changed(connection: Connection, log: Log) -> None:
    _change(connection, log, line_minor=int(log.args["toMinor"]))


def _book(connection: Connection, log: Log, debt: Debt, **columns: Any) -> None:
    _change(
        connection,
        log,
        principal_minor=debt.principal_minor,
        interest_minor=debt.interest_minor,
        fees_minor=debt.fees_minor,
        interest_fraction=debt.fraction,
        accrued_day=debt.accrued_day,
        **columns,
    )


def _accrued(connection: Connection, log: Log) -> None:
    row = _facility(connection, log)
    if row is not None:
        facility = mirrored(row)
        _book(connection, log, facility.debt.accrued_to(int(log.args["throughDay"]), facility.terms.rate_bp))


def _drawn(connection: Connection, log: Log) -> None:
    row = _facility(connection, log)
    if row is None:
        return
    amount, fee = int(log.args["amountMinor"]), int(log.args["feeMinor"])
    debt = mirrored(row).debt_at(log.timestamp_s).drawn(amount, fee)
    _book(connection, log, debt, drawn_total_minor=int(row.drawn_total_minor) + amount)
    deposits.use_allowance(connection, row.lender, amount)
    _record_movement(connection, log, "draw", amount, fees=fee, interest=0, principal=amount)


def _repaid(connection: Connection, log: Log) -> None:
    row = _facility(connection, log)
    if row is None:
        return
    amount = sum(int(log.args[name]) for name in ("feesMinor", "interestMinor", "principalMinor"))
    debt, payment = mirrored(row).debt_at(log.timestamp_s).paid(amount)
    _book(connection, log, debt, repaid_total_minor=int(row.repaid_total_minor) + amount)
    split = {
        "fees": payment.fees_minor,
        "interest": payment.interest_minor,
        "principal": payment.principal_minor,
    }
    _record_movement(connection, log, "repayment", amount, **split)


def _record_movement(
    connection: Connection, log: Log, kind: str, amount: int, *, fees: int, interest: int, principal: int
) -> None:
    put(
        connection,
        tables.movement,
        {
            "block": log.block,
            "log_index": log.log_index,
            "facility": bare(log.args["facilityId"]),
            "kind": kind,
            "amount_minor": amount,
            "fees_minor": fees,
            "interest_minor": interest,
            "principal_minor": principal,
            "debt_minor": int(log.args["debtMinor"]),
            "at_s": log.timestamp_s,
            "tx_id": log.tx_hash,
        },
    )


def _freeze_opened(connection: Connection, log: Log) -> None:
    put(
        connection,
        tables.freeze_reason,
        {
            "facility": bare(log.args["facilityId"]),
            "reason_key": bare(log.args["key"]),
            "since_block": log.block,
            "since_log": log.log_index,
            "standing": True,
            "cause": bare(log.args["cause"]),
            "version": int(log.args["version"]),
            "subject": bare(log.args["subject"]),
            "role": int(log.args["role"]),
            "opening_sequence": int(log.args["openingSequence"]),
            "since_s": log.timestamp_s,
            "opened_at_s": log.timestamp_s,
            "opened_block": log.block,
            "opened_log": log.log_index,
            "tx_id": log.tx_hash,
        },
    )
    row = _facility(connection, log)
    if row is not None:
        _change(connection, log, standing_reasons=row.standing_reasons + 1)


def _standing(log: Log) -> Any:
    table = tables.freeze_reason
    return (
        update(table)
        .where(table.c.facility == bare(log.args["facilityId"]))
        .where(table.c.reason_key == bare(log.args["key"]))
        .where(table.c.standing)
    )


def _freeze_reopened(connection: Connection, log: Log) -> None:
    opening = {
        "opening_sequence": int(log.args["openingSequence"]),
        "opened_at_s": log.timestamp_s,
        "opened_block": log.block,
        "opened_log": log.log_index,
    }
    connection.execute(_standing(log).values(**opening))


def _freeze_cleared(connection: Connection, log: Log) -> None:
    cleared = {"cleared_at_s": log.timestamp_s, "cleared_block": log.block, "cleared_log": log.log_index}
    connection.execute(_standing(log).values(standing=False, **cleared))
    _change(connection, log, standing_reasons=int(log.args["remaining"]))


def _approved(connection: Connection, log: Log) -> None:
    put(
        connection,
        tables.approval,
        {
            "block": log.block,
            "log_index": log.log_index,
            "facility": bare(log.args["facilityId"]),
            "reason_key": bare(log.args["key"]),
            "opening_sequence": int(log.args["openingSequence"]),
            "role": int(log.args["role"]),
            "at_s": log.timestamp_s,
            "tx_id": log.tx_hash,
        },
    )


def _attestation_accepted(connection: Connection, log: Log) -> None:
    digest, subject = bare(log.args["digest"]), bare(log.args["subject"])
    put(
        connection,
        tables.feed_head,
        {
            "subject": subject,
            "kind": int(log.args["kind"]),
            "sequence": int(log.args["sequence"]),
            "digest": digest,
            "block": log.block,
            "at_s": log.timestamp_s,
        },
    )
    put(
        connection,
        tables.accepted_attestation,
        {
            "digest": digest,
            "subject": subject,
            "kind": int(log.args["kind"]),
            "sequence": int(log.args["sequence"]),
            "tx_id": log.tx_hash,
            "block": log.block,
            "log_index": log.log_index,
            "at_s": log.timestamp_s,
        },
    )


_HANDLERS: Mapping[str, Callable[[Connection, Log], None]] = {
    "FacilityWithdrawn": _move_to("closed"),
    "FacilityActivated": _move_to("active"),
    "ClosingStarted": _move_to("closing"),
    "FacilityClosed": _move_to("closed"),
    "LineChanged": _line_changed,
    "InterestAccrued": _accrued,
    "Drawn": _drawn,
    "Repaid": _repaid,
    "FreezeOpened": _freeze_opened,
    "FreezeReopened": _freeze_reopened,
    "FreezeCleared": _freeze_cleared,
    "UnfreezeApproved": _approved,
    "AttestationAccepted": _attestation_accepted,
}
