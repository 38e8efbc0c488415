"""Evidence bundles: what an outsider needs to check one attestation without us.

    digest or transaction id ─▶ the attestation's row ─▶ uploads (packs, log proofs, signatures)
                                                      ─▶ facts: envelope and block, and each device's enrolment
                                                      ─▶ obligations: what their engine has for proof
                             ─▶ wuxin_evidence.bundle.archive, one deterministic zip

A part that is not there yet is left out, and the verifier says what is missing. Nothing here is believed by the
verifier: it holds each part against a trust file of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, literal, or_, select

from network.membership.consortium import Consortium
from network.ports import Chain, Ledger
from node.commands.seals import Seals
from node.evidence.anchor_path import consistency_part
from node.evidence.entitlement import may_read_packs
from node.gate.problems import Problem
from node.ledgers.seat_ledgers import SeatLedgers
from node.products import profiles, rule_packs
from node.projection import tables
from node.projection.records import missing
from node.stores.databases import Store
from node.stores.local_tables import attestation_upload, evidence_pack, sealed_pack
from wuxin_evidence.attestation import SignedAttestation
from wuxin_evidence.bundle import members as parts
from wuxin_evidence.bundle.archive import write_bundle
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import parse_block
from wuxin_evidence.packs.pack import Pack, parse_pack

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A transaction's place in the facts."""

    block: int
    tx_index: int


@dataclass(frozen=True)
class Found:
    """Where the parts of one attestation's evidence are."""

    digest: str
    facts: Place | None
    obligation_tx: str | None
    accepted_block: int | None = None


@dataclass(frozen=True)
class Upload:
    """What an oracle member handed in: the signed attestation, its packs, and their places in the log."""

    signed: SignedAttestation
    packs: tuple[Pack, ...]
    checkpoint: str | None
    inclusion: Json | None
    consistency: Json | None


@dataclass(frozen=True)
class Uploads:
    """What oracle members handed in at this node, and the seals of the packs among it."""

    local: Store
    seals: Seals


async def make_bundle(
    identifier: str, uploads: Uploads, read_model: Store, own: SeatLedgers, consortium: Consortium, home: Path
) -> bytes:
    """The zip for an attestation digest or a transaction id (hex, with or without 0x).

    `home` may hold profiles and rule packs of its own beside the shipped ones.

    Raises ``not_found`` where this node has no such attestation.
    """
    found = await asyncio.to_thread(locate, read_model, identifier, own.in_circle)
    upload = await asyncio.to_thread(load_upload, uploads, found.digest, consortium.consortium_id)
    upload = await asyncio.to_thread(_of_its_data_class, read_model, upload, own)
    members = parts.attestation_members(upload.signed, _profile(upload.signed, home))
    if upload.packs:
        keys, enrolments = await asyncio.to_thread(_devices, read_model, upload)
        members |= parts.pack_members(upload.packs, keys)
        for device_id, place in enrolments.items():
            members |= parts.enrolment_members(device_id, *await _transaction(own.ledger, place))
        members |= await asyncio.to_thread(_log_members, read_model, upload)
    if found.facts is not None:
        members |= parts.facts_members(*await _transaction(own.ledger, found.facts))
    if found.obligation_tx is not None and own.in_circle:
        members |= await obligation_members(own.chain, found.obligation_tx)
    if own.in_circle:
        members |= await _rule_members(read_model, own.chain, upload.signed, found, home)
    clock = consortium.statement()["clock"]
    return await asyncio.to_thread(write_bundle, members, consortium_id=consortium.consortium_id, clock=clock)


def locate(read_model: Store, identifier: str, in_circle: bool = True) -> Found:
    """The attestation that a digest or a transaction id names; of the obligations, for members of the circle only.
    Raises ``not_found``."""
    wanted = identifier.removeprefix("0x").lower()
    facts, chain = tables.attestation, tables.accepted_attestation
    with read_model.read() as connection:
        fact = connection.execute(
            select(facts).where(or_(facts.c.digest == wanted, facts.c.tx_id == wanted)).limit(1)
        ).first()
        digest = wanted if fact is None else fact.digest
        ids = (wanted, "0x" + wanted)
        taken = select(chain).where(or_(chain.c.digest == digest, chain.c.tx_id.in_(ids))).limit(1)
        accepted = connection.execute(taken).first() if in_circle else None
        if fact is None and accepted is not None:
            fact = connection.execute(select(facts).where(facts.c.digest == accepted.digest).limit(1)).first()
    if fact is None and accepted is None:
        raise Problem(
            "not_found",
            f"no attestation has the digest or transaction {identifier[:80]!r}",
            "give an attestation's digest, or the transaction that recorded or accepted it",
        )
    return Found(
        digest=accepted.digest if accepted is not None else digest,
        facts=None if fact is None else Place(fact.block, fact.tx_index),
        obligation_tx=None if accepted is None else accepted.tx_id,
        accepted_block=None if accepted is None else accepted.block,
    )


def _of_its_data_class(read_model: Store, upload: Upload, own: SeatLedgers) -> Upload:
    """The upload as the caller may have it: without packs and their places in the log for whoever is not entitled."""
    device_ids = sorted({pack.device_id for pack in upload.packs})
    with read_model.read() as connection:
        if may_read_packs(connection, own.seat.organisation, upload.signed.attestation, device_ids):
            return upload
    return replace(upload, packs=(), checkpoint=None, inclusion=None, consistency=None)


