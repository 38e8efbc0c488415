"""The messages that travel between our client and a peer, as bytes on one side and frozen values on the other.

Requests are functions that return bytes; answers are functions that take bytes. The generated classes stay behind this
module and `wuxin_evidence.fabric.schema`, so that what is above knows neither protobuf nor gRPC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    COMMON,
    EVENTS,
    GATEWAY,
    LEDGER,
    ORDERING,
    PROPOSAL,
    PROPOSAL_RESPONSE,
    TRANSACTION,
    Endorsement,
    Policy,
    header_hash,
    parse,
    parse_policy,
    serialize,
    signature_header,
    transaction_id,
)

ENDORSE = "/gateway.Gateway/Endorse"
SUBMIT = "/gateway.Gateway/Submit"
COMMIT_STATUS = "/gateway.Gateway/CommitStatus"
EVALUATE = "/gateway.Gateway/Evaluate"
CHAINCODE_EVENTS = "/gateway.Gateway/ChaincodeEvents"
PROCESS_PROPOSAL = "/protos.Endorser/ProcessProposal"
DELIVER = "/protos.Deliver/Deliver"

DELIVER_SEEK_INFO = 5
"""HeaderType of a request for blocks."""

STATUS_SUCCESS = 200
"""With it a peer ends a delivery that came to its last block."""

FOR_EVER = 2**64 - 1
"""Last block of a delivery that is not to end."""


@dataclass(frozen=True)
class ErrorDetail:
    """What one endpoint behind the gateway answered: its address, MSP id and words."""

    address: str
    msp_id: str
    message: str


@dataclass(frozen=True)
class Interest:
    """Whose endorsements a simulated transaction needs, as the peer that simulated it says.

    `by_default` unless every key it writes has a policy of its own; `key_policies` are those; `collections` are the
    private collections that it touches.
    """

    by_default: bool
    key_policies: tuple[Policy, ...]
    collections: tuple[str, ...]


@dataclass(frozen=True)
class ProposalResponse:
    """One peer's answer to a proposal; `result` is what its chaincode returned, `payload` what an endorser signs.

    A status of 500 without a payload is the peer's own failure, not its chaincode's; refusals of 4xx have none either.
    """

    status: int
    message: str
    result: bytes
    payload: bytes
    endorsement: Endorsement | None
    interest: Interest


@dataclass(frozen=True)
class ChaincodeEvent:
    """One transaction's event."""

    block: int
    tx_id: str
    name: str
    payload: bytes


def endorse_request(tx_id: str, channel: str, signed: bytes, msp_ids: Sequence[str]) -> bytes:
    """EndorseRequest; without `msp_ids` the gateway chooses who endorses."""
    return serialize(
        GATEWAY.EndorseRequest(
            transaction_id=tx_id,
            channel_id=channel,
            proposed_transaction=parse(PROPOSAL.SignedProposal, signed),
            endorsing_organizations=msp_ids,
        )
    )


def prepared_payload(raw: bytes) -> bytes:
    """From EndorseResponse, the Payload that the caller signs."""
    return cast(bytes, parse(GATEWAY.EndorseResponse, raw).prepared_transaction.payload)


def submit_request(tx_id: str, channel: str, envelope: bytes) -> bytes:
    """Build the gateway's request to order an envelope."""
    return serialize(
        GATEWAY.SubmitRequest(
            transaction_id=tx_id, channel_id=channel, prepared_transaction=parse(COMMON.Envelope, envelope)
        )
    )


def commit_status_request(tx_id: str, channel: str, identity: bytes) -> bytes:
    """CommitStatusRequest: the bytes that the caller signs."""
    return serialize(GATEWAY.CommitStatusRequest(transaction_id=tx_id, channel_id=channel, identity=identity))


def signed_commit_status_request(request: bytes, signature: bytes) -> bytes:
    """Build the gateway's request for a transaction's outcome, signed."""
    return serialize(GATEWAY.SignedCommitStatusRequest(request=request, signature=signature))


def committed_block(raw: bytes) -> int:
    """From CommitStatusResponse, the block's number; whether it is valid there the block itself says."""
    return int(parse(GATEWAY.CommitStatusResponse, raw).block_number)


def evaluate_request(tx_id: str, channel: str, signed: bytes, msp_ids: Sequence[str]) -> bytes:
    """EvaluateRequest; only peers of `msp_ids` are asked, any when it is empty."""
    return serialize(
        GATEWAY.EvaluateRequest(
            transaction_id=tx_id,
            channel_id=channel,
            proposed_transaction=parse(PROPOSAL.SignedProposal, signed),
            target_organizations=msp_ids,
        )
    )


