"""Blocks of a real channel: four BFT orderers, five endorsing peers (golden/README.md says how they were made)."""

import base64
import json
import random
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from network.bringup import tools
from tests.evidence.bundle_maker import Authority
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    COMMON,
    CONFIG,
    UNREADABLE,
    BlockSigner,
    BlockView,
    Principal,
    TransactionView,
    assemble_block,
    block_header,
    block_signature_message,
    data_hash,
    key_policies,
    load_certificate,
    parse,
    parse_block,
    parse_policy,
    require_exact_block,
    serialize,
    validation_code_name,
    verify_block,
    verify_creator,
    verify_endorsements,
)

GOLDEN = Path(__file__).parent / "golden" / "fabric"
FILES = sorted(GOLDEN.glob("*.pb"))
STORY: dict[str, str] = json.loads((GOLDEN / "story.json").read_text())
TRUST = Trust.parse((GOLDEN.parent / "trust.json").read_bytes())
SIGNERS, QUORUM = TRUST.facts.block_signers, TRUST.facts.block_quorum


@cache
def blocks() -> tuple[BlockView, ...]:
    return tuple(parse_block(path.read_bytes()) for path in FILES)


@cache
def transactions() -> dict[str, TransactionView]:
    return {each.tx_id: each for block in blocks() for each in block.transactions if each.tx_id}


def block_of(tx_id: str) -> BlockView:
    return next(block for block in blocks() if any(each.tx_id == tx_id for each in block.transactions))


def told(function: str) -> list[TransactionView]:
    return [each for each in transactions().values() if each.function == function]


def signatures_of(raw: bytes, change: Any) -> BlockView:
    """The block with ``change`` applied to the metadata that holds its signatures."""
    block = parse(COMMON.Block, raw)
    metadata = parse(COMMON.Metadata, block.metadata.metadata[0])
    change(metadata)
    block.metadata.metadata[0] = serialize(metadata)
    return parse_block(serialize(block))


def refusal(block: BlockView, signers: tuple[BlockSigner, ...] = SIGNERS) -> str:
    with pytest.raises(EvidenceError) as refused:
        verify_block(block, signers, QUORUM)
    return refused.value.code


# What is in the blocks.


def test_the_trust_file_of_the_network_asks_for_three_of_four_numbered_orderers() -> None:
    assert ([signer.identifier for signer in SIGNERS], QUORUM) == ([1, 2, 3, 4], 3)


def test_the_blocks_are_one_chain_from_the_configuration_on() -> None:
    assert [block.number for block in blocks()] == list(range(len(FILES)))
    for before, block in zip(blocks(), blocks()[1:], strict=False):
        assert (block.previous_hash, block.data_hash) == (before.header_hash, data_hash(block.envelopes))


def test_every_block_is_in_the_one_form_that_a_bundle_takes() -> None:
    for path in FILES:
        require_exact_block(path.read_bytes())


def test_the_configuration_is_read_as_what_it_is_and_names_itself() -> None:
    (config,) = blocks()[0].transactions
    assert (config.header_type, config.channel, config.changes, config.is_valid) == (CONFIG, "wuxin", (), True)
    assert {block.last_config_index for block in blocks()[1:]} == {0}


def test_the_chaincodes_lifecycle_is_read_beside_ours() -> None:
    approved = told("ApproveChaincodeDefinitionForMyOrg")
    assert {each.creator_msp for each in approved} == set(TRUST.facts.policy_organisations)
    (committed,) = told("CommitChaincodeDefinition")
    assert committed.chaincode == "_lifecycle"
    assert {each.namespace for each in committed.changes} == {"_lifecycle", "lscc"}
    assert next(write.key for write in committed.writes).startswith("namespaces/")


def test_each_peer_chains_what_it_committed() -> None:
    hashes = [block.commit_hash for block in blocks()[1:]]
    assert {len(each) for each in hashes} == {32}
    assert len(set(hashes)) == len(hashes)


def test_the_story_holds_a_conflict_of_reads_and_a_key_policy_unmet() -> None:
    codes = [validation_code_name(each.validation_code) for each in transactions().values()]
    assert (codes.count("MVCC_READ_CONFLICT"), codes.count("ENDORSEMENT_POLICY_FAILURE")) == (1, 1)
    found = [validation_code_name(transactions()[STORY[name]].validation_code) for name in ("conflict", "key_policy")]
    assert found == ["MVCC_READ_CONFLICT", "ENDORSEMENT_POLICY_FAILURE"]


def test_private_terms_are_in_the_block_by_their_hash_alone() -> None:
    proposed, accepted = transactions()[STORY["propose"]], transactions()[STORY["accept"]]
    for transaction, organisation in ((proposed, "ManufacturerMSP"), (accepted, "BankMSP")):
        own = next(each for each in transaction.hashed_writes if each.name == f"_implicit_org_{organisation}")
        (write,) = own.writes
        assert (len(write.key_hash), len(write.value_hash or b""), len(own.private_hash)) == (32, 32, 32)
    assert not any(b"ZY-2022-001" in path.read_bytes() for path in FILES)


# What the blocks prove.


