"""What a Fabric block proves to somebody who trusts only the organisations' root certificates.

``verify_block`` (data hash, orderer signatures) → ``find_transaction`` (the envelope stands in the block) →
``verify_creator`` (who called) → ``verify_endorsements`` (which organisations' peers simulated to exactly
this result) → ``Policy.satisfied_by``.

What remains unproved by one block, and is said so in every verdict: the validation code is added after
ordering and no orderer signs it; read conflicts (MVCC) and key-level policies set by earlier transactions
need the blocks before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric.blocks import (
    BlockHeader,
    BlockView,
    TransactionView,
    block_signature_message,
    data_hash,
)
from wuxin_evidence.fabric.policy import Principal
from wuxin_evidence.fabric.proposals import Identity, endorsement_message, parse_identity, transaction_id
from wuxin_evidence.fabric.schema import COMMON, parse

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the P-256 group; Fabric takes only signatures whose s is at most half of it."""

ENDORSEMENTS_MAX = 64
"""Endorsements read per transaction; every one costs two signature checks."""

ROLES_BY_UNIT = {"client": "CLIENT", "peer": "PEER", "admin": "ADMIN", "orderer": "ORDERER"}
"""Organisational unit of a certificate to the role it gives (Fabric's node OUs)."""


class VerifiedIdentity(NamedTuple):
    """Somebody whose certificate leads to an organisation's root: principal, key, SHA-256 of what the root signed."""

    principal: Principal
    public_key: ec.EllipticCurvePublicKey
    fingerprint: bytes


class BlockSigner(NamedTuple):
    """One orderer that may sign blocks; ``identifier`` is its consenter number under BFT, else None."""

    certificate_pem: bytes
    identifier: int | None = None


@dataclass(frozen=True)
class EndorsementResult:
    """Whose endorsements hold, one principal per distinct identity, and why others do not."""

    signers: tuple[Principal, ...]
    rejected: tuple[str, ...]


Roots = Mapping[str, Sequence[bytes]]
"""MSP id to the CA certificates (PEM) that may issue its identities."""


def block_header_hash(header: BlockHeader) -> bytes:
    """SHA-256 of the header's DER form: what the next block names as ``previous_hash``."""
    return header.hash()


def verify_identity(identity: Identity, roots: Roots, at_s: int | None = None) -> VerifiedIdentity:
    """Lead a certificate to its organisation's root and read its role.

    ``at_s`` (seconds UTC) also asks that the certificate was valid then; None leaves that open. Raises
    EvidenceError ``forbidden`` for an unknown organisation, a foreign issuer, an expired certificate or one
    without exactly one role, ``malformed`` for what is no P-256 certificate.
    """
    issuers = roots.get(identity.msp_id)
    if not issuers:
        raise _stranger(identity.msp_id, "the trust file does not know this organisation")
    certificate = load_certificate(identity.certificate_pem)
    if not any(_issued_by(certificate, load_certificate(issuer)) for issuer in issuers):
        raise _stranger(identity.msp_id, "its certificate was not issued by the organisation's root")
    if at_s is not None and not _valid_at(certificate, at_s):
        raise _stranger(identity.msp_id, "its certificate was not valid at that time")
    return VerifiedIdentity(
        Principal(identity.msp_id, _role(certificate, identity.msp_id)),
        _p256(certificate),
        _fingerprint(certificate),
    )


def verify_signature(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> None:
    """ECDSA P-256 over SHA-256, minimal DER, low s. Raises EvidenceError ``bad_signature``."""
    try:
        r, s = decode_dss_signature(signature)
        if encode_dss_signature(r, s) != signature or not 0 < s <= P256_ORDER // 2:
            raise _bad("a signature is not in its one low-s DER form")
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature) as error:
        raise _bad("an ECDSA signature does not hold") from error


def verify_creator(transaction: TransactionView, roots: Roots, at_s: int | None = None) -> VerifiedIdentity:
    """Who submitted: certificate chain, signature over the whole payload, transaction id and proposal hash.

    Raises EvidenceError ``forbidden``, ``bad_signature`` or ``malformed``.
    """
    creator = verify_identity(parse_identity(transaction.creator), roots, at_s)
    verify_signature(creator.public_key, transaction.payload, transaction.signature)
    if transaction.tx_id != transaction_id(transaction.nonce, transaction.creator):
        raise EvidenceError("malformed", "the transaction id is not the hash of nonce and creator", _AGAIN)
    if transaction.proposal_hash != transaction.proposal_hash_expected:
        raise EvidenceError("malformed", "the endorsed result belongs to another proposal", _AGAIN)
    return creator


def verify_endorsements(transaction: TransactionView, roots: Roots, at_s: int | None = None) -> EndorsementResult:
    """Check each endorsement over the response payload; one that does not hold is named, not fatal, as in
    Fabric.

    Raises EvidenceError ``too_large`` beyond ENDORSEMENTS_MAX and ``malformed`` for a write set that names a
    namespace or key twice.
    """
    if len(transaction.endorsements) > ENDORSEMENTS_MAX:
        raise EvidenceError("too_large", "too many endorsements", f"at most {ENDORSEMENTS_MAX}")
    _require_single_writes(transaction)
    signers: dict[bytes, Principal] = {}
    rejected: list[str] = []
    for endorsement in transaction.endorsements:
        try:
            endorser = verify_identity(parse_identity(endorsement.endorser), roots, at_s)
            message = endorsement_message(transaction.response_payload, endorsement.endorser)
            verify_signature(endorser.public_key, message, endorsement.signature)
        except EvidenceError as error:
            rejected.append(error.detail)
            continue
        signers[endorser.fingerprint] = endorser.principal
    return EndorsementResult(tuple(signers.values()), tuple(rejected))