def evaluated(raw: bytes) -> bytes:
    """From EvaluateResponse, what the chaincode returned."""
    return cast(bytes, parse(GATEWAY.EvaluateResponse, raw).result.payload)


def events_request(channel: str, chaincode: str, identity: bytes, start_block: int, after_tx_id: str) -> bytes:
    """ChaincodeEventsRequest from a block on, without what stands up to `after_tx_id` in it."""
    return serialize(
        GATEWAY.ChaincodeEventsRequest(
            channel_id=channel,
            chaincode_id=chaincode,
            identity=identity,
            start_position=_position(start_block),
            after_transaction_id=after_tx_id,
        )
    )


def signed_events_request(request: bytes, signature: bytes) -> bytes:
    """Build the gateway's request to follow events, signed."""
    return serialize(GATEWAY.SignedChaincodeEventsRequest(request=request, signature=signature))


def events(raw: bytes) -> tuple[ChaincodeEvent, ...]:
    """From ChaincodeEventsResponse, the events of one block in order; none where it only says how far it is."""
    answer = parse(GATEWAY.ChaincodeEventsResponse, raw)
    return tuple(
        ChaincodeEvent(int(answer.block_number), each.tx_id, each.event_name, each.payload) for each in answer.events
    )


def seek_payload(channel: str, creator: bytes, nonce: bytes, now_ms: int, first: int | None, last: int | None) -> bytes:
    """The Payload, to be signed, that asks a node for the blocks `first` to `last` as they come; None is the newest."""
    header = COMMON.ChannelHeader(type=DELIVER_SEEK_INFO, channel_id=channel)
    header.timestamp.FromMilliseconds(now_ms)
    seek = ORDERING.SeekInfo(start=_position(first), stop=_position(last))
    return serialize(
        COMMON.Payload(
            header=COMMON.Header(channel_header=serialize(header), signature_header=signature_header(creator, nonce)),
            data=serialize(seek),
        )
    )


def delivered(raw: bytes) -> bytes | int:
    """From DeliverResponse, a block's bytes, or the status with which the delivery ends."""
    answer = parse(EVENTS.DeliverResponse, raw)
    return serialize(answer.block) if answer.WhichOneof("Type") == "block" else int(answer.status)


def proposal_response(raw: bytes, chaincode: str) -> ProposalResponse:
    """Read one peer's answer. Raises EvidenceError `malformed`."""
    answer = parse(PROPOSAL_RESPONSE.ProposalResponse, raw)
    given = Endorsement(answer.endorsement.endorser, answer.endorsement.signature)
    return ProposalResponse(
        status=answer.response.status,
        message=answer.response.message,
        result=answer.response.payload,
        payload=answer.payload,
        endorsement=given if given.signature else None,
        interest=_interest([call for call in answer.interest.chaincodes if call.name == chaincode]),
    )


def simulated(payload: bytes) -> bytes:
    """From ProposalResponsePayload, the TxReadWriteSet."""
    response = parse(PROPOSAL_RESPONSE.ProposalResponsePayload, payload)
    return cast(bytes, parse(PROPOSAL.ChaincodeAction, response.extension).results)


def proposal_hashes(payload: bytes) -> tuple[bytes, bytes]:
    """Of a transaction's Payload, the hash of the proposal that the endorsers name, and that of the one it carries.

    Raises EvidenceError `malformed`.
    """
    message = parse(COMMON.Payload, payload)
    actions = parse(TRANSACTION.Transaction, message.data).actions
    if len(actions) != 1:
        raise EvidenceError("malformed", f"a transaction of {len(actions)} actions", "one function a transaction")
    carried = parse(TRANSACTION.ChaincodeActionPayload, actions[0].payload)
    named = parse(PROPOSAL_RESPONSE.ProposalResponsePayload, carried.action.proposal_response_payload).proposal_hash
    header = message.header
    own = header_hash(header.channel_header, header.signature_header, carried.chaincode_proposal_payload)
    return named, own


def chain_height(raw: bytes) -> int:
    """From BlockchainInfo, the number of blocks."""
    return int(parse(LEDGER.BlockchainInfo, raw).height)


def envelopes(block: bytes) -> tuple[tuple[bytes, ...], bytes, int]:
    """A block's envelopes, its TRANSACTIONS_FILTER (one validation code each) and its number."""
    message = parse(COMMON.Block, block)
    metadata = [*message.metadata.metadata, *([b""] * 5)]
    return tuple(message.data.data), metadata[COMMON.TRANSACTIONS_FILTER], int(message.header.number)


def header_of(block: bytes) -> tuple[int, bytes, bytes, tuple[bytes, ...]]:
    """A block's number, previous hash, data hash and envelopes."""
    message = parse(COMMON.Block, block)
    header = message.header
    return int(header.number), header.previous_hash, header.data_hash, tuple(message.data.data)


