"""Certificates and signatures in Fabric's manner."""

import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from network.membership.identities import (
    Authority,
    FabricSigner,
    Roots,
    Validity,
    has_signed,
    key_from_pem,
    key_to_pem,
    new_key,
)
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import P256_ORDER

IN_2022_MS = 1_641_114_000_000
IN_2050_MS = 2_524_608_000_000


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("BankMSP", Validity())


def signer_of(authority: Authority, role: str, msp_id: str = "BankMSP") -> FabricSigner:
    key = new_key()
    return FabricSigner.of("bank", msp_id, authority.issue("one", role, key.public_key(), Validity()), key)


def roots_of(authority: Authority) -> Roots:
    return Roots({authority.msp_id: [authority.certificate_pem()]})


@pytest.mark.parametrize("role", ["client", "peer", "admin", "orderer"])
def test_a_certificate_speaks_for_its_organisation_and_role(authority: Authority, role: str) -> None:
    found = roots_of(authority).identify(signer_of(authority, role).identity, IN_2022_MS)
    assert found.principal == ("BankMSP", role.upper())


def test_a_signature_is_low_s_and_its_twin_is_refused(authority: Authority) -> None:
    signer = signer_of(authority, "client")
    member = roots_of(authority).identify(signer.identity, IN_2022_MS)
    for number in range(32):
        message = bytes([number])
        signature = signer.sign(message)
        r, s = decode_dss_signature(signature)
        assert s <= P256_ORDER // 2
        assert has_signed(member, message, signature)
        assert not has_signed(member, message, encode_dss_signature(r, P256_ORDER - s))
        assert not has_signed(member, message + b"x", signature)
    assert not has_signed(member, b"", b"")


def test_a_certificate_of_a_foreign_authority_is_forbidden(authority: Authority) -> None:
    foreign = signer_of(Authority.create("BankMSP", Validity()), "peer")
    with pytest.raises(EvidenceError) as refused:
        roots_of(authority).identify(foreign.identity, IN_2022_MS)
    assert refused.value.code == "forbidden"


def test_an_unknown_organisation_is_forbidden(authority: Authority) -> None:
    with pytest.raises(EvidenceError) as refused:
        roots_of(authority).identify(signer_of(authority, "peer", "PirateMSP").identity, IN_2022_MS)
    assert refused.value.code == "forbidden"


def test_validity_is_asked_each_time_not_remembered(authority: Authority) -> None:
    roots, signer = roots_of(authority), signer_of(authority, "client")
    roots.identify(signer.identity, IN_2022_MS)
    with pytest.raises(EvidenceError) as refused:
        roots.identify(signer.identity, IN_2050_MS)
    assert refused.value.code == "forbidden"


def test_a_certificate_without_a_node_ou_is_forbidden(authority: Authority) -> None:
    with pytest.raises(EvidenceError) as refused:
        roots_of(authority).identify(signer_of(authority, "janitor").identity, IN_2022_MS)
    assert refused.value.code == "forbidden"


def test_validity_can_be_chosen() -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    authority = Authority.create("BankMSP", Validity(now, now + datetime.timedelta(days=1)))
    assert authority.certificate.not_valid_after_utc == now + datetime.timedelta(days=1)


def test_a_key_survives_pem() -> None:
    key = new_key()
    assert key_from_pem(key_to_pem(key)).private_numbers() == key.private_numbers()
