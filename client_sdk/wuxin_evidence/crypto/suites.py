"""The registry of signature suites: one name, one COSE algorithm, one way to check.

    suite("sm2-sm3").verify(public_key, message, signature)   raises `bad_signature` or returns
    SigningKey.generate("es256").sign(message)                raw signature bytes

A suite checks length and range of the signature, and that the key is a point of the curve, before a provider sees
either. Public keys are raw: 65 bytes 04||x||y for SM2 and P-256, 32 bytes for Ed25519; signatures are 64 bytes.

| name | COSE | signs |
|---|---|---|
| `sm2-sm3` | -65537 (private use) | SM2 with SM3, user ID 1234567812345678, raw r||s |
| `es256` | -7 | ECDSA P-256 with SHA-256, raw r||s |
| `eddsa` | -8 | Ed25519 |
"""

from __future__ import annotations

import base64
import binascii
import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from wuxin_evidence.crypto import sm2
from wuxin_evidence.crypto.sm2_libcrypto import PKCS8_PREFIX, PKCS8_PUBLIC_PREFIX, pkcs8
from wuxin_evidence.errors import EvidenceError, malformed

P256_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ED25519_P = 2**255 - 19
ED25519_L = 2**252 + 27742317777372353535851937790883648493
ED25519_D = -121665 * pow(121666, -1, ED25519_P) % ED25519_P

PUBLIC_KEYS_CACHED = 4096
"""Keys whose point was already found on the curve; the check is repeated after eviction, never skipped."""


@dataclass(frozen=True)
class Suite:
    """One signature scheme. `cose_alg` is its COSE algorithm number."""

    name: str
    cose_alg: int
    check_public_key: Callable[[bytes], None] = field(repr=False)
    _check_signature: Callable[[bytes], None] = field(repr=False)
    _verify: Callable[[bytes, bytes, bytes], bool] = field(repr=False)
    _sign: Callable[[bytes, bytes], bytes] = field(repr=False)

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        """Return when the signature is good. Raises `bad_signature`, or `malformed` for a key off the curve."""
        self.check_public_key(public_key)
        self._check_signature(signature)
        if not self._verify(public_key, message, signature):
            raise EvidenceError(
                "bad_signature",
                f"the {self.name} signature does not fit the message and key",
                "check the key, and that the signer meant this consortium and device",
            )

    def sign(self, private_key: bytes, message: bytes) -> bytes:
        """The 64-byte signature by a raw 32-byte private key."""
        return self._sign(private_key, message)


@dataclass(frozen=True)
class SigningKey:
    """A private key with its suite's name and its raw public key. The private bytes stay out of `repr`."""

    suite: str
    public_key: bytes
    private_bytes: bytes = field(repr=False)

    @classmethod
    def generate(cls, suite_name: str) -> SigningKey:
        """Make a key of the suite of that name, from the system's cryptographic generator. Raises `malformed` for an
        unknown suite."""
        return _GENERATORS[suite(suite_name).name]()

    @classmethod
    def from_pem(cls, raw: bytes) -> SigningKey:
        """From an unencrypted PKCS#8 PEM of any suite. Raises `malformed`."""
        return _sm2_from_pem(raw) or _other_from_pem(raw)

    def sign(self, message: bytes) -> bytes:
        """Return the suite's 64-byte signature over the message."""
        return suite(self.suite).sign(self.private_bytes, message)

    def to_pem(self) -> bytes:
        """Unencrypted PKCS#8, readable by `openssl pkey -in`."""
        if self.suite == SM2_SM3.name:
            return _pem(pkcs8(self.private_bytes, self.public_key))
        key = _p256_private(self.private_bytes) if self.suite == ES256.name else _ed25519_private(self.private_bytes)
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def suite(name: str) -> Suite:
    """The suite of that name. Raises `malformed`."""
    for candidate in SUITES:
        if candidate.name == name:
            return candidate
    raise malformed(f"signature suite {name!r}", "use " + ", ".join(each.name for each in SUITES))


def suite_by_alg(alg: int) -> Suite:
    """The suite of that COSE algorithm number. Raises `malformed`."""
    for candidate in SUITES:
        if candidate.cose_alg == alg:
            return candidate
    raise malformed(f"COSE algorithm {alg}", "use " + ", ".join(str(each.cose_alg) for each in SUITES))


def sm2_providers() -> list[str]:
    """Names of the SM2 providers that proved themselves on the GB/T 32918.5 vector, the one in use first."""
    return sm2.providers()


