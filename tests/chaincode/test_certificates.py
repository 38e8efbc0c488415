"""A device's certificate is one, and over the device's key; whatever else calls itself a certificate is refused."""

import base64
import datetime
import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from chaincode.things.certificates import KEY_INFO_OF_SUITE, _elements, require_over
from chaincode.things.devices import CERTIFICATE_EXAMPLE, PUBLIC_KEY_EXAMPLE
from chaincode.world.errors import Refusal
from tests.chaincode.certificates import ED25519, certificate, der, pem, signed_part
from tests.chaincode.facts_world import World, device
from wuxin_evidence.crypto.suites import SigningKey

SUITES = ("sm2-sm3", "es256", "eddsa")
KEY = SigningKey.generate("es256")
SIGNATURE = der(0x03, bytes(65))
SIGNED = signed_part(KEY)
GOOD = certificate(KEY)


def of_a_library(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scale-1")])
    built = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(2022, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2032, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    hashed = SHA256() if isinstance(private, ec.EllipticCurvePrivateKey) else None
    return built.sign(private, hashed).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("suite", SUITES)
def test_a_device_of_each_suite_is_enrolled_with_the_certificate_of_its_key(world: World, suite: str) -> None:
    key = SigningKey.generate(suite)
    enrolled = world.call("warehouse", "enrol_device", **device(key, certificate=certificate(key)))
    assert enrolled["certificate"] == certificate(key)


@pytest.mark.parametrize("suite", SUITES)
def test_the_certificate_of_another_key_is_malformed(world: World, suite: str) -> None:
    mine, other = SigningKey.generate(suite), SigningKey.generate(suite)
    refusal = world.refusal("warehouse", "enrol_device", **device(mine, certificate=certificate(other)))
    assert refusal["code"] == "malformed"
    assert refusal["detail"].startswith("certificate: is not over the public_key")


def test_the_same_point_on_the_curve_of_another_suite_is_another_key(world: World) -> None:
    require_over(GOOD, "es256", KEY.public_key)
    with pytest.raises(Refusal, match="is not over the public_key as sm2-sm3"):
        require_over(GOOD, "sm2-sm3", KEY.public_key)


def test_what_a_common_library_makes_is_a_certificate() -> None:
    p256 = ec.generate_private_key(ec.SECP256R1())
    point = p256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    require_over(of_a_library(p256), "es256", point)
    edwards = ed25519.Ed25519PrivateKey.generate()
    require_over(of_a_library(edwards), "eddsa", edwards.public_key().public_bytes_raw())


@pytest.mark.parametrize("suite", ["es256", "eddsa"])
def test_what_is_taken_for_one_is_one_to_a_common_library(suite: str) -> None:
    assert x509.load_pem_x509_certificate(certificate(SigningKey.generate(suite), padding=300).encode())


def test_the_example_of_the_reference_is_over_the_key_of_the_reference() -> None:
    require_over(CERTIFICATE_EXAMPLE, "eddsa", bytes.fromhex(PUBLIC_KEY_EXAMPLE))


def padded(padding: int) -> str:
    return certificate(KEY, padding)


def respelled(text: str) -> str:
    """The same bytes: of the last character before the padding of base 64 some bits stand for nothing."""
    place = text.index("=") - 1
    return text[:place] + chr(ord(text[place]) + 1) + text[place + 1 :]


NONE = {
    "a sentence": "hello, I am no certificate",
    "a word": "PEM",
    "a key": GOOD.replace("CERTIFICATE", "PUBLIC KEY"),
    "two": GOOD + GOOD,
    "something before it": "Bag Attributes\n" + GOOD,
    "something behind it": GOOD + "and more",
    "an empty block": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "no base 64": GOOD.replace("MI", "==", 1),
    "stray padding": GOOD.replace("\n-----END", "=\n-----END"),
    "another spelling of base 64": respelled(next(filter(lambda one: "=" in one, map(padded, range(1, 4))))),
    "no sequence": pem(der(0x31, SIGNED, ED25519, SIGNATURE)),
    "two sequences": pem(der(0x30, SIGNED, ED25519, SIGNATURE) + der(0x30)),
    "no signature": pem(der(0x30, SIGNED, ED25519)),
    "a signature too many": pem(der(0x30, SIGNED, ED25519, SIGNATURE, SIGNATURE)),
    "only a key": pem(SIGNED[-93:]),
    "another algorithm outside": pem(der(0x30, SIGNED, bytes.fromhex("300506032b6571"), SIGNATURE)),
    "an unknown field": pem(der(0x30, der(0x30, SIGNED[3:], der(0x04, b"x")), ED25519, SIGNATURE)),
    "cut short": pem(der(0x30, SIGNED, ED25519, SIGNATURE)[:-1]),
    "an indefinite length": pem(b"\x30\x80" + SIGNED + ED25519 + SIGNATURE + bytes(2)),
    "a long form of a short length": pem(b"\x30\x82\x00\x30" + bytes(48)),
    "a length beyond the end": pem(b"\x30\xff" + b"\xff" * 200),
    "nothing": pem(b"\x30"),
}


@pytest.mark.parametrize("text", NONE.values(), ids=list(NONE))
def test_what_is_no_certificate_is_malformed(world: World, text: str) -> None:
    refusal = world.refusal("warehouse", "enrol_device", **device(KEY, certificate=text))
    assert refusal["code"] == "malformed"
    assert refusal["detail"].startswith("certificate: is no X.509 certificate")
    assert "PEM" in refusal["hint"]


def der_of(text: str) -> bytes:
    return base64.b64decode("".join(text.split("\n")[1:-2]))


def field(tag: int, place: int, *parts: bytes) -> str:
    """The good certificate with another field in the place of one of those before the key."""
    fields = [each.whole for each in _elements(_elements(SIGNED)[0].contents)]
    fields[place] = der(tag, *parts)
    return pem(der(0x30, der(0x30, *fields), fields[2], SIGNATURE))


NAME = der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0C, b"x")))
TIME = der(0x17, b"220101000000Z")
HOLLOW = {
    "serial number": field(0x02, 1),
    "serial number, padded": field(0x02, 1, b"\x00\x01"),
    "serial number, negative": field(0x02, 1, b"\x80"),
    "serial number, zero": field(0x02, 1, b"\x00"),
    "version": field(0xA0, 0),
    "version, of second": field(0xA0, 0, der(0x02, b"\x01")),
    "signature algorithm": field(0x30, 2),
    "signature algorithm, without a type": field(0x30, 2, der(0x05)),
    "signature algorithm, of an empty type": field(0x30, 2, der(0x06)),
    "issuer": field(0x30, 3),
    "issuer, of an empty set": field(0x30, 3, der(0x31)),
    "issuer, of no set": field(0x30, 3, der(0x30, NAME)),
    "issuer, of a type alone": field(0x30, 3, der(0x31, der(0x30, bytes.fromhex("0603550403")))),
    "validity": field(0x30, 4),
    "validity, of one time": field(0x30, 4, TIME),
    "validity, of three times": field(0x30, 4, TIME, TIME, TIME),
    "validity, of numbers": field(0x30, 4, der(0x02, b"\x01"), der(0x02, b"\x02")),
    "validity, on 30 February": field(0x30, 4, TIME, der(0x17, b"220230000000Z")),
    "validity, in another zone": field(0x30, 4, TIME, der(0x17, b"220101000000+0800")),
    "subject, of an empty set": field(0x30, 5, der(0x31)),
    "signature": pem(der(0x30, SIGNED, ED25519, der(0x03))),
    "signature, of no bytes": pem(der(0x30, SIGNED, ED25519, der(0x03, b"\x00"))),
    "signature, with nine unused bits": pem(der(0x30, SIGNED, ED25519, der(0x03, b"\x09\x00"))),
    "list of extensions": pem(der(0x30, der(0x30, SIGNED[3:], der(0xA3, der(0x30))), ED25519, SIGNATURE)),
}


