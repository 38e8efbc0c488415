"""Encryption at rest: SM4-GCM (GB/T 32907) under a key that is derived from the seat's storage secret.

cipher = StorageCipher(key)
cipher.open(cipher.seal(plain, about), about) == plain
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from wuxin_evidence.errors import EvidenceError

STORAGE_KEY_BYTES = 16
_NONCE_BYTES, _TAG_BYTES = 12, 16


class StorageCipher:
    """SM4-GCM with one key. `about` is authenticated with each blob, so a blob cannot be moved to another row."""

    def __init__(self, key: bytes) -> None:
        if len(key) != STORAGE_KEY_BYTES:
            raise EvidenceError("malformed", f"a storage key of {len(key)} bytes", "16 bytes are expected")
        self._key = key

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Nonce, encrypted bytes and tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        encryptor = Cipher(algorithms.SM4(self._key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(about)
        return nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """The plain bytes. Raises `conflict` when key, blob or its place are not those it was sealed with."""
        nonce, body, tag = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        try:
            decryptor = Cipher(algorithms.SM4(self._key), modes.GCM(nonce, tag)).decryptor()
            decryptor.authenticate_additional_data(about)
            return decryptor.update(body) + decryptor.finalize()
        except (InvalidTag, ValueError) as error:
            raise EvidenceError("conflict", "a stored envelope does not open", "restore it from a peer") from error