def verify_block(block: BlockView, signers: Sequence[BlockSigner], quorum: int) -> int:
    """Data hash and orderer signatures; returns how many distinct listed signers signed.

    Raises EvidenceError ``malformed`` for a wrong data hash, ``quorum_not_met`` for fewer than ``quorum``
    signers.
    """
    if block.data_hash != data_hash(block.envelopes):
        raise EvidenceError("malformed", "the block's data hash is not that of its transactions", _AGAIN)
    signed = len(verify_block_signatures(block, signers))
    if signed < max(quorum, 1):
        raise EvidenceError(
            "quorum_not_met",
            f"block {block.number} is signed by {signed} of {quorum} known orderers",
            "compare the trust file's block signers with the channel's",
        )
    return signed


def verify_block_signatures(block: BlockView, signers: Iterable[BlockSigner]) -> frozenset[bytes]:
    """Fingerprints of the listed signers whose signature over metadata, header and own header holds.

    Any other signature is passed over: one hostile orderer must not spoil what a quorum of others proves.
    """
    listed = [(signer.identifier, load_certificate(signer.certificate_pem)) for signer in signers]
    found: set[bytes] = set()
    for signature in block.signatures:
        own = signature.signature_header or signature.identifier_header
        message = block_signature_message(block.signed_value, own, block.header)
        try:
            certificate = _signer_of(signature.signature_header, signature.identifier_header, listed)
            if certificate is None:
                continue
            verify_signature(_p256(certificate), message, signature.signature)
        except EvidenceError:
            continue
        found.add(_fingerprint(certificate))
    return frozenset(found)


def find_transaction(block: BlockView, envelope: bytes) -> TransactionView:
    """The block's transaction with exactly these envelope bytes. Raises EvidenceError ``not_found``."""
    for transaction in block.transactions:
        if transaction.envelope == envelope:
            return transaction
    raise EvidenceError("not_found", f"the envelope is not in block {block.number}", _AGAIN)


def load_certificate(pem: bytes) -> x509.Certificate:
    """Read one PEM certificate. Raises EvidenceError ``malformed``."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise EvidenceError("malformed", "not a PEM certificate", "give an X.509 certificate in PEM") from error


_AGAIN = "take the block from a peer again, unchanged"


def _signer_of(
    signature_header: bytes, identifier_header: bytes, listed: Sequence[tuple[int | None, x509.Certificate]]
) -> x509.Certificate | None:
    """The listed certificate a block signature claims: by its creator, or under BFT by consenter number alone."""
    if bool(signature_header) == bool(identifier_header):
        return None
    if identifier_header:
        number = int(parse(COMMON.IdentifierHeader, identifier_header).identifier)
        return next((certificate for identifier, certificate in listed if identifier == number), None)
    creator = parse_identity(parse(COMMON.SignatureHeader, signature_header).creator)
    claimed = load_certificate(creator.certificate_pem)
    by_name = (certificate for identifier, certificate in listed if identifier is None)
    return next((certificate for certificate in by_name if _fingerprint(certificate) == _fingerprint(claimed)), None)


def _fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 over what its issuer signed. Fabric rewrites a certificate's own signature to low s before it shows it,
    so two spellings are one certificate.
    """
    return sha256(certificate.tbs_certificate_bytes).digest()


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    # a CA issues identities and has none itself: Fabric's MSP refuses it as an endorser too (X.509 basicConstraints)
    try:
        return not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return True


def _valid_at(certificate: x509.Certificate, at_s: int) -> bool:
    at = datetime.fromtimestamp(at_s, UTC)
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _role(certificate: x509.Certificate, msp_id: str) -> str:
    units = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    roles = {ROLES_BY_UNIT[str(unit.value)] for unit in units if str(unit.value) in ROLES_BY_UNIT}
    if len(roles) != 1:
        raise _stranger(msp_id, "its certificate does not carry exactly one role")
    return roles.pop()


def _p256(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError("malformed", "a certificate with an unreadable key", "issue identities on P-256") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EvidenceError("malformed", "a certificate without a P-256 key", "issue identities on P-256")
    return key


def _require_single_writes(transaction: TransactionView) -> None:
    """Readers that disagree on which of two equal names counts would disagree on what was written."""
    names = [changes.namespace for changes in transaction.changes]
    keys = [write.key for write in transaction.writes]
    policies = [write.key for write in transaction.metadata_writes]
    if any(len(set(each)) != len(each) for each in (names, keys, policies)):
        raise EvidenceError("malformed", "a write set names a namespace or key twice", _AGAIN)


def _stranger(msp_id: str, why: str) -> EvidenceError:
    return EvidenceError("forbidden", f"{msp_id}: {why}", "check the organisation's root in the trust file")


def _bad(why: str) -> EvidenceError:
    return EvidenceError("bad_signature", why, "take the signed bytes from the ledger again, unchanged")
