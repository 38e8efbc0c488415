"""A block that Raft orderers of a real channel signed (golden/README.md says how it was made)."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    COMMON,
    P256_ORDER,
    BlockSigner,
    load_certificate,
    parse,
    parse_block,
    parse_identity,
    require_exact_block,
    serialized_identity,
    verify_block,
    verify_creator,
    verify_endorsements,
    verify_identity,
)

GOLDEN = Path(__file__).parent / "golden" / "raft"
TRUST = Trust.parse((GOLDEN / "trust.json").read_bytes())
RAW = (GOLDEN / "newest.pb").read_bytes()


def other_spelling(pem: bytes) -> bytes:
    """The same certificate with n - s in place of s: as Fabric shows it, or as its issuer made it."""
    certificate = load_certificate(pem)
    r, s = decode_dss_signature(certificate.signature)
    der, mirrored = certificate.public_bytes(Encoding.DER), encode_dss_signature(r, P256_ORDER - s)
    body = der[4 : der.rindex(certificate.signature) - 3] + b"\x03" + bytes([len(mirrored) + 1, 0]) + mirrored
    return x509.load_der_x509_certificate(b"\x30\x82" + len(body).to_bytes(2, "big") + body).public_bytes(Encoding.PEM)


def test_the_leaders_signature_is_one_of_the_trusted_orderers() -> None:
    require_exact_block(RAW)
    block = parse_block(RAW)
    assert verify_block(block, TRUST.facts.block_signers, TRUST.facts.block_quorum) == 1
    (signature,) = block.signatures
    assert (bool(signature.signature_header), signature.identifier_header) == (True, b"")


def test_an_orderer_is_known_by_what_its_root_signed_in_either_spelling() -> None:
    respelt = [BlockSigner(other_spelling(each.certificate_pem)) for each in TRUST.facts.block_signers]
    assert verify_block(parse_block(RAW), respelt, 1) == 1
    assert verify_block(parse_block(RAW), [*TRUST.facts.block_signers, *respelt], 1) == 1


def test_without_the_leader_in_the_trust_file_the_block_is_nobodys() -> None:
    (signature,) = parse_block(RAW).signatures
    leader = parse_identity(parse(COMMON.SignatureHeader, signature.signature_header).creator)
    subject = load_certificate(leader.certificate_pem).subject
    others = [each for each in TRUST.facts.block_signers if load_certificate(each.certificate_pem).subject != subject]
    assert len(others) == 3
    with pytest.raises(EvidenceError) as refused:
        verify_block(parse_block(RAW), others, 1)
    assert refused.value.code == "quorum_not_met"


def test_the_same_signature_under_numbered_orderers_does_not_count() -> None:
    numbered = [BlockSigner(each.certificate_pem, n) for n, each in enumerate(TRUST.facts.block_signers, start=1)]
    with pytest.raises(EvidenceError) as refused:
        verify_block(parse_block(RAW), numbered, 1)
    assert refused.value.code == "quorum_not_met"


def test_an_endorser_in_two_spellings_is_one() -> None:
    (transaction,) = parse_block(RAW).transactions
    result = verify_endorsements(transaction, TRUST.roots, transaction.timestamp_s)
    assert TRUST.facts.policy.satisfied_by(result.signers)
    assert verify_creator(transaction, TRUST.roots).principal.role == "CLIENT"
    shown = parse_identity(transaction.endorsements[0].endorser)
    respelt = parse_identity(serialized_identity(shown.msp_id, other_spelling(shown.certificate_pem)))
    one, two = (verify_identity(each, TRUST.roots) for each in (shown, respelt))
    assert one.fingerprint == two.fingerprint
