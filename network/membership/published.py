"""What the organisations of a home tell each other: certificates, addresses, oracle public keys.

`create_home` writes these files beside the sealed keys; reading them opens no secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from network.membership.consortium import Consortium
from wuxin_evidence.attestation import Committee, CommitteeMember


@dataclass(frozen=True)
class PublicKeys:
    """What an organisation tells the others: 20-byte EVM addresses, the 65-byte SM2 key of an oracle member."""

    organisation: str
    evm_address: bytes
    oracle_sm2: bytes | None
    oracle_evm_address: bytes | None
    sealer_address: bytes | None


def directory_of(home: Path, org: str) -> Path:
    """The directory of `org` in this home."""
    return home / "orgs" / org


def public_keys(home: Path, org: str) -> PublicKeys:
    """What `org` published in this home."""
    row = cast(dict[str, Any], json.loads((directory_of(home, org) / "public.json").read_text("utf-8")))
    return PublicKeys(
        organisation=org,
        evm_address=bytes.fromhex(row["evm_address"]),
        oracle_sm2=_optional(row["oracle_sm2"]),
        oracle_evm_address=_optional(row["oracle_evm_address"]),
        sealer_address=_optional(row["sealer_address"]),
    )


def root_certificates(home: Path, consortium: Consortium) -> dict[str, tuple[bytes, ...]]:
    """MSP id to root certificates (PEM), of every organisation."""
    return {member.msp_id: (certificate(home, member.name, "root"),) for member in consortium.organisations}


def certificate(home: Path, org: str, name: str) -> bytes:
    """A published certificate (PEM) of `org`: root, client, admin, peer or orderer; tls-root, tls-peer, …"""
    return certificate_file(home, org, name).read_bytes()


def certificate_file(home: Path, org: str, name: str) -> Path:
    """Where it lies."""
    return directory_of(home, org) / "certificates" / f"{name}.pem"


def first_committee(home: Path, consortium: Consortium, active_from_s: int = 0) -> Committee:
    """The oracle committee of the consortium file, with the keys that its members published in this home."""
    keys = [public_keys(home, member.name) for member in consortium.oracles]
    return Committee(
        epoch=consortium.committee.epoch,
        threshold=consortium.committee.threshold,
        members=tuple(
            CommitteeMember(each.organisation, each.oracle_sm2 or b"", each.oracle_evm_address or b"") for each in keys
        ),
        active_from_s=active_from_s,
    )


def _optional(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
