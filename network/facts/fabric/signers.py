"""Keys that sign for a seat on Fabric: P-256 as everywhere in this house, and Ed25519.

    signer = signer_of("bank", "BankMSP", certificate_pem, key_pem)

Ed25519 identities need channel capability V3_0. Peers take them; our own evidence and the embedded ledger know P-256
only, so they are for clients of channels that are not ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from network.facts.proposal import Signer
from network.membership.identities import FabricSigner
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import P256_ORDER, serialized_identity


@dataclass(frozen=True)
class Ed25519Signer:
    """A certificate over an Ed25519 key, and the key."""

    organisation: str
    msp_id: str
    identity: bytes = field(repr=False)
    key: ed25519.Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes, /) -> bytes:
        """64 bytes over the message itself, not over its hash."""
        return self.key.sign(message)


def signer_of(organisation: str, msp_id: str, certificate_pem: bytes, key_pem: bytes) -> Signer:
    """The signer for a certificate and its private key (PKCS#8, PEM).

    Raises EvidenceError `malformed` for other kinds of keys, `forbidden` when they do not belong together.
    """
    certificate = _certificate(certificate_pem)
    try:
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise EvidenceError("malformed", "not a private key", "give PKCS#8 in PEM, unencrypted") from error
    if key.public_key() != certificate.public_key():
        raise EvidenceError("forbidden", "the key is not the certificate's", "give the key that belongs to it")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Signer(organisation, msp_id, serialized_identity(msp_id, certificate_pem), key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return FabricSigner.of(organisation, msp_id, certificate_pem, key)
    raise EvidenceError("malformed", "a key that is neither P-256 nor Ed25519", "issue the identity on P-256")


def as_fabric_takes_it(certificate_pem: bytes, signature: bytes) -> bytes:
    """A signature made elsewhere: for ECDSA with s in the lower half, because Fabric refuses the other one.

    Raises EvidenceError `bad_signature`.
    """
    if not isinstance(_certificate(certificate_pem).public_key(), ec.EllipticCurvePublicKey):
        return signature
    try:
        r, s = decode_dss_signature(signature)
    except ValueError as error:
        raise EvidenceError("bad_signature", "not an ECDSA signature in DER", "have the key sign again") from error
    return encode_dss_signature(r, min(s, P256_ORDER - s))


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise EvidenceError("malformed", "not a certificate", "give an X.509 certificate in PEM") from error
