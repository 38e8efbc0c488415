"""Facts: from a block of Fabric bytes to rows.

    parse_block ─▶ each transaction: its code; if VALID, its writes by key prefix, its events
                ─▶ checkpoint (block number, header hash)

Which table a key belongs to is one table below; what a record's columns are is read from the record itself, whose
shape the chaincode owns. Invalid transactions leave their code and nothing else. A private write leaves no row.
Configurations, chaincode definitions and other chaincodes' transactions are in the same blocks: they move the
checkpoint. What counts is what was written in our chaincode's own namespace, whoever called it, and events of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from chaincode.parties.consortium import CONSORTIUM_KEY
from network.membership.consortium import Consortium
from node.projection import tables
from wuxin_evidence.attestation import MISSING, OK, PRICE, SUSPECT, Attestation
from wuxin_evidence.encoding.canonical import parse_canonical_json
from wuxin_evidence.fabric import BlockView, TransactionView, Write, parse_block, validation_code_name
from wuxin_evidence.ids import subject

LEDGER = "f"
EVENT_NAME = "wuxin"  # the one Fabric event a transaction may carry; its payload is the list of ours

Json = dict[str, Any]
Columns = Callable[[str, Json], Json]


@dataclass(frozen=True)
class Aggregate:
    """Where records under one key prefix go, which of their fields are columns, and what kind they name."""

    table: Table
    columns: Columns
    named_kind: str | None = None


def _fields(*names: str) -> Columns:
    return lambda _ident, record: {name: record.get(name) for name in names}


def _asset_event(ident: str, _record: Json) -> Json:
    return {"asset_id": ident.rpartition("/")[0]}


def _notice_ack(ident: str, _record: Json) -> Json:
    event_id, _, organisation = ident.rpartition("/")
    return {"event_id": event_id, "organisation": organisation}


def _attestation(ident: str, record: Json) -> Json:
    subject_hex, kind, sequence = ident.split("/")
    return {
        "subject": subject_hex,
        "kind": int(kind),
        "sequence": int(sequence),
        "digest": record.get("digest"),
    }


AGGREGATES: Mapping[str, Aggregate] = {
    "member": Aggregate(tables.member, _fields()),
    "committee": Aggregate(tables.committee, _fields()),
    "device": Aggregate(tables.device, _fields("status")),
    "asset": Aggregate(tables.asset, _fields("status")),
    "asset-event": Aggregate(tables.asset_event, _asset_event),
    "slot": Aggregate(tables.slot, _fields(), "slot"),
    "slot-claim": Aggregate(tables.slot_claim, _fields("receipt_id")),
    "receipt": Aggregate(tables.receipt, _fields("status", "owner"), "receipt"),
    "pledge": Aggregate(tables.pledge, _fields("status", "receipt_id", "facility_id"), "pledge"),
    "attestation": Aggregate(tables.attestation, _attestation),
    "anchor": Aggregate(tables.anchor, _fields("origin")),
    "notice-ack": Aggregate(tables.notice_ack, _notice_ack),
}
OTHER = Aggregate(tables.setting, _fields())  # consortium, heads, bindings: one key, one record


@dataclass(frozen=True)
class Channel:
    """Whose facts are read from the blocks: our chaincode's name, and the consortium (hex) that founded it."""

    chaincode: str
    consortium_id: str

    @classmethod
    def of(cls, consortium: Consortium) -> Channel:
        """Name the channel's chaincode and consortium as its blocks must."""
        return cls(consortium.facts.chaincode, consortium.consortium_id.hex())


class Foreign(Exception):
    """The channel was founded by another consortium: this node was pointed at the wrong peers."""


class Gap(Exception):
    """A block arrived that does not follow the checkpoint; the follower starts again from there."""


def apply_block(connection: Connection, raw: bytes, channel: Channel) -> BlockView:
    """Apply one block inside the caller's write transaction, unless another process had done so already.

    Raises Gap when the block is not the next one, or does not carry the hash of the one before; Foreign.
    """
    block = parse_block(raw)
    at = connection.execute(select(tables.checkpoint).where(tables.checkpoint.c.ledger == LEDGER)).first()
    expected = 0 if at is None else at.block + 1
    if block.number < expected:
        return block
    if block.number > expected or (at is not None and block.previous_hash.hex() != at.block_hash):
        raise Gap(f"block {block.number} does not follow {expected - 1} of the read model")
    for transaction in block.transactions:
        # The channel may carry other chaincodes, whose keys look like ours.
        writes = next((each.writes for each in transaction.changes if each.namespace == channel.chaincode), ())
        if transaction.chaincode == channel.chaincode or writes:
            _apply_transaction(connection, block.number, transaction, writes, channel)
    move_checkpoint(connection, LEDGER, block.number, 0, block.header_hash.hex())
    return block


def move_checkpoint(connection: Connection, ledger: str, block: int, place: int, block_hash: str) -> None:
    """Note how far a ledger has been read."""
    put(
        connection,
        tables.checkpoint,
        {"ledger": ledger, "block": block, "place": place, "block_hash": block_hash},
    )


def put(connection: Connection, table: Table, row: Json) -> None:
    """Insert a row, or replace the one under the same primary key, where it was made apart."""
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in keys and not name.startswith("made_")}
    statement = insert(table).values(row)
    if rest:  # a row that is all key says the same when it is written again
        statement = statement.on_conflict_do_update(index_elements=keys, set_=rest)
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement)


