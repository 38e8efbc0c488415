"""What goes into a bundle, in the forms that ``verify`` reads back.

Each function gives the members (name to bytes) of one part; a maker merges them and hands the result to
``bundle.write_bundle``. A part that is not there yet is left out: the verdict then says what is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wuxin_evidence.attestation import SignedAttestation
from wuxin_evidence.bundle.archive import device_member
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.evm.proof import Header, ReceiptProof
from wuxin_evidence.packs.pack import Pack


class DeviceKey(NamedTuple):
    """A device's suite and raw public key."""

    suite: str
    public_key: bytes


@dataclass(frozen=True)
class Inclusion:
    """A pack's place in the evidence log: leaf index and path of RFC 9162, from the leaf upwards."""

    digest: bytes
    index: int
    path: Sequence[bytes]


def attestation_members(signed: SignedAttestation, profile: bytes) -> dict[str, bytes]:
    """The attestation in both forms, and its profile (canonical JSON bytes)."""
    return {
        "attestation.cbor": signed.to_cbor(),
        "attestation.json": canonical_json(signed.to_json()),
        "profile.json": profile,
    }


def pack_members(packs: Iterable[Pack], keys: Mapping[str, DeviceKey]) -> dict[str, bytes]:
    """The packs by their digest, and the keys of their devices (by device id)."""
    listed = {name: {"suite": key.suite, "public_key": key.public_key.hex()} for name, key in keys.items()}
    named = {f"packs/{pack.digest.hex()}.cose": pack.envelope for pack in packs}
    return {**named, "packs/devices.json": canonical_json(listed)}


def log_members(checkpoint: bytes, origin: str, size: int, inclusions: Iterable[Inclusion]) -> dict[str, bytes]:
    """A signed checkpoint (C2SP note) and where every pack stands under it."""
    proofs = [
        {"digest": each.digest.hex(), "index": each.index, "path": [step.hex() for step in each.path]}
        for each in inclusions
    ]
    inclusion = canonical_json({"origin": origin, "size": size, "proofs": proofs})
    return {"log/checkpoint": checkpoint, "log/inclusion.json": inclusion}


def consistency_members(earlier: bytes, path: Iterable[bytes]) -> dict[str, bytes]:
    """An earlier signed checkpoint of the same log, and the RFC 9162 path from it to the bundle's own."""
    told = {"from": earlier.decode(), "path": [step.hex() for step in path]}
    return {"log/consistency.json": canonical_json(told)}


def facts_members(envelope: bytes, block: bytes) -> dict[str, bytes]:
    """The Fabric transaction that recorded the attestation, and its block."""
    return {"facts/envelope.pb": envelope, "facts/block.pb": block}


def enrolment_members(device_id: str, envelope: bytes, block: bytes) -> dict[str, bytes]:
    """The Fabric transaction that last wrote the device's record before its packs, and its block."""
    stem = device_member(device_id)
    return {f"{stem}envelope.pb": envelope, f"{stem}block.pb": block}


def rule_pack_members(rule_pack: bytes, proposal: Mapping[str, bytes]) -> dict[str, bytes]:
    """The rule pack in force (canonical JSON bytes), and the proof of the transaction that proposed the facility and
    so named the pack; ``proposal`` is that proof as it would stand under ``obligations/``.
    """
    proof = {"terms/" + name.removeprefix("obligations/"): raw for name, raw in proposal.items()}
    return {"rulepack.json": rule_pack, **proof}


def obligations_members(header: Header, receipt: bytes, proof: ReceiptProof) -> dict[str, bytes]:
    """The sealed header of the obligations block, the receipt of the accepting transaction, and where it stands."""
    return {
        "obligations/header.rlp": header.rlp(),
        "obligations/receipt.rlp": receipt,
        "obligations/proof.json": canonical_json(proof.to_json()),
    }
