"""Certificates of devices: one X.509 certificate in PEM, and whose key stands in it.

    require_over(pem, "sm2-sm3", public_key)     nothing, or `malformed`

Every mandatory field is there and of its type (RFC 5280 §4.1), and the public key is the device's; who issued it, until
when it is valid and what its extensions say is for whoever relies on it. The few structures of DER that this takes are
read here, byte by byte: what a library takes for a certificate differs between its versions, and every endorser must
come to the same answer.
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

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_ID: Final = 0x06
SET: Final = 0x31
SEQUENCE: Final = 0x30
VERSION: Final = 0xA0

BEFORE_KEY: Final = (INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE)
"""Serial number, signature algorithm, issuer, validity and subject stand before the key (RFC 5280 §4.1)."""
AFTER_KEY: Final = (0x81, 0x82, 0xA3)
"""Unique ids of issuer and subject and the extensions may follow it, in this order, each once."""

VERSION_3: Final = b"\x02\x01\x02"
"""The first version is never written, because it is the default; the second is nobody's."""

WIDE_TEXTS: Final = frozenset({0x1C, 0x1E})
"""UniversalString and BMPString: RFC 5280 §4.1.2.4 has new names in other types, and libraries read these by rules of
their own.
"""

_DAY_AND_TIME = rb"(0[1-9]|1[0-2])([0-3][0-9])(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){2}Z"
TIME: Final = {
    0x17: re.compile(rb"([0-9]{2})" + _DAY_AND_TIME),
    0x18: re.compile(rb"([0-9]{4})" + _DAY_AND_TIME),
}
"""UTCTime and GeneralizedTime as DER and RFC 5280 §4.1.2.5 have them: to the second, in UTC."""


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
    after = _tags(fields[key_place + 1 :])
    if _tags(fields[: key_place + 1]) != (*BEFORE_KEY, SEQUENCE) or after != tuple(t for t in AFTER_KEY if t in after):
        raise _no_certificate("its fields are not those of RFC 5280")
    if fields[1].whole != parts[1].whole:
        raise _no_certificate("it names two signature algorithms")
    _require_fields(signed, fields, parts[2])
    return fields[key_place].whole


def _require_fields(signed: Sequence[Element], fields: Sequence[Element], signature: Element) -> None:
    """Refuse a mandatory field that is empty or of another form, and optional ones of another form."""
    serial, algorithm, issuer, validity, subject, _, *optional = fields
    times = _elements(validity.contents)
    forms = {
        "version": len(fields) == len(signed) or signed[0].contents == VERSION_3,
        "serial number": _is_positive(serial.contents),
        "signature algorithm": _is_algorithm(algorithm),
        "issuer": bool(issuer.contents) and _is_name(issuer),
        "validity": len(times) == 2 and all(_is_time(each) for each in times),
        "subject": _is_name(subject),
        "unique id": all(_is_bits(each.contents) for each in optional if each.tag != 0xA3),
        "list of extensions": all(_are_extensions(each) for each in optional if each.tag == 0xA3),
        "signature": len(signature.contents) > 1 and _is_bits(signature.contents),
    }
    for name, is_good in forms.items():
        if not is_good:
            raise _no_certificate(f"its {name} is empty or of another form than in RFC 5280")


def _is_positive(contents: bytes) -> bool:
    """An integer above zero in the fewest bytes (RFC 5280 §4.1.2.2)."""
    return contents[:1] < b"\x80" and any(contents) and (contents[0] > 0 or contents[1] >= 0x80)


def _is_bits(contents: bytes) -> bool:
    """A count of unused bits before bytes of which so many bits are zero (X.690 §11.2)."""
    if not contents or contents[0] > 7 or (len(contents) == 1 and contents[0]):
        return False
    return contents[-1] & ((1 << contents[0]) - 1) == 0 if len(contents) > 1 else True


def _is_object_id(one: Element) -> bool:
    """Numbers of seven bits a byte: the last byte ends one, none begins with zeroes, and each has at most four."""
    ends = one.contents[-1:] and one.contents[-1] < 0x80
    numbers = re.fullmatch(rb"(?:(?!\x80)[\x80-\xff]{0,3}[\x00-\x7f])+", one.contents, re.DOTALL)
    return one.tag == OBJECT_ID and bool(ends) and numbers is not None


def _is_algorithm(one: Element) -> bool:
    parts = _elements(one.contents)
    return 1 <= len(parts) <= 2 and _is_object_id(parts[0])


def _is_name(name: Element) -> bool:
    """A sequence of sets of types with their values (RFC 5280 §4.1.2.4)."""
    sets = _elements(name.contents)
    members = [pair for one in sets for pair in _elements(one.contents)]
    pairs = [_elements(pair.contents) if pair.tag == SEQUENCE else [] for pair in members]
    return all(one.tag == SET and one.contents for one in sets) and all(
        len(pair) == 2 and _is_object_id(pair[0]) and pair[1].tag not in WIDE_TEXTS for pair in pairs
    )


def _is_time(one: Element) -> bool:
    found = TIME[one.tag].fullmatch(one.contents) if one.tag in TIME else None
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    year += 0 if len(found[1]) == 4 else 1900 if year >= 50 else 2000
    is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 28 + is_leap_year if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    return year > 0 and 1 <= day <= days


def _are_extensions(one: Element) -> bool:
    """A list of at least one: its type, whether it is critical where it is, and its bytes (RFC 5280 §4.1.2.9)."""
    lists = _elements(one.contents)
    if _tags(lists) != (SEQUENCE,) or not lists[0].contents:
        return False
    extensions = _elements(lists[0].contents)
    each = [_elements(one.contents) if one.tag == SEQUENCE else [] for one in extensions]
    return all(
        _tags(parts) in ((OBJECT_ID, OCTET_STRING), (OBJECT_ID, BOOLEAN, OCTET_STRING))
        and _is_object_id(parts[0])
        and (len(parts) == 2 or parts[1].contents == b"\xff")
        for parts in each
    )


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
        if der[start] & 0x1F == 0x1F:
            raise _no_certificate("a tag in it has more than one byte")
        found.append(Element(der[start], der[contents:place], der[start:place]))
    return found


def _no_certificate(why: str) -> Refusal:
    return malformed("certificate", f"is no X.509 certificate: {why}", "pass one certificate in PEM, or leave it out")