def load_upload(uploads: Uploads, digest: str, consortium_id: bytes) -> Upload:
    """What was handed in for a digest; without the packs where one is sealed for an organisation that this process
    does not serve. Raises ``not_found``.
    """
    with uploads.local.read() as connection:
        row = connection.execute(select(attestation_upload).where(attestation_upload.c.digest == digest)).first()
        if row is None:
            raise missing("evidence at this node for attestation", digest)
        packs = connection.execute(
            select(sealed_pack)
            .join(evidence_pack, evidence_pack.c.pack_digest == sealed_pack.c.pack_digest)
            .where(evidence_pack.c.attestation_digest == digest)
            .order_by(sealed_pack.c.pack_digest)
        ).all()
    readable = all(pack.organisation in uploads.seals for pack in packs)
    envelopes = [
        uploads.seals.open(pack.organisation, bytes(pack.sealed), bytes.fromhex(pack.pack_digest))
        for pack in (packs if readable else ())
    ]
    return Upload(
        SignedAttestation.from_json(row.attestation),
        tuple(parse_pack(envelope, consortium_id) for envelope in envelopes),
        row.checkpoint,
        row.inclusion,
        row.consistency,
    )


def _profile(signed: SignedAttestation, home: Path) -> bytes:
    """The profile that was signed for, as canonical JSON. Raises Problem `profile_mismatch` where it is not known."""
    profile = profiles(home).get(signed.attestation.profile)
    if profile is None:
        raise Problem(
            "profile_mismatch",
            f"this node has no profile {signed.attestation.profile.hex()}",
            "install the version whose profiles hold it",
        )
    return profile


async def _rule_members(
    read_model: Store, chain: Chain, signed: SignedAttestation, found: Found, home: Path
) -> dict[str, bytes]:
    """The rule pack that was in force for the subject, and the proof of the transaction that names the pack.

    In force is what the terms of a facility name by hash: of those over the subject, the last one proposed by the block
    that accepted the attestation. Nothing where there is no such facility, or no pack of that hash at this node.
    """
    proposed = await asyncio.to_thread(_proposal, read_model, signed, found)
    if proposed is None:
        return {}
    tx_hash, pack_hash = proposed
    pack = (await asyncio.to_thread(rule_packs, home)).get(pack_hash)
    if pack is None:
        return {}
    proposal = await obligation_members(chain, tx_hash)
    return parts.rule_pack_members(canonical_json(pack.document), proposal)


def _proposal(read_model: Store, signed: SignedAttestation, found: Found) -> tuple[str, bytes] | None:
    """The transaction of the proposal in force for the subject, and the hash of the pack that its terms name."""
    facility, event = tables.facility, tables.event
    subject = signed.attestation.subject.hex()
    query = (
        select(event.c.tx_id, facility.c.terms)
        .join(event, event.c.subject_id == literal("0x").concat(facility.c.id))
        .where(event.c.type == "facility_proposed")
        .where(or_(*(facility.c[name] == subject for name in ("quantity_subject", "lien_subject", "price_subject"))))
        .order_by(event.c.block.desc(), event.c.place.desc())
        .limit(1)
    )
    if found.accepted_block is not None:
        query = query.where(event.c.block <= found.accepted_block)
    with read_model.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else (row.tx_id, bytes.fromhex(str(row.terms["rulePack"]).removeprefix("0x")))


def _log_members(read_model: Store, upload: Upload) -> dict[str, bytes]:
    """Where the packs are in the log of the member that relayed them; nothing where it told no place."""
    if upload.checkpoint is None or upload.inclusion is None:
        return {}
    members = {"log/checkpoint": upload.checkpoint.encode(), "log/inclusion.json": canonical_json(upload.inclusion)}
    if upload.consistency is not None:
        epoch = upload.signed.attestation.epoch
        members |= consistency_part(read_model, epoch, upload.checkpoint, upload.consistency)
    return members


def _devices(read_model: Store, upload: Upload) -> tuple[dict[str, parts.DeviceKey], dict[str, Place]]:
    keys: dict[str, parts.DeviceKey] = {}
    places: dict[str, Place] = {}
    with read_model.read() as connection:
        for device_id in sorted({pack.device_id for pack in upload.packs}):
            row = connection.execute(select(tables.device).where(tables.device.c.id == device_id)).first()
            if row is None:
                continue
            keys[device_id] = parts.DeviceKey(row.record["suite"], bytes.fromhex(row.record["public_key"]))
            place = _enrolment(connection, device_id, upload.signed.attestation.window_end)
            places[device_id] = place or Place(row.block, row.tx_index)
    return keys, places


def _enrolment(connection: Connection, device_id: str, until_s: int) -> Place | None:
    """The newest change that left the device active before the window's end."""
    table = tables.device_change
    row = connection.execute(
        select(table)
        .where(table.c.device_id == device_id, table.c.status == "active", table.c.at_s <= until_s)
        .order_by(table.c.block.desc(), table.c.tx_index.desc())
        .limit(1)
    ).first()
    return None if row is None else Place(row.block, row.tx_index)


async def _transaction(ledger: Ledger, place: Place) -> tuple[bytes, bytes]:
    """(envelope, block) of a transaction."""
    async for raw in ledger.blocks(place.block - 1):
        block = await asyncio.to_thread(parse_block, raw)
        return block.transactions[place.tx_index].envelope, raw
    raise missing("block", str(place.block))


async def obligation_members(chain: Chain, tx_hash: str) -> dict[str, bytes]:
    """What the engine has for proof: a sealed header and receipt, a decision by vote, or words where it has none."""
    proof = await chain.receipt_proof(tx_hash)
    kind = proof.get("kind", "receipt")
    if kind == "comet":
        return dict(proof["members"])
    if kind == "unproven":
        told = {name: proof[name] for name in ("transaction", "block", "block_hash", "why")}
        return {"obligations/unproven.json": canonical_json(told)}
    return {
        "obligations/header.rlp": proof["header_rlp"],
        "obligations/receipt.rlp": proof["receipt_rlp"],
        "obligations/proof.json": canonical_json(proof["proof"]),
    }
