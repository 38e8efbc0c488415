import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from wuxin_evidence.crypto.secp256k1 import ORDER, EvmKey, recover
from wuxin_evidence.errors import EvidenceError

KEY = EvmKey.generate()
DIGEST = bytes(range(32))
SIGNATURE = KEY.sign_digest(DIGEST)


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


@given(st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
@settings(max_examples=30)
def test_the_signer_is_recovered(scalar, digest):
    key = EvmKey.from_bytes(scalar.to_bytes(32, "big"))
    signature = key.sign_digest(digest)
    assert recover(digest, signature) == key.address
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2


def test_address_and_signature_are_those_of_an_ethereum_account():
    account = Account.from_key(KEY.private_bytes)
    assert bytes.fromhex(account.address[2:]) == KEY.address
    assert bytes(account.unsafe_sign_hash(DIGEST).signature) == SIGNATURE


def test_another_digest_gives_another_signer():
    assert recover(bytes(32), SIGNATURE) != KEY.address


def with_parts(r: bytes = SIGNATURE[:32], s: bytes = SIGNATURE[32:64], v: int = SIGNATURE[64]) -> bytes:
    return r + s + bytes([v])


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNATURE[:64],
        SIGNATURE + b"\x00",
        with_parts(v=0),
        with_parts(v=1),
        with_parts(v=29),
        with_parts(s=(ORDER - int.from_bytes(SIGNATURE[32:64], "big")).to_bytes(32, "big"), v=55 - SIGNATURE[64]),
        with_parts(r=bytes(32)),
        with_parts(s=bytes(32)),
        with_parts(r=ORDER.to_bytes(32, "big")),
        with_parts(r=b"\xff" * 32),
        with_parts(r=(5).to_bytes(32, "big")),
    ],
)
def test_anything_but_one_canonical_signature_is_refused(signature):
    assert refused(recover, DIGEST, signature) == "bad_signature"


def test_only_a_digest_of_32_bytes_is_signed():
    assert refused(KEY.sign_digest, b"message") == "malformed"
    assert refused(recover, b"message", SIGNATURE) == "malformed"


@pytest.mark.parametrize("private", [b"", bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 31])
def test_a_private_key_out_of_range_is_refused(private):
    assert refused(EvmKey.from_bytes, private) == "malformed"


def test_a_private_key_stays_out_of_repr():
    assert repr(KEY.private_bytes) not in repr(KEY)
