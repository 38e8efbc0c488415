"""Blocks: what the orderer signs and what a peer adds.

Writing: ``assemble_block`` takes ordered envelopes, signs header and orderer metadata through the given
signer, and sets the validation codes. Reading: ``parse_block`` gives a ``BlockView`` whose
``TransactionView``s carry everything a projector or verifier needs. Reading decides nothing: signatures,
hashes and policies are checked in the module ``proof``.

The validation codes (TRANSACTIONS_FILTER) are written by the peer after ordering, so no orderer signature
covers them.

Orderers look at who signs an envelope, not at what is in it: a block may hold anything that a member sends. Peers
mark such a transaction invalid, and here it becomes a view without content instead of an error, so that nobody can
stop a reader of the ledger with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric.proposals import (
    ENDORSER_TRANSACTION,
    Endorsement,
    Identity,
    header_hash,
    parse_identity,
    signature_header,
)
from wuxin_evidence.fabric.rwset import (
    HashedCollection,
    MetadataWrite,
    NamespaceChanges,
    Read,
    Write,
    decode_rwset,
)
from wuxin_evidence.fabric.schema import (
    CHAINCODE,
    CHAINCODE_EVENT,
    COMMON,
    PROPOSAL,
    PROPOSAL_RESPONSE,
    TRANSACTION,
    parse,
    parse_exact,
    serialize,
)

SIGNATURES, LAST_CONFIG, TRANSACTIONS_FILTER, ORDERER, COMMIT_HASH = range(5)
"""Places of BlockMetadata."""

BLOCK_TRANSACTIONS_MAX = 20_000
"""Most transactions read of a block: forty times Fabric's default of 500, because the channel may say otherwise."""

BLOCK_SIGNATURES_MAX = 64
"""Most orderer signatures read of a block; each is checked over the same metadata, so that many would take the product
of both.
"""

UNREADABLE = -1
"""``header_type`` of an invalid transaction whose bytes are no envelope of Fabric's."""

VALID = 0
MVCC_READ_CONFLICT = 11
ENDORSEMENT_POLICY_FAILURE = 10
DUPLICATE_TXID = 9
BAD_CREATOR_SIGNATURE = 4
NOT_VALIDATED = 254


@dataclass(frozen=True)
class BlockHeader:
    """Number, hash of the block before (empty for block 0) and hash of this block's envelopes."""

    number: int
    previous_hash: bytes
    data_hash: bytes

    def der(self) -> bytes:
        """SEQUENCE of INTEGER and two OCTET STRINGs: the form that is hashed and signed."""
        content = _der_integer(self.number) + _der_octets(self.previous_hash) + _der_octets(self.data_hash)
        return b"\x30" + _der_length(len(content)) + content

    def hash(self) -> bytes:
        """SHA-256 of the DER form; the next block's ``previous_hash``."""
        return sha256(self.der()).digest()


class BlockSignature(NamedTuple):
    """One orderer's signature: exactly one of ``signature_header`` and ``identifier_header`` (BFT) is filled."""

    signature_header: bytes
    signature: bytes
    identifier_header: bytes


@dataclass(frozen=True)
class TransactionView:
    """One transaction of a block, read but not verified.

    ``args`` leaves out the function name; reads, writes and metadata writes are those of the chaincode's own
    namespace, ``changes`` has all namespaces. ``chaincode`` is what the channel header names, which peers run and hold
    to its policy; the input may say another. For anything but an endorser transaction only ``index``,
    ``validation_code``, ``channel``, ``header_type`` and ``envelope`` are filled.
    """

    index: int
    validation_code: int
    header_type: int
    channel: str
    envelope: bytes
    tx_id: str = ""
    timestamp_s: int = 0
    timestamp_ms: int = 0
    creator: bytes = b""
    creator_msp: str = ""
    creator_cert_pem: bytes = b""
    nonce: bytes = b""
    payload: bytes = b""
    signature: bytes = b""
    chaincode: str = ""
    function: str = ""
    args: tuple[bytes, ...] = ()
    proposal_hash: bytes = b""
    proposal_hash_expected: bytes = b""
    response_payload: bytes = b""
    response_status: int = 0
    response: bytes = b""
    event_name: str = ""
    event_payload: bytes = b""
    endorsements: tuple[Endorsement, ...] = ()
    changes: tuple[NamespaceChanges, ...] = field(default=())

    @property
    def is_valid(self) -> bool:
        """Whether the block says VALID; see the module's note on who says so."""
        return self.validation_code == VALID

    @property
    def reads(self) -> tuple[Read, ...]:
        """Keys that the chaincode's own namespace was read at, with their versions."""
        return self._own().reads

    @property
    def writes(self) -> tuple[Write, ...]:
        """Keys that the transaction writes or deletes in the chaincode's own namespace."""
        return self._own().writes

    @property
    def metadata_writes(self) -> tuple[MetadataWrite, ...]:
        """Keys of the chaincode's own namespace whose metadata, their endorsement policy above all, is set."""
        return self._own().metadata_writes

    @property
    def hashed_writes(self) -> tuple[HashedCollection, ...]:
        """Private collections of the chaincode's own namespace, with reads and writes by hash."""
        return self._own().collections

    def _own(self) -> NamespaceChanges:
        for changes in self.changes:
            if changes.namespace == self.chaincode:
                return changes
        return NamespaceChanges(self.chaincode)


