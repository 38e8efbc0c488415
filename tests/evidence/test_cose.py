import hashlib
from dataclasses import replace
from decimal import Decimal

import pytest
from cbor2 import CBORTag
from hypothesis import given, settings
from hypothesis import strategies as st

from wuxin_evidence.crypto.suites import P256_N, SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs import pack as cose
from wuxin_evidence.packs.senml import Reading, encode_readings

CONSORTIUM = bytes(range(32))
KEY = SigningKey.generate("sm2-sm3")
READINGS = [Reading("mass_kg", Decimal("12.5"), "kg", 1_641_118_398_123)]
ENVELOPE = cose.sign_pack(KEY, CONSORTIUM, "scale-16", 3, 41, READINGS)
PACK = cose.parse_pack(ENVELOPE, CONSORTIUM)
HEADER = {1: -65537, 3: 112, 4: b"scale-16", "boot": 3, "seq": 41}


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


def envelope(header=HEADER, unprotected=None, payload=PACK.payload, signature=PACK.signature, tag=18) -> bytes:
    protected = header if isinstance(header, bytes) else cbor.encode(header)
    return cbor.encode(CBORTag(tag, [protected, unprotected or {}, payload, signature]))


def parse(raw: bytes) -> cose.Pack:
    return cose.parse_pack(raw, CONSORTIUM)


@pytest.mark.parametrize("name", ["sm2-sm3", "es256", "eddsa"])
def test_a_signed_pack_is_read_and_verified(name):
    key = SigningKey.generate(name)
    pack = parse(cose.sign_pack(key, CONSORTIUM, "scale-16", 3, 41, READINGS))
    cose.verify_pack(pack, CONSORTIUM, key.public_key, name)
    assert (pack.device_id, pack.boot, pack.seq, list(pack.readings)) == ("scale-16", 3, 41, READINGS)


def test_the_protected_header_is_exactly_what_the_format_says():
    assert cbor.decode(cose.parse1(ENVELOPE).protected_bytes) == HEADER
    assert envelope() == ENVELOPE


def test_the_signed_bytes_are_the_sig_structure_of_rfc_9052():
    aad = b"wuxin/1/" + CONSORTIUM.hex().encode() + b"/scale-16"
    assert PACK.sig_structure == cbor.encode(["Signature1", cbor.encode(HEADER), aad, encode_readings(READINGS)])
    assert PACK.digest == hashlib.sha256(PACK.sig_structure).digest()


def test_the_topic_is_that_of_the_device():
    assert cose.topic(CONSORTIUM, "scale-16") == f"wuxin/1/{CONSORTIUM.hex()}/scale-16/packs"
    cose.check_topic(PACK, CONSORTIUM, cose.topic(CONSORTIUM, "scale-16"))
    assert refused(cose.check_topic, PACK, CONSORTIUM, cose.topic(CONSORTIUM, "scale-17")) == "wrong_aad"
    assert refused(cose.check_topic, PACK, bytes(32), cose.topic(CONSORTIUM, "scale-16")) == "wrong_aad"


def test_a_pack_signed_again_is_the_same_pack():
    again = parse(cose.sign_pack(KEY, CONSORTIUM, "scale-16", 3, 41, READINGS))
    assert again.signature != PACK.signature
    assert again.digest == PACK.digest


def test_the_other_half_of_an_ecdsa_signature_is_the_same_pack():
    key = SigningKey.generate("es256")
    pack = parse(cose.sign_pack(key, CONSORTIUM, "scale-16", 3, 41, READINGS))
    s = P256_N - int.from_bytes(pack.signature[32:], "big")
    other = parse(envelope({**HEADER, 1: -7}, signature=pack.signature[:32] + s.to_bytes(32, "big")))
    cose.verify_pack(other, CONSORTIUM, key.public_key, "es256")
    assert other.digest == pack.digest


@pytest.mark.parametrize("change", [{"boot": 4}, {"seq": 42}, {4: b"scale-17"}])
def test_a_changed_header_breaks_the_signature(change):
    pack = parse(envelope({**HEADER, **change}))
    assert refused(cose.verify_pack, pack, CONSORTIUM, KEY.public_key, "sm2-sm3") == "bad_signature"
    assert pack.digest != PACK.digest


def test_a_pack_does_not_move_to_another_consortium():
    moved = cose.parse_pack(ENVELOPE, bytes(32))
    assert refused(cose.verify_pack, moved, bytes(32), KEY.public_key, "sm2-sm3") == "bad_signature"
    assert refused(cose.verify_pack, moved, CONSORTIUM, KEY.public_key, "sm2-sm3") == "wrong_aad"


def test_a_pack_is_not_verified_under_another_suite_than_enrolled():
    other = SigningKey.generate("es256")
    assert refused(cose.verify_pack, PACK, CONSORTIUM, other.public_key, "es256") == "bad_signature"
    named = parse(envelope({**HEADER, 1: -7}))
    assert refused(cose.verify_pack, named, CONSORTIUM, KEY.public_key, "sm2-sm3") == "bad_signature"


def test_a_pack_whose_fields_were_replaced_in_memory_does_not_verify():
    forged = replace(PACK, sig_structure=PACK.sig_structure[:-1] + b"\x00")
    assert refused(cose.verify_pack, forged, CONSORTIUM, KEY.public_key, "sm2-sm3") == "wrong_aad"


