import hashlib

import pytest

from wuxin_evidence import ids
from wuxin_evidence.errors import EvidenceError


def test_keccak_is_the_ethereum_one():
    expected = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert ids.keccak256(b"").hex() == expected
    assert ids.keccak256(b"") != hashlib.sha3_256(b"").digest()


def test_a_subject_is_the_hash_of_its_path():
    assert ids.subject("slot", "91310000X/A-1") == ids.keccak256(b"wuxin/1/slot/91310000X/A-1")
    assert ids.facility_key("f-1") == ids.keccak256(b"wuxin/1/facility/f-1")


def test_a_command_id_is_the_hash_of_organisation_and_key():
    assert ids.command_id("bank", "k-1") == ids.keccak256(b"bankk-1")


def test_an_indicator_id_is_the_hash_of_its_name():
    assert ids.indicator_id("quantity_g") == ids.keccak256(b"quantity_g")


def test_an_asset_instance_is_hashed_over_canonical_cbor():
    epc = "urn:epc:id:sgtin:1.2.3"
    raw = b"\x84\x76" + epc.encode() + bytes.fromhex("1a12a05f2039270f1b0000017e12ef9c00")
    assert ids.asset_instance_id(epc, 312500000, -10000, 1640995200000) == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ids.subject("Slot", "a"),
        lambda: ids.subject("slot/x", "a"),
        lambda: ids.subject("slot", ""),
        lambda: ids.subject("slot", "a b"),
        lambda: ids.subject("slot", "a\n"),
        lambda: ids.subject("slot", "a" * 129),
        lambda: ids.command_id("Bank", "k"),
        lambda: ids.command_id("bank", ""),
        lambda: ids.command_id("bank", "k" * 256),
        lambda: ids.indicator_id("Quantity"),
        lambda: ids.asset_instance_id("urn:epc:1", 900000001, 0, 0),
        lambda: ids.asset_instance_id("urn:epc:1", 0, 0, -1),
        lambda: ids.asset_instance_id("urn:epc:1", 0, 0, 2**63),
    ],
)
def test_an_identifier_of_another_shape_is_refused(wrong):
    with pytest.raises(EvidenceError) as refusal:
        wrong()
    assert refusal.value.code == "malformed"
