"""Keys that are elsewhere, and keys of other kinds."""

import datetime
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

from network.clock import SystemClock
from network.facts.fabric import offline
from network.facts.fabric.ledger import FabricLedger
from network.facts.fabric.offline import Draft, Endorsed
from network.facts.fabric.signers import Ed25519Signer, as_fabric_takes_it, signer_of
from network.facts.proposal import prepare
from network.membership.consortium import Consortium
from network.membership.identities import FabricSigner, key_to_pem, new_key
from network.membership.seats import Seat
from network.ports import Rejected
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import P256_ORDER, Identity

LedgerOf = Callable[[str], FabricLedger]


def in_a_security_module(signer: FabricSigner, digest: bytes) -> bytes:
    """An ECDSA signature in the half that Fabric refuses."""
    r, s = decode_dss_signature(signer.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
    return encode_dss_signature(r, max(s, P256_ORDER - s))


def draft_of(consortium: Consortium, signer: FabricSigner, key: str) -> Draft:
    identity = Identity(signer.msp_id, signer.certificate_pem)
    now_ms = SystemClock().now_ms()
    return Draft.of(consortium.facts, identity, "claim", {"key": key}, now_ms=now_ms)


async def test_a_transaction_is_signed_by_a_key_that_its_submitter_does_not_have(
    consortium: Consortium, seats: dict[str, Seat], ledger_of: LedgerOf
) -> None:
    key, node = seats["inspector"].fabric_signer, ledger_of("bank")
    draft = Draft.unpack(draft_of(consortium, key, "a").pack())
    endorsed = await offline.endorse(node, draft, in_a_security_module(key, draft.digest))
    received = Endorsed.unpack(endorsed.pack())
    assert received == endorsed
    commit = await offline.submit(node, received, in_a_security_module(key, received.digest))
    assert (commit.tx_id, commit.result) == (draft.tx_id, {"claimed": "a"})
    assert await node.status(draft.tx_id) == commit


async def test_private_values_travel_with_a_draft(
    consortium: Consortium, seats: dict[str, Seat], ledger_of: LedgerOf
) -> None:
    key, node = seats["bank"].fabric_signer, ledger_of("bank")
    where = {"msp": "BankMSP", "key": "terms"}
    draft = Draft.of(
        consortium.facts,
        Identity(key.msp_id, key.certificate_pem),
        "keep",
        where,
        now_ms=SystemClock().now_ms(),
        private={"secret": b"435 bp"},
    )
    endorsed = await offline.endorse(node, draft, key.sign(draft.message))
    assert b"435 bp" in draft.message and b"435 bp" not in endorsed.message
    await offline.submit(node, endorsed, key.sign(endorsed.message))
    assert await node.evaluate("kept", where) == "435 bp"


async def test_a_question_is_neither_drafted_nor_endorsed_as_a_transaction(
    consortium: Consortium, seats: dict[str, Seat], ledger_of: LedgerOf
) -> None:
    key, node = seats["bank"].fabric_signer, ledger_of("bank")
    identity, now_ms = Identity(key.msp_id, key.certificate_pem), SystemClock().now_ms()
    with pytest.raises(Rejected) as refused:
        Draft.of(consortium.facts, identity, "terms", {"pledge_id": "a"}, now_ms=now_ms)
    assert refused.value.code == "unsupported_action"
    asked = prepare(key, consortium.facts, "terms", {"pledge_id": "a"}, private={}, nonce=None, now_ms=now_ms)
    draft = Draft(asked.tx_id, asked.proposal.raw)
    with pytest.raises(Rejected) as refused:
        await offline.endorse(node, draft, key.sign(draft.message))
    assert refused.value.code == "unsupported_action"
    assert await node.height() == 1


async def test_another_keys_signature_gets_no_endorsement(
    consortium: Consortium, seats: dict[str, Seat], ledger_of: LedgerOf
) -> None:
    draft = draft_of(consortium, seats["inspector"].fabric_signer, "a")
    node = ledger_of("bank")
    with pytest.raises(Exception, match="signature"):
        await offline.endorse(node, draft, seats["bank"].fabric_signer.sign(draft.message))
    assert await node.height() == 1


async def test_what_is_no_signature_is_refused_before_anybody_is_asked(
    consortium: Consortium, seats: dict[str, Seat], ledger_of: LedgerOf
) -> None:
    draft = draft_of(consortium, seats["inspector"].fabric_signer, "a")
    with pytest.raises(Rejected) as refused:
        await offline.endorse(ledger_of("bank"), draft, b"no signature")
    assert refused.value.code == "bad_signature"


@pytest.mark.parametrize("raw", [b"\xff", b""])
def test_what_was_not_packed_is_not_unpacked(raw: bytes) -> None:
    for kind in (Draft, Endorsed):
        with pytest.raises(Rejected) as refused:
            kind.unpack(raw)
        assert refused.value.code == "malformed"


def certificate_over(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    issuer = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    return builder.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def ed25519_pem(key: ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_an_ed25519_identity_signs_the_message_itself() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = certificate_over(key)
    signer = signer_of("bank", "BankMSP", pem, ed25519_pem(key))
    assert isinstance(signer, Ed25519Signer)
    key.public_key().verify(signer.sign(b"message"), b"message")
    assert pem in signer.identity
    assert as_fabric_takes_it(pem, signer.sign(b"message")) == signer.sign(b"message")


def test_a_p256_identity_is_the_houses_usual_signer() -> None:
    key = new_key()
    assert isinstance(signer_of("bank", "BankMSP", certificate_over(key), key_to_pem(key)), FabricSigner)


def test_a_key_of_another_certificate_is_refused() -> None:
    with pytest.raises(EvidenceError) as refused:
        signer_of("bank", "BankMSP", certificate_over(new_key()), key_to_pem(new_key()))
    assert refused.value.code == "forbidden"


def test_a_key_of_another_curve_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(EvidenceError) as refused:
        signer_of("bank", "BankMSP", certificate_over(key), key_to_pem(key))
    assert refused.value.code == "malformed"
