import json
from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from wuxin_evidence import attestation as a
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import indicator_id, keccak256, subject

BYTES32 = st.binary(min_size=32, max_size=32)
UINT64, UINT32 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)
INDICATORS = st.lists(
    st.builds(a.Indicator, BYTES32, st.integers(-(2**127), 2**127 - 1), st.integers(0, 10_000), st.integers(0, 2)),
    max_size=5,
    unique_by=lambda indicator: indicator.id,
).map(lambda listed: tuple(sorted(listed, key=lambda indicator: indicator.id)))
WINDOWS = st.tuples(UINT64, UINT64).map(sorted)
ATTESTATIONS = st.builds(
    lambda window, **fields: a.Attestation(window_start=window[0], window_end=window[1], **fields),
    window=WINDOWS,
    consortium_id=BYTES32,
    epoch=UINT64,
    subject=BYTES32,
    kind=st.integers(0, 3),
    sequence=UINT64,
    profile=BYTES32,
    pack_root=BYTES32,
    pack_count=UINT32,
    late_count=UINT32,
    indicators=INDICATORS,
)
QUANTITY = a.Indicator(indicator_id("quantity_g"), 41_000_000, 10_000, a.OK)
ONE = a.Attestation(
    consortium_id=bytes(range(32)),
    epoch=1,
    subject=subject("slot", "91310000X/A-1"),
    kind=a.SCHEDULED,
    sequence=a.sequence_of(a.window_index(1_641_118_398, 900, 28800), a.SCHEDULED_N),
    window_start=1_641_117_600,
    window_end=1_641_118_500,
    profile=bytes(32),
    pack_root=bytes(32),
    pack_count=3,
    late_count=0,
    indicators=(QUANTITY,),
)
NAMES = ("bank", "insurer", "inspector")
SM2_KEYS = {name: SigningKey.generate("sm2-sm3") for name in NAMES}
EVM_KEYS = {name: EvmKey.generate() for name in NAMES}
MEMBERS = tuple(a.CommitteeMember(name, SM2_KEYS[name].public_key, EVM_KEYS[name].address) for name in NAMES)
COMMITTEE = a.Committee(1, 2, MEMBERS, 0)
DIGEST = ONE.digest()
NOBODY: frozenset[str] = frozenset()


def signature(name: str, digest: bytes = DIGEST) -> a.MemberSignature:
    return a.MemberSignature(name, SM2_KEYS[name].sign(digest), EVM_KEYS[name].sign_digest(digest))


BANK, INSURER, INSPECTOR = map(signature, NAMES)


def refused(call, *arguments, **named) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments, **named)
    return refusal.value.code


