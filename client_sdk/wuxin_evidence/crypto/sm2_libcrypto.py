"""SM2 through the system's OpenSSL 3, by ctypes: the fast provider, which releases the GIL while it works.

    load() -> LibcryptoProvider      find libcrypto 3, declare the thirty-odd calls used; `ProviderUnavailable` if none
    sign, verify                     EVP_DigestSign/Verify with SM3 and the default user ID, DER <-> raw r||s
    encrypt, decrypt                 EVP_PKEY_encrypt/decrypt: ASN.1 of C1, C3, C2, as `openssl pkeyutl` reads it

Every OpenSSL object is owned by a Python object or freed in a `finally`. Parsed keys are kept in a bounded cache;
an evicted key lives until its last user in another thread is done, then frees itself.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from wuxin_evidence.errors import EvidenceError

USER_ID = b"1234567812345678"
"""The default distinguishing ID of GM/T 0009; OpenSSL must be told, it assumes an empty one otherwise."""

SPKI_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
"""SubjectPublicKeyInfo of id-ecPublicKey on 1.2.156.10197.1.301, up to the 65 bytes of the point."""
PKCS8_PREFIX = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
PKCS8_PUBLIC_PREFIX = bytes.fromhex("a144034200")
"""PrivateKeyInfo of the same curve: prefix, 32 bytes scalar, this, 65 bytes point."""

PUBLIC_KEYS_CACHED = 4096
"""A consortium has hundreds of devices per member; a parsed key is about 1 KB."""
PRIVATE_KEYS_CACHED = 64
"""A process signs for a handful of seats; a device replay for a few dozen devices."""

_LIBRARY_NAMES = (
    "libcrypto.so.3",
    "libcrypto.3.dylib",
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    "libcrypto-3-x64.dll",
    "libcrypto-3-arm64.dll",
)
_NID_SM2 = 1172
_POINT_UNCOMPRESSED = 4
_DER_SIGNATURE_MAX = 72

_P, _INT, _SIZE, _BYTES = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p
_SIZE_REF, _P_REF = ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_void_p)
_CHAR_PP = ctypes.POINTER(ctypes.c_char_p)
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "OpenSSL_version_num": (ctypes.c_ulong, []),
    "ERR_clear_error": (None, []),
    "EVP_sm3": (_P, []),
    "d2i_PUBKEY": (_P, [_P, _CHAR_PP, ctypes.c_long]),
    "d2i_AutoPrivateKey": (_P, [_P, _CHAR_PP, ctypes.c_long]),
    "EVP_PKEY_free": (None, [_P]),
    "EVP_PKEY_CTX_new": (_P, [_P, _P]),
    "EVP_PKEY_CTX_free": (None, [_P]),
    "EVP_PKEY_CTX_set1_id": (_INT, [_P, _BYTES, _INT]),
    "EVP_MD_CTX_new": (_P, []),
    "EVP_MD_CTX_free": (None, [_P]),
    "EVP_MD_CTX_set_pkey_ctx": (None, [_P, _P]),
    "EVP_DigestSignInit": (_INT, [_P, _P_REF, _P, _P, _P]),
    "EVP_DigestSign": (_INT, [_P, _BYTES, _SIZE_REF, _BYTES, _SIZE]),
    "EVP_DigestVerifyInit": (_INT, [_P, _P_REF, _P, _P, _P]),
    "EVP_DigestVerify": (_INT, [_P, _BYTES, _SIZE, _BYTES, _SIZE]),
    "EVP_PKEY_encrypt_init": (_INT, [_P]),
    "EVP_PKEY_encrypt": (_INT, [_P, _BYTES, _SIZE_REF, _BYTES, _SIZE]),
    "EVP_PKEY_decrypt_init": (_INT, [_P]),
    "EVP_PKEY_decrypt": (_INT, [_P, _BYTES, _SIZE_REF, _BYTES, _SIZE]),
    "EC_GROUP_new_by_curve_name": (_P, [_INT]),
    "EC_GROUP_free": (None, [_P]),
    "EC_POINT_new": (_P, [_P]),
    "EC_POINT_free": (None, [_P]),
    "EC_POINT_mul": (_INT, [_P, _P, _P, _P, _P, _P]),
    "EC_POINT_point2oct": (_SIZE, [_P, _P, _INT, _BYTES, _SIZE, _P]),
    "BN_bin2bn": (_P, [_BYTES, _INT, _P]),
    "BN_clear_free": (None, [_P]),
}


class ProviderUnavailable(Exception):
    """This machine has no OpenSSL 3 with SM2; the portable provider is used instead."""


def load() -> LibcryptoProvider:
    """The provider over the first OpenSSL 3 found. Raises `ProviderUnavailable`."""
    for name in _LIBRARY_NAMES:
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _SIGNATURES.items():
                entry = getattr(library, function)
                entry.restype, entry.argtypes = result, arguments
        except (OSError, AttributeError):
            continue
        if library.OpenSSL_version_num() >> 28 == 3:
            return LibcryptoProvider(library)
    raise ProviderUnavailable("no libcrypto of OpenSSL 3")


def raw_signature(der: bytes) -> bytes:
    """DER SEQUENCE of two integers to 64 bytes r||s. Raises `bad_signature`."""
    try:
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError) as error:
        raise EvidenceError("bad_signature", "not a DER signature of two 32-byte integers") from error


def der_signature(raw: bytes) -> bytes:
    """64 bytes r||s to the DER that OpenSSL and certificates use."""
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


class _Key:
    """Owns one EVP_PKEY; freed with its last Python reference, whichever thread drops it."""

    def __init__(self, library: ctypes.CDLL, pointer: int) -> None:
        self.pointer = pointer
        self._free: Callable[[int], None] = library.EVP_PKEY_free

    def __del__(self) -> None:
        self._free(self.pointer)


class LibcryptoProvider:
    """SM2 with SM3 by OpenSSL 3. Callers have checked keys and signatures (`wuxin_evidence.crypto.sm2`)."""

    name = "libcrypto"

    def __init__(self, library: ctypes.CDLL) -> None:
        self._c = library
        self._sm3 = library.EVP_sm3()
        self._public = functools.lru_cache(PUBLIC_KEYS_CACHED)(self._parse_public)
        self._private = functools.lru_cache(PRIVATE_KEYS_CACHED)(self._parse_private)

    def public_key(self, private_key: bytes) -> bytes:
        """The point d*G of a checked 32-byte scalar."""
        c = self._c
        group = c.EC_GROUP_new_by_curve_name(_NID_SM2)
        point = c.EC_POINT_new(group) if group else None
        scalar = c.BN_bin2bn(private_key, len(private_key), None)
        out = ctypes.create_string_buffer(65)
        try:
            made = point and scalar and c.EC_POINT_mul(group, point, scalar, None, None, None) == 1
            if not made or c.EC_POINT_point2oct(group, point, _POINT_UNCOMPRESSED, out, 65, None) != 65:
                raise self._failure("deriving an SM2 public key")
            return out.raw
        finally:
            c.BN_clear_free(scalar)
            c.EC_POINT_free(point)
            c.EC_GROUP_free(group)

    def sign(self, private_key: bytes, message: bytes) -> bytes:
        """Return 64 bytes r||s over the message. Raises `unavailable` when OpenSSL fails."""
        key = self._private(private_key)
        with self._digest_context(key) as context:
            der = ctypes.create_string_buffer(_DER_SIGNATURE_MAX)
            size = ctypes.c_size_t(_DER_SIGNATURE_MAX)
            c = self._c
            started = c.EVP_DigestSignInit(context, None, self._sm3, None, key.pointer) == 1
            if not started or c.EVP_DigestSign(context, der, ctypes.byref(size), message, len(message)) != 1:
                raise self._failure("signing with SM2")
            return raw_signature(der.raw[: size.value])

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether the 64-byte signature is the key's over the message. Raises `unavailable` when OpenSSL fails."""
        der = der_signature(signature)
        key = self._public(public_key)
        with self._digest_context(key) as context:
            c = self._c
            if c.EVP_DigestVerifyInit(context, None, self._sm3, None, key.pointer) != 1:
                raise self._failure("starting an SM2 verification")
            if c.EVP_DigestVerify(context, der, len(der), message, len(message)) == 1:
                return True
            c.ERR_clear_error()
            return False

    def encrypt(self, public_key: bytes, plaintext: bytes) -> bytes:
        """ASN.1 of C1, C3, C2. Raises `malformed` for an empty plaintext."""
        if not plaintext:
            raise EvidenceError("malformed", "nothing to encrypt with SM2", "give at least one byte")
        return self._transform(self._public(public_key), "encrypt", plaintext)

    def decrypt(self, private_key: bytes, ciphertext: bytes) -> bytes:
        """The plaintext; OpenSSL compares C3. Raises `malformed` when it does not match."""
        return self._transform(self._private(private_key), "decrypt", ciphertext)

    def _transform(self, key: _Key, direction: str, data: bytes) -> bytes:
        c = self._c
        start, run = getattr(c, f"EVP_PKEY_{direction}_init"), getattr(c, f"EVP_PKEY_{direction}")
        context = c.EVP_PKEY_CTX_new(key.pointer, None)
        size = ctypes.c_size_t(0)
        try:
            if start(context) != 1:
                raise self._failure(f"starting to {direction} with SM2")
            sized = run(context, None, ctypes.byref(size), data, len(data)) == 1
            out = ctypes.create_string_buffer(size.value)
            if not sized or run(context, out, ctypes.byref(size), data, len(data)) != 1:
                c.ERR_clear_error()
                raise EvidenceError("malformed", f"SM2 could not {direction} this", "is it for another key?")
            return out.raw[: size.value]
        finally:
            c.EVP_PKEY_CTX_free(context)

    @contextmanager
    def _digest_context(self, key: _Key) -> Generator[int]:
        c = self._c
        digest, context = c.EVP_MD_CTX_new(), c.EVP_PKEY_CTX_new(key.pointer, None)
        try:
            if not digest or not context or c.EVP_PKEY_CTX_set1_id(context, USER_ID, len(USER_ID)) != 1:
                raise self._failure("setting the SM2 user ID")
            c.EVP_MD_CTX_set_pkey_ctx(digest, context)
            yield digest
        finally:
            c.EVP_MD_CTX_free(digest)
            c.EVP_PKEY_CTX_free(context)

    def _parse_public(self, public_key: bytes) -> _Key:
        return self._parse("d2i_PUBKEY", SPKI_PREFIX + public_key)

    def _parse_private(self, private_key: bytes) -> _Key:
        return self._parse("d2i_AutoPrivateKey", pkcs8(private_key, self.public_key(private_key)))

    def _parse(self, reader: str, der: bytes) -> _Key:
        cursor = ctypes.c_char_p(der)
        pointer = getattr(self._c, reader)(None, ctypes.byref(cursor), len(der))
        if not pointer:
            raise self._failure("reading an SM2 key")
        return _Key(self._c, pointer)

    def _failure(self, doing: str) -> EvidenceError:
        self._c.ERR_clear_error()
        return EvidenceError("unavailable", f"libcrypto failed while {doing}", "check the OpenSSL 3 installation")


def pkcs8(private_key: bytes, public_key: bytes) -> bytes:
    """PrivateKeyInfo DER of an SM2 key, as `openssl pkey -in` reads it."""
    return PKCS8_PREFIX + private_key + PKCS8_PUBLIC_PREFIX + public_key
