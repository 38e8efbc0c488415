"""SM2 (GB/T 32918): the curve, the checks that come before any provider, and which provider does the work.

    check_public_key, check_signature   length, range, on the curve, r + s != 0 mod n: ours, so that two verifiers
                                        can never disagree about a malformed signature
    provider()                          libcrypto if it proves itself, else gmssl; neither is an `unavailable`
    providers()                         the names of all that prove themselves

A provider proves itself by the published vector of GB/T 32918.5 (recommended curve, user ID 1234567812345678): it
must derive the vector's public key, accept its signature, refuse an altered one, and accept what itself signs.
Public keys are 65 bytes 04||x||y, private keys 32 bytes, signatures 64 bytes r||s.
"""

from __future__ import annotations

import functools
from typing import Protocol

from wuxin_evidence.crypto import sm2_gmssl, sm2_libcrypto
from wuxin_evidence.crypto.sm2_libcrypto import ProviderUnavailable
from wuxin_evidence.errors import EvidenceError

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93

VECTOR_PRIVATE_KEY = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
VECTOR_PUBLIC_KEY = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
VECTOR_MESSAGE = b"message digest"
VECTOR_SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


class Provider(Protocol):
    """One implementation of SM2 with SM3. Inputs have passed the checks of this module already."""

    name: str

    def public_key(self, private_key: bytes) -> bytes:
        """Return the point d*G of a 32-byte scalar, 65 bytes 04||x||y."""
        ...

    def sign(self, private_key: bytes, message: bytes) -> bytes:
        """Return 64 bytes r||s over SM3(Z || message), Z with the default user ID (GB/T 32918.2)."""
        ...

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether the 64-byte signature is the key's over the message."""
        ...

    def encrypt(self, public_key: bytes, plaintext: bytes) -> bytes:
        """Return the ASN.1 of C1, C3, C2 (GB/T 32918.4). Raises `malformed` for an empty plaintext."""
        ...

    def decrypt(self, private_key: bytes, ciphertext: bytes) -> bytes:
        """Return the plaintext of that ASN.1. Raises `malformed` when C3 does not match."""
        ...


def check_public_key(public_key: bytes) -> None:
    """Raise `malformed` unless the key is 04||x||y with both coordinates reduced and the point on the curve."""
    if len(public_key) != 65 or public_key[0] != 4:
        raise EvidenceError("malformed", "an SM2 public key is 65 bytes 04||x||y", "send the uncompressed point")
    x, y = int.from_bytes(public_key[1:33], "big"), int.from_bytes(public_key[33:], "big")
    if x >= P or y >= P or (y * y - (x * x * x - 3 * x + B)) % P:
        raise EvidenceError("malformed", "the SM2 public key is not a point of the curve", "export the key again")


def check_private_key(private_key: bytes) -> None:
    """Raise `malformed` unless the scalar is in 1..n-2 (n-1 has no inverse of 1 + d)."""
    if len(private_key) != 32 or not 1 <= int.from_bytes(private_key, "big") <= N - 2:
        raise EvidenceError("malformed", "the SM2 private key is out of range", "generate a new key")


def check_signature(signature: bytes) -> None:
    """Raise `bad_signature` unless it is 64 bytes with r and s in 1..n-1 and r + s != 0 mod n."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not (1 <= r < N and 1 <= s < N) or (r + s) % N == 0:
        raise EvidenceError("bad_signature", "the SM2 signature is out of range", "64 bytes r||s are expected")


def prove(candidate: Provider) -> bool:
    """Whether the provider reproduces the published vector and agrees with itself."""
    altered = VECTOR_SIGNATURE[:-1] + bytes([VECTOR_SIGNATURE[-1] ^ 1])
    own = candidate.sign(VECTOR_PRIVATE_KEY, b"own message")
    check_signature(own)
    return (
        candidate.public_key(VECTOR_PRIVATE_KEY) == VECTOR_PUBLIC_KEY
        and candidate.verify(VECTOR_PUBLIC_KEY, VECTOR_MESSAGE, VECTOR_SIGNATURE)
        and not candidate.verify(VECTOR_PUBLIC_KEY, VECTOR_MESSAGE, altered)
        and not candidate.verify(VECTOR_PUBLIC_KEY, VECTOR_MESSAGE + b".", VECTOR_SIGNATURE)
        and candidate.verify(VECTOR_PUBLIC_KEY, b"own message", own)
        and candidate.decrypt(VECTOR_PRIVATE_KEY, candidate.encrypt(VECTOR_PUBLIC_KEY, b"own key")) == b"own key"
    )


@functools.cache
def libcrypto() -> Provider | None:
    """The OpenSSL 3 provider, proven, or None where there is no such library."""
    try:
        candidate = sm2_libcrypto.load()
        return candidate if prove(candidate) else None
    except (ProviderUnavailable, EvidenceError):
        return None


@functools.cache
def gmssl() -> Provider | None:
    """The portable provider, proven, or None."""
    try:
        candidate = sm2_gmssl.GmsslProvider()
        return candidate if prove(candidate) else None
    except EvidenceError:
        return None


def providers() -> list[str]:
    """Names of the providers that proved themselves, the preferred one first."""
    return [proven.name for proven in (libcrypto(), gmssl()) if proven is not None]


def provider() -> Provider:
    """The preferred proven provider. Raises `unavailable` when none proved itself."""
    chosen = libcrypto() or gmssl()
    if chosen is None:
        raise EvidenceError("unavailable", "no SM2 provider proved itself", "install OpenSSL 3 (libcrypto)")
    return chosen