def typed_data(one: a.Attestation) -> dict:
    """The statement as wallets and libraries of the EVM world take it."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "salt", "type": "bytes32"},
            ],
            "Attestation": [
                {"name": "consortiumId", "type": "bytes32"},
                {"name": "epoch", "type": "uint64"},
                {"name": "subject", "type": "bytes32"},
                {"name": "kind", "type": "uint8"},
                {"name": "sequence", "type": "uint64"},
                {"name": "windowStart", "type": "uint64"},
                {"name": "windowEnd", "type": "uint64"},
                {"name": "profile", "type": "bytes32"},
                {"name": "packRoot", "type": "bytes32"},
                {"name": "packCount", "type": "uint32"},
                {"name": "lateCount", "type": "uint32"},
                {"name": "indicators", "type": "Indicator[]"},
            ],
            "Indicator": [
                {"name": "id", "type": "bytes32"},
                {"name": "value", "type": "int128"},
                {"name": "qualityBp", "type": "uint16"},
                {"name": "status", "type": "uint8"},
            ],
        },
        "primaryType": "Attestation",
        "domain": {"name": "Wuxin", "version": "1", "salt": one.consortium_id},
        "message": {
            "consortiumId": one.consortium_id,
            "epoch": one.epoch,
            "subject": one.subject,
            "kind": one.kind,
            "sequence": one.sequence,
            "windowStart": one.window_start,
            "windowEnd": one.window_end,
            "profile": one.profile,
            "packRoot": one.pack_root,
            "packCount": one.pack_count,
            "lateCount": one.late_count,
            "indicators": [
                {"id": each.id, "value": each.value, "qualityBp": each.quality_bp, "status": each.status}
                for each in one.indicators
            ],
        },
    }


@given(ATTESTATIONS)
@settings(max_examples=40, deadline=None)
def test_the_digest_is_the_one_that_eip_712_libraries_compute(one):
    signable = encode_typed_data(full_message=typed_data(one))
    assert one.digest() == keccak256(b"\x19" + signable.version + signable.header + signable.body)


def test_a_wallet_signs_the_same_digest():
    signed = Account.sign_typed_data(EVM_KEYS["bank"].private_bytes, full_message=typed_data(ONE))
    assert bytes(signed.message_hash) == DIGEST
    assert bytes(signed.signature) == BANK.secp256k1


@given(ATTESTATIONS)
def test_an_attestation_comes_back_from_cbor_and_json(one):
    assert a.Attestation.from_cbor(one.to_cbor()) == one
    assert a.Attestation.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_a_signed_attestation_comes_back_from_cbor_and_json():
    signed = a.SignedAttestation(ONE, (BANK, a.MemberSignature("insurer", INSURER.sm2)))
    assert a.SignedAttestation.from_cbor(signed.to_cbor()) == signed
    assert a.SignedAttestation.from_json(parse_canonical_json(canonical_json(signed.to_json()))) == signed


def test_a_committee_comes_back_from_json():
    assert a.Committee.from_json(parse_canonical_json(canonical_json(COMMITTEE.to_json()))) == COMMITTEE


@pytest.mark.parametrize("name", [name for name in a.Attestation.__annotations__ if name != "indicators"])
def test_every_field_is_under_the_digest(name):
    value = getattr(ONE, name)
    changed = replace(ONE, **{name: value[:-1] + b"\x77" if isinstance(value, bytes) else value + 1})
    assert changed.digest() != DIGEST


@pytest.mark.parametrize("change", [{"id": bytes(32)}, {"value": -1}, {"quality_bp": 1}, {"status": 2}])
def test_every_field_of_an_indicator_is_under_the_digest(change):
    assert replace(ONE, indicators=(replace(QUANTITY, **change),)).digest() != DIGEST


@pytest.mark.parametrize(
    "change",
    [
        {"consortium_id": bytes(31)},
        {"subject": "slot"},
        {"epoch": -1},
        {"epoch": 2**64},
        {"epoch": True},
        {"kind": 4},
        {"sequence": 1.0},
        {"pack_count": 2**32},
        {"window_end": 0},
        {"indicators": (QUANTITY, QUANTITY)},
        {"indicators": (replace(QUANTITY, id=b"\xff" * 32), QUANTITY)},
    ],
)
def test_an_attestation_made_wrong_is_refused(change):
    assert refused(replace, ONE, **change) == "malformed"


@pytest.mark.parametrize(
    "change",
    [{"id": b""}, {"value": 2**127}, {"value": -(2**127) - 1}, {"value": 1.5}, {"quality_bp": 10_001}, {"status": 3}],
)
def test_an_indicator_made_wrong_is_refused(change):
    assert refused(replace, QUANTITY, **change) == "malformed"


def test_indicators_and_signatures_are_bounded_in_number():
    many = tuple(replace(QUANTITY, id=number.to_bytes(32, "big")) for number in range(a.INDICATORS_MAX + 1))
    assert refused(replace, ONE, indicators=many) == "too_large"
    assert refused(a.SignedAttestation, ONE, (BANK,) * (a.MEMBERS_MAX + 1)) == "too_large"
    assert refused(a.check_quorum, DIGEST, [BANK] * (a.MEMBERS_MAX + 1), COMMITTEE, NOBODY) == "too_large"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["00", "00" * 32, "-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(a.Attestation.__annotations__)), ANYTHING)
def test_json_of_another_shape_is_refused(name, value):
    document = {**ONE.to_json(), name: value}
    try:
        a.Attestation.from_json(document)
    except EvidenceError as error:
        assert error.code == "malformed"


@given(st.sampled_from(range(12)), ANYTHING.filter(lambda value: not isinstance(value, int) or abs(value) < 2**127))
def test_cbor_of_another_shape_is_refused(place, value):
    fields = cbor.decode(ONE.to_cbor())
    fields[place] = value
    try:
        a.Attestation.from_cbor(cbor.encode(fields))
    except EvidenceError as error:
        assert error.code == "malformed"


@given(ANYTHING)
def test_nothing_else_is_read_as_signed_or_as_a_committee(value):
    assert refused(a.SignedAttestation.from_json, value) == "malformed"
    assert refused(a.SignedAttestation.from_json, {"attestation": ONE.to_json(), "signatures": [value]}) == "malformed"
    assert refused(a.Committee.from_json, value) == "malformed"
    assert refused(a.Committee.from_json, {**COMMITTEE.to_json(), "members": value}) == "malformed"
    assert refused(a.SignedAttestation.from_cbor, canonical_json(str(value))) == "malformed"


@pytest.mark.parametrize("hexed", ["0x" + "00" * 31, "AA" * 32, "0" * 63, " " + "00" * 32, 0])
def test_bytes_in_json_have_one_spelling(hexed):
    assert refused(a.Attestation.from_json, {**ONE.to_json(), "subject": hexed}) == "malformed"


@pytest.mark.parametrize("value", [1, "01", "-0", "+1", "1.0", "٣", "", "1" * 40])
def test_a_value_in_json_has_one_spelling(value):
    indicator = {**ONE.to_json()["indicators"][0], "value": value}
    assert refused(a.Attestation.from_json, {**ONE.to_json(), "indicators": [indicator]}) == "malformed"


EACH_SIDE = pytest.mark.parametrize("check", [a.check_quorum, a.check_quorum_evm], ids=["sm2", "secp256k1"])


@EACH_SIDE
def test_k_members_are_a_quorum_and_k_minus_one_are_not(check):
    assert check(DIGEST, [BANK, INSPECTOR], COMMITTEE, NOBODY) == a.QuorumResult(
        2, ("bank", "inspector"), ("insurer",), ()
    )
    result = check(DIGEST, [BANK], COMMITTEE, NOBODY)
    assert not result
    assert result.missing == ("insurer", "inspector")
    assert refused(result.require) == "quorum_not_met"
    check(DIGEST, [BANK, INSURER, INSPECTOR], COMMITTEE, NOBODY).require()


@EACH_SIDE
def test_a_member_counts_once(check):
    result = check(DIGEST, [BANK, signature("bank"), BANK], COMMITTEE, NOBODY)
    assert not result
    assert result.rejected == (("bank", "duplicate_signer"),) * 2


@EACH_SIDE
def test_a_conflicted_member_does_not_count(check):
    result = check(DIGEST, [BANK, INSURER], COMMITTEE, frozenset({"bank"}))
    assert (bool(result), result.signed, result.missing) == (False, ("insurer",), ("inspector",))
    assert result.rejected == (("bank", "conflicted_signer"),)
    assert refused(result.require) == "conflicted_signer"
    assert check(DIGEST, [BANK, INSURER, INSPECTOR], COMMITTEE, frozenset({"bank"}))


@EACH_SIDE
def test_a_stranger_and_a_wrong_signature_do_not_count(check):
    forged = replace(BANK, organisation="insurer")
    other = signature("inspector", bytes(32))
    result = check(DIGEST, [replace(BANK, organisation="warehouse"), forged, other], COMMITTEE, NOBODY)
    assert result.signed == ()
    assert result.rejected == (
        ("warehouse", "not_a_member"),
        ("insurer", "bad_signature"),
        ("inspector", "bad_signature"),
    )
    assert refused(result.require) == "quorum_not_met"


@EACH_SIDE
def test_a_bad_signature_does_not_shadow_a_good_one_of_the_same_member(check):
    assert check(DIGEST, [signature("bank", bytes(32)), BANK, INSURER], COMMITTEE, NOBODY)


def test_signatures_without_secp256k1_do_not_count_for_the_contracts():
    half = a.MemberSignature("bank", BANK.sm2)
    assert a.check_quorum(DIGEST, [half, INSURER], COMMITTEE, NOBODY)
    assert not a.check_quorum_evm(DIGEST, [half, INSURER], COMMITTEE, NOBODY)


@pytest.mark.parametrize(
    "wrong", [("Bank", bytes(64)), ("bank", bytes(63)), ("bank", bytes(64), bytes(64)), (1, bytes(64))]
)
def test_a_member_signature_of_another_shape_is_refused(wrong):
    assert refused(a.MemberSignature, *wrong) in {"malformed", "bad_signature"}


@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_a_threshold_is_more_than_half_and_not_more_than_all(threshold):
    assert refused(a.Committee, 1, threshold, MEMBERS, 0) == "malformed"


@pytest.mark.parametrize(
    "member",
    [
        replace(MEMBERS[0], organisation="insurer"),
        replace(MEMBERS[0], sm2_public_key=MEMBERS[1].sm2_public_key),
        replace(MEMBERS[0], evm_address=MEMBERS[1].evm_address),
    ],
)
def test_two_members_share_no_name_and_no_key(member):
    assert refused(a.Committee, 1, 2, (member, *MEMBERS[1:]), 0) == "malformed"


def test_a_member_has_real_keys():
    assert refused(replace, MEMBERS[0], sm2_public_key=b"\x04" + bytes(64)) == "malformed"
    assert refused(replace, MEMBERS[0], evm_address=bytes(19)) == "malformed"
    assert refused(a.Committee, 1, 0, (), 0) == "malformed"


def test_windows_are_cut_at_the_business_day():
    day_s = 86_400
    midnight_in_beijing_s = 1_641_052_800
    assert (
        a.window_index(midnight_in_beijing_s, day_s, 28_800)
        == a.window_index(midnight_in_beijing_s - 1, day_s, 28_800) + 1
    )
    assert a.window_index(-1, 900, 0) == -1


def test_a_scheduled_attestation_comes_after_the_alarms_of_its_window():
    index = a.window_index(1_641_118_398, 900, 28_800)
    alarm, scheduled = a.sequence_of(index, 1), a.sequence_of(index, a.SCHEDULED_N)
    assert alarm < scheduled < a.sequence_of(index + 1, 1)
    assert scheduled == index * 2**16 + 65535


@pytest.mark.parametrize(("index", "n"), [(-1, 1), (2**48, 1), (1, -1), (1, 65536)])
def test_a_sequence_out_of_range_is_refused(index, n):
    assert refused(a.sequence_of, index, n) == "malformed"


def test_a_window_has_a_length():
    assert refused(a.window_index, 0, 0, 0) == "malformed"
