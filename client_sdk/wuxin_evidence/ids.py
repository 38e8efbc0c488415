"""Identifiers that more than one ledger must compute alike.

A `subject` names what an attestation is about, on every chain and in the facts alike; `command_id` makes a command
repeatable; `indicator_id` is the hash of an indicator's name with its unit suffix (`quantity_g`). All are 32 bytes.
"""

from __future__ import annotations

import hashlib
import re

from Cryptodome.Hash import keccak

from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import malformed

ORGANISATION_NAME = re.compile(r"[a-z0-9-]{2,32}")
SUBJECT_KIND = re.compile(r"[a-z]{1,16}")
INDICATOR_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
IDENTIFIER_LENGTH_MAX = 128
"""Characters of a caller-made id: a UUID has 36, an EPC URN about 60, a slot id 51."""
IDEMPOTENCY_KEY_LENGTH_MAX = 255
CONSORTIUM_ID_BYTES = 32

_E7_LATITUDE_MAX = 90 * 10**7
_E7_LONGITUDE_MAX = 180 * 10**7


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (not SHA3-256), 32 bytes."""
    return keccak.new(digest_bits=256, data=data).digest()


def subject(kind: str, ident: str) -> bytes:
    """keccak256 of `wuxin/1/<kind>/<ident>`; `kind` is lower-case letters, so the slash after it ends it."""
    if not SUBJECT_KIND.fullmatch(kind):
        raise malformed(f"subject kind {kind!r}", "use slot, pledge, commodity, facility or another word in a-z")
    return keccak256(f"wuxin/1/{kind}/{identifier(ident)}".encode())


def facility_key(ident: str) -> bytes:
    """The bytes32 that a facility id becomes in the contracts."""
    return subject("facility", ident)


def command_id(organisation: str, idempotency_key: str) -> bytes:
    """keccak256(organisation || idempotency key): what a contract accepts once."""
    if not ORGANISATION_NAME.fullmatch(organisation):
        raise malformed(f"organisation name {organisation!r}", "2 to 32 of a-z, 0-9 and the hyphen")
    if not 0 < len(idempotency_key) <= IDEMPOTENCY_KEY_LENGTH_MAX or not idempotency_key.isprintable():
        raise malformed("the Idempotency-Key is empty, too long or not printable", "a UUID is a good key")
    return keccak256(organisation.encode() + idempotency_key.encode())


def indicator_id(name: str) -> bytes:
    """keccak256 of the indicator's name with its unit suffix."""
    if not INDICATOR_NAME.fullmatch(name):
        raise malformed(f"indicator name {name!r}", "lower-case words and the unit, such as quantity_g")
    return keccak256(name.encode())


def asset_instance_id(epc: str, latitude_e7: int, longitude_e7: int, commissioned_at_ms: int) -> str:
    """SHA-256, in hex, over canonical CBOR [EPC, latitude, longitude, first commissioning time].

    Positions are degrees x 10^7 (WGS 84), the time is milliseconds UTC.
    """
    if abs(latitude_e7) > _E7_LATITUDE_MAX or abs(longitude_e7) > _E7_LONGITUDE_MAX:
        raise malformed("a position outside the Earth", "latitude and longitude are degrees x 10^7")
    if not 0 <= commissioned_at_ms < 2**63:
        raise malformed("commissioning time outside int64", "milliseconds since 1970, UTC")
    return hashlib.sha256(cbor.encode([identifier(epc), latitude_e7, longitude_e7, commissioned_at_ms])).hexdigest()


def identifier(ident: str) -> str:
    """`ident` itself when it is 1 to 128 printable characters without spaces; `malformed` otherwise."""
    if not 0 < len(ident) <= IDENTIFIER_LENGTH_MAX or not ident.isprintable() or " " in ident:
        raise malformed(f"identifier {ident[:40]!r}", f"1 to {IDENTIFIER_LENGTH_MAX} printable characters, no space")
    return ident
