import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.crypto.suites import SigningKey, suite
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Checkpoint, Verifier, open_checkpoint, sign_checkpoint

KEYS = {name: SigningKey.generate(name) for name in ("sm2-sm3", "es256", "eddsa")}
POINT = Checkpoint("wuxin/bank/packs", 1234, bytes(range(32)))
BANK = Verifier("bank", "sm2-sm3", KEYS["sm2-sm3"].public_key)
NOTE = sign_checkpoint(POINT, "bank", KEYS["sm2-sm3"])


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


def signature_line(note: bytes) -> bytes:
    return note.rpartition(b"\n\n")[2]


def test_the_text_is_origin_size_and_root():
    root = base64.b64encode(POINT.root).decode()
    assert POINT.text() == f"wuxin/bank/packs\n1234\n{root}\n"
    assert NOTE.decode().startswith(POINT.text() + "\n— bank ")


@pytest.mark.parametrize("name", KEYS)
def test_a_signed_checkpoint_opens(name):
    note = sign_checkpoint(POINT, "bank", KEYS[name])
    assert open_checkpoint(note, [Verifier("bank", name, KEYS[name].public_key)]) == POINT


def test_an_ed25519_key_id_and_signature_are_those_of_the_go_notes():
    raw = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    line = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    verifier = Verifier("PeterNeumann", "eddsa", raw[1:])
    assert raw[0] == 1
    assert verifier.key_id().hex() == "c74f20a3"
    assert line[:4] == verifier.key_id()
    suite("eddsa").verify(verifier.public_key, text, line[4:])


def test_key_ids_differ_by_name_suite_and_key():
    public = KEYS["es256"].public_key
    ids = {Verifier(name, each, public).key_id() for name in ("a", "b") for each in ("sm2-sm3", "es256", "eddsa")}
    assert len(ids) == 6


def test_several_members_sign_one_note():
    other = sign_checkpoint(POINT, "insurer", KEYS["eddsa"])
    both = NOTE + signature_line(other)
    insurer = Verifier("insurer", "eddsa", KEYS["eddsa"].public_key)
    assert open_checkpoint(both, [BANK, insurer]) == open_checkpoint(both, [insurer]) == POINT


def test_an_unknown_signer_alone_is_not_enough():
    stranger = Verifier("stranger", "sm2-sm3", KEYS["sm2-sm3"].public_key)
    assert refused(open_checkpoint, NOTE, [stranger]) == "bad_signature"
    assert refused(open_checkpoint, NOTE, []) == "bad_signature"


def test_a_wrong_signature_of_a_known_signer_is_refused_beside_a_good_one():
    other = sign_checkpoint(Checkpoint("wuxin/bank/packs", 1235, bytes(32)), "insurer", KEYS["eddsa"])
    insurer = Verifier("insurer", "eddsa", KEYS["eddsa"].public_key)
    assert refused(open_checkpoint, NOTE + signature_line(other), [BANK, insurer]) == "bad_signature"


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_changed_byte_leaves_a_valid_note(place, change):
    altered = bytearray(NOTE)
    altered[place] ^= change
    assert refused(open_checkpoint, bytes(altered), [BANK]) in {"malformed", "bad_signature"}


def signed(text: str) -> bytes:
    key = KEYS["sm2-sm3"]
    line = base64.b64encode(BANK.key_id() + key.sign(text.encode())).decode()
    return f"{text}\n— bank {line}\n".encode()


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"o\n-1\n{ROOT}\n",
        f"o\n01\n{ROOT}\n",
        f"o\n٣\n{ROOT}\n",
        f"o\n99999999999999999999\n{ROOT}\n",
        f"o\n9999999999999999999\n{ROOT}\n",
        f"o\n1\n{ROOT[:-4]}\n",
        f"o\n1\n{ROOT[:-2]}B=\n",
        f"o p\n1\n{ROOT}\n",
        f"\n1\n{ROOT}\n",
        f"o\n1\n{ROOT}\nextension\n",
        "o\n1\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text):
    assert refused(open_checkpoint, signed(text), [BANK]) == "malformed"


@pytest.mark.parametrize(
    "note", [b"", b"\xff", POINT.text().encode(), NOTE[:-1], NOTE + b"\n", NOTE + b"- bank AAAA\n"]
)
def test_a_note_of_another_shape_is_refused(note):
    assert refused(open_checkpoint, note, [BANK]) == "malformed"


def test_a_note_is_bounded():
    assert refused(open_checkpoint, b"x" * (64 * 1024 + 1), [BANK]) == "too_large"
    assert refused(open_checkpoint, NOTE + b"\xe2\x80\x94 b AAAA\n" * 64, [BANK]) == "too_large"


@pytest.mark.parametrize(
    "wrong", [("a b", 1, bytes(32)), ("a", -1, bytes(32)), ("a", 1, bytes(31)), ("", 1, bytes(32))]
)
def test_a_checkpoint_of_wrong_fields_is_refused(wrong):
    assert refused(Checkpoint, *wrong) == "malformed"


def test_a_signers_name_has_no_spaces():
    assert refused(sign_checkpoint, POINT, "the bank", KEYS["eddsa"]) == "malformed"


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    assert refused(open_checkpoint, raw, [BANK]) in {"malformed", "bad_signature"}
