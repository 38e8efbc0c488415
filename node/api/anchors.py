"""Anchors: how far each oracle member's evidence log is pinned to the facts.

A member posts a signed checkpoint with the proof that it continues the newest anchored one. The chaincode checks key,
proof and growth; the node only spares it what names another organisation's log.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints
from sqlalchemy import func, select

from network.membership.trust_file import log_origin
from node.api.context import PREFIX, Here, Limit
from node.api.fields import Body, Hash, Json
from node.api.sending import Sender, Sends
from node.gate.problems import Problem
from node.projection import tables
from node.projection.records import as_json
from wuxin_evidence.log.tree import PROOF_HASHES_MAX

router = APIRouter(prefix=PREFIX, tags=["anchors"])

NOTE_CHARS_MAX = 4096  # as chaincode/statements/anchors.py; three lines and a signature line take about 400
SIZE_DIGITS = 16  # of the tree size at the end of an anchor's id, as chaincode/world/stub.py writes it

Origin = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._/-]{0,199}$")]
AnchorId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._/-]{0,199}/[0-9]{16}$")]


class AnchorCheckpoint(Body):
    """`consistency` is the RFC 9162 path from the newest anchored size; empty for the first checkpoint of a log."""

    origin: Origin = Field(examples=["wuxin/1/<consortium id>/logs/bank"])
    note: Annotated[str, StringConstraints(min_length=1, max_length=NOTE_CHARS_MAX)]
    consistency: Annotated[list[Hash], Field(max_length=PROOF_HASHES_MAX)]


@router.post("/anchors")
async def anchor_checkpoint(sender: Sends, body: AnchorCheckpoint) -> Response:
    """Pin the caller's own log to the facts."""
    _require_own(sender, body.origin)
    return await sender.fact("anchor_checkpoint", body.origin, body.model_dump())


@router.get("/anchors")
def list_anchors(
    node: Here, limit: Limit, origin: Annotated[Origin | None, Query()] = None, after: AnchorId | None = None
) -> Json:
    """Anchored checkpoints, of each log the longest first; `next` leads to shorter ones."""
    ident = tables.anchor.c.id
    statement = select(tables.anchor).order_by(ident.desc()).limit(limit + 1)
    if origin is not None:
        # The length tells a log from one whose origin begins with this one.
        statement = statement.where(
            ident > f"{origin}/", ident < f"{origin}/:", func.length(ident) == len(origin) + 1 + SIZE_DIGITS
        )
    if after is not None:
        statement = statement.where(ident < after)
    with node.read_model.read() as connection:
        rows = connection.execute(statement).all()
    return {"items": [as_json(row) for row in rows[:limit]], "next": rows[limit - 1].id if len(rows) > limit else None}


def _require_own(sender: Sender, origin: str) -> None:
    own = log_origin(sender.node.consortium, sender.principal.organisation)
    if origin != own and not origin.startswith(own + "/"):
        raise Problem(
            "forbidden",
            f"{origin} does not name a log of {sender.principal.organisation}",
            f"anchor {own}, or a log below it",
        )
