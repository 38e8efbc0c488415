"""What an oracle member hands in beside an attestation is checked before it is kept: the first upload stays.

    checkpoint ─▶ signed by the member that relays, for the member's own log
    inclusion  ─▶ every pack has its path to that checkpoint's root

A relay may come without both, and without any pack: what was signed needs no evidence to count, and a later relay
completes it. With a part of the packs, half a proof, or what does not hold, it is refused, or one member could take the
bundle away from all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from network.membership.consortium import Consortium
from network.membership.trust_file import log_origin
from node.gate.problems import Problem
from node.projection import tables
from node.stores.databases import Store
from wuxin_evidence.bundle.inclusion import require_included
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Verifier, open_checkpoint
from wuxin_evidence.packs.pack import Pack

Json = dict[str, Any]


def require_in_log(
    read_model: Store,
    consortium: Consortium,
    organisation: str,
    packs: Sequence[Pack],
    checkpoint: str | None,
    inclusion: Json | None,
) -> None:
    """Raises ``malformed``, ``bad_signature`` or ``proof_invalid`` unless the packs are in the organisation's log."""
    if checkpoint is None and inclusion is None:
        return
    if checkpoint is None or inclusion is None:
        raise Problem("malformed", "checkpoint and inclusion say nothing apart", "give both, or none")
    opened = open_checkpoint(checkpoint.encode(), _log_keys(read_model, organisation))
    if opened.origin != log_origin(consortium, organisation):
        raise EvidenceError("proof_invalid", f"{opened.origin} is not {organisation}'s log", "give your own checkpoint")
    require_included(inclusion, {pack.digest.hex(): pack for pack in packs}, opened)


def _log_keys(read_model: Store, organisation: str) -> list[Verifier]:
    """The keys a member signs its log with: one for each committee it is or was in."""
    with read_model.read() as connection:
        rows = connection.execute(select(tables.committee)).all()
    keys = {
        member["sm2_public_key"]
        for row in rows
        for member in row.record["members"]
        if member["organisation"] == organisation
    }
    return [Verifier(organisation, "sm2-sm3", bytes.fromhex(key)) for key in sorted(keys)]
