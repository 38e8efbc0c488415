"""secp256k1 as the contracts see it: recoverable signatures over 32 bytes, 65 bytes r||s||v.

`v` is 27 or 28 and `s` is in the lower half of the order; the other half is a second spelling of the same signature
and is refused, here as in the contracts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import coincurve

from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import keccak256

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True)
class EvmKey:
    """A private key and the 20-byte address that contracts know it by."""

    private_bytes: bytes = field(repr=False)
    address: bytes

    @classmethod
    def generate(cls) -> EvmKey:
        """Make a key uniform in 1..n-1, from the system's cryptographic generator."""
        return cls.from_bytes((1 + secrets.randbelow(ORDER - 1)).to_bytes(32, "big"))

    @classmethod
    def from_bytes(cls, private: bytes) -> EvmKey:
        """From the 32-byte scalar. Raises `malformed` when it is out of range."""
        if len(private) != 32 or not 0 < int.from_bytes(private, "big") < ORDER:
            raise malformed("a secp256k1 private key is a scalar of 32 bytes in 1..n-1", "generate a new key")
        return cls(private, _address(coincurve.PrivateKey(private).public_key))

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r||s||v over a 32-byte digest, deterministic (RFC 6979), low s."""
        _require_digest(digest)
        signature = _sign(coincurve.PrivateKey(self.private_bytes), digest)
        return signature[:64] + bytes([27 + signature[64]])


def recover(digest: bytes, signature: bytes) -> bytes:
    """The 20-byte address that signed. Raises `bad_signature` for anything but one canonical signature."""
    _require_digest(digest)
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise EvidenceError("bad_signature", "65 bytes r||s||v with v of 27 or 28 are expected")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < ORDER or not 0 < s <= ORDER // 2:
        raise EvidenceError("bad_signature", "r or s is out of range", "s must be in the lower half of the order")
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        # coincurve raises a bare Exception for a point that does not exist
        signer = coincurve.PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception as error:
        raise EvidenceError("bad_signature", "no public key fits this signature") from error
    return _address(signer)


def _sign(key: coincurve.PrivateKey, digest: bytes) -> bytes:
    sign = cast("Callable[..., bytes]", key.sign_recoverable)  # pyright: ignore[reportUnknownMemberType] - its nonce
    return sign(digest, hasher=None)


def _address(public_key: coincurve.PublicKey) -> bytes:
    return keccak256(public_key.format(compressed=False)[1:])[12:]


def _require_digest(digest: bytes) -> None:
    if len(digest) != 32:
        raise malformed(f"a digest of {len(digest)} bytes", "sign the 32 bytes of the digest")
