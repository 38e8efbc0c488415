"""Proposals, read-write sets, policies and blocks: what goes in comes out, and odd input is refused by name."""

from hashlib import sha256

import pytest

from wuxin_evidence import fabric as messages
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import CHAINCODE, COMMON, POLICIES, PROPOSAL, genesis_envelope, parse, serialize

CREATOR = messages.serialized_identity("BankMSP", b"a certificate")
NONCE = b"n" * 24


def proposal() -> messages.Proposal:
    return messages.propose(
        channel="wuxin",
        chaincode="facts",
        creator=CREATOR,
        nonce=NONCE,
        timestamp_ms=1_641_096_000_123,
        args=[b"propose_pledge", b"{}"],
        transient={"terms": b"ten percent"},
    )


def changes() -> messages.NamespaceChanges:
    return messages.NamespaceChanges(
        "facts",
        reads=(messages.Read("b", None), messages.Read("a", messages.Version(3, 1))),
        writes=(messages.Write("y", None, True), messages.Write("x", b"1", False)),
        metadata_writes=(
            messages.MetadataWrite("x", ((messages.VALIDATION_PARAMETER, messages.peers_all(["B", "A"])),)),
        ),
        collections=(
            messages.HashedCollection.of("_implicit_org_A", [], [messages.Write("k", b"ten percent", False)]),
        ),
    )


def signed_envelope() -> bytes:
    made = proposal()
    outcome = messages.Outcome(messages.encode_rwset([changes()]), 200, "", b'"ok"', "wuxin", b"[1]")
    payload = messages.response_payload(made.raw, "facts", made.tx_id, outcome)
    endorsed = messages.transaction_payload(made.raw, payload, [messages.Endorsement(CREATOR, b"signature")])
    return messages.envelope(endorsed, b"signature")


def test_a_proposal_reads_back_with_its_own_transaction_id() -> None:
    made = proposal()
    read = messages.parse_signed_proposal(messages.signed_proposal(made, b"signature"))
    assert made.tx_id == sha256(NONCE + CREATOR).hexdigest() == read.tx_id
    assert (read.channel, read.chaincode, read.timestamp_s) == ("wuxin", "facts", 1_641_096_000)
    assert read.args == (b"propose_pledge", b"{}")
    assert read.transient == {"terms": b"ten percent"}
    assert read.creator == messages.Identity("BankMSP", b"a certificate")


def test_a_proposal_under_a_foreign_transaction_id_is_refused() -> None:
    made = proposal()
    stolen = messages.Proposal(made.tx_id, made.raw.replace(made.tx_id.encode(), b"0" * 64))
    with pytest.raises(EvidenceError) as refusal:
        messages.parse_signed_proposal(messages.signed_proposal(stolen, b""))
    assert refusal.value.code == "malformed"


def in_anothers_name() -> messages.Proposal:
    """Peers run and validate the chaincode that the channel header names, "facts"; the input says "other"."""
    made = proposal()
    message = parse(PROPOSAL.Proposal, made.raw)
    payload = parse(PROPOSAL.ChaincodeProposalPayload, message.payload)
    invocation = parse(CHAINCODE.ChaincodeInvocationSpec, payload.input)
    invocation.chaincode_spec.chaincode_id.name = "other"
    payload.input = serialize(invocation)
    message.payload = serialize(payload)
    return messages.Proposal(made.tx_id, serialize(message))


def test_a_transaction_is_of_the_chaincode_that_peers_ran_whatever_its_input_says() -> None:
    made = in_anothers_name()
    outcome = messages.Outcome(messages.encode_rwset([changes()]), 200, "", b'"ok"', "wuxin", b"[1]")
    payload = messages.response_payload(made.raw, "facts", made.tx_id, outcome)
    view = messages.parse_envelope(messages.envelope(messages.transaction_payload(made.raw, payload, []), b""))
    assert view.chaincode == "facts"
    assert [write.key for write in view.writes] == ["x", "y"]


def test_a_proposal_that_names_two_chaincodes_is_refused() -> None:
    with pytest.raises(EvidenceError) as refusal:
        messages.parse_signed_proposal(messages.signed_proposal(in_anothers_name(), b""))
    assert refusal.value.code == "malformed"


def test_private_values_never_enter_the_envelope() -> None:
    assert b"ten percent" not in signed_envelope()
    assert sha256(b"ten percent").digest() in signed_envelope()


