"""SM2 through gmssl, in pure Python: slow, works anywhere, hardened around the library's known defects.

The library strips leading "04" from keys, takes nonces from a non-cryptographic generator, never compares C3 and
checks no ranges. So: public keys go in as 128 hex digits of a checked point and are set past its constructor,
K comes from `secrets`, ranges are checked by `sm2` before we are called, and of its encryption only
the curve arithmetic is used: key derivation, C3 and its comparison are here.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any, cast

from Cryptodome.Util.asn1 import DerInteger, DerOctetString, DerSequence
from cryptography.hazmat.primitives import hashes
from gmssl import sm2 as _gmssl  # pyright: ignore[reportMissingTypeStubs] - the library ships no types

from wuxin_evidence.crypto.sm2_libcrypto import USER_ID
from wuxin_evidence.errors import EvidenceError, malformed

_TABLE: dict[str, str] = cast(Any, _gmssl).default_ecc_table
_N = int(_TABLE["n"], 16)
_P = int(_TABLE["p"], 16)
_A = int(_TABLE["a"], 16)
_B = int(_TABLE["b"], 16)
_HEX_COORDINATE = 64


class GmsslProvider:
    """SM2 with SM3 by gmssl. Callers have checked keys and signatures (`wuxin_evidence.crypto.sm2`)."""

    name = "gmssl"

    def public_key(self, private_key: bytes) -> bytes:
        """The point d*G of a checked 32-byte scalar."""
        return b"\x04" + _multiply(int.from_bytes(private_key, "big"), _TABLE["g"])

    def sign(self, private_key: bytes, message: bytes) -> bytes:
        """Return 64 bytes r||s, drawing another nonce where r or s came out as zero (GB/T 32918.2, 6.1)."""
        digest = _message_digest(self.public_key(private_key), message)
        machine = _machine("", private_key.hex())
        while True:
            signature: str | None = machine.sign(digest, f"{_nonce():064x}")
            if signature is not None:
                return bytes.fromhex(signature)

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether the 64-byte signature is the key's over the message."""
        digest = _message_digest(public_key, message)
        try:
            return bool(_machine(public_key[1:].hex(), "").verify(signature.hex(), digest))
        except TypeError:
            # the library formats None where the sum is the point at infinity: no valid signature gets there
            return False

    def encrypt(self, public_key: bytes, plaintext: bytes) -> bytes:
        """ASN.1 of C1, C3, C2. Raises `malformed` for an empty plaintext, whose mask could never be non-zero."""
        if not plaintext:
            raise malformed("nothing to encrypt with SM2")
        while True:
            k = _nonce()
            c1, shared = _multiply(k, _TABLE["g"]), _multiply(k, public_key[1:].hex())
            mask = _derive(shared, len(plaintext))
            if any(mask):
                break
        c2 = _xor(plaintext, mask)
        c3 = _sm3(shared[:32] + plaintext + shared[32:])
        x, y = int.from_bytes(c1[:32], "big"), int.from_bytes(c1[32:], "big")
        return DerSequence([DerInteger(x), DerInteger(y), DerOctetString(c3), DerOctetString(c2)]).encode()

    def decrypt(self, private_key: bytes, ciphertext: bytes) -> bytes:
        """The plaintext. Raises `malformed` when C1 is off the curve or C3 does not match."""
        c1, c3, c2 = _split(ciphertext)
        shared = _multiply(int.from_bytes(private_key, "big"), c1.hex())
        mask = _derive(shared, len(c2))
        plaintext = _xor(c2, mask)
        if not any(mask) or not hmac.compare_digest(_sm3(shared[:32] + plaintext + shared[32:]), c3):
            raise malformed("SM2 could not decrypt this", "is it for another key?")
        return plaintext


def _machine(public_hex: str, private_hex: str) -> Any:
    machine = cast(Any, _gmssl).CryptSM2(private_hex, "")
    machine.public_key = public_hex
    return machine


def _multiply(scalar: int, point_hex: str) -> bytes:
    product: str | None = _machine("", "")._kg(scalar, point_hex)
    if product is None:
        raise malformed("an SM2 multiplication ended at infinity")
    return bytes.fromhex(product[: 2 * _HEX_COORDINATE])


def _nonce() -> int:
    """Uniform in 1..n-1, from the system's cryptographic generator."""
    return 1 + secrets.randbelow(_N - 1)


def _sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def _message_digest(public_key: bytes, message: bytes) -> bytes:
    """e = SM3(Z || M), Z over the user ID, the curve and the public key (GB/T 32918.2, 5.5)."""
    curve = bytes.fromhex(_TABLE["a"] + _TABLE["b"] + _TABLE["g"])
    identity = (8 * len(USER_ID)).to_bytes(2, "big") + USER_ID
    return _sm3(_sm3(identity + curve + public_key[1:]) + message)


def _derive(shared: bytes, length: int) -> bytes:
    """The key derivation of GB/T 32918.4, 5.4.3."""
    blocks = [_sm3(shared + counter.to_bytes(4, "big")) for counter in range(1, length // 32 + 2)]
    return b"".join(blocks)[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _split(ciphertext: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        parts = DerSequence().decode(ciphertext, strict=True, nr_elements=4)
        x, y = cast("tuple[object, object]", (parts[0], parts[1]))
        c3, c2 = (DerOctetString().decode(cast(bytes, part), strict=True).payload for part in (parts[2], parts[3]))
    except (ValueError, IndexError, TypeError) as error:
        raise malformed("not an SM2 ciphertext", "ASN.1 of C1, C3, C2 is expected") from error
    if not isinstance(x, int) or not isinstance(y, int) or not (0 <= x < _P and 0 <= y < _P) or len(c3) != 32:
        raise malformed("an SM2 ciphertext with fields out of range")
    if (y * y - (x * x * x + _A * x + _B)) % _P:
        raise EvidenceError("malformed", "the point of an SM2 ciphertext is not on the curve")
    return x.to_bytes(32, "big") + y.to_bytes(32, "big"), c3, c2