WITHOUT = {name: {key: value for key, value in HEADER.items() if key != name} for name in HEADER}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        ENVELOPE + b"\x00",
        ENVELOPE[:-1],
        cbor.encode([b"", {}, b"", bytes(64)]),
        envelope(tag=98),
        cbor.encode(CBORTag(18, [b"", {}, b""])),
        cbor.encode(CBORTag(18, {})),
        cbor.encode(CBORTag(18, [cbor.encode(HEADER), {}, None, bytes(64)])),
        cbor.encode(CBORTag(18, [HEADER, {}, b"", bytes(64)])),
        cbor.encode(CBORTag(18, [cbor.encode(HEADER), [], b"", bytes(64)])),
        envelope(unprotected={4: b"scale-17"}),
        envelope(b""),
        envelope(b"\xa0"),
        envelope([]),
        *(envelope(header) for header in WITHOUT.values()),
        envelope({**HEADER, 5: b"iv"}),
        envelope({**HEADER, 1: -257}),
        envelope({**HEADER, 1: "ES256"}),
        envelope({**HEADER, 3: 110}),
        envelope({**HEADER, 3: 112.0}),
        envelope({**HEADER, 4: "scale-16"}),
        envelope({**HEADER, 4: b"\xff"}),
        envelope({**HEADER, 4: b""}),
        envelope({**HEADER, 4: b"a/b"}),
        envelope({**HEADER, 4: b"+"}),
        envelope({**HEADER, 4: b"x" * 65}),
        envelope({**HEADER, "boot": -1}),
        envelope({**HEADER, "seq": 2**64}),
        envelope({**HEADER, "seq": True}),
        envelope({**HEADER, "seq": 1.0}),
        envelope(bytes.fromhex("a5013a00010000031870044873636c2d31362d3164626f6f7403637365711829")),
    ],
)
def test_an_envelope_of_another_shape_is_refused(raw):
    assert refused(parse, raw) == "malformed"


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65)])
def test_a_signature_of_another_length_is_refused(signature):
    assert refused(parse, envelope(signature=signature)) == "bad_signature"


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64])
def test_a_zero_or_huge_signature_is_refused(signature):
    pack = parse(envelope(signature=signature))
    assert refused(cose.verify_pack, pack, CONSORTIUM, KEY.public_key, "sm2-sm3") == "bad_signature"


def test_two_mebibytes_are_refused():
    assert refused(parse, bytes(2 * 1024 * 1024)) == "too_large"


def test_readings_are_decoded_when_asked_and_refused_then():
    pack = parse(envelope(payload=cbor.encode([{0: "m", 2: 1}])))
    with pytest.raises(EvidenceError) as refusal:
        _ = pack.readings
    assert refusal.value.code == "malformed"


@pytest.mark.parametrize(("boot", "seq"), [(-1, 0), (0, -1), (2**64, 0), (0, 2**64), (True, 0)])
def test_boot_and_seq_are_uint64(boot, seq):
    assert refused(cose.sign_pack, KEY, CONSORTIUM, "d", boot, seq, READINGS) == "malformed"


def test_a_pack_carries_the_largest_numbers():
    pack = parse(cose.sign_pack(KEY, CONSORTIUM, "d", 2**64 - 1, 2**64 - 1, READINGS))
    assert (pack.boot, pack.seq) == (2**64 - 1, 2**64 - 1)


@pytest.mark.parametrize("consortium", [b"", bytes(31), bytes(33)])
def test_a_consortium_id_is_32_bytes(consortium):
    assert refused(cose.topic, consortium, "d") == "malformed"
    assert refused(cose.parse_pack, ENVELOPE, consortium) == "malformed"


def test_a_note_between_members_uses_the_same_envelope():
    note = cose.sign1(KEY, {4: b"bank"}, b"payload", b"topic")
    assert cose.verify1(note, b"topic", KEY.public_key, "sm2-sm3").payload == b"payload"
    assert refused(cose.verify1, note, b"other", KEY.public_key, "sm2-sm3") == "bad_signature"
    assert refused(cose.verify1, ENVELOPE, b"topic", KEY.public_key, "sm2-sm3") == "bad_signature"


@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_no_changed_byte_leaves_a_valid_pack(place, change):
    altered = bytearray(ENVELOPE)
    altered[place] ^= change
    try:
        cose.verify_pack(parse(bytes(altered)), CONSORTIUM, KEY.public_key, "sm2-sm3")
    except EvidenceError as error:
        assert error.code in {"malformed", "bad_signature", "too_large"}
    else:
        pytest.fail("a changed pack verified")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**66), 2**66) | st.binary(max_size=70) | st.text("ab", max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-5, 5) | st.text("bo", max_size=4), inner),
    max_leaves=10,
)


@given(
    st.lists(ANYTHING, max_size=5) | st.tuples(st.binary(max_size=40), st.just({}), st.binary(), st.binary()).map(list)
)
def test_no_structure_raises_anything_but_a_refusal(parts):
    assert refused(parse, cbor.encode(CBORTag(18, parts))) in {"malformed", "bad_signature"}


@given(st.binary(max_size=120))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    assert refused(parse, raw) in {"malformed", "bad_signature"}