@dataclass(frozen=True)
class BlockView:
    """A block as read: header, transactions, orderer signatures over ``signed_value``."""

    header: BlockHeader
    transactions: tuple[TransactionView, ...]
    envelopes: tuple[bytes, ...]
    signed_value: bytes
    signatures: tuple[BlockSignature, ...]
    commit_hash: bytes
    raw: bytes

    @property
    def number(self) -> int:
        """Number of the block, from 0."""
        return self.header.number

    @property
    def previous_hash(self) -> bytes:
        """Header hash of the block before, 32 bytes; empty for block 0."""
        return self.header.previous_hash

    @property
    def data_hash(self) -> bytes:
        """SHA-256 of the envelopes as the header says it; ``verify_block`` compares it with them."""
        return self.header.data_hash

    @property
    def header_hash(self) -> bytes:
        """SHA-256 of the header's DER form, 32 bytes; the next block names it as ``previous_hash``."""
        return self.header.hash()

    @property
    def last_config_index(self) -> int:
        """Number of the newest configuration block, as the orderers signed it. Raises EvidenceError
        ``malformed``.
        """
        return int(parse(COMMON.OrdererBlockMetadata, self.signed_value).last_config.index)


def data_hash(envelopes: Sequence[bytes]) -> bytes:
    """SHA-256 over the concatenated envelopes."""
    return sha256(b"".join(envelopes)).digest()


def block_header(number: int, previous_hash: bytes, envelopes: Sequence[bytes]) -> BlockHeader:
    """The header of a block of these envelopes."""
    return BlockHeader(number, previous_hash, data_hash(envelopes))


def orderer_metadata(last_config_index: int, consenter_metadata: bytes = b"") -> bytes:
    """OrdererBlockMetadata: the value under every orderer signature."""
    return serialize(
        COMMON.OrdererBlockMetadata(
            last_config=COMMON.LastConfig(index=last_config_index), consenter_metadata=consenter_metadata
        )
    )


def block_signature_message(value: bytes, signer_header: bytes, header: BlockHeader) -> bytes:
    """What an orderer signs: metadata value, signature (or identifier) header, DER of the block header."""
    return value + signer_header + header.der()


def assemble_block(
    header: BlockHeader,
    envelopes: Sequence[bytes],
    *,
    orderer: bytes,
    nonce: bytes,
    sign: Callable[[bytes], bytes],
    validation_codes: Sequence[int],
    last_config_index: int = 0,
    commit_hash: bytes = b"",
) -> bytes:
    """Block bytes, signed by one orderer (SerializedIdentity bytes) and carrying the peers' validation codes.

    ``sign`` returns a DER signature of the message it is given. Raises EvidenceError ``malformed`` when the
    codes do not match the envelopes one by one.
    """
    if len(validation_codes) != len(envelopes):
        raise EvidenceError("malformed", "validation codes and transactions differ in number", "give one each")
    value = orderer_metadata(last_config_index)
    signer = signature_header(orderer, nonce)
    signature = COMMON.MetadataSignature(
        signature_header=signer, signature=sign(block_signature_message(value, signer, header))
    )
    metadata = [b""] * 5
    metadata[SIGNATURES] = serialize(COMMON.Metadata(value=value, signatures=[signature]))
    metadata[TRANSACTIONS_FILTER] = bytes(validation_codes)
    metadata[COMMIT_HASH] = serialize(COMMON.Metadata(value=commit_hash)) if commit_hash else b""
    return serialize(
        COMMON.Block(
            header=COMMON.BlockHeader(
                number=header.number, previous_hash=header.previous_hash, data_hash=header.data_hash
            ),
            data=COMMON.BlockData(data=envelopes),
            metadata=COMMON.BlockMetadata(metadata=metadata),
        )
    )


def parse_block(raw: bytes, only: bytes | None = None) -> BlockView:
    """Read a block; with ``only`` (envelope bytes), of its transactions no other than the first of exactly these.

    A verifier passes ``only``: a view of each transaction takes far longer than the hash over all, and until the
    orderers' signatures are checked anybody may have made the block.

    What the block marks invalid may be anything that a member sent to the orderers: where such a one does not parse,
    its view has nothing but its place, its code and its bytes.

    Raises EvidenceError ``malformed`` where the block, or a valid transaction in it, does not parse, and ``too_large``
    beyond BLOCK_TRANSACTIONS_MAX or BLOCK_SIGNATURES_MAX.
    """
    block = parse(COMMON.Block, raw)
    places = [*block.metadata.metadata, *([b""] * 5)]
    codes = places[TRANSACTIONS_FILTER]
    envelopes = tuple(block.data.data)
    _require_count(len(envelopes), BLOCK_TRANSACTIONS_MAX, "transactions")
    if len(codes) not in (0, len(envelopes)):
        raise EvidenceError(
            "malformed",
            f"block {block.header.number} has {len(codes)} codes for {len(envelopes)} transactions",
            "take the block from a peer again",
        )
    signatures = parse(COMMON.Metadata, places[SIGNATURES])
    _require_count(len(signatures.signatures), BLOCK_SIGNATURES_MAX, "signatures")
    chosen = range(len(envelopes))
    if only is not None:
        chosen = [envelopes.index(only)] if only in envelopes else []
    return BlockView(
        header=BlockHeader(block.header.number, block.header.previous_hash, block.header.data_hash),
        transactions=tuple(
            _parse_ordered(envelopes[index], index, codes[index] if codes else NOT_VALIDATED) for index in chosen
        ),
        envelopes=envelopes,
        signed_value=signatures.value,
        signatures=tuple(
            BlockSignature(s.signature_header, s.signature, s.identifier_header) for s in signatures.signatures
        ),
        commit_hash=parse(COMMON.Metadata, places[COMMIT_HASH]).value,
        raw=raw,
    )


