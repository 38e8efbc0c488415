import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wuxin_evidence.crypto import sm2
from wuxin_evidence.crypto.sealing import BODY_BYTES_MAX, open_sealed, seal
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError

BANK, INSURER = SigningKey.generate("sm2-sm3"), SigningKey.generate("sm2-sm3")
READERS = {"bank": BANK.public_key, "insurer": INSURER.public_key}
SEALED = seal(b"terms", READERS, b"pledge/p-1")


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


@given(st.binary(max_size=2000), st.binary(max_size=40))
@settings(max_examples=20, deadline=None)
def test_every_recipient_reads_the_body(body, context):
    sealed = seal(body, READERS, context)
    assert open_sealed(sealed, "bank", BANK, context) == open_sealed(sealed, "insurer", INSURER, context) == body


def test_no_one_else_reads_it():
    stranger = SigningKey.generate("sm2-sm3")
    assert refused(open_sealed, SEALED, "regulator", stranger, b"pledge/p-1") == "forbidden"
    assert refused(open_sealed, SEALED, "bank", stranger, b"pledge/p-1") == "malformed"
    assert refused(open_sealed, SEALED, "bank", SigningKey.generate("es256"), b"pledge/p-1") == "malformed"


def test_a_body_opens_only_where_it_belongs():
    assert refused(open_sealed, SEALED, "bank", BANK, b"pledge/p-2") == "malformed"


def test_a_reader_cannot_be_taken_away_or_added():
    version, nonce, wrapped, ciphertext = cbor.decode(SEALED)
    fewer = cbor.encode([version, nonce, {"bank": wrapped["bank"]}, ciphertext])
    more = cbor.encode([version, nonce, {**wrapped, "thief": wrapped["bank"]}, ciphertext])
    assert refused(open_sealed, fewer, "bank", BANK, b"pledge/p-1") == "malformed"
    assert refused(open_sealed, more, "bank", BANK, b"pledge/p-1") == "malformed"


def test_no_changed_byte_opens():
    for place in range(len(SEALED)):
        altered = bytearray(SEALED)
        altered[place] ^= 1
        assert refused(open_sealed, bytes(altered), "bank", BANK, b"pledge/p-1") in {"malformed", "forbidden"}


def test_the_portable_provider_seals_and_opens_the_same(monkeypatch):
    monkeypatch.setattr(sm2, "libcrypto", lambda: None)
    assert open_sealed(SEALED, "bank", BANK, b"pledge/p-1") == b"terms"
    portable = seal(b"terms", READERS, b"pledge/p-1")
    monkeypatch.undo()
    assert open_sealed(portable, "insurer", INSURER, b"pledge/p-1") == b"terms"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80",
        cbor.encode([2, bytes(12), {"bank": b""}, bytes(16)]),
        cbor.encode([1, bytes(11), {"bank": b""}, bytes(16)]),
    ]
    + [cbor.encode([1, bytes(12), readers, bytes(16)]) for readers in ({}, [], {"BANK": b""}, {"bank": "x"}, {1: b""})]
    + [
        cbor.encode([1, bytes(12), {"bank": b""}, bytes(15)]),
        cbor.encode([1, bytes(12), {"bank": bytes(257)}, bytes(16)]),
    ],
)
def test_a_seal_of_another_shape_is_refused(raw):
    assert refused(open_sealed, raw, "bank", BANK, b"") == "malformed"


def test_recipients_and_body_are_bounded():
    assert refused(seal, b"", {}, b"") == "malformed"
    assert refused(seal, b"", {"BANK": BANK.public_key}, b"") == "malformed"
    assert refused(seal, b"", {"bank": b"\x04" + bytes(64)}, b"") == "malformed"
    assert refused(seal, b"", {f"bank-{number}": BANK.public_key for number in range(65)}, b"") == "malformed"
    assert refused(seal, bytes(BODY_BYTES_MAX + 1), READERS, b"") == "too_large"


@pytest.mark.engine("openssl")
@pytest.mark.parametrize("provider", ["libcrypto", "gmssl"])
def test_openssl_unwraps_the_key(provider, tmp_path, monkeypatch):
    chosen = getattr(sm2, provider)()
    if chosen is None:
        pytest.skip(f"{provider} did not prove itself on this machine")
    monkeypatch.setattr(sm2, "provider", lambda: chosen)
    wrapped = cbor.decode(seal(b"terms", READERS, b""))[2]["bank"]
    (tmp_path / "key.pem").write_bytes(BANK.to_pem())
    (tmp_path / "wrapped").write_bytes(wrapped)
    command = ["openssl", "pkeyutl", "-decrypt", "-inkey", tmp_path / "key.pem", "-in", tmp_path / "wrapped"]
    key = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    assert len(key) == 16
    assert key == chosen.decrypt(BANK.private_bytes, wrapped)
