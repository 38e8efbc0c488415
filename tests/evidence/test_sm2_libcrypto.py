"""The libcrypto provider frees what it makes: resident memory does not grow with the number of calls."""

import resource
import sys

import pytest

from wuxin_evidence import sm2
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.sm2_libcrypto import USER_ID, load

KEY, POINT = sm2.VECTOR_PRIVATE_KEY, sm2.VECTOR_PUBLIC_KEY


def peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_thousands_of_operations_leave_no_memory_behind(monkeypatch):
    monkeypatch.setattr("wuxin_evidence.sm2_libcrypto.PUBLIC_KEYS_CACHED", 2)
    monkeypatch.setattr("wuxin_evidence.sm2_libcrypto.PRIVATE_KEYS_CACHED", 2)
    provider = load()
    scalars = [number.to_bytes(32, "big") for number in range(1, 6)]
    points = [provider.public_key(scalar) for scalar in scalars]

    def round_of(times: int) -> None:
        for turn in range(times):
            scalar, point = scalars[turn % 5], points[turn % 5]
            assert provider.verify(point, b"m", provider.sign(scalar, b"m"))
            assert not provider.verify(point, b"other", sm2.VECTOR_SIGNATURE)
            assert provider.decrypt(scalar, provider.encrypt(point, b"k" * 16)) == b"k" * 16
            with pytest.raises(EvidenceError):
                provider.decrypt(scalar, b"\x30\x00")

    round_of(200)
    before = peak_kb()
    round_of(800)
    assert peak_kb() - before < 1024


def test_the_user_id_is_the_default_one():
    assert USER_ID == b"1234567812345678"


def test_a_message_may_hold_any_bytes():
    provider = load()
    for message in (b"", b"\x00", b"a\x00b", bytes(70_000)):
        assert provider.verify(POINT, message, provider.sign(KEY, message))
    assert not provider.verify(POINT, b"a\x00c", provider.sign(KEY, b"a\x00b"))


def test_a_ciphertext_that_is_no_asn1_is_refused():
    with pytest.raises(EvidenceError) as refusal:
        load().decrypt(KEY, b"not a ciphertext")
    assert refusal.value.code in {"malformed", "unavailable"}
