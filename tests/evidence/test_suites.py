import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.crypto.sm2_libcrypto import der_signature, raw_signature
from wuxin_evidence.crypto.suites import (
    ED25519_L,
    ED25519_P,
    P256_N,
    P256_P,
    SUITES,
    SigningKey,
    sm2_providers,
    suite,
    suite_by_alg,
)
from wuxin_evidence.errors import EvidenceError

NAMES = ["sm2-sm3", "es256", "eddsa"]
EVERY_SUITE = pytest.mark.parametrize("name", NAMES)
KEYS = {name: SigningKey.generate(name) for name in NAMES}
SM2_ID = "distid:1234567812345678"


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


def openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30).stdout


def test_names_and_cose_numbers_are_the_published_ones():
    assert {each.name: each.cose_alg for each in SUITES} == {"sm2-sm3": -65537, "es256": -7, "eddsa": -8}
    assert [suite_by_alg(suite(name).cose_alg).name for name in NAMES] == NAMES
    assert sm2_providers()[0] == "libcrypto"


def test_an_unknown_suite_is_refused():
    assert refused(suite, "rsa") == "malformed"
    assert refused(suite_by_alg, -257) == "malformed"
    assert refused(SigningKey.generate, "rsa") == "malformed"


@EVERY_SUITE
def test_a_signature_verifies_and_another_message_does_not(name):
    key = KEYS[name]
    signature = key.sign(b"reading")
    assert len(signature) == 64
    suite(name).verify(key.public_key, b"reading", signature)
    assert refused(suite(name).verify, key.public_key, b"readinG", signature) == "bad_signature"
    assert refused(suite(name).verify, SigningKey.generate(name).public_key, b"reading", signature) == "bad_signature"


@EVERY_SUITE
@given(st.binary(max_size=70), st.binary(max_size=66))
def test_no_bytes_raise_anything_but_a_refusal(name, signature, public_key):
    assert refused(suite(name).verify, KEYS[name].public_key, b"m", signature) == "bad_signature"
    assert refused(suite(name).verify, public_key, b"m", signature) in {"malformed", "bad_signature"}


@EVERY_SUITE
def test_every_flipped_bit_of_a_signature_is_refused(name):
    signature = KEYS[name].sign(b"m")
    for place in range(64):
        altered = bytearray(signature)
        altered[place] ^= 1 << place % 8
        assert refused(suite(name).verify, KEYS[name].public_key, b"m", bytes(altered)) == "bad_signature"


@EVERY_SUITE
def test_a_key_comes_back_from_its_pem(name):
    assert SigningKey.from_pem(KEYS[name].to_pem()) == KEYS[name]


def test_a_private_key_stays_out_of_repr():
    assert KEYS["sm2-sm3"].private_bytes.hex() not in repr(KEYS["sm2-sm3"])
    assert repr(KEYS["sm2-sm3"].private_bytes) not in repr(KEYS["sm2-sm3"])


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.mark.parametrize(
    "signature",
    [
        bytes(64),
        number(P256_N) + number(1),
        number(1) + number(P256_N),
        number(1) * 2 + b"\x00",
        b"",
        number(0) + number(1),
    ],
)
def test_es256_out_of_range_is_refused(signature):
    assert refused(suite("es256").verify, KEYS["es256"].public_key, b"m", signature) == "bad_signature"


@pytest.mark.parametrize(
    "point",
    [b"", bytes(65), b"\x04" + bytes(64), b"\x04" + number(P256_P) + number(1), KEYS["sm2-sm3"].public_key],
)
def test_a_p256_key_off_the_curve_is_refused(point):
    assert refused(suite("es256").verify, point, b"m", bytes(64)) == "malformed"


def test_ecdsa_has_a_second_spelling_that_also_verifies():
    signature = KEYS["es256"].sign(b"m")
    other = signature[:32] + number(P256_N - int.from_bytes(signature[32:], "big"))
    suite("es256").verify(KEYS["es256"].public_key, b"m", other)


SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_an_ed25519_key_of_small_order_is_refused(point):
    assert refused(suite("eddsa").verify, bytes.fromhex(point), b"m", bytes(64)) == "malformed"


