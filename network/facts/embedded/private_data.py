"""Private values at rest: each organisation's endorser seals what belongs to its own implicit collection.

The blocks carry hashes only. The clear values are kept beside them in the same file, under AES-256-GCM with a key
that comes out of the endorser's keystore, bound to collection and key: a copy of the database opens none of them,
and one organisation's endorser cannot open another's.
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from chaincode.world.stub import implicit_collection

_NONCE_BYTES = 12


class Vault:
    """Seals and opens the values of one organisation's implicit collection; `secret` is 32 bytes."""

    def __init__(self, msp_id: str, secret: bytes) -> None:
        self.collection = implicit_collection(msp_id)
        key = HKDFExpand(hashes.SHA256(), 32, f"wuxin/1/private/{self.collection}".encode()).derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, key: str, value: bytes) -> bytes:
        """Encrypt a private value, bound to its collection and key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, self._place(key))

    def open(self, key: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made for the same collection and key. Raises InvalidTag for anything else."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._place(key))

    def _place(self, key: str) -> bytes:
        return f"{self.collection}\x00{key}".encode()