def test_a_block_reads_back_what_the_endorsers_produced() -> None:
    genesis = genesis_envelope("wuxin", 0, {"BankMSP": b"root"})
    envelopes = [genesis, signed_envelope()]
    header = messages.block_header(9, b"\x01" * 32, envelopes)
    raw = messages.assemble_block(
        header, envelopes, orderer=CREATOR, nonce=NONCE, sign=lambda message: b"", validation_codes=[0, 11]
    )
    block = messages.parse_block(raw)
    configuration, transaction = block.transactions
    assert (block.number, block.previous_hash, block.header_hash) == (9, b"\x01" * 32, header.hash())
    assert configuration.function == "" and configuration.header_type == 1
    assert messages.validation_code_name(transaction.validation_code) == "MVCC_READ_CONFLICT"
    assert (transaction.function, transaction.args) == ("propose_pledge", (b"{}",))
    assert transaction.timestamp_ms == 1_641_096_000_123
    assert transaction.proposal_hash == transaction.proposal_hash_expected
    assert transaction.reads == (("a", (3, 1)), ("b", None))
    assert transaction.writes == (("x", b"1", False), ("y", None, True))
    assert (transaction.event_name, transaction.event_payload, transaction.response) == ("wuxin", b"[1]", b'"ok"')
    (collection,) = transaction.hashed_writes
    assert collection.writes[0].key_hash == sha256(b"k").digest()
    policy = messages.key_policies(transaction.changes[0])["x"]
    assert policy is not None and messages.parse_policy(policy).describe() == "2 of (A.PEER, B.PEER)"


def test_equal_simulations_give_equal_bytes_in_any_order() -> None:
    there = changes()
    back = messages.NamespaceChanges(
        "facts", there.reads[::-1], there.writes[::-1], there.metadata_writes, there.collections
    )
    assert messages.encode_rwset([there]) == messages.encode_rwset([back])


@pytest.mark.parametrize(
    ("number", "der"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (2**63, "0209008000000000000000"),
        (2**32 - 1, "020500ffffffff"),
    ],
)
def test_the_header_is_hashed_in_asn1_der(number: int, der: str) -> None:
    header = messages.BlockHeader(number, b"", b"\x02" * 32)
    assert header.der()[2:].hex() == der + "0400" + "0420" + "02" * 32
    assert header.der()[:2].hex() == f"30{len(header.der()) - 2:02x}"
    assert header.hash() == sha256(header.der()).digest()


def test_der_of_a_long_content_has_a_long_length() -> None:
    header = messages.BlockHeader(1, b"\x01" * 100, b"\x02" * 100)
    assert header.der()[:3].hex() == f"3081{len(header.der()) - 3:02x}"


@pytest.mark.parametrize(
    ("signers", "enough"),
    [
        ([("A", "PEER"), ("B", "PEER")], True),
        ([("A", "PEER"), ("C", "PEER"), ("B", "PEER")], True),
        ([("A", "PEER"), ("A", "PEER")], False),
        ([("A", "PEER"), ("B", "CLIENT")], False),
        ([("A", "PEER"), ("D", "PEER")], False),
        ([], False),
    ],
)
def test_two_of_three_peers_are_needed(signers: list[tuple[str, str]], enough: bool) -> None:
    policy = messages.parse_policy(messages.peers_at_least(2, ["A", "B", "C"]))
    assert policy.satisfied_by([messages.Principal(*signer) for signer in signers]) is enough


@pytest.mark.parametrize("n", [0, 4])
def test_a_policy_that_nobody_or_anybody_meets_cannot_be_made(n: int) -> None:
    with pytest.raises(EvidenceError) as refusal:
        messages.peers_at_least(n, ["A", "B", "C"])
    assert refusal.value.code == "malformed"


def test_undecidable_policies_are_refused() -> None:
    rule = POLICIES.SignaturePolicy(signed_by=0)
    for _ in range(20):
        rule = POLICIES.SignaturePolicy(n_out_of=POLICIES.SignaturePolicy.NOutOf(n=1, rules=[rule]))
    deep = POLICIES.SignaturePolicyEnvelope(rule=rule)
    empty = POLICIES.SignaturePolicyEnvelope()
    for envelope in (deep, empty, POLICIES.SignaturePolicyEnvelope(rule=POLICIES.SignaturePolicy(signed_by=3))):
        with pytest.raises(EvidenceError) as refusal:
            messages.parse_policy(serialize(envelope))
        assert refusal.value.code == "malformed"


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff", b"nonsense"])
def test_bytes_that_are_no_block_are_malformed(raw: bytes) -> None:
    with pytest.raises(EvidenceError) as refusal:
        messages.parse_block(raw)
    assert refusal.value.code == "malformed"


def test_codes_and_transactions_must_match_in_number() -> None:
    header = messages.block_header(0, b"", [b""])
    with pytest.raises(EvidenceError):
        messages.assemble_block(
            header, [b""], orderer=CREATOR, nonce=NONCE, sign=lambda message: b"", validation_codes=[]
        )
    block = COMMON.Block(data=COMMON.BlockData(data=[b""]), metadata=COMMON.BlockMetadata(metadata=[b"", b"", b"\0\0"]))
    with pytest.raises(EvidenceError) as refusal:
        messages.parse_block(serialize(block))
    assert refusal.value.code == "malformed"
