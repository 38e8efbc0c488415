"""SM2: the checks before any provider, and that the two providers agree with the standard and with each other."""

import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wuxin_evidence.crypto import sm2, sm2_gmssl
from wuxin_evidence.crypto.sm2_libcrypto import ProviderUnavailable, der_signature, load, raw_signature
from wuxin_evidence.errors import EvidenceError

try:
    LIBCRYPTO = load()
except ProviderUnavailable:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("no OpenSSL 3 on this machine; enable with: apt-get install libssl3", allow_module_level=True)
GMSSL = sm2_gmssl.GmsslProvider()
BOTH = pytest.mark.parametrize("provider", [LIBCRYPTO, GMSSL], ids=["libcrypto", "gmssl"])
EACH_WAY = pytest.mark.parametrize(
    ("first", "second"), [(LIBCRYPTO, GMSSL), (GMSSL, LIBCRYPTO)], ids=["libcrypto to gmssl", "gmssl to libcrypto"]
)
KEY, POINT = sm2.VECTOR_PRIVATE_KEY, sm2.VECTOR_PUBLIC_KEY
SCALARS = st.integers(1, sm2.N - 2).map(lambda scalar: scalar.to_bytes(32, "big"))


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


def test_both_providers_prove_themselves_here_and_libcrypto_comes_first():
    assert sm2.providers() == ["libcrypto", "gmssl"]
    assert sm2.provider().name == "libcrypto"


@BOTH
def test_a_provider_reproduces_the_published_vector(provider):
    assert provider.public_key(KEY) == POINT
    assert provider.verify(POINT, sm2.VECTOR_MESSAGE, sm2.VECTOR_SIGNATURE)
    assert not provider.verify(POINT, b"message digesT", sm2.VECTOR_SIGNATURE)


@EACH_WAY
@given(SCALARS, st.binary(max_size=200))
@settings(max_examples=10, deadline=None)
def test_what_one_provider_signs_the_other_verifies(first, second, scalar, message):
    point = first.public_key(scalar)
    assert second.public_key(scalar) == point
    signature = first.sign(scalar, message)
    sm2.check_signature(signature)
    assert second.verify(point, message, signature)
    assert not second.verify(point, message + b".", signature)


@given(st.integers(0, 63), st.integers(1, 255))
@settings(max_examples=15, deadline=None)
def test_both_providers_refuse_the_same_altered_signature(place, change):
    altered = bytearray(sm2.VECTOR_SIGNATURE)
    altered[place] ^= change
    assert not LIBCRYPTO.verify(POINT, sm2.VECTOR_MESSAGE, bytes(altered))
    assert not GMSSL.verify(POINT, sm2.VECTOR_MESSAGE, bytes(altered))


@EACH_WAY
@given(SCALARS, st.binary(min_size=1, max_size=100))
@settings(max_examples=8, deadline=None)
def test_what_one_provider_encrypts_the_other_decrypts(first, second, scalar, plaintext):
    assert second.decrypt(scalar, first.encrypt(first.public_key(scalar), plaintext)) == plaintext


@BOTH
def test_a_ciphertext_with_a_changed_byte_does_not_decrypt(provider):
    ciphertext = LIBCRYPTO.encrypt(POINT, b"sixteen byte key")
    for place in range(len(ciphertext)):
        altered = bytearray(ciphertext)
        altered[place] ^= 1
        assert refused(provider.decrypt, KEY, bytes(altered)) == "malformed"


@BOTH
def test_nothing_is_not_encrypted(provider):
    assert refused(provider.encrypt, POINT, b"") == "malformed"


@EACH_WAY
@pytest.mark.parametrize("scalar", [1, 2, 3, sm2.N - 3, sm2.N - 2])
def test_providers_agree_at_the_edges_of_the_key_range(first, second, scalar):
    key = scalar.to_bytes(32, "big")
    point = first.public_key(key)
    assert second.public_key(key) == point
    assert second.verify(point, b"", first.sign(key, b""))
    inverse, s = pow(scalar, -1, sm2.N), 7
    for t in (-s * inverse % sm2.N, s * inverse % sm2.N):
        # s*G and t*P cancel, or are the same point: where incomplete addition formulas break
        signature = signature_of((t - s) % sm2.N, s)
        assert not first.verify(point, b"m", signature)


@BOTH
def test_a_signature_takes_a_fresh_nonce(provider):
    assert provider.sign(KEY, b"m") != provider.sign(KEY, b"m")


