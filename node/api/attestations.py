"""Attestations: relayed by oracle members, kept with their evidence, delivered to both ledgers.

Authority is in the signatures, and the ledgers decide on them. The node looks first, because what it keeps as
evidence is the first upload: it refuses what does not parse, what is of another consortium, what too few members
signed, and packs whose tree head is not the attested one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints
from sqlalchemy import Row, select
from sqlalchemy.dialects.sqlite import insert

from node.api.anchors import NOTE_CHARS_MAX
from node.api.context import PREFIX, Here, Limit, Node, with_etag
from node.api.fields import Body, Hash, Json
from node.api.sending import Sender, Sends, Submission
from node.commands.commands import FACTS, Step
from node.evidence.uploads import require_in_log
from node.gate.problems import Problem
from node.projection import tables
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.records import missing
from node.stores.local_tables import attestation_upload, evidence_pack, sealed_pack
from wuxin_evidence.attestation import (
    KIND_NAMES,
    SCHEDULED,
    Attestation,
    Committee,
    MemberSignature,
    SignedAttestation,
    check_quorum,
    check_quorum_evm,
)
from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import PROOF_HASHES_MAX, pack_root
from wuxin_evidence.packs.pack import Pack, parse_pack, verify_pack

router = APIRouter(prefix=PREFIX, tags=["attestations"])

PACKS_MAX = 2_000  # members admit 1000 for a slot and window; as many again that were late, each with the one before
NOT_KNOWN = frozenset({"wrong_epoch", "unknown_device"})  # of the read model, which may be behind the facts
CATCH_UP_S = 2.0  # a block or two; a read model that is rebuilt takes longer, and the member asks again

SubjectKind = Annotated[str, StringConstraints(pattern="^(slot|pledge|commodity)$")]
SubjectId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._/-]{0,127}$")]
SubjectHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Envelope = Annotated[str, StringConstraints(max_length=1_500_000)]
Note = Annotated[str, StringConstraints(max_length=20_000)]


class Consistency(Body):
    """An anchored note of the same log, and the RFC 9162 path from it to `checkpoint`."""

    earlier: Annotated[str, StringConstraints(max_length=NOTE_CHARS_MAX), Field(alias="from")]
    path: Annotated[list[Hash], Field(max_length=PROOF_HASHES_MAX)]


class RelayAttestation(Body):
    """`attestation` is a signed attestation as `SignedAttestation.to_json` writes it; packs are base64 envelopes."""

    attestation: Json
    subject_kind: SubjectKind = Field(examples=["slot"])
    subject_id: SubjectId = Field(examples=["91310115MA3WUX3W6R/BIN-16"])
    packs: Annotated[list[Envelope], Field(max_length=PACKS_MAX)] = Field(default_factory=list[Envelope])
    checkpoint: Note | None = None
    inclusion: Json | None = None
    consistency: Consistency | None = None


@router.post("/attestations")
async def relay_attestation(sender: Sends, body: RelayAttestation) -> Response:
    """Keep the evidence, then deliver: to the obligations first, then to the facts. `transactions` lists both, or the
    second alone for a member that is not in the circle, whose transactions its chain does not take."""
    signed, packs = await _checked(sender, body)
    attestation = signed.attestation
    served = sender.node.act_as(sender.principal)
    steps = [Step(FACTS, "record_attestation", _record_arguments(body, signed))]
    if served.in_circle:
        submission = {"args": [_struct(attestation), _signatures(signed)]}
        steps.insert(0, Step(served.chain.name, "AttestationFeed.submit", submission))
    digest = attestation.digest().hex()
    wanted = Submission(
        "relay_attestation",
        digest,
        body.model_dump(),
        lambda: steps,
        keep=lambda: _keep(sender, digest, body, signed, packs),
        routine=attestation.kind == SCHEDULED,
    )
    return await sender.submit(wanted)


@router.get("/attestations")
def list_attestations(
    node: Here,
    limit: Limit,
    subject_hex: Annotated[SubjectHex | None, Field(alias="subject")] = None,
    subject_kind: SubjectKind | None = None,
    subject_id: SubjectId | None = None,
    kind: Annotated[int, Field(ge=0, le=3)] | None = None,
    after: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}/[0-3]/[0-9]{16}$")] | None = None,
) -> Json:
    """What the facts recorded, by subject, kind and sequence."""
    table = tables.attestation
    if subject_kind is not None and subject_id is not None:
        subject_hex = subject(subject_kind, subject_id).hex()
    statement = select(table).order_by(table.c.subject, table.c.kind, table.c.sequence).limit(limit + 1)
    if subject_hex is not None:
        statement = statement.where(table.c.subject == subject_hex)
    if kind is not None:
        statement = statement.where(table.c.kind == kind)
    if after is not None:
        statement = statement.where(table.c.id > after)
    with node.read_model.read() as connection:
        rows = connection.execute(statement).all()
    return {"items": [_show(row) for row in rows[:limit]], "next": rows[limit - 1].id if len(rows) > limit else None}


@router.get("/attestations/{digest}", response_model=None)
def get_attestation(node: Here, request: Request, response: Response, digest: Hash) -> Json | Response:
    """One attestation by its digest, with where each ledger took it."""
    with node.read_model.read() as connection:
        table, chain = tables.attestation, tables.accepted_attestation
        row = connection.execute(select(table).where(table.c.digest == digest).limit(1)).first()
        accepted = connection.execute(select(chain).where(chain.c.digest == digest)).first()
    if row is None:
        raise missing("attestation", digest)
    taken = None if accepted is None else {"tx_id": accepted.tx_id, "block": accepted.block, "at_s": accepted.at_s}
    return with_etag(request, response, {**_show(row), "obligations": taken})


async def _checked(sender: Sender, body: RelayAttestation) -> tuple[SignedAttestation, list[Pack]]:
    """What was handed in, found in order. What is only not known yet is no reason to refuse it for ever: members take
    any other code than ``unavailable`` as final."""
    try:
        return await asyncio.to_thread(_parse, sender, body)
    except Problem as problem:
        if problem.code not in NOT_KNOWN:
            raise
    await _catch_up(sender)
    return await asyncio.to_thread(_parse, sender, body)


async def _catch_up(sender: Sender) -> None:
    """Raise ``unavailable`` unless the read model comes to where the ledger of facts is now."""
    newest = await sender.node.act_as(sender.principal).ledger.height() - 1
    position = sender.node.position
    if not await position.reached(FACTS_LEDGER, (newest, 0), CATCH_UP_S):
        detail = f"this node has read the facts up to block {position.at(FACTS_LEDGER)[0]} of {newest}"
        raise Problem("unavailable", detail, "repeat the same request later; GET /v1/status says how far it is")


def _parse(sender: Sender, body: RelayAttestation) -> tuple[SignedAttestation, list[Pack]]:
    node = sender.node
    signed = SignedAttestation.from_json(body.attestation)
    attestation = signed.attestation
    if attestation.consortium_id != node.consortium.consortium_id:
        raise Problem("wrong_aad", "the attestation is of another consortium", "send it to that consortium's node")
    if subject(body.subject_kind, body.subject_id) != attestation.subject:
        raise Problem("malformed", "the attestation is not about this subject", "name the subject that was attested")
    try:
        packs = [parse_pack(base64.b64decode(raw, validate=True), attestation.consortium_id) for raw in body.packs]
    except binascii.Error as error:
        raise Problem("malformed", f"a pack is not base64: {error}", "send the envelopes in base64") from error
    is_whole = bool(packs) or attestation.pack_count == 0
    if is_whole and pack_root(pack.digest for pack in packs) != attestation.pack_root:
        raise Problem("malformed", "packRoot is of other packs", "send exactly the packs that were attested")
    has_evidence = bool(packs or body.checkpoint or body.inclusion)
    if has_evidence and len(packs) != attestation.pack_count:
        detail = f"{len(packs)} packs where {attestation.pack_count} are attested"
        raise Problem(
            "malformed", detail, "send exactly the packs that were attested, or nothing beside the signatures"
        )
    _require_quorum(node, signed)
    _require_device_signatures(node, packs)
    organisation = sender.principal.organisation
    require_in_log(node.read_model, node.consortium, organisation, packs, body.checkpoint, body.inclusion)
    return signed, packs


def _require_device_signatures(node: Node, packs: Sequence[Pack]) -> None:
    """The first upload stays, so an envelope whose signature does not hold would spoil the bundle for ever: packRoot
    covers what was signed, not the signature."""
    table = tables.device
    with node.read_model.read() as connection:
        rows = connection.execute(select(table).where(table.c.id.in_({pack.device_id for pack in packs}))).all()
    keys = {row.id: (bytes.fromhex(row.record["public_key"]), row.record["suite"]) for row in rows}
    for pack in packs:
        if pack.device_id not in keys:
            raise Problem("unknown_device", f"no device {pack.device_id} is enrolled", "enrol the device, then relay")
        verify_pack(pack, node.consortium.consortium_id, *keys[pack.device_id])


def _require_quorum(node: Node, signed: SignedAttestation) -> None:
    """Refuse signatures that cannot count: under both schemes, k members of that epoch must have signed."""
    epoch = signed.attestation.epoch
    with node.read_model.read() as connection:
        row = connection.execute(select(tables.committee).where(tables.committee.c.id == str(epoch))).first()
    if row is None:
        raise Problem("wrong_epoch", f"there is no committee of epoch {epoch}", "see GET /v1/committee")
    fields = ("epoch", "threshold", "active_from_s", "members")
    committee = Committee.from_json({name: row.record[name] for name in fields})
    digest, nobody = signed.attestation.digest(), frozenset[str]()
    check_quorum(digest, signed.signatures, committee, nobody).require()
    check_quorum_evm(digest, signed.signatures, committee, nobody).require()


def _keep(sender: Sender, digest: str, body: RelayAttestation, signed: SignedAttestation, packs: list[Pack]) -> None:
    """Evidence is durable before anyone is told that the attestation was taken; the first upload stays, and one that
    came without its place in a log is completed by the first that has it."""
    row = {
        "digest": digest,
        "attestation": signed.to_json(),
        "subject_kind": body.subject_kind,
        "subject_id": body.subject_id,
        "checkpoint": body.checkpoint,
        "inclusion": body.inclusion,
        "consistency": None if body.consistency is None else body.consistency.model_dump(by_alias=True),
        "received_at_ms": sender.node.clock.now_ms(),
    }
    organisation, seals = sender.principal.organisation, sender.node.pack_seals
    cited = [{"attestation_digest": digest, "pack_digest": pack.digest.hex()} for pack in packs]
    sealed = [
        {
            "pack_digest": pack.digest.hex(),
            "organisation": organisation,
            "sealed": seals.seal(organisation, pack.envelope, pack.digest),
        }
        for pack in packs
    ]
    with sender.node.local.write() as connection:
        connection.execute(
            insert(attestation_upload)
            .values(row)
            .on_conflict_do_update(
                index_elements=["digest"],
                set_={name: row[name] for name in ("checkpoint", "inclusion", "consistency")},
                where=attestation_upload.c.checkpoint.is_(None),
            )
        )
        if packs:
            connection.execute(insert(evidence_pack).on_conflict_do_nothing(), cited)
            connection.execute(insert(sealed_pack).on_conflict_do_nothing(), sealed)


def _record_arguments(body: RelayAttestation, signed: SignedAttestation) -> Json:
    return {
        "subject_kind": body.subject_kind,
        "subject_id": body.subject_id,
        "attestation": signed.attestation.to_cbor().hex(),
        "signatures": [{"organisation": each.organisation, "sm2": each.sm2.hex()} for each in signed.signatures],
    }


def _struct(attestation: Attestation) -> Json:
    """The Solidity struct; numbers that JSON does not keep exactly travel as ``int:`` text."""
    return {
        "consortiumId": "0x" + attestation.consortium_id.hex(),
        "epoch": attestation.epoch,
        "subject": "0x" + attestation.subject.hex(),
        "kind": attestation.kind,
        "sequence": attestation.sequence,
        "windowStart": attestation.window_start,
        "windowEnd": attestation.window_end,
        "profile": "0x" + attestation.profile.hex(),
        "packRoot": "0x" + attestation.pack_root.hex(),
        "packCount": attestation.pack_count,
        "lateCount": attestation.late_count,
        "indicators": [
            {
                "id": "0x" + each.id.hex(),
                "value": f"int:{each.value}",
                "qualityBp": each.quality_bp,
                "status": each.status,
            }
            for each in attestation.indicators
        ],
    }


def _signatures(signed: SignedAttestation) -> list[str]:
    """The secp256k1 signatures sorted by signer, as the committee contract wants them."""
    digest = signed.attestation.digest()
    given: list[MemberSignature] = [each for each in signed.signatures if each.secp256k1]
    return ["0x" + each.secp256k1.hex() for each in sorted(given, key=lambda each: recover(digest, each.secp256k1))]


def _show(row: Row[Json]) -> Json:
    record = {name: value for name, value in row.record.items() if name not in ("attestation", "signatures")}
    attestation = Attestation.from_cbor(bytes.fromhex(row.record["attestation"]))
    return {
        **record,
        "id": row.id,
        "subject": row.subject,
        "kind_name": KIND_NAMES[row.kind],
        "attestation": attestation.to_json(),
        "signatures": row.record["signatures"],
        "block": row.block,
        "tx_id": row.tx_id,
    }
