"""Certificates, endorsements and block signatures, each true and each false in every way a liar would try."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from tests.evidence.bundle_maker import NOON_S, Authority, Consortium, FabricSigner
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    COMMON,
    P256_ORDER,
    BlockSignature,
    BlockSigner,
    BlockView,
    Endorsement,
    Identity,
    TransactionView,
    block_signature_message,
    endorsement_message,
    find_transaction,
    parse_block,
    parse_envelope,
    serialize,
    serialized_identity,
    verify_block,
    verify_block_signatures,
    verify_creator,
    verify_endorsements,
    verify_identity,
    verify_signature,
)


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


@pytest.fixture(scope="module")
def transaction(consortium: Consortium) -> TransactionView:
    return parse_envelope(consortium.record(consortium.attestation()))


@pytest.fixture(scope="module")
def block(consortium: Consortium) -> BlockView:
    return parse_block(consortium.block(consortium.record(consortium.attestation())))


def identity(signer: FabricSigner) -> Identity:
    return Identity(signer.msp_id, signer.pem)


def refused(consortium: Consortium, signer: FabricSigner, at_s: int | None = None) -> str:
    with pytest.raises(EvidenceError) as refusal:
        verify_identity(identity(signer), consortium.trust.roots, at_s)
    return refusal.value.code


def test_a_peer_of_a_known_organisation_is_named_with_its_role(consortium: Consortium) -> None:
    peer = verify_identity(identity(consortium.peers["BankMSP"]), consortium.trust.roots, NOON_S)
    assert peer.principal == ("BankMSP", "PEER")


def test_a_certificate_of_another_root_is_refused(consortium: Consortium) -> None:
    assert refused(consortium, Authority("BankMSP").issue("peer")) == "forbidden"


def test_a_certificate_under_another_organisations_name_is_refused(consortium: Consortium) -> None:
    stranger = replace(consortium.peers["InsurerMSP"], msp_id="BankMSP")
    assert refused(consortium, stranger) == "forbidden"


def test_an_unknown_organisation_is_refused(consortium: Consortium) -> None:
    assert refused(consortium, Authority("ThiefMSP").issue("peer")) == "forbidden"


@pytest.mark.parametrize("units", [(), ("peer", "client"), ("guest",)])
def test_a_certificate_without_exactly_one_role_is_refused(consortium: Consortium, units: tuple[str, ...]) -> None:
    assert refused(consortium, consortium.authorities["BankMSP"].issue(*units)) == "forbidden"


def test_a_root_itself_is_no_identity(consortium: Consortium) -> None:
    authority = consortium.authorities["BankMSP"]
    assert refused(consortium, FabricSigner("BankMSP", authority.key, authority.root)) == "forbidden"


def test_an_expired_certificate_is_refused_where_time_is_real(consortium: Consortium) -> None:
    short = consortium.authorities["BankMSP"].issue("peer", days=30)
    assert refused(consortium, short, NOON_S) == "forbidden"
    verify_identity(identity(short), consortium.trust.roots)


def test_text_that_is_no_certificate_is_malformed(consortium: Consortium) -> None:
    with pytest.raises(EvidenceError) as refusal:
        verify_identity(Identity("BankMSP", b"not PEM"), consortium.trust.roots)
    assert refusal.value.code == "malformed"


def test_only_the_low_s_der_form_of_a_signature_holds(consortium: Consortium) -> None:
    signer = consortium.client
    good = signer.sign(b"message")
    r, s = decode_dss_signature(good)
    key = signer.key.public_key()
    verify_signature(key, b"message", good)
    others = [encode_dss_signature(r, P256_ORDER - s), good + b"\0", b"", encode_dss_signature(0, 0)]
    for other in [*others, signer.sign(b"another message")]:
        with pytest.raises(EvidenceError) as refusal:
            verify_signature(key, b"message", other)
        assert refusal.value.code == "bad_signature"


def test_the_caller_is_proved_over_the_whole_payload(consortium: Consortium, transaction: TransactionView) -> None:
    creator = verify_creator(transaction, consortium.trust.roots, NOON_S)
    assert creator.principal == ("BankMSP", "CLIENT")
    changed = replace(transaction, payload=transaction.payload + b"\0")
    with pytest.raises(EvidenceError) as refusal:
        verify_creator(changed, consortium.trust.roots)
    assert refusal.value.code == "bad_signature"


@pytest.mark.parametrize("field", ["tx_id", "proposal_hash"])
def test_a_result_of_another_proposal_is_refused(
    consortium: Consortium, transaction: TransactionView, field: str
) -> None:
    value: object = "0" * 64 if field == "tx_id" else bytes(32)
    with pytest.raises(EvidenceError) as refusal:
        verify_creator(replace(transaction, **{field: value}), consortium.trust.roots)  # type: ignore[arg-type]
    assert refusal.value.code == "malformed"


def test_endorsements_count_once_per_identity(consortium: Consortium, transaction: TransactionView) -> None:
    doubled = replace(transaction, endorsements=(*transaction.endorsements, transaction.endorsements[0]))
    result = verify_endorsements(doubled, consortium.trust.roots)
    assert sorted(msp for msp, _ in result.signers) == ["BankMSP", "InsurerMSP", "ManufacturerMSP"]
    assert consortium.trust.facts.policy.satisfied_by(result.signers)


def test_one_certificate_in_two_spellings_is_still_one_identity(
    consortium: Consortium, transaction: TransactionView
) -> None:
    peer = consortium.peers["BankMSP"]
    spelled = serialized_identity("BankMSP", peer.pem + b"\n")
    again = Endorsement(spelled, peer.sign(endorsement_message(transaction.response_payload, spelled)))
    result = verify_endorsements(
        replace(transaction, endorsements=(*transaction.endorsements, again)), consortium.trust.roots
    )
    assert len(result.signers) == 3


def test_an_endorsement_over_another_result_does_not_count(
    consortium: Consortium, transaction: TransactionView
) -> None:
    result = verify_endorsements(
        replace(transaction, response_payload=transaction.response_payload + b"\0"), consortium.trust.roots
    )
    assert result.signers == () and len(result.rejected) == 3


def test_a_clients_endorsement_is_no_peers(consortium: Consortium, transaction: TransactionView) -> None:
    client = consortium.authorities["RegulatorMSP"].issue("client")
    message = endorsement_message(transaction.response_payload, client.serialized)
    two = (*transaction.endorsements[:2], Endorsement(client.serialized, client.sign(message)))
    result = verify_endorsements(replace(transaction, endorsements=two), consortium.trust.roots)
    assert len(result.signers) == 3
    assert not consortium.trust.facts.policy.satisfied_by(result.signers)


def test_a_write_set_with_one_key_twice_is_refused(consortium: Consortium, transaction: TransactionView) -> None:
    (changes,) = transaction.changes
    twice = replace(transaction, changes=(replace(changes, writes=changes.writes * 2),))
    with pytest.raises(EvidenceError) as refusal:
        verify_endorsements(twice, consortium.trust.roots)
    assert refusal.value.code == "malformed"


def test_a_flood_of_endorsements_is_refused(consortium: Consortium, transaction: TransactionView) -> None:
    flood = replace(transaction, endorsements=transaction.endorsements * 30)
    with pytest.raises(EvidenceError) as refusal:
        verify_endorsements(flood, consortium.trust.roots)
    assert refusal.value.code == "too_large"


def test_a_block_is_proved_by_its_listed_signer(consortium: Consortium, block: BlockView) -> None:
    assert verify_block(block, consortium.trust.facts.block_signers, 1) == 1


def test_a_block_signed_by_another_orderer_lacks_its_quorum(consortium: Consortium) -> None:
    other = consortium.authorities["RegulatorMSP"].issue("orderer")
    forged = parse_block(consortium.block(consortium.record(consortium.attestation()), signer=other))
    with pytest.raises(EvidenceError) as refusal:
        verify_block(forged, consortium.trust.facts.block_signers, 1)
    assert refusal.value.code == "quorum_not_met"


def test_a_block_with_other_transactions_is_refused(consortium: Consortium, block: BlockView) -> None:
    changed = replace(block, envelopes=(*block.envelopes, block.envelopes[0]))
    with pytest.raises(EvidenceError) as refusal:
        verify_block(changed, consortium.trust.facts.block_signers, 1)
    assert refusal.value.code == "malformed"


def test_a_changed_header_voids_the_signature(consortium: Consortium, block: BlockView) -> None:
    changed = replace(block, header=replace(block.header, previous_hash=bytes(32)))
    assert verify_block_signatures(changed, consortium.trust.facts.block_signers) == frozenset()


def test_bft_orderers_sign_by_consenter_number_and_count_once(block: BlockView) -> None:
    keys = [Authority(f"Orderer{number}MSP").issue("orderer") for number in range(4)]
    signers = [BlockSigner(each.pem, number) for number, each in enumerate(keys)]

    def signature(number: int, key: FabricSigner) -> BlockSignature:
        header = serialize(COMMON.IdentifierHeader(identifier=number, nonce=b"n"))
        message = block_signature_message(block.signed_value, header, block.header)
        return BlockSignature(b"", key.sign(message), header)

    three = replace(block, signatures=tuple(signature(number, keys[number]) for number in (0, 1, 2)))
    assert verify_block(three, signers, 3) == 3
    again = replace(block, signatures=(*three.signatures[:2], signature(1, keys[1]), signature(3, keys[2])))
    with pytest.raises(EvidenceError) as refusal:
        verify_block(again, signers, 3)
    assert refusal.value.code == "quorum_not_met"


def test_a_transaction_is_found_by_its_exact_bytes(block: BlockView) -> None:
    assert find_transaction(block, block.envelopes[0]).index == 0
    with pytest.raises(EvidenceError) as refusal:
        find_transaction(block, block.envelopes[0] + b"\0")
    assert refusal.value.code == "not_found"


def test_a_signature_on_another_curve_is_malformed(consortium: Consortium) -> None:
    authority = Authority("BankMSP", ec.generate_private_key(ec.SECP384R1()))
    roots = {"BankMSP": [authority.root.public_bytes(Encoding.PEM)]}
    other = authority._certificate(authority._name("peer"), ec.generate_private_key(ec.SECP384R1()), is_ca=False)  # type: ignore[attr-defined]
    with pytest.raises(EvidenceError) as refusal:
        verify_identity(Identity("BankMSP", other.public_bytes(Encoding.PEM)), roots)
    assert refusal.value.code == "malformed"