@pytest.mark.parametrize("number", range(1, len(FILES)))
def test_every_block_is_signed_by_a_quorum_of_orderers(number: int) -> None:
    assert verify_block(blocks()[number], SIGNERS, QUORUM) >= QUORUM


def test_the_first_block_is_signed_by_nobody() -> None:
    assert refusal(blocks()[0]) == "quorum_not_met"


@pytest.mark.parametrize("tx_id", list(transactions()), ids=lambda each: each[:8])
def test_every_caller_and_every_endorsement_is_of_a_member(tx_id: str) -> None:
    transaction = transactions()[tx_id]
    creator = verify_creator(transaction, TRUST.roots, transaction.timestamp_s)
    result = verify_endorsements(transaction, TRUST.roots, transaction.timestamp_s)
    assert (creator.principal.msp_id, result.rejected) == (transaction.creator_msp, ())
    assert {signer.role for signer in result.signers} == {"PEER"}
    if transaction.chaincode == TRUST.facts.chaincode:
        assert TRUST.facts.policy.satisfied_by(result.signers)


def test_an_accepted_pledge_moves_only_with_warehouse_and_pledgee() -> None:
    """A majority released it without the warehouse: the block says no, and the policy set before says why."""
    accepted, moved = transactions()[STORY["accept"]], transactions()[STORY["key_policy"]]
    own = next(each for each in accepted.changes if each.namespace == TRUST.facts.chaincode)
    policies = {key: parse_policy(raw) for key, raw in key_policies(own).items() if raw is not None}
    receipt = next(policy for key, policy in policies.items() if key.startswith("receipt/"))
    peers = [Principal(msp_id, "PEER") for msp_id in ("WarehouseMSP", "BankMSP")]
    assert receipt.satisfied_by(peers)
    result = verify_endorsements(moved, TRUST.roots, moved.timestamp_s)
    assert (len(result.signers), receipt.satisfied_by(result.signers)) == (3, False)
    assert any(write.key.startswith("receipt/") for write in moved.writes)


# What an attacker changes.


def identifiers(block: BlockView) -> list[int]:
    return [parse(COMMON.IdentifierHeader, each.identifier_header).identifier for each in block.signatures]


def test_two_of_four_are_no_quorum() -> None:
    block = blocks()[-1]
    assert len(block.signatures) == QUORUM
    assert refusal(signatures_of(block.raw, lambda metadata: metadata.signatures.pop())) == "quorum_not_met"


def test_one_orderer_three_times_is_one() -> None:
    def repeat(metadata: Any) -> None:
        for place in (1, 2):
            metadata.signatures[place].CopyFrom(metadata.signatures[0])

    assert refusal(signatures_of(blocks()[-1].raw, repeat)) == "quorum_not_met"


def test_another_number_over_the_same_signature_is_refused() -> None:
    def rename(metadata: Any) -> None:
        first = metadata.signatures[0]
        header = parse(COMMON.IdentifierHeader, first.identifier_header)
        header.identifier = 9 if header.identifier != 9 else 8
        first.identifier_header = serialize(header)

    assert refusal(signatures_of(blocks()[-1].raw, rename)) == "quorum_not_met"


def test_an_orderer_that_nobody_lists_is_not_counted() -> None:
    block = blocks()[-1]
    listed = tuple(signer for signer in SIGNERS if signer.identifier != identifiers(block)[0])
    assert refusal(block, listed) == "quorum_not_met"


def test_orderers_whose_numbers_are_exchanged_do_not_verify() -> None:
    first, second, *rest = SIGNERS
    swapped = (BlockSigner(first.certificate_pem, 2), BlockSigner(second.certificate_pem, 1), *rest)
    assert refusal(blocks()[-1], swapped) == "quorum_not_met"


def test_a_numbered_orderer_does_not_count_by_its_name() -> None:
    """Under BFT ordering the consenter's number is what is signed; the other form is another engine's."""
    orderer = Authority("BankMSP").issue("orderer")
    header = block_header(3, bytes(32), [])
    raw = assemble_block(
        header, [], orderer=orderer.serialized, nonce=bytes(24), sign=orderer.sign, validation_codes=[]
    )
    assert verify_block(parse_block(raw), [BlockSigner(orderer.pem)], 1) == 1
    with pytest.raises(EvidenceError) as refused:
        verify_block(parse_block(raw), [BlockSigner(orderer.pem, 1)], 1)
    assert refused.value.code == "quorum_not_met"


def test_a_trust_file_that_lists_an_orderer_twice_is_refused() -> None:
    told = TRUST.to_json()
    for name in ("identifier", "certificate"):
        signers = [dict(each) for each in told["facts"]["block_signers"]]
        signers[1][name] = signers[0][name]
        with pytest.raises(EvidenceError) as refused:
            Trust.from_json({**told, "facts": {**told["facts"], "block_signers": signers}})
        assert refused.value.code == "malformed"


def test_no_byte_of_a_signed_block_can_be_changed() -> None:
    """All but the peer's own notes at the end: validation codes and commit hash, which no orderer signs."""
    raw = block_of(STORY["attestation"]).raw
    metadata = parse(COMMON.Block, raw).metadata.metadata
    signed = raw.rindex(metadata[0]) + len(metadata[0])
    places = [*random.Random(7).sample(range(signed), 700), *range(signed - 120, signed)]
    survived = [at for at in places if _verifies(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])]
    assert survived == []


