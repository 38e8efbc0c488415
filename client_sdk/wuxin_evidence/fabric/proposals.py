"""One transaction's way to the orderer, as Fabric's bytes.

``propose`` makes a proposal that the caller signs; every endorser reads it with ``parse_signed_proposal``,
simulates, makes the same ``response_payload`` and signs ``endorsement_message``; ``transaction_payload``
joins proposal and endorsements, the caller signs that, and ``envelope`` is what the orderer gets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric.schema import (
    CHAINCODE,
    CHAINCODE_EVENT,
    COMMON,
    IDENTITIES,
    PROPOSAL,
    PROPOSAL_RESPONSE,
    TRANSACTION,
    parse,
    serialize,
)

ENDORSER_TRANSACTION = 3
"""HeaderType of every transaction that is not channel configuration."""

NONCE_BYTES = 24
"""Length of a proposal's nonce, as every Fabric client uses it."""


class Identity(NamedTuple):
    """Who signs: MSP id and X.509 certificate (PEM)."""

    msp_id: str
    certificate_pem: bytes


class Endorsement(NamedTuple):
    """One endorser (SerializedIdentity bytes) and its DER signature over payload followed by endorser."""

    endorser: bytes
    signature: bytes


@dataclass(frozen=True)
class Proposal:
    """A proposal to be signed: sign ``raw``."""

    tx_id: str
    raw: bytes


@dataclass(frozen=True)
class SignedProposal:
    """A signed proposal as an endorser sees it; nothing in it is verified yet except that the id is its own
    hash.
    """

    channel: str
    chaincode: str
    tx_id: str
    timestamp_s: int
    creator: Identity
    creator_bytes: bytes
    nonce: bytes
    args: tuple[bytes, ...]
    transient: Mapping[str, bytes]
    proposal: bytes
    signature: bytes


@dataclass(frozen=True)
class Outcome:
    """What a simulation produced: TxReadWriteSet bytes, the chaincode's response and its one event."""

    rwset: bytes
    status: int
    message: str
    payload: bytes
    event_name: str = ""
    event_payload: bytes = b""


def serialized_identity(msp_id: str, certificate_pem: bytes) -> bytes:
    """SerializedIdentity: the form in which creators and endorsers name themselves."""
    return serialize(IDENTITIES.SerializedIdentity(mspid=msp_id, id_bytes=certificate_pem))


def parse_identity(raw: bytes) -> Identity:
    """Read a SerializedIdentity. Raises EvidenceError ``malformed``."""
    message = parse(IDENTITIES.SerializedIdentity, raw)
    return Identity(message.mspid, message.id_bytes)


def transaction_id(nonce: bytes, creator: bytes) -> str:
    """Hex SHA-256 of nonce followed by creator (SerializedIdentity bytes)."""
    return sha256(nonce + creator).hexdigest()


def signature_header(creator: bytes, nonce: bytes) -> bytes:
    """SignatureHeader bytes, used in proposals and in block signatures."""
    return serialize(COMMON.SignatureHeader(creator=creator, nonce=nonce))


def propose(
    *,
    channel: str,
    chaincode: str,
    creator: bytes,
    nonce: bytes,
    timestamp_ms: int,
    args: Sequence[bytes],
    transient: Mapping[str, bytes] | None = None,
) -> Proposal:
    """A proposal for ``args`` (function name first); ``creator`` is SerializedIdentity bytes."""
    tx_id = transaction_id(nonce, creator)
    header = COMMON.Header(
        channel_header=_channel_header(channel, chaincode, tx_id, timestamp_ms),
        signature_header=signature_header(creator, nonce),
    )
    spec = CHAINCODE.ChaincodeSpec(
        chaincode_id=CHAINCODE.ChaincodeID(name=chaincode), input=CHAINCODE.ChaincodeInput(args=args)
    )
    payload = PROPOSAL.ChaincodeProposalPayload(
        input=serialize(CHAINCODE.ChaincodeInvocationSpec(chaincode_spec=spec)), TransientMap=transient or {}
    )
    return Proposal(tx_id, serialize(PROPOSAL.Proposal(header=serialize(header), payload=serialize(payload))))


def _channel_header(channel: str, chaincode: str, tx_id: str, timestamp_ms: int) -> bytes:
    extension = PROPOSAL.ChaincodeHeaderExtension(chaincode_id=CHAINCODE.ChaincodeID(name=chaincode))
    header = COMMON.ChannelHeader(
        type=ENDORSER_TRANSACTION, channel_id=channel, tx_id=tx_id, extension=serialize(extension)
    )
    header.timestamp.FromMilliseconds(timestamp_ms)
    return serialize(header)


def signed_proposal(proposal: Proposal, signature: bytes) -> bytes:
    """SignedProposal bytes: what travels to the endorsers."""
    return serialize(PROPOSAL.SignedProposal(proposal_bytes=proposal.raw, signature=signature))


