"""What a peer knows about its own copy of the ledger: questions to Fabric's query chaincode (qscc).

They go to the peer itself (ProcessProposal), not through the gateway service, so that the answer is that peer's own.
One that cannot be read counts as none: it may be another organisation's.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from network.facts.fabric import wire
from network.facts.fabric.connection import PeerLink
from network.facts.fabric.failures import Failure
from network.facts.fabric.gateway import Gateway
from network.facts.fabric.retry import EVALUATE_S
from network.facts.proposal import Signer
from network.ports import Unavailable
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import NONCE_BYTES, propose, signed_proposal

QUERY_CHAINCODE = "qscc"

HEIGHT_S = 3.0
"""For a peer that is asked whether it still lives."""

_UNKNOWN = "no such transaction ID"


async def chain_height(gateway: Gateway, link: PeerLink, signer: Signer, channel: str, now_ms: int) -> int | None:
    """The number of blocks that a peer has, None when it does not say."""
    request = _question(signer, channel, now_ms, [b"GetChainInfo", channel.encode()])
    try:
        raw = await gateway.ask(link, "evaluate", wire.PROCESS_PROPOSAL, request, HEIGHT_S)
        answer = wire.proposal_response(raw, QUERY_CHAINCODE)
        return wire.chain_height(answer.result) if answer.status == wire.STATUS_SUCCESS else None
    except (Failure, EvidenceError):
        return None


async def height(gateway: Gateway, signer: Signer, channel: str, now_ms: int) -> int:
    """The number of blocks that the first peer which answers has. Raises Failure, Unavailable."""
    request = _question(signer, channel, now_ms, [b"GetChainInfo", channel.encode()])
    raw = _result(await _ask(gateway, request))
    try:
        return wire.chain_height(raw)
    except EvidenceError as error:
        raise _unreadable(error) from error


async def block_of(gateway: Gateway, signer: Signer, channel: str, now_ms: int, tx_id: str) -> bytes | None:
    """The block of a transaction, None when the peer has none. Raises Failure, Unavailable."""
    request = _question(signer, channel, now_ms, [b"GetBlockByTxID", channel.encode(), tx_id.encode()])
    answer = await _ask(gateway, request)
    if answer.status != wire.STATUS_SUCCESS and _UNKNOWN in answer.message:
        return None
    return _result(answer)


async def _ask(gateway: Gateway, request: bytes) -> wire.ProposalResponse:
    raw = await gateway.ask_anyone("evaluate", wire.PROCESS_PROPOSAL, request, EVALUATE_S)
    try:
        return wire.proposal_response(raw, QUERY_CHAINCODE)
    except EvidenceError as error:
        raise _unreadable(error) from error


def _unreadable(error: EvidenceError) -> Unavailable:
    return Unavailable(f"a peer answers a query with what cannot be read: {error.detail}", "see `wuxin network doctor`")


def _result(answer: wire.ProposalResponse) -> bytes:
    if answer.status != wire.STATUS_SUCCESS:
        raise Unavailable(f"the peer does not answer a query: {answer.message}", "see `wuxin network doctor`")
    return answer.result


def _question(signer: Signer, channel: str, now_ms: int, args: Sequence[bytes]) -> bytes:
    proposal = propose(
        channel=channel,
        chaincode=QUERY_CHAINCODE,
        creator=signer.identity,
        nonce=secrets.token_bytes(NONCE_BYTES),
        timestamp_ms=now_ms,
        args=args,
    )
    return signed_proposal(proposal, signer.sign(proposal.raw))
