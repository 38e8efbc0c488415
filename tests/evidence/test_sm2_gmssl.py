"""The portable provider, hardened around the defects that its library has."""

import random

import pytest
from Cryptodome.Util.asn1 import DerInteger, DerOctetString, DerSequence

from wuxin_evidence.crypto import sm2
from wuxin_evidence.crypto.sm2_gmssl import GmsslProvider
from wuxin_evidence.errors import EvidenceError

PROVIDER = GmsslProvider()
KEY, POINT = sm2.VECTOR_PRIVATE_KEY, sm2.VECTOR_PUBLIC_KEY


def ciphertext(x: int, y: int, c3: bytes, c2: bytes) -> bytes:
    return DerSequence([DerInteger(x), DerInteger(y), DerOctetString(c3), DerOctetString(c2)]).encode()


def test_a_seeded_generator_does_not_determine_the_nonce():
    random.seed(1)
    first = PROVIDER.sign(KEY, b"m")
    random.seed(1)
    assert PROVIDER.sign(KEY, b"m") != first


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\x04" + bytes(96),
        ciphertext(1, 1, bytes(32), b"k"),
        ciphertext(sm2.P, 0, bytes(32), b"k"),
        ciphertext(int.from_bytes(POINT[1:33], "big"), int.from_bytes(POINT[33:], "big"), bytes(31), b"k"),
        ciphertext(int.from_bytes(POINT[1:33], "big"), int.from_bytes(POINT[33:], "big"), bytes(32), b"k"),
        DerSequence([1, 2, 3, 4]).encode(),
        DerSequence([1, 2]).encode(),
    ],
)
def test_a_ciphertext_off_the_curve_or_with_another_c3_is_refused(wrong):
    with pytest.raises(EvidenceError) as refusal:
        PROVIDER.decrypt(KEY, wrong)
    assert refusal.value.code == "malformed"


def test_a_sum_at_infinity_is_no_valid_signature():
    # with the key G itself, s*G + (r+s)*G is the point at infinity when 2s + r = 0 mod n
    point = PROVIDER.public_key((1).to_bytes(32, "big"))
    s = 7
    signature = ((-2 * s) % sm2.N).to_bytes(32, "big") + s.to_bytes(32, "big")
    sm2.check_signature(signature)
    assert PROVIDER.verify(point, b"m", signature) is False
