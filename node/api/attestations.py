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
from dataclasses import dataclass
from typing import Annotated, Any, cast

from sqlalchemy import Row, Select, select
from sqlalchemy.dialects.sqlite import insert
from starlette.responses import JSONResponse, Response

from chaincode.contract import FUNCTIONS
from chaincode.statements.attestations import SubjectKind
from chaincode.world.bounds import Described, Hash, Text, Whole
from chaincode.world.fields import malformed, parse, plain
from node.api.answers import AttestationView, AttestationWithChain, CommandAnswer
from node.api.context import Node
from node.api.operation import PREFIX, SHOWN_CHARS_MAX, Call, Operation
from node.api.reading import Json, of_table, reading, with_etag
from node.api.relayed import Consistency, RelayAttestation, SubjectId
from node.api.sending import Submission, stated, submit
from node.commands.commands import FACTS, Step
from node.commands.delivery import RELAY
from node.commands.obligations import SUBMIT_ATTESTATION
from node.evidence.uploads import require_in_log
from node.gate import access
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
from wuxin_evidence.log.tree import pack_root
from wuxin_evidence.packs.pack import Pack, parse_pack, verify_pack

KIND_MAX = len(KIND_NAMES) - 1
NOT_KNOWN = frozenset({"wrong_epoch", "unknown_device"})  # of the read model, which may be behind the facts
CATCH_UP_S = 2.0  # a block or two; a read model that is rebuilt takes longer, and the member asks again

SubjectHex = Annotated[str, Text(64, 64, r"[0-9a-f]{64}", "the hash of a subject, 32 bytes in lower-case hex")]


@dataclass(frozen=True)
class AttestationsWanted:
    """Attestations."""

    subject: Annotated[SubjectHex | None, Described("Only those of this subject, by its hash.", example="ab" * 32)] = (
        None
    )
    subject_kind: Annotated[
        SubjectKind | None, Described("With `subject_id`: only those of this subject.", example="slot")
    ] = None
    subject_id: Annotated[SubjectId | None, Described("With `subject_kind`.", example="91310115MA3WUX3W6R/BIN-16")] = (
        None
    )
    kind: Annotated[
        Annotated[int, Whole(0, KIND_MAX)] | None,
        Described("Only those of this kind: 0 scheduled, 1 alarm, 2 lien, 3 price.", example=0),
    ] = None


@dataclass(frozen=True)
class AttestationWanted:
    """An attestation."""

    digest: Annotated[Hash, Described("The digest that members signed.", example="cd" * 32)]


async def _relay(call: Call, wanted: RelayAttestation, _: None) -> JSONResponse:
    """Keep the evidence, then deliver: to the obligations first, then to the facts. Of a member that is not in the
    circle, whose transactions its chain does not take, to the facts alone."""
    signed, packs = await _checked(call, wanted)
    attestation = signed.attestation
    own = call.node.act_as(call.principal)
    steps = [Step(FACTS, "record_attestation", _record_arguments(wanted, signed))]
    if own.in_circle:
        submission = {"args": [_struct(attestation), _signatures(signed)]}
        steps.insert(0, Step(own.chain.name, SUBMIT_ATTESTATION, submission))
    digest = attestation.digest().hex()
    return await submit(
        call,
        Submission(
            RELAY,
            digest,
            stated(wanted),
            lambda: steps,
            keep=lambda: _keep(call, digest, wanted, signed, packs),
            routine=attestation.kind == SCHEDULED,
        ),
    )


def _narrowed(statement: Select[Any], wanted: AttestationsWanted) -> Select[Any]:
    table = tables.attestation
    subject_hex: str | None = wanted.subject
    if (wanted.subject_kind is None) != (wanted.subject_id is None):
        raise malformed("subject_kind", "stands without subject_id, or the other way round", "give both, or none")
    if wanted.subject_kind is not None and wanted.subject_id is not None:
        subject_hex = subject(wanted.subject_kind, wanted.subject_id).hex()
    if subject_hex is not None:
        statement = statement.where(table.c.subject == subject_hex)
    if wanted.kind is not None:
        statement = statement.where(table.c.kind == wanted.kind)
    return statement


def _get(call: Call, wanted: AttestationWanted) -> Response:
    with call.node.read_model.read() as connection:
        table, chain = tables.attestation, tables.accepted_attestation
        row = connection.execute(select(table).where(table.c.digest == wanted.digest).limit(1)).first()
        accepted = connection.execute(select(chain).where(chain.c.digest == wanted.digest)).first()
    if row is None:
        raise missing("attestation", wanted.digest)
    # The circle decides who sees that its chain took something, and in which transaction.
    seen = accepted if call.node.act_as(call.principal).in_circle else None
    taken = None if seen is None else {"tx_id": seen.tx_id, "block": seen.block, "at_s": seen.at_s}
    return with_etag(call, {**_show(row), "obligations": taken})


