"""Packs: what a device says, as COSE_Sign1 (RFC 9052) that cannot move to another device or consortium.

    sign_pack(key, consortium_id, device_id, boot, seq, readings) -> envelope bytes
    parse_pack(envelope, consortium_id) -> Pack      structure only; nothing is trusted yet
    verify_pack(pack, consortium_id, public_key, suite_name)

The protected header is exactly {1: alg, 3: 112, 4: kid, "boot": n, "seq": n}, the unprotected one is empty, and the
external data is `wuxin/1/<consortium hex>/<device id>`. A pack's digest is SHA-256 over its Sig_structure, which is
what was signed and not how, so a second signature over the same content is the same pack.

`sign1`, `parse1` and `verify1` are the same envelope without the pack's header, for the notes members exchange.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cbor2 import CBORTag

from wuxin_evidence.crypto.suites import SigningKey, suite, suite_by_alg
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError, malformed, too_large
from wuxin_evidence.ids import CONSORTIUM_ID_BYTES
from wuxin_evidence.packs.senml import Reading, decode_readings, encode_readings

COSE_SIGN1_TAG = 18
CONTENT_FORMAT_SENML_CBOR = 112
DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""No slash, plus or hash: a device id is one level of an MQTT topic."""
UINT64_MAX = 2**64 - 1
ENVELOPE_BYTES_MAX = cbor.CBOR_BYTES_MAX
SIGNATURE_BYTES = 64

_ALG, _CONTENT_FORMAT, _KID = 1, 3, 4
_PACK_HEADER = frozenset({_ALG, _CONTENT_FORMAT, _KID, "boot", "seq"})


@dataclass(frozen=True)
class Sign1:
    """A parsed COSE_Sign1: header map, payload and signature, none of it verified yet."""

    protected: Mapping[int | str, Any]
    protected_bytes: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def alg(self) -> int:
        """The COSE algorithm number. Raises `malformed` when the header has none."""
        alg = self.protected.get(_ALG)
        if type(alg) is not int:
            raise malformed("the protected header names no algorithm", "set header 1 (alg)")
        return alg

    def sig_structure(self, external_aad: bytes) -> bytes:
        """The bytes a signer signs: RFC 9052 section 4.4, context `Signature1`."""
        return cbor.encode(["Signature1", self.protected_bytes, external_aad, self.payload])


@dataclass(frozen=True)
class Pack:
    """One pack as received. `digest` (32 bytes) identifies its content; order is (device_id, boot, seq)."""

    device_id: str
    boot: int
    seq: int
    alg: int
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    envelope: bytes = field(repr=False)
    sig_structure: bytes = field(repr=False)
    digest: bytes

    @functools.cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The resolved readings, decoded on first use. Raises `malformed`."""
        return decode_readings(self.payload)


def external_aad(consortium_id: bytes, device_id: str) -> bytes:
    """`wuxin/1/<consortium hex>/<device id>`: what binds a pack to its consortium and device."""
    if len(consortium_id) != CONSORTIUM_ID_BYTES:
        raise malformed(f"a consortium id of {len(consortium_id)} bytes", "32 bytes are expected")
    if not DEVICE_ID.fullmatch(device_id):
        raise malformed(f"device id {device_id[:80]!r}", "1 to 64 letters, digits, dot, underscore, colon, hyphen")
    return f"wuxin/1/{consortium_id.hex()}/{device_id}".encode()


def topic(consortium_id: bytes, device_id: str) -> str:
    """The MQTT topic of the device's packs."""
    return external_aad(consortium_id, device_id).decode() + "/packs"


def check_topic(pack: Pack, consortium_id: bytes, received_on: str) -> None:
    """Raise `wrong_aad` when a pack arrived on a topic that is not its own device's."""
    expected = topic(consortium_id, pack.device_id)
    if received_on != expected:
        detail = f"a pack of {pack.device_id} on {received_on[:200]!r}"
        raise EvidenceError("wrong_aad", detail, f"publish on {expected}")


def sign_pack(
    key: SigningKey, consortium_id: bytes, device_id: str, boot: int, seq: int, readings: Sequence[Reading]
) -> bytes:
    """The envelope of one pack. `boot` counts restarts and `seq` packs since then, both uint64."""
    aad = external_aad(consortium_id, device_id)
    for name, number in (("boot", boot), ("seq", seq)):
        _require_uint64(name, number)
    header = {_CONTENT_FORMAT: CONTENT_FORMAT_SENML_CBOR, _KID: device_id.encode(), "boot": boot, "seq": seq}
    return sign1(key, header, encode_readings(readings), aad)