@BOTH
def test_keys_whose_hex_begins_with_04_are_not_mangled(provider):
    scalar = next(
        candidate
        for number in range(1, 5000)
        if (LIBCRYPTO.public_key(candidate := number.to_bytes(32, "big")))[1] == 4
    )
    point = LIBCRYPTO.public_key(scalar)
    assert provider.verify(point, b"m", GMSSL.sign(scalar, b"m"))
    assert provider.verify(point, b"m", LIBCRYPTO.sign(scalar, b"m"))


def signature_of(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        sm2.VECTOR_SIGNATURE[:63],
        sm2.VECTOR_SIGNATURE + b"\x00",
        signature_of(0, 1),
        signature_of(1, 0),
        signature_of(sm2.N, 1),
        signature_of(1, sm2.N),
        signature_of(2**256 - 1, 1),
        signature_of(5, sm2.N - 5),
        der_signature(sm2.VECTOR_SIGNATURE),
    ],
)
def test_a_signature_out_of_range_is_refused_before_any_provider(signature):
    assert refused(sm2.check_signature, signature) == "bad_signature"


@pytest.mark.parametrize(
    "point",
    [
        b"",
        POINT[1:],
        b"\x02" + POINT[1:33],
        b"\x04" + bytes(64),
        POINT[:-1] + bytes([POINT[-1] ^ 1]),
        b"\x04" + sm2.P.to_bytes(32, "big") + POINT[33:],
        POINT[:33] + b"\xff" * 32,
        POINT + b"\x00",
    ],
)
def test_a_key_that_is_no_point_of_the_curve_is_refused(point):
    assert refused(sm2.check_public_key, point) == "malformed"


@pytest.mark.parametrize("scalar", [0, sm2.N - 1, sm2.N, 2**256 - 1])
def test_a_private_key_out_of_range_is_refused(scalar):
    assert refused(sm2.check_private_key, scalar.to_bytes(32, "big")) == "malformed"


@given(st.binary(min_size=64, max_size=64))
def test_der_and_raw_signatures_convert_both_ways(raw):
    assert raw_signature(der_signature(raw)) == raw


@pytest.mark.parametrize("der", ["", "00", "3006020101020101ff", "30060201ff020101", "3003020101"])
def test_der_of_another_shape_is_refused(der):
    assert refused(raw_signature, bytes.fromhex(der)) == "bad_signature"


class Wrong:
    """A provider that is wrong in one way, which the proof must find."""

    name = "wrong"

    def __init__(self, **ways) -> None:
        self.ways = ways

    def __getattr__(self, call):
        return self.ways.get(call) or getattr(LIBCRYPTO, call)


@pytest.mark.parametrize(
    "ways",
    [
        {"verify": lambda public_key, message, signature: True},
        {"verify": lambda public_key, message, signature: False},
        {"public_key": lambda private_key: POINT[::-1]},
        {"sign": lambda private_key, message: sm2.VECTOR_SIGNATURE},
        {"decrypt": lambda private_key, ciphertext: b"another"},
    ],
)
def test_a_provider_that_is_wrong_does_not_prove_itself(ways):
    assert not sm2.prove(Wrong(**ways))


def test_without_a_proven_provider_nothing_is_signed(monkeypatch):
    monkeypatch.setattr(sm2, "libcrypto", lambda: None)
    monkeypatch.setattr(sm2, "gmssl", lambda: None)
    assert sm2.providers() == []
    assert refused(sm2.provider) == "unavailable"


def test_without_openssl_the_portable_provider_does_the_work(monkeypatch):
    def missing():
        raise ProviderUnavailable("no libcrypto of OpenSSL 3")

    monkeypatch.setattr(sm2.sm2_libcrypto, "load", missing)
    sm2.libcrypto.cache_clear()
    try:
        assert sm2.providers() == ["gmssl"]
        assert sm2.provider().name == "gmssl"
    finally:
        sm2.libcrypto.cache_clear()


def test_threads_share_keys_even_when_the_cache_evicts_them(monkeypatch):
    monkeypatch.setattr("wuxin_evidence.crypto.sm2_libcrypto.PUBLIC_KEYS_CACHED", 1)
    provider = load()
    keys = [provider.public_key(number.to_bytes(32, "big")) for number in range(1, 5)]
    signatures = [provider.sign(number.to_bytes(32, "big"), b"m") for number in range(1, 5)]
    results: list[bool] = []

    def work() -> None:
        for _ in range(25):
            results.extend(
                provider.verify(key, b"m", signature) for key, signature in zip(keys, signatures, strict=True)
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 400