def _require_count(found: int, most: int, what: str) -> None:
    if found > most:
        raise EvidenceError("too_large", f"a block of {found} {what}", f"a block holds at most {most} {what}")


def require_exact_block(raw: bytes) -> None:
    """Refuse a block with bytes beside its fields: no hash or signature would notice them.

    Raises EvidenceError ``malformed``.
    """
    parse_exact(COMMON.Block, raw)


def _parse_ordered(raw: bytes, index: int, validation_code: int) -> TransactionView:
    try:
        return parse_envelope(raw, index, validation_code)
    except EvidenceError:
        if validation_code in (VALID, NOT_VALIDATED):
            raise
        return TransactionView(index, validation_code, UNREADABLE, "", raw)


def parse_envelope(raw: bytes, index: int = 0, validation_code: int = NOT_VALIDATED) -> TransactionView:
    """Read one envelope. Raises EvidenceError ``malformed``."""
    outer = parse(COMMON.Envelope, raw)
    payload = parse(COMMON.Payload, outer.payload)
    channel = parse(COMMON.ChannelHeader, payload.header.channel_header)
    if channel.type != ENDORSER_TRANSACTION:
        return TransactionView(index, validation_code, channel.type, channel.channel_id, raw)
    signer = parse(COMMON.SignatureHeader, payload.header.signature_header)
    creator = parse_identity(signer.creator)
    action = _only_action(payload.data)
    spec = _invocation(action.chaincode_proposal_payload)
    args: tuple[bytes, ...] = tuple(spec.input.args)
    response = parse(PROPOSAL_RESPONSE.ProposalResponsePayload, action.action.proposal_response_payload)
    result = parse(PROPOSAL.ChaincodeAction, response.extension)
    event = parse(CHAINCODE_EVENT.ChaincodeEvent, result.events)
    return TransactionView(
        index=index,
        validation_code=validation_code,
        header_type=channel.type,
        channel=channel.channel_id,
        envelope=raw,
        tx_id=channel.tx_id,
        timestamp_s=channel.timestamp.seconds,
        timestamp_ms=channel.timestamp.seconds * 1000 + channel.timestamp.nanos // 1_000_000,
        creator=signer.creator,
        creator_msp=creator.msp_id,
        creator_cert_pem=creator.certificate_pem,
        nonce=signer.nonce,
        payload=outer.payload,
        signature=outer.signature,
        chaincode=parse(PROPOSAL.ChaincodeHeaderExtension, channel.extension).chaincode_id.name,
        function=args[0].decode("utf-8", "replace") if args else "",  # another chaincode may take bytes for a name
        args=args[1:],
        proposal_hash=response.proposal_hash,
        proposal_hash_expected=header_hash(
            payload.header.channel_header, payload.header.signature_header, action.chaincode_proposal_payload
        ),
        response_payload=action.action.proposal_response_payload,
        response_status=result.response.status,
        response=result.response.payload,
        event_name=event.event_name,
        event_payload=event.payload,
        endorsements=tuple(Endorsement(e.endorser, e.signature) for e in action.action.endorsements),
        changes=decode_rwset(result.results),
    )


def endorser_identity(endorsement: Endorsement) -> Identity:
    """Who an endorsement claims to be from."""
    return parse_identity(endorsement.endorser)


def _only_action(data: bytes) -> Any:
    transaction = parse(TRANSACTION.Transaction, data)
    if len(transaction.actions) != 1:
        raise EvidenceError(
            "malformed", "a transaction must have exactly one action", "submit one function per transaction"
        )
    return parse(TRANSACTION.ChaincodeActionPayload, transaction.actions[0].payload)


def _invocation(chaincode_proposal_payload: bytes) -> Any:
    proposal = parse(PROPOSAL.ChaincodeProposalPayload, chaincode_proposal_payload)
    return parse(CHAINCODE.ChaincodeInvocationSpec, proposal.input).chaincode_spec


def _der_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def _der_integer(value: int) -> bytes:
    body = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + _der_length(len(body)) + body


def _der_octets(value: bytes) -> bytes:
    return b"\x04" + _der_length(len(value)) + value