def parse_pack(envelope: bytes, consortium_id: bytes) -> Pack:
    """Check everything about a pack that needs no key. Raises `malformed` or `too_large`.

    The consortium id is needed for the digest: it is part of what was signed.
    """
    message = parse1(envelope)
    header = message.protected
    if frozenset(header) != _PACK_HEADER:
        raise malformed("the protected header of a pack is exactly alg, content format, kid, boot and seq")
    if type(header[_CONTENT_FORMAT]) is not int or header[_CONTENT_FORMAT] != CONTENT_FORMAT_SENML_CBOR:
        raise malformed(f"content format {header[_CONTENT_FORMAT]!r}", "a pack is SenML-CBOR, content format 112")
    for name in ("boot", "seq"):
        _require_uint64(name, header[name])
    suite_by_alg(message.alg)
    device_id = _device_id(header[_KID])
    signed = message.sig_structure(external_aad(consortium_id, device_id))
    return Pack(
        device_id=device_id,
        boot=header["boot"],
        seq=header["seq"],
        alg=message.alg,
        payload=message.payload,
        signature=message.signature,
        envelope=envelope,
        sig_structure=signed,
        digest=hashlib.sha256(signed).digest(),
    )


def verify_pack(pack: Pack, consortium_id: bytes, public_key: bytes, suite_name: str) -> None:
    """Check the signature by the key and suite that the device was enrolled with.

    Raises `bad_signature` when the algorithm is not the enrolled one or the signature does not fit, and `wrong_aad`
    when the pack was parsed for another consortium.
    """
    message = parse1(pack.envelope)
    if message.sig_structure(external_aad(consortium_id, pack.device_id)) != pack.sig_structure:
        raise EvidenceError("wrong_aad", "the pack was parsed for another consortium", "parse it for this one")
    _verify(pack.alg, pack.sig_structure, pack.signature, public_key, suite_name)


def sign1(key: SigningKey, header: Mapping[int | str, object], payload: bytes, external_aad: bytes) -> bytes:
    """A COSE_Sign1 (tag 18) over `payload`; `header` is the protected one, to which alg is added."""
    protected = cbor.encode({**header, _ALG: suite(key.suite).cose_alg})
    unsigned = Sign1({}, protected, payload, b"")
    signature = key.sign(unsigned.sig_structure(external_aad))
    return cbor.encode(CBORTag(COSE_SIGN1_TAG, [protected, {}, payload, signature]))


def parse1(envelope: bytes) -> Sign1:
    """Decode a canonical COSE_Sign1 with an empty unprotected header. Raises `malformed` or `too_large`."""
    if len(envelope) > ENVELOPE_BYTES_MAX:
        raise too_large("envelope bytes", len(envelope), ENVELOPE_BYTES_MAX)
    tagged = cbor.decode(envelope)
    if not isinstance(tagged, CBORTag) or tagged.tag != COSE_SIGN1_TAG:
        raise malformed("not a COSE_Sign1", "tag 18 is expected around the array of four")
    parts = cast(object, tagged.value)
    if not isinstance(parts, list) or len(cast("list[object]", parts)) != 4:
        raise malformed("a COSE_Sign1 is an array of four")
    protected_bytes, unprotected, payload, signature = cast("list[object]", parts)
    if unprotected != {} or not isinstance(unprotected, dict):
        raise malformed("the unprotected header is not empty", "put everything into the protected header")
    if not (isinstance(protected_bytes, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise malformed("header, payload and signature of a COSE_Sign1 are byte strings")
    if len(signature) != SIGNATURE_BYTES:
        raise EvidenceError("bad_signature", f"a signature of {len(signature)} bytes", "64 bytes are expected")
    header = cbor.decode(protected_bytes)
    if not isinstance(header, dict) or not all(type(key) in (int, str) for key in cast("dict[object, object]", header)):
        raise malformed("the protected header is a map with integer and text keys")
    return Sign1(cast("dict[int | str, Any]", header), protected_bytes, payload, signature)


def verify1(envelope: bytes, external_aad: bytes, public_key: bytes, suite_name: str) -> Sign1:
    """Parse and verify; what comes back was signed by that key. Raises `malformed` or `bad_signature`."""
    message = parse1(envelope)
    _verify(message.alg, message.sig_structure(external_aad), message.signature, public_key, suite_name)
    return message


def _verify(alg: int, signed: bytes, signature: bytes, public_key: bytes, suite_name: str) -> None:
    enrolled = suite(suite_name)
    if enrolled.cose_alg != alg:
        raise EvidenceError("bad_signature", f"algorithm {alg} where the key is {suite_name}", "sign with its suite")
    enrolled.verify(public_key, signed, signature)


def _device_id(kid: object) -> str:
    if not isinstance(kid, bytes):
        raise malformed("kid is the device id as a byte string")
    try:
        return kid.decode("ascii")
    except UnicodeError as error:
        raise malformed("kid is not an ASCII device id") from error


def _require_uint64(name: str, number: object) -> None:
    if type(number) is not int or not 0 <= number <= UINT64_MAX:
        raise malformed(f"{name} is not a uint64", f"{name} is an integer of 0 to 2^64-1")