def _verifies(raw: bytes) -> bool:
    try:
        require_exact_block(raw)
        verify_block(parse_block(raw), SIGNERS, QUORUM)
    except EvidenceError:
        return False
    return True


def test_an_invalid_transaction_of_any_bytes_stops_no_reader() -> None:
    """Orderers pass on whatever a member signs; the peers mark it, and a reader goes on."""
    message = parse(COMMON.Block, block_of(STORY["conflict"]).raw)
    message.data.data[1] = b"\xff not a message"
    view = parse_block(serialize(message)).transactions[1]
    assert (view.header_type, view.is_valid, view.envelope) == (UNREADABLE, False, b"\xff not a message")
    message.data.data[0] = b"\xff"
    with pytest.raises(EvidenceError) as refused:
        parse_block(serialize(message))
    assert refused.value.code == "malformed"


# What others read in the same files.


@pytest.mark.engine("openssl")
def test_what_an_orderer_signs_is_checked_by_openssl_alone(tmp_path: Path) -> None:
    """As docs/operating/verify-without-us.md shows it."""
    block = blocks()[-1]
    signature = block.signatures[0]
    number = identifiers(block)[0]
    pem = next(signer.certificate_pem for signer in SIGNERS if signer.identifier == number)
    (tmp_path / "orderer.pem").write_bytes(pem)
    (tmp_path / "signature").write_bytes(signature.signature)
    message = block_signature_message(block.signed_value, signature.identifier_header, block.header)
    (tmp_path / "message").write_bytes(message)
    key = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "orderer.pem", "-noout", "-pubkey"], capture_output=True, check=True
    )
    (tmp_path / "key.pem").write_bytes(key.stdout)
    command = ["openssl", "dgst", "-sha256", "-verify", tmp_path / "key.pem", "-signature", tmp_path / "signature"]
    checked = subprocess.run([*command, tmp_path / "message"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout.strip()) == (0, "Verified OK")
    assert load_certificate(pem).subject


@pytest.mark.engine("fabric")
@pytest.mark.parametrize("number", range(len(FILES)))
def test_configtxlator_reads_the_same(number: int) -> None:
    command = [tools.command("configtxlator"), "proto_decode", "--type", "common.Block", "--input", FILES[number]]
    decoded = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    block = blocks()[number]
    header = decoded["header"]
    assert int(header["number"] or 0) == block.number
    assert base64.b64decode(header["data_hash"] or "") == block.data_hash
    assert base64.b64decode(header["previous_hash"] or "") == block.previous_hash
    assert len(decoded["data"]["data"]) == len(block.transactions)
    codes = base64.b64decode(decoded["metadata"]["metadata"][2])
    assert tuple(codes) == tuple(each.validation_code for each in block.transactions)
    for theirs, ours in zip(decoded["data"]["data"], block.transactions, strict=True):
        _same_transaction(theirs["payload"], ours)


def _same_transaction(theirs: dict[str, Any], ours: TransactionView) -> None:
    channel = theirs["header"]["channel_header"]
    assert (channel["channel_id"], channel["type"]) == (ours.channel, ours.header_type)
    if ours.header_type == CONFIG:
        members = theirs["data"]["config"]["channel_group"]["groups"]["Application"]["groups"]
        assert set(TRUST.facts.policy_organisations) <= set(members)
        return
    assert channel["tx_id"] == ours.tx_id
    assert theirs["header"]["signature_header"]["creator"]["mspid"] == ours.creator_msp
    (action,) = theirs["data"]["actions"]
    spec = action["payload"]["chaincode_proposal_payload"]["input"]["chaincode_spec"]
    args = [base64.b64decode(each) for each in spec["input"]["args"]]
    assert (spec["chaincode_id"]["name"], args) == (ours.chaincode, [ours.function.encode(), *ours.args])
    endorsed = action["payload"]["action"]
    endorsers = [base64.b64decode(each["endorser"]) for each in endorsed["endorsements"]]
    assert endorsers == [each.endorser for each in ours.endorsements]
    answer = endorsed["proposal_response_payload"]
    assert base64.b64decode(answer["proposal_hash"]) == ours.proposal_hash
    _same_changes(answer["extension"]["results"]["ns_rwset"], ours)


def _same_changes(theirs: list[dict[str, Any]], ours: TransactionView) -> None:
    assert [each["namespace"] for each in theirs] == [each.namespace for each in ours.changes]
    for namespace, changes in zip(theirs, ours.changes, strict=True):
        writes = [(each["key"], base64.b64decode(each["value"] or "")) for each in namespace["rwset"]["writes"] or []]
        assert writes == [(write.key, write.value or b"") for write in changes.writes]
        assert [each["key"] for each in namespace["rwset"]["reads"] or []] == [read.key for read in changes.reads]
        hashed = namespace["collection_hashed_rwset"] or []
        assert [each["collection_name"] for each in hashed] == [each.name for each in changes.collections]
