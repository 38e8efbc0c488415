"""Seals: what waits or rests in ``local.db`` and is not for whoever copies the file.

    Seals(secrets, purpose).seal(organisation, plain, place)  ─▶ nonce ‖ AES-256-GCM(plain), bound to its place

The key is derived from the organisation's seat secret, one for each purpose. ``place`` is authenticated and not kept:
a sealed value that is moved to another row does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
PRIVATE_ARGUMENTS = "private-arguments"
PACKS = "packs"


class Seals:
    """The seals of the organisations in ``seat_secrets`` (organisation → secret) for one purpose."""

    def __init__(self, seat_secrets: Mapping[str, bytes], purpose: str) -> None:
        info = f"wuxin/1/{purpose}".encode()
        self._keys = {org: AESGCM(hmac.digest(secret, info, hashlib.sha256)) for org, secret in seat_secrets.items()}

    def __contains__(self, organisation: str) -> bool:
        return organisation in self._keys

    def seal(self, organisation: str, plain: bytes, place: bytes) -> bytes:
        """Encrypt for an organisation, bound to the place where the result is kept."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._keys[organisation].encrypt(nonce, plain, place)

    def open(self, organisation: str, sealed: bytes, place: bytes) -> bytes:
        """The plain bytes. Raises InvalidTag where the seal, its organisation or its place is another."""
        return self._keys[organisation].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