def _verify_sm2(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return sm2.provider().verify(public_key, message, signature)


def _sign_sm2(private_key: bytes, message: bytes) -> bytes:
    sm2.check_private_key(private_key)
    return sm2.provider().sign(private_key, message)


def _generate_sm2() -> SigningKey:
    return _sm2_key((1 + secrets.randbelow(sm2.N - 2)).to_bytes(32, "big"))


def _sm2_key(private_key: bytes) -> SigningKey:
    sm2.check_private_key(private_key)
    return SigningKey(SM2_SM3.name, sm2.provider().public_key(private_key), private_key)


def _check_p256_key(public_key: bytes) -> None:
    if len(public_key) != 65 or public_key[0] != 4:
        raise malformed("a P-256 public key is 65 bytes 04||x||y", "send the uncompressed point")
    x, y = int.from_bytes(public_key[1:33], "big"), int.from_bytes(public_key[33:], "big")
    if x >= P256_P or y >= P256_P or (y * y - (x * x * x - 3 * x + P256_B)) % P256_P:
        raise malformed("the P-256 public key is not a point of the curve", "export the key again")


def _check_p256_signature(signature: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not (1 <= r < P256_N and 1 <= s < P256_N):
        raise EvidenceError("bad_signature", "the ES256 signature is out of range", "64 bytes r||s are expected")


def _verify_p256(public_key: bytes, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        _p256_public(public_key).verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _sign_p256(private_key: bytes, message: bytes) -> bytes:
    der = _p256_private(private_key).sign(message, ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@functools.lru_cache(PUBLIC_KEYS_CACHED)
def _p256_public(public_key: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)


def _p256_private(private_key: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(private_key, "big"), ec.SECP256R1())


def _p256_key(key: ec.EllipticCurvePrivateKey) -> SigningKey:
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return SigningKey(ES256.name, point, key.private_numbers().private_value.to_bytes(32, "big"))


def _check_ed25519_key(public_key: bytes) -> None:
    """RFC 8032, 5.1.3, and no key of small order: such a key accepts one signature for many messages."""
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    if len(public_key) != 32 or y >= ED25519_P:
        raise malformed("an Ed25519 public key is 32 bytes with y below p", "export the key again")
    x_squared = (y * y - 1) * pow(ED25519_D * y * y + 1, -1, ED25519_P) % ED25519_P
    if pow(x_squared, (ED25519_P - 1) // 2, ED25519_P) not in (0, 1):
        raise malformed("the Ed25519 public key is not a point of the curve", "export the key again")
    # order 8 or less: y of 0, 1, -1, or 2y^2 = 1 + d y^4 (x^2 = -y^2, so that doubling gives y = 0)
    if y in (0, 1, ED25519_P - 1) or (x_squared + y * y) % ED25519_P == 0:
        raise malformed("an Ed25519 public key of small order", "generate a new key")


def _check_ed25519_signature(signature: bytes) -> None:
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= ED25519_L:
        raise EvidenceError("bad_signature", "the Ed25519 signature is out of range", "64 bytes R||S are expected")


def _verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _ed25519_private(private_key: bytes) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(private_key)


def _sign_ed25519(private_key: bytes, message: bytes) -> bytes:
    return _ed25519_private(private_key).sign(message)


def _ed25519_key(key: ed25519.Ed25519PrivateKey) -> SigningKey:
    return SigningKey(EDDSA.name, key.public_key().public_bytes_raw(), key.private_bytes_raw())


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""]).encode()


def _sm2_from_pem(raw: bytes) -> SigningKey | None:
    """The SM2 key in the PEM, None when the PEM holds a key of another curve."""
    lines = raw.strip().splitlines()
    if not lines or lines[0].strip() != b"-----BEGIN PRIVATE KEY-----":
        return None
    try:
        der = base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise malformed("the PEM body is not base64") from error
    head = len(PKCS8_PREFIX)
    if not der.startswith(PKCS8_PREFIX) or der[head + 32 : head + 37] != PKCS8_PUBLIC_PREFIX:
        return None
    key = _sm2_key(der[head : head + 32])
    if pkcs8(key.private_bytes, key.public_key) != der:
        raise malformed("the PEM's public key does not belong to its private key", "export the key again")
    return key


def _other_from_pem(raw: bytes) -> SigningKey:
    try:
        key = serialization.load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise malformed(f"not an unencrypted PKCS#8 key: {error}") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _ed25519_key(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _p256_key(key)
    raise malformed("a private key of a suite that is not used here", "SM2, P-256 or Ed25519")


SM2_SM3 = Suite(
    "sm2-sm3",
    -65537,
    functools.lru_cache(PUBLIC_KEYS_CACHED)(sm2.check_public_key),
    sm2.check_signature,
    _verify_sm2,
    _sign_sm2,
)
ES256 = Suite(
    "es256",
    -7,
    functools.lru_cache(PUBLIC_KEYS_CACHED)(_check_p256_key),
    _check_p256_signature,
    _verify_p256,
    _sign_p256,
)
EDDSA = Suite(
    "eddsa",
    -8,
    functools.lru_cache(PUBLIC_KEYS_CACHED)(_check_ed25519_key),
    _check_ed25519_signature,
    _verify_ed25519,
    _sign_ed25519,
)
SUITES = (SM2_SM3, ES256, EDDSA)

_GENERATORS: dict[str, Callable[[], SigningKey]] = {
    "sm2-sm3": _generate_sm2,
    "es256": lambda: _p256_key(ec.generate_private_key(ec.SECP256R1())),
    "eddsa": lambda: _ed25519_key(ed25519.Ed25519PrivateKey.generate()),
}
