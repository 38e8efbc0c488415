"""The libcrypto provider frees what it makes, also when an operation fails."""

import ctypes
import gc
import os
from collections import Counter

import pytest

from wuxin_evidence.crypto import sm2
from wuxin_evidence.crypto.sm2_libcrypto import USER_ID, LibcryptoProvider, ProviderUnavailable, load
from wuxin_evidence.errors import EvidenceError

try:
    LOADED = load()
except ProviderUnavailable:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("no OpenSSL 3 on this machine; enable with: apt-get install libssl3", allow_module_level=True)

KEY, POINT = sm2.VECTOR_PRIVATE_KEY, sm2.VECTOR_PUBLIC_KEY

FREED_BY = {
    "d2i_PUBKEY": "EVP_PKEY_free",
    "d2i_AutoPrivateKey": "EVP_PKEY_free",
    "EVP_PKEY_CTX_new": "EVP_PKEY_CTX_free",
    "EVP_MD_CTX_new": "EVP_MD_CTX_free",
    "EC_GROUP_new_by_curve_name": "EC_GROUP_free",
    "EC_POINT_new": "EC_POINT_free",
    "BN_bin2bn": "BN_clear_free",
}


class Counted:
    """libcrypto with a count of living objects by the function that must free them, and calls that can be failed."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.made: Counter[str] = Counter()
        self.living: Counter[str] = Counter()
        self.failing: str | None = None

    def __getattr__(self, name: str):
        call = getattr(self.library, name)
        if name == self.failing:
            return lambda *arguments: 0
        if name in FREED_BY:
            return lambda *arguments: self.count(FREED_BY[name], call(*arguments))
        if name in FREED_BY.values():
            return lambda pointer: self.release(name, call, pointer)
        return call

    def count(self, freed_by: str, pointer: int | None) -> int | None:
        self.made[freed_by] += bool(pointer)
        self.living[freed_by] += bool(pointer)
        return pointer

    def release(self, name: str, call, pointer: int | None) -> None:
        self.living[name] -= bool(pointer)
        call(pointer)


def every_operation(provider: LibcryptoProvider) -> None:
    """Each operation once well and, where it can be, once badly, with more keys than the caches hold."""
    for number in range(1, 6):
        scalar = number.to_bytes(32, "big")
        point = provider.public_key(scalar)
        assert provider.verify(point, b"m", provider.sign(scalar, b"m"))
        assert not provider.verify(point, b"m", sm2.VECTOR_SIGNATURE)
        assert provider.decrypt(scalar, provider.encrypt(point, b"k" * 16)) == b"k" * 16
        with pytest.raises(EvidenceError):
            provider.decrypt(scalar, b"\x30\x00")


def code_of_failure(provider: LibcryptoProvider) -> str:
    with pytest.raises(EvidenceError) as refusal:
        every_operation(provider)
    return refusal.value.code


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr("wuxin_evidence.crypto.sm2_libcrypto.PUBLIC_KEYS_CACHED", 2)
    monkeypatch.setattr("wuxin_evidence.crypto.sm2_libcrypto.PRIVATE_KEYS_CACHED", 2)
    return Counted(LOADED._c)


def test_nothing_but_the_cached_keys_outlives_an_operation(counted):
    provider = LibcryptoProvider(counted)
    every_operation(provider)
    assert set(counted.made) == set(FREED_BY.values())
    assert {name: count for name, count in counted.living.items() if count} == {"EVP_PKEY_free": 4}
    provider._public.cache_clear()
    provider._private.cache_clear()
    assert not any(counted.living.values())


@pytest.mark.parametrize(
    "failing",
    [
        "EC_GROUP_new_by_curve_name",
        "EC_POINT_new",
        "EC_POINT_mul",
        "EC_POINT_point2oct",
        "BN_bin2bn",
        "d2i_PUBKEY",
        "d2i_AutoPrivateKey",
        "EVP_MD_CTX_new",
        "EVP_PKEY_CTX_new",
        "EVP_PKEY_CTX_set1_id",
        "EVP_DigestSignInit",
        "EVP_DigestSign",
        "EVP_DigestVerifyInit",
        "EVP_PKEY_encrypt_init",
        "EVP_PKEY_encrypt",
        "EVP_PKEY_decrypt_init",
        "EVP_PKEY_decrypt",
    ],
)
def test_a_failing_call_is_a_named_refusal_and_leaves_nothing_behind(counted, failing):
    counted.failing = failing
    provider = LibcryptoProvider(counted)
    assert code_of_failure(provider) in {"unavailable", "malformed"}
    gc.collect()  # the refusal's traceback holds the key that was in use
    provider._public.cache_clear()
    provider._private.cache_clear()
    assert not any(counted.living.values())


def test_the_user_id_is_the_default_one():
    assert USER_ID == b"1234567812345678"


def test_a_message_may_hold_any_bytes():
    for message in (b"", b"\x00", b"a\x00b", bytes(70_000)):
        assert LOADED.verify(POINT, message, LOADED.sign(KEY, message))
    assert not LOADED.verify(POINT, b"a\x00c", LOADED.sign(KEY, b"a\x00b"))


def test_a_ciphertext_that_is_no_asn1_is_refused():
    with pytest.raises(EvidenceError) as refusal:
        LOADED.decrypt(KEY, b"not a ciphertext")
    assert refusal.value.code == "malformed"
