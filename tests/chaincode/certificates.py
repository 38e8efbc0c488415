"""Certificates over any key, with names and validity of no meaning: written by hand, so that SM2 has one as well."""

import base64

from chaincode.things.certificates import KEY_INFO_OF_SUITE
from wuxin_evidence.crypto.suites import SigningKey

ED25519 = bytes.fromhex("300506032b6570")
VALIDITY = bytes.fromhex("301e170d") + b"220101000000Z" + bytes.fromhex("170d") + b"320101000000Z"


def der(tag: int, *parts: bytes) -> bytes:
    """One element of DER."""
    contents = b"".join(parts)
    length = len(contents)
    if length < 0x80:
        return bytes([tag, length]) + contents
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(digits)]) + digits + contents


def pem(encoded: bytes) -> str:
    """The PEM block of a certificate's DER."""
    text = base64.b64encode(encoded).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----\n"])


def signed_part(key: SigningKey, padding: int = 0) -> bytes:
    """What the issuer signs: version 3, serial number 1, no subject; `padding` bytes in an unknown extension."""
    nobody = der(0x30)
    issuer = der(0x30, der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0C, b"issuer"))))
    version, serial = der(0xA0, der(0x02, b"\x02")), der(0x02, b"\x01")
    extension = der(0x30, bytes.fromhex("06032a0304"), der(0x04, bytes(padding)))
    more = [der(0xA3, der(0x30, extension))] if padding else []
    key_info = KEY_INFO_OF_SUITE[key.suite] + key.public_key
    return der(0x30, version, serial, ED25519, issuer, VALIDITY, nobody, key_info, *more)


def certificate(key: SigningKey, padding: int = 0) -> str:
    """A certificate over the key, in PEM. The signature is of zeroes: nobody here asks for it."""
    return pem(der(0x30, signed_part(key, padding), ED25519, der(0x03, bytes(65))))
