"""Sealing: a body that only the named institutions can read.

    seal(body, {"bank": sm2_public_key, ...}, context) -> bytes
    open_sealed(sealed, "bank", key, context) -> body

A fresh SM4 key encrypts the body once (GCM, 12-byte nonce, 16-byte tag); the key is wrapped for each institution
with SM2 (ASN.1 of C1, C3, C2, which `openssl pkeyutl -decrypt` reads). The result is canonical CBOR
[1, nonce, {organisation: wrapped key}, ciphertext with tag]. Context and recipients are authenticated with the body:
nobody can move it to another place or quietly take a reader away.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from wuxin_evidence.crypto import sm2
from wuxin_evidence.crypto.suites import SM2_SM3, SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError, malformed, too_large
from wuxin_evidence.ids import ORGANISATION_NAME

BODY_BYTES_MAX = 512 * 1024
"""Half of what canonical CBOR carries; a pack or a contract is far below."""
RECIPIENTS_MAX = 64
SEAL_VERSION = 1

_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_WRAPPED_BYTES_MAX = 256


@dataclass(frozen=True)
class _Sealed:
    nonce: bytes
    wrapped_keys: Mapping[str, bytes]
    ciphertext: bytes = field(repr=False)

    def additional_data(self, context: bytes) -> bytes:
        return cbor.encode([SEAL_VERSION, context, dict(self.wrapped_keys)])


def seal(body: bytes, recipients: Mapping[str, bytes], context: bytes) -> bytes:
    """Encrypt `body` for the organisations of `recipients` (name to raw SM2 public key).

    `context` says where the body belongs and is needed to open it. Raises `malformed` or `too_large`.
    """
    if len(body) > BODY_BYTES_MAX:
        raise too_large("bytes to seal", len(body), BODY_BYTES_MAX)
    if not 0 < len(recipients) <= RECIPIENTS_MAX or not all(map(ORGANISATION_NAME.fullmatch, recipients)):
        raise malformed("recipients are 1 to 64 organisations by name")
    key, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    wrapped = {name: _wrap(key, public_key) for name, public_key in recipients.items()}
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(_Sealed(nonce, wrapped, b"").additional_data(context))
    ciphertext = encryptor.update(body) + encryptor.finalize() + encryptor.tag
    return cbor.encode([SEAL_VERSION, nonce, wrapped, ciphertext])


def open_sealed(sealed: bytes, organisation: str, key: SigningKey, context: bytes) -> bytes:
    """The body, by one recipient's SM2 key.

    Raises `forbidden` when the organisation is not a recipient, `malformed` when anything was changed, the key is
    another, or the context differs.
    """
    if key.suite != SM2_SM3.name:
        raise malformed(f"a {key.suite} key cannot open a seal", "use the organisation's SM2 key")
    parsed = _parse(sealed)
    if organisation not in parsed.wrapped_keys:
        raise EvidenceError("forbidden", f"not sealed for {organisation}", "ask a recipient to seal it for you")
    body_key = sm2.provider().decrypt(key.private_bytes, parsed.wrapped_keys[organisation])
    if len(body_key) != _KEY_BYTES:
        raise malformed("the wrapped key is not an SM4 key")
    tag = parsed.ciphertext[-_TAG_BYTES:]
    decryptor = Cipher(algorithms.SM4(body_key), modes.GCM(parsed.nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(parsed.additional_data(context))
    try:
        return decryptor.update(parsed.ciphertext[:-_TAG_BYTES]) + decryptor.finalize()
    except InvalidTag as error:
        raise malformed("the sealed body was changed, or belongs elsewhere", "check the context") from error


def _wrap(key: bytes, public_key: bytes) -> bytes:
    sm2.check_public_key(public_key)
    return sm2.provider().encrypt(public_key, key)


def _parse(sealed: bytes) -> _Sealed:
    parts = cbor.decode(sealed)
    if not isinstance(parts, list) or len(cast("list[object]", parts)) != 4:
        raise malformed("a sealed body is an array of four")
    version, nonce, wrapped, ciphertext = cast("list[object]", parts)
    if type(version) is not int or version != SEAL_VERSION:
        raise malformed(f"seal version {version!r}", f"version {SEAL_VERSION} is understood")
    if not isinstance(nonce, bytes) or len(nonce) != _NONCE_BYTES:
        raise malformed(f"the nonce of a seal is {_NONCE_BYTES} bytes")
    if not isinstance(ciphertext, bytes) or len(ciphertext) < _TAG_BYTES:
        raise malformed("the ciphertext of a seal ends with its 16-byte tag")
    return _Sealed(nonce, _wrapped_keys(wrapped), ciphertext)


def _wrapped_keys(value: object) -> dict[str, bytes]:
    if not isinstance(value, dict) or not 0 < len(cast("dict[object, object]", value)) <= RECIPIENTS_MAX:
        raise malformed("a seal names 1 to 64 recipients")
    for name, wrapped in cast("dict[object, object]", value).items():
        if not isinstance(name, str) or not ORGANISATION_NAME.fullmatch(name):
            raise malformed("a recipient of a seal is an organisation's name")
        if not isinstance(wrapped, bytes) or len(wrapped) > _WRAPPED_BYTES_MAX:
            raise malformed("a wrapped key is an SM2 ciphertext")
    return cast("dict[str, bytes]", value)
