"""What the organisations of a home tell each other: certificates, addresses, oracle public keys.

`create_home` writes these files beside the sealed keys; reading them opens no secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from network.membership.consortium import Consortium
from network.membership.keystore import KeystoreError
from wuxin_evidence.attestation import Committee, CommitteeMember

EVM_ADDRESS_BYTES, SM2_KEY_BYTES = 20, 65


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
    """What `org` published in this home. Raises KeystoreError `keystore_missing`, `keystore_damaged`."""
    path = directory_of(home, org) / "public.json"
    try:
        row = cast(dict[str, Any], json.loads(_published(path)))
        if row["organisation"] != org:  # copied to the wrong place, it would give one member's roles to another
            raise ValueError(f"it is what {str(row['organisation'])[:40]} published")
        return PublicKeys(
            organisation=org,
            evm_address=_bytes(row["evm_address"], EVM_ADDRESS_BYTES),
            oracle_sm2=_optional(row["oracle_sm2"], SM2_KEY_BYTES),
            oracle_evm_address=_optional(row["oracle_evm_address"], EVM_ADDRESS_BYTES),
            sealer_address=_optional(row["sealer_address"], EVM_ADDRESS_BYTES),
        )
    except (KeyError, RecursionError, TypeError, ValueError) as wrong:
        detail = f"{path} is not what an organisation publishes: {wrong!r}"[:300]
        raise KeystoreError("keystore_damaged", detail, _COPY) from wrong


def root_certificates(home: Path, consortium: Consortium) -> dict[str, tuple[bytes, ...]]:
    """MSP id to root certificates (PEM), of every organisation."""
    return {member.msp_id: (certificate(home, member.name, "root"),) for member in consortium.organisations}


def certificate(home: Path, org: str, name: str) -> bytes:
    """A published certificate (PEM) of `org`: root, client, admin, peer or orderer; tls-root, tls-peer, …

    Raises KeystoreError `keystore_missing`.
    """
    return _published(certificate_file(home, org, name))


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


_COPY = "copy it from another member of the consortium: every home has it, and nothing in it is secret"


def _published(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as missing:
        raise KeystoreError("keystore_missing", f"{path} does not exist", _COPY) from missing


def _optional(text: str | None, length: int) -> bytes | None:
    return None if text is None else _bytes(text, length)


def _bytes(text: str, length: int) -> bytes:
    raw = bytes.fromhex(text)
    if len(raw) != length:
        raise ValueError(f"{text[:80]!r} has not {length} bytes")
    return raw
