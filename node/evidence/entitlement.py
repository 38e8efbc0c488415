"""Who may read raw packs: what devices said word for word is of a higher data class than what members attested of it.

    oracle members, inspector, regulator                     always
    enroller of a device that the attestation cites          its own device spoke
    owner and storer of a receipt that lay on the slot in the window, pledgee of a pledge that rested on it then

Everybody else gets the bundle without packs; its verifier says that they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, func, select

from network.membership.consortium import Organisation
from node.projection import tables
from wuxin_evidence.attestation import Attestation

OVERSEERS = frozenset({"inspector", "regulator"})
RESTED = ("active", "released")
"""A pledge that was only proposed, or that lapsed, made nobody a pledgee."""


def may_read_packs(
    connection: Connection, reader: Organisation, attestation: Attestation, device_ids: Sequence[str]
) -> bool:
    """Whether an organisation may have the raw packs that an attestation cites."""
    if reader.oracle or OVERSEERS & set(reader.roles):
        return True
    table = tables.device
    devices = connection.execute(select(table.c.record).where(table.c.id.in_(device_ids))).scalars()
    if reader.name in {record["enroller"] for record in devices}:
        return True
    return reader.name in set(_parties(connection, attestation))


def _parties(connection: Connection, attestation: Attestation) -> Iterator[str]:
    """Owners, storers and pledgees of what lay on the slot in the attested window."""
    named = tables.subject_name
    slot = connection.execute(
        select(named.c.ident).where(named.c.subject == attestation.subject.hex(), named.c.kind == "slot")
    ).scalar()
    receipt, pledge, last = tables.receipt, tables.pledge, tables.fact_transaction
    lies = func.json_each(receipt.c.record, "$.slots").table_valued("value")
    on_slot = select(receipt.c.id, receipt.c.record, last.c.at_s).where(
        receipt.c.made_s <= attestation.window_end,
        select(lies.c.value).where(lies.c.value == slot).exists(),
    )
    changed = and_(last.c.block == receipt.c.block, last.c.tx_index == receipt.c.tx_index)
    for row in connection.execute(on_slot.join(last, changed)):
        if row.record["status"] != "active" and row.at_s < attestation.window_start:
            continue
        yield from (row.record["owner"], row.record["warehouse"])
        pledged = select(pledge.c.record, last.c.at_s).where(
            pledge.c.receipt_id == row.id, pledge.c.status.in_(RESTED), pledge.c.made_s <= attestation.window_end
        )
        ended = and_(last.c.block == pledge.c.block, last.c.tx_index == pledge.c.tx_index)
        for each in connection.execute(pledged.join(last, ended)):
            if each.record["status"] == "active" or each.at_s >= attestation.window_start:
                yield each.record["pledgee"]
