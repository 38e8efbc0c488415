"""The documents of a bundle in every other form: each is refused by name, in the check that reads it, and none crashes.

A document's own hash is no help here: whoever changes one writes the manifest anew.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.bundle_maker import DEVICE, Consortium
from tests.evidence.comet_maker import Chain
from wuxin_evidence.bundle.archive import Bundle
from wuxin_evidence.bundle.case import Case, hex_bytes, json_object
from wuxin_evidence.bundle.check_evidence import check_log, check_profile
from wuxin_evidence.bundle.check_facts import check_devices
from wuxin_evidence.bundle.verify import verify_bundle
from wuxin_evidence.comet.proof import PLACE, CometProof
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.encoding.rlp import as_int, as_list, decode_list, encode, int_bytes
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import EXTRA_DATA_BYTES_MAX, ReceiptProof, decode_header, decode_receipt, signed_for
from wuxin_evidence.evm.trie import PROOF_NODES_MAX, verify_proof
from wuxin_evidence.ids import keccak256

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="ascii"), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "path", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(EvidenceError) as refused:
        call(*arguments)
    return refused.value.code


def failures(consortium: Consortium, name: str, document: object) -> set[tuple[str, str]]:
    """Of a complete bundle in which one document is another, with a manifest that fits."""
    raw = consortium.bundle({**consortium.members, name: canonical_json(document)})
    return {(each.check, each.code) for each in verify_bundle(raw, consortium.trust).failed}


def told(consortium: Consortium, name: str) -> Any:
    return json.loads(consortium.members[name])


# Where the packs are in the log.


def _inclusion(**changes: object) -> Any:
    return lambda document: {**document, **changes}


def _first_proof(**changes: object) -> Any:
    def change(document: dict[str, Any]) -> dict[str, Any]:
        first, *rest = document["proofs"]
        return {**document, "proofs": [{**first, **changes}, *rest]}

    return change


INCLUSIONS = {
    "another origin": (_inclusion(origin="wuxin/else"), "proof_invalid"),
    "another size": (_inclusion(size=3), "proof_invalid"),
    "more fields": (_inclusion(more=1), "malformed"),
    "proofs that are no list": (_inclusion(proofs={}), "malformed"),
    "no proofs": (_inclusion(proofs=[]), "proof_invalid"),
    "a proof that is no object": (_inclusion(proofs=[7]), "malformed"),
    "an index in words": (_first_proof(index="0"), "malformed"),
    "an index that is a truth": (_first_proof(index=True), "malformed"),
    "a negative index": (_first_proof(index=-1), "proof_invalid"),
    "an index beyond the log": (_first_proof(index=2**40), "proof_invalid"),
    "another index": (_first_proof(index=0), "proof_invalid"),
    "another pack": (_first_proof(digest="00" * 32), "proof_invalid"),
    "a shorter path": (_first_proof(path=[]), "proof_invalid"),
    "a path in capitals": (_first_proof(path=["AA" * 32]), "malformed"),
    "a path of short hashes": (_first_proof(path=["aa"]), "malformed"),
}


@pytest.mark.parametrize("name", INCLUSIONS)
def test_a_place_in_the_log_that_is_not_shown_fails(consortium: Consortium, name: str) -> None:
    change, code = INCLUSIONS[name]
    found = failures(consortium, "log/inclusion.json", change(told(consortium, "log/inclusion.json")))
    assert found == {("log", code)}


def test_one_proof_twice_does_not_stand_for_another_pack(consortium: Consortium) -> None:
    document = told(consortium, "log/inclusion.json")
    first, _, *rest = document["proofs"]
    assert failures(consortium, "log/inclusion.json", {**document, "proofs": [first, first, *rest]}) == {
        ("log", "proof_invalid")
    }


@pytest.mark.parametrize("document", [{}, {"from": 7, "path": []}, {"from": "x"}, {"from": "x", "path": [], "more": 1}])
def test_a_growth_in_another_form_fails(consortium: Consortium, document: object) -> None:
    assert failures(consortium, "log/consistency.json", document) == {("log", "malformed")}


# What the devices' keys are claimed to be.

KEYS = {
    "no object": [7],
    "a key that is no object": {DEVICE: 7},
    "a key without its suite": {DEVICE: {"public_key": "00"}},
    "more fields": {DEVICE: {"suite": "sm2-sm3", "public_key": "00", "more": 1}},
    "a suite that is no text": {DEVICE: {"suite": 7, "public_key": "00"}},
    "a key in capitals": {DEVICE: {"suite": "sm2-sm3", "public_key": "AA"}},
    "a key that is no hex": {DEVICE: {"suite": "sm2-sm3", "public_key": "xx"}},
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_of_devices_in_another_form_fail_and_stop_nothing_else(consortium: Consortium, name: str) -> None:
    found = failures(consortium, "packs/devices.json", KEYS[name])
    assert found == {("devices", "malformed"), ("packs", "malformed")}


def test_a_suite_that_nobody_knows_fails(consortium: Consortium) -> None:
    claimed = {DEVICE: {"suite": "rot13", "public_key": consortium.device.public_key.hex()}}
    assert ("devices", "bad_signature") in failures(consortium, "packs/devices.json", claimed)


def test_the_profile_is_an_object_before_its_hash_is_looked_at(consortium: Consortium) -> None:
    members = {**consortium.members, "profile.json": b"[]"}
    case = Case(Bundle(members, {}), consortium.trust)
    assert code_of(list, check_profile(case)) == "malformed"


def test_a_check_without_its_parts_says_what_it_lacks_or_nothing(consortium: Consortium) -> None:
    only = {"attestation.cbor": consortium.members["attestation.cbor"]}
    case = Case(Bundle(only, {}), consortium.trust)
    assert list(check_devices(case)) == []
    (note,) = check_log(case)
    assert "checkpoint and inclusion proofs" in note.detail


@given(st.binary(max_size=40))
def test_no_bytes_are_taken_for_an_object_that_are_none(raw: bytes) -> None:
    try:
        value = json_object(raw, "a document")
    except EvidenceError as error:
        assert error.code == "malformed"
    else:
        assert canonical_json(value) == raw


@given(st.text(max_size=12) | st.integers() | st.none())
def test_hex_has_one_spelling(value: object) -> None:
    try:
        raw = hex_bytes(value, "a field")
    except EvidenceError as error:
        assert error.code == "malformed"
    else:
        assert raw.hex() == value


# Places of transactions.

RECEIPT_PLACE = {"index": 0, "receipt_nodes": ["aa"], "transaction": "bb", "transaction_nodes": ["cc"]}


def test_a_place_of_a_receipt_reads_back() -> None:
    assert ReceiptProof.from_json(RECEIPT_PLACE).to_json() == RECEIPT_PLACE


@pytest.mark.parametrize(
    "change",
    [
        {"index": "0"},
        {"index": True},
        {"index": None},
        {"more": 1},
        {"receipt_nodes": 7},
        {"receipt_nodes": "aa"},
        {"receipt_nodes": [7]},
        {"receipt_nodes": ["AA"]},
        {"receipt_nodes": ["a a"]},
        {"transaction": "xx"},
        {"transaction": None},
        {"transaction_nodes": [None]},
    ],
)
def test_a_place_of_a_receipt_in_another_form_is_malformed(change: dict[str, Any]) -> None:
    assert code_of(ReceiptProof.from_json, {**RECEIPT_PLACE, **change}) == "malformed"


@pytest.mark.parametrize("change", [{"index": "0"}, {"total": True}, {"transaction_path": 7}, {"result_path": ["AA"]}])
def test_a_place_under_votes_in_another_form_is_malformed(change: dict[str, Any]) -> None:
    members = Chain().proof().members()
    place = json.loads(members[f"obligations/{PLACE}"])
    members[f"obligations/{PLACE}"] = canonical_json({**place, **change})
    assert code_of(CometProof.from_members, members) == "malformed"


@settings(max_examples=60)
@given(JSON)
def test_no_place_of_any_shape_crashes(value: Any) -> None:
    document = {**RECEIPT_PLACE, "receipt_nodes": value}
    try:
        proof = ReceiptProof.from_json(document)
    except EvidenceError as error:
        assert error.code == "malformed"
    else:
        assert proof.to_json() == document


# Ethereum's own bytes.


def test_a_header_of_another_form_is_refused(consortium: Consortium) -> None:
    items = decode_list(consortium.members["obligations/header.rlp"])
    assert decode_header(encode(items)).rlp() == encode(items)
    for place, wrong, code in (
        (0, b"\x01" * 31, "malformed"),
        (2, bytes(21), "malformed"),
        (6, bytes(255), "malformed"),
        (8, b"\0\x2c", "malformed"),
        (8, b"\1" * 9, "malformed"),
        (11, [], "malformed"),
        (12, bytes(EXTRA_DATA_BYTES_MAX + 1), "too_large"),
        (14, bytes(7), "malformed"),
    ):
        assert code_of(decode_header, encode([*items[:place], wrong, *items[place + 1 :]])) == code, place
    assert code_of(decode_header, encode(items[:14])) == "malformed"
    assert code_of(decode_header, b"\x80") == "malformed"


def test_a_receipt_of_another_form_is_refused(consortium: Consortium) -> None:
    raw = consortium.members["obligations/receipt.rlp"]
    status, gas, bloom, logs = decode_list(raw[1:])
    (log,) = as_list(logs)
    address, topics, data = as_list(log)
    assert decode_receipt(raw).raw() == raw
    for wrong in (
        [status, gas, bloom],
        [b"\x02", gas, bloom, logs],
        [b"\x01\x01", gas, bloom, logs],
        [status, b"\0", bloom, logs],
        [status, gas, bytes(255), logs],
        [status, gas, bloom, b""],
        [status, gas, bloom, [[address, topics]]],
        [status, gas, bloom, [[bytes(19), topics, data]]],
        [status, gas, bloom, [[address, [bytes(31)], data]]],
        [status, gas, bloom, [[address, topics, []]]],
    ):
        assert code_of(decode_receipt, raw[:1] + encode(wrong)) == "malformed"


@given(st.integers(0, 2**256 - 1))
def test_an_integer_has_one_form(value: int) -> None:
    assert as_int(int_bytes(value)) == value
    assert code_of(as_int, b"\0" + int_bytes(value), 64) == "malformed"


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x02\xc0", encode([b""] * 9), encode([b""] * 6 + [b"\x1b", b"", b""])])
def test_a_transaction_that_names_no_chain_is_refused_or_of_chain_zero(raw: bytes) -> None:
    """A typed one without items has no chain id at all; a legacy one before EIP-155 could be replayed on any chain."""
    assert code_of(signed_for, raw) == "malformed"


@pytest.mark.parametrize(
    "node",
    [
        [b"\x20"],
        [b"", b"value"],
        [b"\x40", b"value"],
        [b"\x21\x11", b"value", b""],
        [b"\x01", b"value"],
        [b"\x00", [b"\x20\x80", b"value"]],
        [[], b"value"],
        [*[b""] * 16],
    ],
)
def test_a_node_of_a_trie_in_another_form_is_refused(node: list[Any]) -> None:
    raw = encode(node)
    assert code_of(verify_proof, keccak256(raw), b"\x80", [raw]) == "malformed"


def test_a_proof_of_a_trie_is_bounded() -> None:
    assert code_of(verify_proof, bytes(32), b"\x80", [b"\x80"] * (PROOF_NODES_MAX + 1)) == "too_large"