def parse_signed_proposal(raw: bytes) -> SignedProposal:
    """Read a signed proposal and hold its transaction id against nonce and creator.

    Raises EvidenceError ``malformed``. The signature and the caller's certificate are not checked here.
    """
    outer = parse(PROPOSAL.SignedProposal, raw)
    proposal = parse(PROPOSAL.Proposal, outer.proposal_bytes)
    header = parse(COMMON.Header, proposal.header)
    channel = parse(COMMON.ChannelHeader, header.channel_header)
    signer = parse(COMMON.SignatureHeader, header.signature_header)
    if channel.type != ENDORSER_TRANSACTION or channel.tx_id != transaction_id(signer.nonce, signer.creator):
        raise EvidenceError(
            "malformed",
            "the proposal's type or transaction id is not its own",
            "derive the id from nonce and creator",
        )
    payload = parse(PROPOSAL.ChaincodeProposalPayload, proposal.payload)
    spec = parse(CHAINCODE.ChaincodeInvocationSpec, payload.input).chaincode_spec
    extension = parse(PROPOSAL.ChaincodeHeaderExtension, channel.extension)
    if spec.chaincode_id.name != extension.chaincode_id.name:
        raise EvidenceError(
            "malformed", "the proposal names two chaincodes", "name one, in the header and in the input"
        )
    return SignedProposal(
        channel=channel.channel_id,
        chaincode=spec.chaincode_id.name,
        tx_id=channel.tx_id,
        timestamp_s=channel.timestamp.seconds,
        creator=parse_identity(signer.creator),
        creator_bytes=signer.creator,
        nonce=signer.nonce,
        args=tuple(spec.input.args),
        transient=dict(payload.TransientMap),
        proposal=outer.proposal_bytes,
        signature=outer.signature,
    )


def proposal_hash(proposal: bytes) -> bytes:
    """SHA-256 over channel header, signature header and the payload without its transient part."""
    message = parse(PROPOSAL.Proposal, proposal)
    header = parse(COMMON.Header, message.header)
    return header_hash(header.channel_header, header.signature_header, _without_transient(message.payload))


def header_hash(channel_header: bytes, signer: bytes, chaincode_proposal_payload: bytes) -> bytes:
    """The same hash from the three parts that a block carries."""
    return sha256(channel_header + signer + chaincode_proposal_payload).digest()


def _without_transient(payload: bytes) -> bytes:
    message = parse(PROPOSAL.ChaincodeProposalPayload, payload)
    return serialize(PROPOSAL.ChaincodeProposalPayload(input=message.input))


def response_payload(proposal: bytes, chaincode: str, tx_id: str, outcome: Outcome) -> bytes:
    """ProposalResponsePayload: equal at every honest endorser, byte for byte."""
    events = b""
    if outcome.event_name:
        events = serialize(
            CHAINCODE_EVENT.ChaincodeEvent(
                chaincode_id=chaincode,
                tx_id=tx_id,
                event_name=outcome.event_name,
                payload=outcome.event_payload,
            )
        )
    action = PROPOSAL.ChaincodeAction(
        results=outcome.rwset,
        events=events,
        response=PROPOSAL_RESPONSE.Response(status=outcome.status, message=outcome.message, payload=outcome.payload),
        chaincode_id=CHAINCODE.ChaincodeID(name=chaincode),
    )
    return serialize(
        PROPOSAL_RESPONSE.ProposalResponsePayload(proposal_hash=proposal_hash(proposal), extension=serialize(action))
    )


def endorsement_message(payload: bytes, endorser: bytes) -> bytes:
    """What an endorser signs: the response payload followed by its own SerializedIdentity."""
    return payload + endorser


def transaction_payload(proposal: bytes, payload: bytes, endorsements: Iterable[Endorsement]) -> bytes:
    """The Payload that the caller signs: proposal without transient data, response payload, endorsements."""
    message = parse(PROPOSAL.Proposal, proposal)
    header = parse(COMMON.Header, message.header)
    endorsed = TRANSACTION.ChaincodeEndorsedAction(
        proposal_response_payload=payload,
        endorsements=[
            PROPOSAL_RESPONSE.Endorsement(endorser=each.endorser, signature=each.signature) for each in endorsements
        ],
    )
    action = TRANSACTION.ChaincodeActionPayload(
        chaincode_proposal_payload=_without_transient(message.payload), action=endorsed
    )
    transaction = TRANSACTION.Transaction(
        actions=[TRANSACTION.TransactionAction(header=header.signature_header, payload=serialize(action))]
    )
    return serialize(COMMON.Payload(header=header, data=serialize(transaction)))


def envelope(payload: bytes, signature: bytes) -> bytes:
    """Envelope bytes: what is ordered and stands in a block."""
    return serialize(COMMON.Envelope(payload=payload, signature=signature))
