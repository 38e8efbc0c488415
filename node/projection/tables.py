"""Tables of ``readmodel.db``: the newest facts, the state of the obligations, and every event of both.

Facts are kept as the chaincode wrote them (``record``), beside the few columns that queries look up. Obligations
are folded from logs. Amounts of the chain may exceed 64 bits, so they are stored as decimal text (``Whole``).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, Integer, MetaData, String, Table
from sqlalchemy.types import TypeDecorator

from node.stores.databases import Store

SCHEMA_VERSION = 2  # another number is another read model: it is rebuilt, never migrated

READ_MODEL = MetaData()


class Whole(TypeDecorator[int]):
    """An integer of any size, stored as decimal text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> str | None:
        """Give an integer of any size as the text that is stored."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Any) -> int | None:
        """Give back the integer that was stored as text."""
        return None if value is None else int(value)


def _facts(name: str, *columns: Column[Any] | Index) -> Table:
    """A table of the newest records under one key prefix; ``id`` is the rest of the key. ``made_*`` say where and when
    the record was first written, by which lists are ordered; the others, where it changed last."""
    return Table(
        name,
        READ_MODEL,
        Column("id", String, primary_key=True),
        *columns,
        Column("record", JSON, nullable=False),
        Column("block", Integer, nullable=False),
        Column("tx_index", Integer, nullable=False),
        Column("tx_id", String, nullable=False),
        Column("made_block", Integer, nullable=False),
        Column("made_index", Integer, nullable=False),
        Column("made_s", Integer, nullable=False),
        Index(f"{name}_by_making", "made_block", "made_index", "id"),
    )


checkpoint = Table(
    "checkpoint",
    READ_MODEL,
    Column("ledger", String, primary_key=True),
    Column("block", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("block_hash", String, nullable=False),
)

setting = _facts("setting")
member = _facts("member")
committee = _facts("committee")
device = _facts("device", Column("status", String, index=True))
device_change = Table(
    "device_change",
    READ_MODEL,
    Column("device_id", String, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("tx_index", Integer, primary_key=True),
    Column("status", String, nullable=False),
    Column("at_s", Integer, nullable=False),
)
asset = _facts("asset", Column("status", String, index=True))
asset_event = _facts("asset_event", Column("asset_id", String, index=True))
slot = _facts("slot")
slot_claim = _facts("slot_claim", Column("receipt_id", String, index=True))
receipt = _facts("receipt", Column("status", String, index=True), Column("owner", String, index=True))
pledge = _facts(
    "pledge",
    Column("status", String, index=True),
    Column("receipt_id", String, index=True),
    Column("facility_id", String, index=True),
)
attestation = _facts(
    "attestation",
    Column("digest", String, index=True),
    Column("subject", String),
    Column("kind", Integer),
    Column("sequence", Integer),
    Index("attestation_by_subject", "subject", "kind", "sequence"),
)
anchor = _facts("anchor", Column("origin", String, index=True))
notice_ack = _facts(
    "notice_ack", Column("event_id", String, index=True), Column("organisation", String, nullable=False)
)

subject_name = Table(
    "subject_name",
    READ_MODEL,
    Column("subject", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("ident", String, nullable=False),
)

fact_transaction = Table(
    "fact_transaction",
    READ_MODEL,
    Column("block", Integer, primary_key=True),
    Column("tx_index", Integer, primary_key=True),
    Column("tx_id", String, nullable=False, index=True),
    Column("function", String, nullable=False),
    Column("msp_id", String, nullable=False),
    Column("code", String, nullable=False),
    Column("at_s", Integer, nullable=False),
)

event = Table(
    "event",
    READ_MODEL,
    Column("ledger", String, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("type", String, nullable=False, index=True),
    Column("subject_kind", String, nullable=False),
    Column("subject_id", String, nullable=False, index=True),
    Column("at_s", Integer, nullable=False),
    Column("tx_id", String, nullable=False, index=True),
    Column("body", JSON, nullable=False),
)

feed_value = Table(
    "feed_value",
    READ_MODEL,
    Column("subject", String, primary_key=True),
    Column("kind", Integer, primary_key=True),
    Column("indicator", String, primary_key=True),
    Column("value", Whole),
    Column("quality_bp", Integer),
    Column("status", Integer, nullable=False),
    Column("observed_at_s", Integer),
    Column("sequence", Integer, nullable=False),
)

feed_head = Table(
    "feed_head",
    READ_MODEL,
    Column("subject", String, primary_key=True),
    Column("kind", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("block", Integer, nullable=False),
    Column("at_s", Integer, nullable=False),
)

facts_head = Table(
    "facts_head",
    READ_MODEL,
    Column("subject", String, primary_key=True),
    Column("kind", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("block", Integer, nullable=False),
    Column("at_s", Integer, nullable=False),
)

accepted_attestation = Table(
    "accepted_attestation",
    READ_MODEL,
    Column("digest", String, primary_key=True),
    Column("subject", String, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("tx_id", String, nullable=False),
    Column("block", Integer, nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("at_s", Integer, nullable=False),
    Index("accepted_by_subject", "subject", "block", "log_index"),
)

facility = Table(
    "facility",
    READ_MODEL,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False, index=True),
    Column("since_s", Integer, nullable=False),
    Column("lender", String, nullable=False),
    Column("borrower", String, nullable=False),
    Column("lien_subject", String, nullable=False, index=True),
    Column("quantity_subject", String, nullable=False),
    Column("price_subject", String, nullable=False),
    Column("terms", JSON, nullable=False),
    Column("line_minor", Whole, nullable=False),
    Column("principal_minor", Whole, nullable=False),
    Column("interest_minor", Whole, nullable=False),
    Column("fees_minor", Whole, nullable=False),
    Column("interest_fraction", Whole, nullable=False),
    Column("accrued_day", Integer, nullable=False),
    Column("drawn_total_minor", Whole, nullable=False),
    Column("repaid_total_minor", Whole, nullable=False),
    Column("standing_reasons", Integer, nullable=False),
    Column("block", Integer, nullable=False),
    Column("tx_id", String, nullable=False),
    Column("made_block", Integer, nullable=False),
    Column("made_log", Integer, nullable=False),
    Column("made_s", Integer, nullable=False),
    Index("facility_by_making", "made_block", "made_log"),
)

freeze_reason = Table(
    "freeze_reason",
    READ_MODEL,
    Column("facility", String, primary_key=True),
    Column("reason_key", String, primary_key=True),
    Column("since_block", Integer, primary_key=True),
    Column("since_log", Integer, primary_key=True),
    Column("standing", Boolean, nullable=False),
    Column("cause", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", String, nullable=False),
    Column("role", Integer, nullable=False),
    Column("opening_sequence", Whole, nullable=False),
    Column("since_s", Integer, nullable=False),
    Column("opened_at_s", Integer, nullable=False),
    Column("opened_block", Integer, nullable=False),
    Column("opened_log", Integer, nullable=False),
    Column("cleared_at_s", Integer),
    Column("cleared_block", Integer),
    Column("cleared_log", Integer),
    Column("tx_id", String, nullable=False),
)

approval = Table(
    "approval",
    READ_MODEL,
    Column("block", Integer, primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("facility", String, nullable=False, index=True),
    Column("reason_key", String, nullable=False),
    Column("opening_sequence", Whole, nullable=False),
    Column("role", Integer, nullable=False),
    Column("at_s", Integer, nullable=False),
    Column("tx_id", String, nullable=False),
)

movement = Table(
    "movement",
    READ_MODEL,
    Column("block", Integer, primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("facility", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Column("fees_minor", Whole, nullable=False),
    Column("interest_minor", Whole, nullable=False),
    Column("principal_minor", Whole, nullable=False),
    Column("debt_minor", Whole, nullable=False),
    Column("at_s", Integer, nullable=False),
    Column("tx_id", String, nullable=False),
)

deposit_account = Table(
    "deposit_account",
    READ_MODEL,
    Column("account", String, primary_key=True),
    Column("listed", Boolean, nullable=False),
    Column("balance_minor", Whole, nullable=False),
)

deposit_allowance = Table(
    "deposit_allowance",
    READ_MODEL,
    Column("owner", String, primary_key=True),
    Column("spender", String, primary_key=True),
    Column("amount_minor", Whole, nullable=False),
)

deposit_spender = Table(
    "deposit_spender",
    READ_MODEL,
    Column("ledger", String, primary_key=True),
    Column("facility", String, nullable=False),
)

obligation_transaction = Table(
    "obligation_transaction",
    READ_MODEL,
    Column("tx_id", String, primary_key=True),
    Column("block", Integer, nullable=False),
    Column("facility", String, index=True),
    Column("events", JSON, nullable=False),
    Column("at_s", Integer, nullable=False),
)


def open_read_model(path: Path) -> Store:
    """Open the read model; one of another schema is thrown away, because the ledgers give it again."""
    if not is_read_model(path):
        remove(path)
    store = Store(path, READ_MODEL, durable=False)
    with store.write() as connection:
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
    return store


def is_read_model(path: Path) -> bool:
    """Whether `path` is a read model of this schema; opening anything else would throw it away."""
    return path.exists() and _version_of(path) == SCHEMA_VERSION


def remove(path: Path) -> None:
    """Delete a read model with what SQLite keeps beside it."""
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _version_of(path: Path) -> int:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError:
        return -1