def transaction_id_of(envelope: bytes) -> tuple[str, bool]:
    """The id in an envelope's header, and whether it is its own: the hash of its nonce and creator.

    Empty for configuration, and for what a member had ordered that is no message at all.
    """
    try:
        header = parse(COMMON.Payload, parse(COMMON.Envelope, envelope).payload).header
        claimed = cast(str, parse(COMMON.ChannelHeader, header.channel_header).tx_id)
        signer = parse(COMMON.SignatureHeader, header.signature_header)
    except EvidenceError:
        return "", False
    return claimed, claimed == transaction_id(signer.nonce, signer.creator)


def validation_code_name(code: int) -> str:
    """Fabric's name of a validation code."""
    known = cast("dict[int, Any]", TRANSACTION.TxValidationCode.DESCRIPTOR.values_by_number)
    return cast(str, known[code].name) if code in known else f"CODE_{code}"


def pack_proposed(tx_id: str, signed: bytes) -> bytes:
    """ProposedTransaction, in which official clients hand on a proposal between machines."""
    proposal = parse(PROPOSAL.SignedProposal, signed)
    return serialize(GATEWAY.ProposedTransaction(transaction_id=tx_id, proposal=proposal))


def unpack_proposed(raw: bytes) -> tuple[str, bytes]:
    """Transaction id and SignedProposal. Raises EvidenceError `malformed`."""
    found = parse(GATEWAY.ProposedTransaction, raw)
    return found.transaction_id, serialize(found.proposal)


def pack_prepared(tx_id: str, envelope: bytes) -> bytes:
    """PreparedTransaction, the same for an endorsed transaction."""
    return serialize(GATEWAY.PreparedTransaction(transaction_id=tx_id, envelope=parse(COMMON.Envelope, envelope)))


def unpack_prepared(raw: bytes) -> tuple[str, bytes]:
    """Transaction id and Payload. Raises EvidenceError `malformed`."""
    found = parse(GATEWAY.PreparedTransaction, raw)
    return found.transaction_id, found.envelope.payload


def error_details(raw: bytes) -> tuple[ErrorDetail, ...]:
    """From google.rpc.Status (the metadata `grpc-status-details-bin`), what each endpoint said.

    What cannot be read is left out: a detail explains an error and must not become another one.
    """
    found: list[ErrorDetail] = []
    try:
        for packed in parse(_RPC_STATUS, raw).details:
            if packed.type_url.endswith("gateway.ErrorDetail"):
                detail = parse(GATEWAY.ErrorDetail, packed.value)
                found.append(ErrorDetail(detail.address, detail.msp_id, detail.message))
    except EvidenceError:
        pass
    return tuple(found)


def pack_error_details(code: int, message: str, details: Sequence[ErrorDetail]) -> bytes:
    """The opposite of `error_details`, for a gateway's side."""
    status = _RPC_STATUS(code=code, message=message)
    for each in details:
        packed = serialize(GATEWAY.ErrorDetail(address=each.address, msp_id=each.msp_id, message=each.message))
        status.details.add(type_url="type.googleapis.com/gateway.ErrorDetail", value=packed)
    return serialize(status)


def _interest(calls: Sequence[Any]) -> Interest:
    public = [call for call in calls if not call.collection_names]
    return Interest(
        by_default=not public or any(not call.disregard_namespace_policy for call in public),
        key_policies=tuple(parse_policy(serialize(policy)) for call in public for policy in call.key_policies),
        collections=tuple(sorted({name for call in calls for name in call.collection_names})),
    )


def _position(block: int | None) -> Any:
    if block is None:
        return ORDERING.SeekPosition(newest=ORDERING.SeekNewest())
    return ORDERING.SeekPosition(specified=ORDERING.SeekSpecified(number=block))


def _rpc_status() -> Any:
    """google.rpc.Status in a pool of its own: the package that ships it is not needed for three fields."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="wuxin/rpc_status.proto", package="wuxin.rpc", syntax="proto3", dependency=["google/protobuf/any.proto"]
    )
    status = file.message_type.add(name="Status")
    status.field.add(name="code", number=1, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    status.field.add(name="message", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    status.field.add(
        name="details",
        number=3,
        type=field.TYPE_MESSAGE,
        label=field.LABEL_REPEATED,
        type_name=".google.protobuf.Any",
    )
    pool = descriptor_pool.DescriptorPool()
    any_file = descriptor_pb2.FileDescriptorProto()
    any_pb2.DESCRIPTOR.CopyToProto(any_file)
    pool.Add(any_file)
    pool.Add(file)
    return cast(Any, message_factory.GetMessageClass(pool.FindMessageTypeByName("wuxin.rpc.Status")))


_RPC_STATUS: Any = _rpc_status()
