"""Fabric's messages: one door to the typed readers and builders.

A transaction is made with ``propose`` → ``signed_proposal`` → ``response_payload`` and
``endorsement_message`` at each endorser → ``transaction_payload`` → ``envelope``; blocks with
``block_header`` → ``assemble_block``; both are read back with ``parse_block``. Read-write sets live in
fabric_rwset, policies in fabric_policy; names are gathered here so that a room imports them from one place.
"""

from wuxin_evidence.fabric_blocks import (
    BAD_CREATOR_SIGNATURE,
    DUPLICATE_TXID,
    ENDORSEMENT_POLICY_FAILURE,
    MVCC_READ_CONFLICT,
    NOT_VALIDATED,
    VALID,
    BlockHeader,
    BlockSignature,
    BlockView,
    TransactionView,
    assemble_block,
    block_header,
    block_signature_message,
    data_hash,
    endorser_identity,
    orderer_metadata,
    parse_block,
    parse_envelope,
)
from wuxin_evidence.fabric_policy import (
    Policy,
    Principal,
    parse_policy,
    peers_all,
    peers_at_least,
)
from wuxin_evidence.fabric_proposals import (
    NONCE_BYTES,
    Endorsement,
    Identity,
    Outcome,
    Proposal,
    SignedProposal,
    endorsement_message,
    envelope,
    parse_identity,
    parse_signed_proposal,
    proposal_hash,
    propose,
    response_payload,
    serialized_identity,
    signature_header,
    signed_proposal,
    transaction_id,
    transaction_payload,
)
from wuxin_evidence.fabric_rwset import (
    VALIDATION_PARAMETER,
    HashedCollection,
    HashedRead,
    HashedWrite,
    MetadataWrite,
    NamespaceChanges,
    Read,
    Version,
    Write,
    decode_rwset,
    encode_rwset,
    key_policies,
    private_writes,
)

VALIDATION_CODE_NAMES = {
    VALID: "VALID",
    BAD_CREATOR_SIGNATURE: "BAD_CREATOR_SIGNATURE",
    DUPLICATE_TXID: "DUPLICATE_TXID",
    ENDORSEMENT_POLICY_FAILURE: "ENDORSEMENT_POLICY_FAILURE",
    MVCC_READ_CONFLICT: "MVCC_READ_CONFLICT",
    NOT_VALIDATED: "NOT_VALIDATED",
}
"""Names of the validation codes the embedded ledger sets; any other number is named ``CODE_<n>``."""


def validation_code_name(code: int) -> str:
    """Fabric's name of a validation code."""
    return VALIDATION_CODE_NAMES.get(code, f"CODE_{code}")


__all__ = [
    "BAD_CREATOR_SIGNATURE",
    "DUPLICATE_TXID",
    "ENDORSEMENT_POLICY_FAILURE",
    "MVCC_READ_CONFLICT",
    "NONCE_BYTES",
    "NOT_VALIDATED",
    "VALID",
    "VALIDATION_PARAMETER",
    "BlockHeader",
    "BlockSignature",
    "BlockView",
    "Endorsement",
    "HashedCollection",
    "HashedRead",
    "HashedWrite",
    "Identity",
    "MetadataWrite",
    "NamespaceChanges",
    "Outcome",
    "Policy",
    "Principal",
    "Proposal",
    "Read",
    "SignedProposal",
    "TransactionView",
    "Version",
    "Write",
    "assemble_block",
    "block_header",
    "block_signature_message",
    "data_hash",
    "decode_rwset",
    "encode_rwset",
    "endorsement_message",
    "endorser_identity",
    "envelope",
    "key_policies",
    "orderer_metadata",
    "parse_block",
    "parse_envelope",
    "parse_identity",
    "parse_policy",
    "parse_signed_proposal",
    "peers_all",
    "peers_at_least",
    "private_writes",
    "proposal_hash",
    "propose",
    "response_payload",
    "serialized_identity",
    "signature_header",
    "signed_proposal",
    "transaction_id",
    "transaction_payload",
    "validation_code_name",
]
