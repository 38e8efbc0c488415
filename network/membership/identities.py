"""X.509 identities in Fabric's manner: one authority per organisation, the role in the certificate's OU.

Workflow: `Authority.create` makes an organisation's root, `Authority.issue` a certificate for its client, admin, peer
or orderer, `FabricSigner` signs with it (ECDSA P-256 over SHA-256, DER, low s, because Fabric refuses the other
half). A second authority of the organisation issues what its processes show on their connections (`issue_tls`), so
that neither kind passes for the other. `Roots.identify` answers whose signature a SerializedIdentity would make:
chain, validity and node OU are checked once per certificate and remembered.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    P256_ORDER,
    VerifiedIdentity,
    parse_identity,
    serialized_identity,
    verify_identity,
    verify_signature,
)

REMEMBERED_MAX = 10_000
"""Certificates kept as checked; a consortium has tens, so only an attacker reaches this, and then it starts over."""

TLS_NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")))
"""All that a certificate made here may answer for: the networks that we start listen on this machine alone."""

_ECDSA = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Validity:
    """Between which times, UTC, certificates are valid.

    The default covers the demo, whose scenario clock stands in 2022 while the operating system's does not.
    """

    not_before: datetime.datetime = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    not_after: datetime.datetime = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key, as Fabric's identities have."""
    return ec.generate_private_key(ec.SECP256R1())


def key_to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS#8, unencrypted: for the inside of a keystore file only."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def key_from_pem(raw: bytes) -> ec.EllipticCurvePrivateKey:
    """Read what `key_to_pem` wrote. Raises EvidenceError `malformed` for a key that is not P-256."""
    key = serialization.load_pem_private_key(raw, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise EvidenceError("malformed", "not a P-256 private key", "identities of the facts are P-256")
    return key


@dataclass(frozen=True)
class Authority:
    """An organisation's own certificate authority."""

    msp_id: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, msp_id: str, validity: Validity, purpose: str = "root") -> Authority:
        """Make a new key and its self-signed certificate; `purpose` stands in the certificate's common name."""
        key = new_key()
        name = _name(msp_id, f"{msp_id} {purpose}", None)
        usage = _key_usage(certificates=True)
        certificate = (
            _unsigned(name, name, key.public_key(), validity)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(msp_id, certificate, key)

    def issue(self, common_name: str, role: str, key: ec.EllipticCurvePublicKey, validity: Validity) -> bytes:
        """A certificate (PEM) for `key`; `role` is the node OU: client, peer, admin or orderer."""
        return self._signed(self._leaf(_name(self.msp_id, common_name, role), key, validity))

    def issue_tls(self, common_name: str, key: ec.EllipticCurvePublicKey, validity: Validity) -> bytes:
        """A certificate (PEM) for both ends of a connection on this machine."""
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        leaf = self._leaf(_name(self.msp_id, common_name, None), key, validity)
        named = leaf.add_extension(x509.SubjectAlternativeName(TLS_NAMES), critical=False)
        return self._signed(named.add_extension(usages, critical=False))

    def _leaf(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, validity: Validity) -> x509.CertificateBuilder:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            _unsigned(subject, self.certificate.subject, key, validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(certificates=False), critical=True)
            .add_extension(issuer, critical=False)
        )

    def _signed(self, certificate: x509.CertificateBuilder) -> bytes:
        return certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def certificate_pem(self) -> bytes:
        """The root certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _name(msp_id: str, common_name: str, role: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, msp_id)]
    if role is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def is_of(key: ec.EllipticCurvePrivateKey, certificate_pem: bytes) -> bool:
    """Whether this is a certificate (PEM), and names the public part of the key."""
    try:
        return x509.load_pem_x509_certificate(certificate_pem).public_key() == key.public_key()
    except ValueError:
        return False


@dataclass(frozen=True)
class FabricSigner:
    """A certificate and its key; `identity` is the SerializedIdentity that goes into messages."""

    organisation: str
    msp_id: str
    certificate_pem: bytes = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    identity: bytes = field(repr=False)

    @classmethod
    def of(
        cls, organisation: str, msp_id: str, certificate_pem: bytes, key: ec.EllipticCurvePrivateKey
    ) -> FabricSigner:
        """Make a signer of a certificate (PEM) and its key."""
        return cls(organisation, msp_id, certificate_pem, key, serialized_identity(msp_id, certificate_pem))

    def sign(self, message: bytes) -> bytes:
        """ECDSA P-256 over SHA-256(message): DER, s in the lower half of the order."""
        signature = self.key.sign(message, _ECDSA)
        r, s = decode_dss_signature(signature)
        return signature if s <= P256_ORDER // 2 else encode_dss_signature(r, P256_ORDER - s)


class Roots:
    """The organisations' root certificates, and the certificates already found to descend from them."""

    def __init__(self, roots: Mapping[str, Sequence[bytes]]) -> None:
        """`roots`: MSP id to the certificates (PEM) that may issue its identities."""
        self._roots = roots
        self._checked: dict[bytes, tuple[VerifiedIdentity, datetime.datetime, datetime.datetime]] = {}

    def identify(self, identity: bytes, at_ms: int) -> VerifiedIdentity:
        """Whom SerializedIdentity bytes speak for at `at_ms`.

        Raises EvidenceError `forbidden` (unknown organisation, foreign issuer, not valid then, no single node OU),
        `malformed`.
        """
        verified, not_before, not_after = self._checked.get(identity) or self._check(identity)
        at = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC)
        if not not_before <= at <= not_after:
            raise EvidenceError(
                "forbidden",
                f"a certificate of {verified.principal.msp_id} is not valid at {at.isoformat()}",
                "have the organisation's authority issue a new one",
            )
        return verified

    def _check(self, identity: bytes) -> tuple[VerifiedIdentity, datetime.datetime, datetime.datetime]:
        claimed = parse_identity(identity)
        verified = verify_identity(claimed, self._roots)
        certificate = x509.load_pem_x509_certificate(claimed.certificate_pem)
        known = (verified, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        if len(self._checked) >= REMEMBERED_MAX:
            self._checked.clear()
        self._checked[identity] = known
        return known


def may_create(signer: VerifiedIdentity) -> bool:
    """Whether transactions of this identity are taken: a client or an admin, as in Fabric's usual Writers policy.

    A peer's or orderer's key endorses and signs blocks; whoever steals it must not speak as the organisation.
    """
    return signer.principal.role in ("CLIENT", "ADMIN")


def has_signed(signer: VerifiedIdentity, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (DER, low s) is this identity's over `message`."""
    try:
        verify_signature(signer.public_key, message, signature)
    except EvidenceError:
        return False
    return True
