"""A device's certificate is one, and over the device's key; whatever else calls itself a certificate is refused."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from chaincode.things.certificates import require_over
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
