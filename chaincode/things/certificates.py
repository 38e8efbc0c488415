"""Certificates of devices: one X.509 certificate in PEM, and whose key stands in it.

    require_over(pem, "sm2-sm3", public_key)     nothing, or `malformed`

Only the shape of the certificate and its public key are read; who issued it and until when it is valid is for whoever
relies on it. The few structures of DER that this takes are read here, byte by byte: what a library takes for a
certificate differs between its versions, and every endorser must come to the same answer.
"""

import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from chaincode.world.errors import Refusal
from chaincode.world.fields import malformed

PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]{1,76}\r?\n)+)-----END CERTIFICATE-----\s?")

KEY_INFO_OF_SUITE: Final = {
    "sm2-sm3": bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200"),
    "es256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    "eddsa": bytes.fromhex("302a300506032b6570032100"),
}
"""SubjectPublicKeyInfo up to the raw key: on the curve of SM2 (GM/T 0015), on P-256 (RFC 5480), Ed25519 (RFC 8410)."""

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
SEQUENCE: Final = 0x30
VERSION: Final = 0xA0

BEFORE_KEY: Final = (INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE)
"""Serial number, signature algorithm, issuer, validity and subject stand before the key (RFC 5280 §4.1)."""
AFTER_KEY: Final = frozenset({0x81, 0x82, 0xA1, 0xA2, 0xA3})
"""Unique ids and extensions may follow it."""


class Element(NamedTuple):
    """One element of DER."""

    tag: int
    contents: bytes
    whole: bytes


def require_over(pem: str, suite: str, public_key: bytes) -> None:
    """Refuse (`malformed`) what is not one certificate, or one over another key than the device's."""
    found = PEM.fullmatch(pem)
    if found is None:
        raise _no_certificate("it is not one PEM block")
    if _key_info(_decoded(found[1])) != KEY_INFO_OF_SUITE[suite] + public_key:
        raise malformed(
            "certificate",
            f"is not over the public_key as {suite} has it",
            "pass the certificate of the device's own key",
        )


def _decoded(lines: str) -> bytes:
    """The bytes of a PEM block; of the spellings that base 64 has for them only one is taken."""
    text = "".join(lines.split())
    try:
        der = binascii.a2b_base64(text)
    except binascii.Error as error:
        raise _no_certificate("it is not base 64") from error
    if binascii.b2a_base64(der, newline=False).decode() != text:
        raise _no_certificate("it is not base 64")
    return der


def _key_info(der: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate: the sequence of what is signed, an algorithm and a signature."""
    outer = _elements(der)
    if _tags(outer) != (SEQUENCE,):
        raise _no_certificate("it is not one DER sequence")
    parts = _elements(outer[0].contents)
    if _tags(parts) != (SEQUENCE, SEQUENCE, BIT_STRING):
        raise _no_certificate("it has not the three parts of a signed certificate")
    signed = _elements(parts[0].contents)
    fields = signed[1:] if _tags(signed[:1]) == (VERSION,) else signed
    key_place = len(BEFORE_KEY)
    if _tags(fields[: key_place + 1]) != (*BEFORE_KEY, SEQUENCE) or not AFTER_KEY.issuperset(
        _tags(fields[key_place + 1 :])
    ):
        raise _no_certificate("its fields are not those of RFC 5280")
    if fields[1].whole != parts[1].whole:
        raise _no_certificate("it names two signature algorithms")
    return fields[key_place].whole


def _tags(elements: Sequence[Element]) -> tuple[int, ...]:
    return tuple(one.tag for one in elements)


def _elements(der: bytes) -> list[Element]:
    """The elements that stand side by side, of tags of one byte and definite lengths in their shortest form."""
    found: list[Element] = []
    place = 0
    while place < len(der):
        start, contents = place, place + 2
        length = der[place + 1] if contents <= len(der) else 0
        if length >= 0x80:
            contents += length - 0x80
            length = int.from_bytes(der[place + 2 : contents], "big")
            if length < 0x80 or contents - start - 2 != (length.bit_length() + 7) // 8:
                raise _no_certificate("a length in it is not DER")
        place = contents + length
        if place > len(der) or contents > len(der):
            raise _no_certificate("it is cut short")
        found.append(Element(der[start], der[contents:place], der[start:place]))
    return found


def _no_certificate(why: str) -> Refusal:
    return malformed("certificate", f"is no X.509 certificate: {why}", "pass one certificate in PEM, or leave it out")