@pytest.mark.parametrize("y", [ED25519_P, ED25519_P + 1, 2, 7])
def test_an_ed25519_key_that_is_no_point_is_refused(y):
    assert refused(suite("eddsa").verify, y.to_bytes(32, "little"), b"m", bytes(64)) == "malformed"


def test_ed25519_s_is_below_the_group_order():
    signature = KEYS["eddsa"].sign(b"m")
    raised = signature[:32] + (int.from_bytes(signature[32:], "little") + ED25519_L).to_bytes(32, "little")
    assert refused(suite("eddsa").verify, KEYS["eddsa"].public_key, b"m", raised) == "bad_signature"


def test_ed25519_is_the_one_of_rfc_8032():
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    suite("eddsa").verify(public, b"\x72", signature)


def pem_of(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_pem_of_another_kind_is_refused():
    good = KEYS["sm2-sm3"].to_pem()
    for wrong in (
        b"",
        b"-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        good.replace(b"PRIVATE", b"PUBLIC"),
        good[:-60],
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(rsa.generate_private_key(65537, 2048)),
    ):
        assert refused(SigningKey.from_pem, wrong) == "malformed"


def test_a_pem_whose_two_keys_do_not_belong_together_is_refused():
    mixed = SigningKey("sm2-sm3", SigningKey.generate("sm2-sm3").public_key, KEYS["sm2-sm3"].private_bytes)
    assert refused(SigningKey.from_pem, mixed.to_pem()) == "malformed"


@EVERY_SUITE
@pytest.mark.engine("openssl")
def test_openssl_reads_our_keys(name, tmp_path):
    (tmp_path / "key.pem").write_bytes(KEYS[name].to_pem())
    shown = openssl("pkey", "-in", str(tmp_path / "key.pem"), "-noout", "-text_pub").decode()
    printed = "".join(character for character in shown.lower() if character in "0123456789abcdef")
    assert KEYS[name].public_key.hex() in printed


@pytest.mark.engine("openssl")
def test_we_read_the_sm2_key_that_openssl_makes(tmp_path):
    path = str(tmp_path / "key.pem")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", path)
    key = SigningKey.from_pem((tmp_path / "key.pem").read_bytes())
    assert key.suite == "sm2-sm3"
    assert key.to_pem() == (tmp_path / "key.pem").read_bytes()


@pytest.mark.engine("openssl")
def test_openssl_verifies_what_we_sign_and_we_verify_what_it_signs(tmp_path):
    key = KEYS["sm2-sm3"]
    files = {name: str(tmp_path / name) for name in ("key.pem", "public.pem", "message", "ours.der", "its.der")}
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "message").write_bytes(b"a signed reading")
    (tmp_path / "ours.der").write_bytes(der_signature(key.sign(b"a signed reading")))
    openssl("pkey", "-in", files["key.pem"], "-pubout", "-out", files["public.pem"])
    raw = ["-rawin", "-digest", "sm3", "-pkeyopt", SM2_ID, "-in", files["message"]]
    public = ["-pubin", "-inkey", files["public.pem"]]
    openssl("pkeyutl", "-verify", *public, *raw, "-sigfile", files["ours.der"])
    openssl("pkeyutl", "-sign", "-inkey", files["key.pem"], *raw, "-out", files["its.der"])
    its = raw_signature((tmp_path / "its.der").read_bytes())
    suite("sm2-sm3").verify(key.public_key, b"a signed reading", its)


@pytest.mark.engine("openssl")
def test_the_digest_command_of_openssl_verifies_too(tmp_path):
    key = KEYS["sm2-sm3"]
    files = {name: str(tmp_path / name) for name in ("key.pem", "public.pem", "message", "ours.der")}
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "message").write_bytes(b"a signed reading")
    (tmp_path / "ours.der").write_bytes(der_signature(key.sign(b"a signed reading")))
    openssl("pkey", "-in", files["key.pem"], "-pubout", "-out", files["public.pem"])
    given_id = ["-sigopt", SM2_ID, "-signature", files["ours.der"]]
    said = openssl("dgst", "-sm3", "-verify", files["public.pem"], *given_id, files["message"])
    assert b"Verified OK" in said