def _apply_transaction(
    connection: Connection, block: int, transaction: TransactionView, writes: tuple[Write, ...], channel: Channel
) -> None:
    put(
        connection,
        tables.fact_transaction,
        {
            "block": block,
            "tx_index": transaction.index,
            "tx_id": transaction.tx_id,
            "function": transaction.function,
            "msp_id": transaction.creator_msp,
            "code": validation_code_name(transaction.validation_code),
            "at_s": transaction.timestamp_s,
        },
    )
    if not transaction.is_valid:
        return
    for write in writes:
        if write.key == CONSORTIUM_KEY:
            _require_own(write.value, channel)
        _apply_write(connection, block, transaction, write.key, write.value)
    if transaction.event_name == EVENT_NAME and transaction.chaincode == channel.chaincode:
        _apply_events(connection, block, transaction)


def _require_own(record: bytes | None, channel: Channel) -> None:
    founded: Json = {} if record is None else parse_canonical_json(record)
    if founded.get("consortium_id") != channel.consortium_id:
        raise Foreign(
            f"these facts are of consortium {founded.get('consortium_id')}, this home's is {channel.consortium_id}: "
            "correct connections.json"
        )


def _apply_write(
    connection: Connection, block: int, transaction: TransactionView, key: str, value: bytes | None
) -> None:
    prefix, _, rest = key.partition("/")
    aggregate, ident = (AGGREGATES[prefix], rest) if prefix in AGGREGATES else (OTHER, key)
    if value is None:
        connection.execute(delete(aggregate.table).where(aggregate.table.c.id == ident))
        return
    record: Json = parse_canonical_json(value)
    row = {
        "id": ident,
        "record": record,
        "block": block,
        "tx_index": transaction.index,
        "tx_id": transaction.tx_id,
        "made_block": block,
        "made_index": transaction.index,
        "made_s": transaction.timestamp_s,
        **aggregate.columns(ident, record),
    }
    put(connection, aggregate.table, row)
    if aggregate.named_kind is not None:
        _name(connection, aggregate.named_kind, ident)
    if prefix == "receipt":
        _name(connection, "commodity", record["commodity"])
    if prefix == "pledge" and record.get("facility_id"):
        _name(connection, "facility", record["facility_id"])
    if prefix == "device":
        put(connection, tables.device_change, _device_change(block, transaction, record))
    if prefix == "attestation":
        attestation = Attestation.from_cbor(bytes.fromhex(record["attestation"]))
        _apply_values(connection, attestation)
        _apply_head(connection, block, transaction.timestamp_s, attestation, record["digest"])


def _device_change(block: int, transaction: TransactionView, record: Json) -> Json:
    return {
        "device_id": record["device_id"],
        "block": block,
        "tx_index": transaction.index,
        "status": record["status"],
        "at_s": transaction.timestamp_s,
    }


def _name(connection: Connection, kind: str, ident: str) -> None:
    row = {"subject": subject(kind, ident).hex(), "kind": kind, "ident": ident}
    put(connection, tables.subject_name, row)


def _apply_values(connection: Connection, attestation: Attestation) -> None:
    """Fold an attestation into the newest value per subject, kind and indicator.

    As in the attestation feed: an indicator that is not ok moves sequence and status and leaves the value to age; a
    missing one does not clear a suspect one; a price ages from when it was made, which is where its window starts.
    """
    suspect = _suspect(connection, attestation)
    observed_at_s = attestation.window_start if attestation.kind == PRICE else attestation.window_end
    for indicator in attestation.indicators:
        row: Json = {
            "subject": attestation.subject.hex(),
            "kind": attestation.kind,
            "indicator": indicator.id.hex(),
            "status": SUSPECT if indicator.status == MISSING and indicator.id.hex() in suspect else indicator.status,
            "sequence": attestation.sequence,
        }
        if indicator.status == OK:
            row |= {
                "value": indicator.value,
                "quality_bp": indicator.quality_bp,
                "observed_at_s": observed_at_s,
            }
        put(connection, tables.feed_value, row)


def _suspect(connection: Connection, attestation: Attestation) -> set[str]:
    """The indicators of this subject and kind that stand as suspect."""
    table = tables.feed_value
    standing = select(table.c.indicator).where(
        table.c.subject == attestation.subject.hex(), table.c.kind == attestation.kind, table.c.status == SUSPECT
    )
    return set(connection.execute(standing).scalars())


def _apply_head(connection: Connection, block: int, at_s: int, attestation: Attestation, digest: str) -> None:
    row = {
        "subject": attestation.subject.hex(),
        "kind": attestation.kind,
        "sequence": attestation.sequence,
        "digest": digest,
        "block": block,
        "at_s": at_s,
    }
    put(connection, tables.facts_head, row)


def _apply_events(connection: Connection, block: int, transaction: TransactionView) -> None:
    for item, entry in enumerate(parse_canonical_json(transaction.event_payload)):
        row = {
            "ledger": LEDGER,
            "block": block,
            "place": transaction.index,
            "item": item,
            "type": entry.pop("type"),
            "subject_kind": entry.pop("subject_kind"),
            "subject_id": entry.pop("subject_id"),
            "at_s": transaction.timestamp_s,
            "tx_id": transaction.tx_id,
            "body": entry,
        }
        put(connection, tables.event, row)
