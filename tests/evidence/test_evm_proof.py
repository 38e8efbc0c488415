"""RLP, tries, headers and receipts: known values, every proof, and every way to be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.encoding import rlp
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm import proof as evm_proof
from wuxin_evidence.evm import trie as evm_trie

nested = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


def header(**changes: object) -> evm_proof.Header:
    fields: dict[str, object] = {
        "parent_hash": b"\x01" * 32,
        "ommers_hash": b"\x02" * 32,
        "coinbase": bytes(20),
        "state_root": bytes(32),
        "transactions_root": evm_trie.EMPTY_ROOT,
        "receipts_root": evm_trie.EMPTY_ROOT,
        "logs_bloom": bytes(256),
        "difficulty": 0,
        "number": 7,
        "gas_limit": 30_000_000,
        "gas_used": 21_000,
        "timestamp": 1_641_117_600,
        "extra_data": b"wuxin".ljust(32, b"\0"),
        "mix_hash": bytes(32),
        "nonce": bytes(8),
    }
    return evm_proof.Header(**{**fields, **changes})  # type: ignore[arg-type]  # keyword names are the test's


def log(digest: bytes, address: bytes) -> evm_proof.Log:
    return evm_proof.Log(address, (evm_proof.ATTESTATION_ACCEPTED, digest, b"\x05" * 32), bytes(64))


def receipt(status: int, *logs: evm_proof.Log, kind: int = 2) -> evm_proof.Receipt:
    return evm_proof.Receipt(kind, status, 21_000, bytes(256), logs)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        (b"", "80"),
        ([], "c0"),
        (b"\x00", "00"),
        (b"\x0f", "0f"),
        (b"\x04\x00", "820400"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (
            b"Lorem ipsum dolor sit amet, consectetur adipisicing elit",
            "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572"
            "2061646970697369636"
            "96e6720656c6974",
        ),
    ],
)
def test_rlp_agrees_with_the_published_examples(value: rlp.Rlp, encoded: str) -> None:
    assert rlp.encode(value).hex() == encoded
    assert rlp.decode(bytes.fromhex(encoded)) == value


@given(nested)
def test_rlp_reads_back_what_it_wrote(value: rlp.Rlp) -> None:
    assert rlp.decode(rlp.encode(value)) == value


@given(st.binary(max_size=80))
def test_whatever_rlp_accepts_has_no_second_spelling(raw: bytes) -> None:
    try:
        value = rlp.decode(raw)
    except EvidenceError as error:
        assert error.code == "malformed"
    else:
        assert rlp.encode(value) == raw


@pytest.mark.parametrize(
    "raw", ["", "8100", "817f", "b801ff", "b90001ff", "83646f", "83646f6700", "f80180", "c18363", "b8", "bf" + "ff" * 8]
)
def test_rlp_refuses_second_spellings_and_broken_ends(raw: str) -> None:
    with pytest.raises(EvidenceError) as refusal:
        rlp.decode(bytes.fromhex(raw))
    assert refusal.value.code == "malformed"


def test_rlp_refuses_deep_nesting() -> None:
    value: rlp.Rlp = []
    for _ in range(9):
        value = [value]
    with pytest.raises(EvidenceError, match="deep"):
        rlp.decode(rlp.encode(value))


@pytest.mark.parametrize(
    ("items", "root"),
    [
        (
            {b"do": b"verb", b"dog": b"puppy", b"doge": b"coin", b"horse": b"stallion"},
            "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84",
        ),
        (
            {b"doe": b"reindeer", b"dog": b"puppy", b"dogglesworth": b"cat"},
            "8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3",
        ),
        ({b"A": b"a" * 50}, "d23786fb4a010da3ce639d66d5e904a11dbc02746d1ce25029e53290cabf28ab"),
        ({}, "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
    ],
)
def test_trie_roots_agree_with_the_published_ones(items: dict[bytes, bytes], root: str) -> None:
    assert evm_trie.trie_root(items).hex() == root


@given(st.dictionaries(st.binary(min_size=1, max_size=4), st.binary(min_size=1, max_size=40), max_size=30), st.binary())
def test_every_key_is_proved_present_or_absent(items: dict[bytes, bytes], other: bytes) -> None:
    root = evm_trie.trie_root(items)
    for key in [*items, other[:4]]:
        assert evm_trie.verify_proof(root, key, evm_trie.prove(items, key)) == items.get(key)


@pytest.mark.parametrize("count", [1, 2, 17, 128, 129, 300])
def test_ordered_proofs_hold_for_every_index_and_only_for_it(count: int) -> None:
    values = [b"value %d" % index * 3 for index in range(count)]
    root = evm_trie.ordered_root(values)
    for index in {0, 1, count // 2, count - 1} & set(range(count)):
        proof = evm_trie.prove_ordered(values, index)
        key = rlp.encode(rlp.int_bytes(index))
        assert evm_trie.verify_proof(root, key, proof) == values[index]
        for changed in (proof[:-1], [*proof, proof[-1]], [proof[0][:-1] + b"?", *proof[1:]]):
            with pytest.raises(EvidenceError) as refusal:
                evm_trie.verify_proof(root, key, changed)
            assert refusal.value.code == "malformed"


def test_an_empty_value_cannot_enter_a_trie() -> None:
    with pytest.raises(ValueError, match="empty"):
        evm_trie.trie_root({b"a": b""})


@pytest.mark.parametrize("later", [(), (b"\x07",), (b"", bytes(32)), (b"", bytes(32), b"", b"", bytes(32), bytes(32))])
def test_headers_of_old_and_new_forks_read_back(later: tuple[bytes, ...]) -> None:
    original = header(later=later)
    assert evm_proof.decode_header(original.rlp()) == original


def test_mainnet_genesis_hash_comes_out() -> None:
    genesis = header(
        parent_hash=bytes(32),
        ommers_hash=bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"),
        state_root=bytes.fromhex("d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544"),
        difficulty=0x400000000,
        number=0,
        gas_limit=5000,
        gas_used=0,
        timestamp=0,
        extra_data=bytes.fromhex("11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa"),
        nonce=bytes.fromhex("0000000000000042"),
    )
    assert genesis.hash().hex() == "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"


def test_a_seal_names_its_sealer_and_no_other_content() -> None:
    key = EvmKey.generate()
    sealed = evm_proof.seal(header(later=(b"",)), key.sign_digest)
    assert evm_proof.sealed_by(sealed.rlp()) == key.address
    moved = evm_proof.decode_header(sealed.rlp())
    changed = evm_proof.Header(**{**vars(moved), "gas_used": 1})
    assert evm_proof.sealed_by(changed.rlp()) != key.address


def test_a_seal_in_another_form_is_refused() -> None:
    sealed = evm_proof.seal(header(), EvmKey.generate().sign_digest)
    ethereum = sealed.extra_data[:-1] + bytes([sealed.extra_data[-1] + 27])
    with pytest.raises(EvidenceError) as refusal:
        evm_proof.sealed_by(evm_proof.Header(**{**vars(sealed), "extra_data": ethereum}).rlp())
    assert refusal.value.code == "bad_signature"
    with pytest.raises(EvidenceError, match="shorter"):
        evm_proof.sealed_by(header().rlp())


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_receipts_read_back_in_every_type(kind: int) -> None:
    original = receipt(1, log(b"\x09" * 32, b"\x0a" * 20), kind=kind)
    assert evm_proof.decode_receipt(original.raw()) == original


def test_a_receipt_is_proved_with_its_transaction_at_its_index() -> None:
    transactions = [bytes([2]) + rlp.encode([b"transaction %d" % n]) for n in range(20)]
    receipts = [receipt(n % 2, log(bytes([n]) * 32, b"\x0a" * 20)).raw() for n in range(20)]
    block = header(transactions_root=evm_trie.ordered_root(transactions), receipts_root=evm_trie.ordered_root(receipts))
    proof = evm_proof.prove_receipt(transactions, receipts, 3)
    read = evm_proof.verify_receipt(block, receipts[3], proof)
    assert evm_proof.attestation_logs(read, b"\x0a" * 20) == (b"\x03" * 32,)
    assert evm_proof.attestation_logs(read, b"\x0b" * 20) == ()
    assert evm_proof.ReceiptProof.from_json(proof.to_json()) == proof
    for wrong in (
        evm_proof.prove_receipt(transactions, receipts, 5),
        evm_proof.ReceiptProof(3, proof.receipt_nodes, transactions[4], proof.transaction_nodes),
        evm_proof.ReceiptProof(-1, proof.receipt_nodes, transactions[3], proof.transaction_nodes),
    ):
        with pytest.raises(EvidenceError) as refusal:
            evm_proof.verify_receipt(block, receipts[3], wrong)
        assert refusal.value.code == "malformed"


def test_a_reverted_transaction_accepted_nothing() -> None:
    assert evm_proof.attestation_logs(receipt(0, log(b"\x09" * 32, b"\x0a" * 20)), b"\x0a" * 20) == ()