async def _checked(call: Call, body: RelayAttestation) -> tuple[SignedAttestation, list[Pack]]:
    """What was handed in, found in order. What is only not known yet is no reason to refuse it for ever: members take
    any other code than ``unavailable`` as final."""
    try:
        return await asyncio.to_thread(_parse, call, body)
    except Problem as problem:
        if problem.code not in NOT_KNOWN:
            raise
    await _catch_up(call)
    return await asyncio.to_thread(_parse, call, body)


async def _catch_up(call: Call) -> None:
    """Raise ``unavailable`` unless the read model comes to where the ledger of facts is now."""
    newest = await call.node.act_as(call.principal).ledger.height() - 1
    position = call.node.position
    if not await position.reached(FACTS_LEDGER, (newest, 0), CATCH_UP_S):
        detail = f"this node has read the facts up to block {position.at(FACTS_LEDGER)[0]} of {newest}"
        raise Problem("unavailable", detail, "repeat the same request later; GET /v1/status says how far it is")


def _require_consistency(stated: object) -> None:
    if stated is None:
        return
    if not isinstance(stated, dict):
        raise malformed("consistency", "is not an object", "pass consistency as one JSON object")
    given = cast(Json, stated)
    # `from` is a keyword, so no dataclass has it: its names are compared here.
    for name in sorted(given.keys() ^ {"from", "path"}):
        what = "is not a known field" if name in given else "is missing"
        raise malformed(f"consistency.{name[:SHOWN_CHARS_MAX]}", what, "fields here are from, path")
    parse(Consistency, {"note": given["from"], "path": given["path"]}, "consistency")


def _parse(call: Call, body: RelayAttestation) -> tuple[SignedAttestation, list[Pack]]:
    node = call.node
    _require_consistency(body.consistency)
    inclusion = cast("Json | None", plain(body.inclusion))
    signed = SignedAttestation.from_json(plain(body.attestation))
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
    organisation = call.principal.organisation
    require_in_log(node.read_model, node.consortium, organisation, packs, body.checkpoint, inclusion)
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


def _keep(call: Call, digest: str, body: RelayAttestation, signed: SignedAttestation, packs: list[Pack]) -> None:
    """Evidence is durable before anyone is told that the attestation was taken; the first upload stays, and one that
    came without its place in a log is completed by the first that has it."""
    row = {
        "digest": digest,
        "attestation": signed.to_json(),
        "subject_kind": body.subject_kind,
        "subject_id": body.subject_id,
        "checkpoint": body.checkpoint,
        "inclusion": plain(body.inclusion),
        "consistency": body.consistency,
        "received_at_ms": call.node.clock.now_ms(),
    }
    organisation, seals = call.principal.organisation, call.node.pack_seals
    cited = [{"attestation_digest": digest, "pack_digest": pack.digest.hex()} for pack in packs]
    sealed = [
        {
            "pack_digest": pack.digest.hex(),
            "organisation": organisation,
            "sealed": seals.seal(organisation, pack.envelope, pack.digest),
        }
        for pack in packs
    ]
    with call.node.local.write() as connection:
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


OPERATIONS = [
    Operation(
        name=RELAY, method="POST", path=f"{PREFIX}/attestations", tag="attestations",
        en="Relay an attestation with its packs and their place in the log.", zh="转交存证声明及其数据包。",
        scopes=frozenset({access.ORACLE}), takes=RelayAttestation, gives=CommandAnswer, handle=_relay, waits=True,
        events=("attestation_accepted", *FUNCTIONS["record_attestation"].events),
        problems=(
            "wrong_aad", "quorum_not_met", "conflicted_signer", "wrong_epoch", "unknown_device", "bad_signature",
            "proof_invalid", "reverted", *FUNCTIONS["record_attestation"].problems,
        ),
    ),
    of_table(
        "list_attestations", "/attestations", tables.attestation, filters=AttestationsWanted, item=AttestationView,
        show=_show, narrowed=_narrowed, en="List what the facts recorded.", zh="列出已存证的声明。",
    ),
    reading(
        "get_attestation", "/attestations/{digest}", _get, takes=AttestationWanted, gives=AttestationWithChain,
        problems=("not_found",), en="One attestation, with where each ledger took it.", zh="一份存证声明及其上链位置。",
    ),
]  # fmt: skip