@pytest.mark.parametrize("name", HOLLOW)
def test_an_empty_or_wrong_field_is_named(world: World, name: str) -> None:
    refusal = world.refusal("warehouse", "enrol_device", **device(KEY, certificate=HOLLOW[name]))
    assert refusal["code"] == "malformed"
    assert refusal["detail"].startswith(f"certificate: is no X.509 certificate: its {name.split(',')[0]} is empty")


def test_a_skeleton_around_a_key_is_no_certificate(world: World) -> None:
    """Every mandatory field empty, and yet over the device's key."""
    empty = der(0x30)
    key_info = KEY_INFO_OF_SUITE["es256"] + KEY.public_key
    skeleton = pem(der(0x30, der(0x30, der(0x02), empty, empty, empty, empty, key_info), empty, der(0x03)))
    assert world.refused("warehouse", "enrol_device", **device(KEY, certificate=skeleton)) == "malformed"


def is_taken(encoded: bytes, suite: str, public_key: bytes) -> bool:
    try:
        require_over(pem(encoded), suite, public_key)
    except Refusal:
        return False
    return True


def is_loaded(encoded: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(encoded)
    except (ValueError, x509.InvalidVersion):
        return False
    return True


def originals() -> dict[str, tuple[bytes, bytes]]:
    """By suite, a certificate's DER and the key's bytes: of the library where it can, and by hand for SM2."""
    p256, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    point = p256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    sm2 = SigningKey.generate("sm2-sm3")
    return {
        "es256": (der_of(of_a_library(p256)), point),
        "eddsa": (der_of(of_a_library(edwards)), edwards.public_key().public_bytes_raw()),
        "sm2-sm3": (der_of(certificate(sm2, 40)), sm2.public_key),
    }


ORIGINALS = originals()


@pytest.mark.parametrize("suite", ORIGINALS)
def test_with_any_byte_changed_nothing_is_taken_that_a_common_library_does_not_load(suite: str) -> None:
    encoded, public_key = ORIGINALS[suite]
    assert is_taken(encoded, suite, public_key) and is_loaded(encoded)
    chosen = random.Random(5280)
    for place in range(len(encoded)):
        for value in {0, 1, 0xFF, encoded[place] ^ 1, encoded[place] ^ 0x20, *chosen.sample(range(256), 20)}:
            changed = encoded[:place] + bytes([value]) + encoded[place + 1 :]
            assert not is_taken(changed, suite, public_key) or is_loaded(changed), (place, value)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_with_any_field_emptied_copied_or_swapped_nothing_is_taken_that_it_does_not_load(data: st.DataObject) -> None:
    suite = data.draw(st.sampled_from(sorted(ORIGINALS)))
    encoded, public_key = ORIGINALS[suite]
    changed = data.draw(restructured(encoded))
    assert not is_taken(changed, suite, public_key) or is_loaded(changed)


@st.composite
def restructured(draw: st.DrawFn, encoded: bytes) -> bytes:
    """The certificate with one of its elements, at any depth, emptied, left out, doubled, swapped or of another tag."""
    (outer,) = _elements(encoded)
    path, parts = [outer.tag], _elements(outer.contents)
    around: list[tuple[list[bytes], int]] = []
    while True:
        at = draw(st.integers(0, len(parts) - 1))
        around.append(([each.whole for each in parts], at))
        chosen = parts[at]
        if chosen.tag & 0x20 and chosen.contents and draw(st.booleans()):
            path.append(chosen.tag)
            parts = _elements(chosen.contents)
            continue
        break
    other = draw(st.sampled_from(parts)).whole
    tag = draw(st.integers(0, 255))
    whole = draw(
        st.sampled_from([der(chosen.tag), b"", chosen.whole * 2, other, der(tag, chosen.contents), der(tag), der(5)])
    )
    for tag, (siblings, at) in zip(reversed(path), reversed(around), strict=True):
        siblings[at] = whole
        whole = der(tag, *siblings)
    return whole


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_whatever_make_it_raise_anything_else(encoded: bytes) -> None:
    with pytest.raises(Refusal):
        require_over(pem(encoded), "es256", KEY.public_key)


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0, max_value=len(der(0x30, SIGNED, ED25519, SIGNATURE)) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leaves_the_key_as_it_was(place: int, mask: int) -> None:
    whole = bytearray(der(0x30, SIGNED, ED25519, SIGNATURE))
    whole[place] ^= mask
    try:
        require_over(pem(bytes(whole)), "es256", KEY.public_key)
    except Refusal as refusal:
        assert refusal.code == "malformed"
    else:
        assert KEY.public_key in bytes(whole)
