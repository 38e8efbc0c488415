"""Evidence bundles: a zip that is checked offline with `wuxin verify`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from node.api.context import PREFIX, Caller, Here, note_read
from node.evidence.bundles import Uploads, make_bundle

router = APIRouter(prefix=PREFIX, tags=["evidence"])

EvidenceId = Annotated[str, StringConstraints(pattern=r"^(0x)?[0-9a-f]{64}$")]


@router.get("/evidence/{evidence_id}", response_class=Response)
async def get_evidence(node: Here, caller: Caller, request: Request, evidence_id: EvidenceId) -> Response:
    """By the digest of an attestation, or by the transaction that recorded or accepted it."""
    await run_in_threadpool(note_read, node, caller, request, [])
    uploads = Uploads(node.local, node.pack_seals)
    raw = await make_bundle(evidence_id, uploads, node.read_model, node.act_as(caller), node.consortium, node.home)
    name = f"wuxin-evidence-{evidence_id.removeprefix('0x')[:16]}.zip"
    return Response(
        raw, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
