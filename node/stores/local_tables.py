"""Tables of ``local.db``: what only this node knows, and what must survive a crash before an answer leaves.

- ``command``: one transaction resource per row, written before delivery starts.
- ``attestation_upload``: what an oracle member handed in with an attestation; ``evidence_pack``: which packs it cites;
  ``sealed_pack``: each pack's envelope once, sealed for the organisation that handed it in first.
- ``api_key``: SHA-256 of a 256-bit random key, with its organisation, scopes and expiry.
- ``audit``: the hash chain of decisions and of reads of another organisation's records.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

LOCAL = MetaData()

command = Table(
    "command",
    LOCAL,
    Column("id", String, primary_key=True),
    Column("organisation", String, nullable=False),
    Column("idempotency_key", String, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("command", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("ledger", String, nullable=False),
    Column("function", String, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("private_sealed", LargeBinary),
    Column("after_id", String),
    Column("routine", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sent_after", Integer),
    Column("tx_id", String),
    Column("block", Integer),
    Column("code", String),
    Column("detail", String),
    Column("hint", String),
    Column("result", JSON),
    Column("created_at_ms", Integer, nullable=False),
    Column("updated_at_ms", Integer, nullable=False),
    UniqueConstraint("organisation", "idempotency_key"),
    Index("command_by_status", "status", "organisation"),
    Index("command_by_tx", "tx_id"),
    Index("command_by_predecessor", "after_id"),
)

attestation_upload = Table(
    "attestation_upload",
    LOCAL,
    Column("digest", String, primary_key=True),
    Column("attestation", JSON, nullable=False),
    Column("subject_kind", String, nullable=False),
    Column("subject_id", String, nullable=False),
    Column("checkpoint", String),
    Column("inclusion", JSON),
    Column("consistency", JSON),
    Column("received_at_ms", Integer, nullable=False),
)

evidence_pack = Table(
    "evidence_pack",
    LOCAL,
    Column("attestation_digest", String, primary_key=True),
    Column("pack_digest", String, primary_key=True),
)

sealed_pack = Table(
    "sealed_pack",
    LOCAL,
    Column("pack_digest", String, primary_key=True),
    Column("organisation", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

api_key = Table(
    "api_key",
    LOCAL,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("organisation", String, nullable=False),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("expires_at_s", Integer, nullable=False),
    Column("revoked", Boolean, nullable=False),
)

audit = Table(
    "audit",
    LOCAL,
    Column("sequence", Integer, primary_key=True),
    Column("at_ms", Integer, nullable=False),
    Column("organisation", String, nullable=False),
    Column("key_name", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("decision", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("entry_hash", LargeBinary, nullable=False),
)
