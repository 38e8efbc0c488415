"""What a bundle says of its log's past: the path from an anchored checkpoint to the one that holds its packs.

The oracle member hands the path in with its attestation. It is carried only where it holds: the note it starts from is
an anchor in the facts, and the tree at the bundle's checkpoint begins with that one. A relay that says otherwise costs
a bundle this one part, and never the attestation.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from node.projection import tables
from node.stores.databases import Store
from wuxin_evidence.bundle.members import consistency_members
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Verifier, open_checkpoint
from wuxin_evidence.log.tree import verify_consistency

Json = dict[str, Any]


def consistency_part(read_model: Store, epoch: int, checkpoint: str, handed_in: Json) -> dict[str, bytes]:
    """``log/consistency.json`` for a bundle, or nothing. ``handed_in`` is {from, path} as the relay gave it."""
    try:
        later = open_checkpoint(checkpoint.encode(), _log_keys(read_model, epoch))
        earlier = _anchor_of(read_model, later.origin, handed_in["from"])
        if earlier is None:
            return {}
        path = [bytes.fromhex(step) for step in handed_in["path"]]
        verify_consistency(earlier["size"], later.size, path, bytes.fromhex(earlier["root"]), later.root)
    except EvidenceError:
        return {}
    return consistency_members(earlier["note"].encode(), path)


def _log_keys(read_model: Store, epoch: int) -> list[Verifier]:
    """The keys under which members of that epoch sign their logs; empty for an epoch that is not known."""
    table = tables.committee
    with read_model.read() as connection:
        row = connection.execute(select(table).where(table.c.id == str(epoch))).first()
    members: list[Json] = [] if row is None else row.record["members"]
    return [Verifier(each["organisation"], "sm2-sm3", bytes.fromhex(each["sm2_public_key"])) for each in members]


def _anchor_of(read_model: Store, origin: str, note: str) -> Json | None:
    """The anchor of that log with exactly this note."""
    table = tables.anchor
    size = note.split("\n")[1] if note.count("\n") > 1 else ""
    with read_model.read() as connection:
        row = connection.execute(select(table).where(table.c.id == f"{origin}/{size.zfill(16)}")).first()
    return None if row is None or row.record["note"] != note else row.record
