"""One organisation's administrator and its own peer: everything that must be asked of a node, not of the channel.

A peer has no administration port: what its administrator wants is a signed proposal to one of its system chaincodes.
`PeerAdmin` makes these, and waits for what was ordered:

    async with PeerAdmin(node, admin_signer) as peer:
        await peer.join(channel_block)                                  cscc
        await peer.install(package)                                     _lifecycle
        height = (await peer.chain_info(channel)).height                qscc
        proposal = peer.proposal("_lifecycle", approve_arguments(definition, package.package_id), channel)
        endorsed = await peer.endorse("approve", proposal)
        await broadcast(orderers, assemble(admin_signer, [endorsed]))   ordering
        await peer.committed(channel, endorsed.tx_id, height)

Nothing is retried here: each call says with an AdminError what did not happen and at whose node.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from network.bringup.fabric.definition import (
    Approval,
    Arguments,
    Committed,
    Definition,
    Installed,
    Readiness,
    get_package_arguments,
    install_arguments,
    query_approved_arguments,
    query_definition_arguments,
    query_installed_arguments,
    read_approval,
    read_committed,
    read_installed,
    read_package,
    read_package_id,
    read_readiness,
    readiness_arguments,
)
from network.bringup.fabric.package import Package
from network.bringup.fabric.refusals import AdminError, failed, refused
from network.facts.fabric.connection import PeerLink, RpcFailure
from network.facts.fabric.wire import FOR_EVER, PROCESS_PROPOSAL, seek_payload, validation_code_name
from network.membership.connections import FabricNode
from network.membership.identities import FabricSigner
from wuxin_evidence.fabric import (
    EVENTS,
    LEDGER,
    NONCE_BYTES,
    PROPOSAL_RESPONSE,
    QUERY,
    VALID,
    Endorsement,
    Proposal,
    envelope,
    parse,
    propose,
    signed_proposal,
    transaction_payload,
)

DEADLINE_S = 30.0
"""For one answer: installing builds the package and joining writes a ledger, everything else takes milliseconds."""

COMMIT_DEADLINE_S = 60.0
"""For one transaction to be final: a change of the ordering leader is in it, and a slow machine."""

LIFECYCLE_CHAINCODE = "_lifecycle"

DELIVER_FILTERED = "/protos.Deliver/DeliverFiltered"


@dataclass(frozen=True)
class ChainInfo:
    """A peer's copy of a channel: number of blocks, hash of the last header and of the one before."""

    height: int
    current_hash: bytes
    previous_hash: bytes


@dataclass(frozen=True)
class Endorsed:
    """A proposal with one peer's answer and signature."""

    proposal: Proposal = field(repr=False)
    payload: bytes = field(repr=False)
    endorsement: Endorsement = field(repr=False)

    @property
    def tx_id(self) -> str:
        """The transaction id in hex."""
        return self.proposal.tx_id


@dataclass(frozen=True)
class Reply:
    """What a chaincode of the peer said: status as in HTTP, its words, its result, and the signed payload (empty where
    it refused)."""

    status: int
    message: str
    result: bytes = field(repr=False)
    payload: bytes = field(repr=False)

    @property
    def is_refusal(self) -> bool:
        """Whether the node refused; 200 to 399 is a yes."""
        return not 200 <= self.status < 400


class PeerAdmin:
    """A connection to one peer, signing as its organisation's administrator. Every method raises AdminError."""

    def __init__(self, node: FabricNode, signer: FabricSigner, *, deadline_s: float = DEADLINE_S) -> None:
        self.node = node
        self.signer = signer
        self._deadline_s = deadline_s
        self._link = PeerLink(node)

    async def __aenter__(self) -> PeerAdmin:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.aclose()

    async def channels(self) -> tuple[str, ...]:
        """The channels that the peer has joined."""
        raw = await self.query("list channels", "cscc", [b"GetChannels"])
        return tuple(each.channel_id for each in parse(QUERY.ChannelQueryResponse, raw).channels)

    async def join(self, block: bytes) -> None:
        """Join the channel of this configuration block; a peer that has joined already keeps what it has."""
        try:
            await self.query("join", "cscc", [b"JoinChain", block])
        except AdminError as error:
            if "already exists" not in error.message:
                raise

    async def chain_info(self, channel: str) -> ChainInfo:
        """Ask the peer for the height and newest hashes of a channel. Raises AdminError."""
        raw = await self.query("chain info", "qscc", [b"GetChainInfo", channel.encode()], channel)
        info = parse(LEDGER.BlockchainInfo, raw)
        return ChainInfo(int(info.height), info.currentBlockHash, info.previousBlockHash)

    async def config_block(self, channel: str) -> bytes:
        """The channel's newest configuration block (Block bytes)."""
        return await self.query("channel configuration", "cscc", [b"GetConfigBlock", channel.encode()], channel)

    async def install(self, package: Package) -> None:
        """Install; what is installed already stays, and is stored again should the file have been taken away.

        Refuses (`conflict`) when the peer computes another id.
        """
        try:
            raw = await self.query("install", LIFECYCLE_CHAINCODE, install_arguments(package.raw))
        except AdminError as error:
            if "already successfully installed" in error.message and package.package_id in error.message:
                return
            raise
        given = read_package_id(raw)
        if given != package.package_id:
            message = f"the peer calls the package {given}, not {package.package_id}"
            raise AdminError(
                "conflict", "install", self.node, message, "this peer does not follow Fabric's package ids"
            )

    async def installed(self) -> tuple[Installed, ...]:
        """The packages that it has installed since it started, or had then."""
        return read_installed(await self.query("list packages", LIFECYCLE_CHAINCODE, query_installed_arguments()))

    async def holds(self, package: Package) -> bool:
        """Whether the package lies in the peer's store; the peer remembers the ids of packages that were taken away."""
        try:
            raw = await self.query("read package", LIFECYCLE_CHAINCODE, get_package_arguments(package.package_id))
        except AdminError as error:
            if error.code != "not_found":
                raise
            return False
        return read_package(raw) == package.raw

    async def approved(self, channel: str, name: str, sequence: int) -> Approval | None:
        """What this organisation has approved under the sequence, None where nothing."""
        arguments = query_approved_arguments(name, sequence)
        raw = await self._if_found("query approval", arguments, channel)
        return None if raw is None else read_approval(raw, channel, name)

    async def definition(self, channel: str, name: str) -> Committed | None:
        """The definition in force as this peer knows it, None where there is none."""
        raw = await self._if_found("query definition", query_definition_arguments(name), channel)
        return None if raw is None else read_committed(raw, channel, name)

    async def readiness(self, definition: Definition) -> Readiness:
        """Which organisations have approved exactly this, as this peer knows it."""
        arguments = readiness_arguments(definition)
        return read_readiness(await self.query("commit readiness", LIFECYCLE_CHAINCODE, arguments, definition.channel))

    async def query(
        self, stage: str, chaincode: str, args: Sequence[bytes], channel: str = "", *, timestamp_ms: int | None = None
    ) -> bytes:
        """The payload that a chaincode of the peer answers; nothing is ordered."""
        proposal = self.proposal(chaincode, args, channel, timestamp_ms=timestamp_ms)
        return (await self._answer(stage, proposal)).response.payload

    def proposal(
        self, chaincode: str, args: Sequence[bytes], channel: str, *, timestamp_ms: int | None = None
    ) -> Proposal:
        """A proposal of this administrator; several peers can be asked to endorse the same one."""
        return propose(
            channel=channel,
            chaincode=chaincode,
            creator=self.signer.identity,
            nonce=secrets.token_bytes(NONCE_BYTES),
            timestamp_ms=_now_ms() if timestamp_ms is None else timestamp_ms,
            args=args,
        )

    async def endorse(self, stage: str, proposal: Proposal, signer: FabricSigner | None = None) -> Endorsed:
        """Have the peer simulate and sign a proposal, made by this administrator or by `signer`."""
        answer = await self._answer(stage, proposal, signer)
        endorsement = Endorsement(answer.endorsement.endorser, answer.endorsement.signature)
        return Endorsed(proposal, answer.payload, endorsement)

    async def committed(self, channel: str, tx_id: str, from_block: int, deadline_s: float = COMMIT_DEADLINE_S) -> int:
        """Wait until the transaction is final at this peer; gives its block.

        `from_block` is the peer's height from before it was ordered. Raises `conflict` when it is invalid,
        `unavailable` when it does not come: then it may still, so ask again before repeating it.
        """
        stage = f"commit of {tx_id[:12]}…"
        async with self._within(stage, deadline_s, "see whether the orderers have a leader"):
            block, code = await self._find(stage, channel, tx_id, from_block)
        if code != VALID:
            hint = "ask again what is committed, then repeat"
            raise AdminError("conflict", stage, self.node, f"final and invalid: {validation_code_name(code)}", hint)
        return block

    async def reach(self, channel: str, height: int, deadline_s: float = COMMIT_DEADLINE_S) -> None:
        """Wait until the peer has `height` blocks."""
        stage = f"catch up to block {height - 1}"
        hint = "see whether it reaches the orderers"
        blocks = self._filtered_blocks(stage, channel, height - 1)
        async with self._within(stage, deadline_s, hint), aclosing(blocks):
            await anext(blocks)

    async def _if_found(self, stage: str, arguments: Arguments, channel: str) -> bytes | None:
        try:
            return await self.query(stage, LIFECYCLE_CHAINCODE, arguments, channel)
        except AdminError as error:
            if "is not defined" in error.message or "could not fetch approved" in error.message:
                return None
            raise

    async def ask(self, stage: str, proposal: Proposal, signer: FabricSigner | None = None) -> Reply:
        """What the peer replies, refusals too; raises only where it does not reply at all."""
        answer = await self._reply(stage, proposal, signer)
        response = answer.response
        return Reply(response.status, response.message, response.payload, answer.payload)

    async def _answer(self, stage: str, proposal: Proposal, signer: FabricSigner | None = None) -> Any:
        answer = await self._reply(stage, proposal, signer)
        if not 200 <= answer.response.status < 400:
            raise refused(stage, self.node, answer.response.message)
        return answer

    async def _reply(self, stage: str, proposal: Proposal, signer: FabricSigner | None) -> Any:
        request = signed_proposal(proposal, (signer or self.signer).sign(proposal.raw))
        try:
            raw = await self._link.call(PROCESS_PROPOSAL, request, self._deadline_s)
        except RpcFailure as failure:
            raise failed(stage, failure) from failure
        return parse(PROPOSAL_RESPONSE.ProposalResponse, raw)

    async def _find(self, stage: str, channel: str, tx_id: str, from_block: int) -> tuple[int, int]:
        async with aclosing(self._filtered_blocks(stage, channel, from_block)) as blocks:
            async for block in blocks:
                for each in block.filtered_transactions:
                    if each.txid == tx_id:
                        return int(block.number), int(each.tx_validation_code)
        raise AssertionError("a delivery ends with an error only")

    async def _filtered_blocks(self, stage: str, channel: str, from_block: int) -> AsyncGenerator[Any, None]:
        """The blocks from this one on as they come, without their content; it ends with an error only."""
        try:
            async with self._link.stream(DELIVER_FILTERED, self._seek(channel, from_block)) as answers:
                async for raw in answers:
                    answer = parse(EVENTS.DeliverResponse, raw)
                    if answer.WhichOneof("Type") == "status":
                        raise refused(stage, self.node, f"delivery ended with status {answer.status}")
                    yield answer.filtered_block
        except RpcFailure as failure:
            raise failed(stage, failure) from failure
        raise refused(stage, self.node, "delivery ended")

    @asynccontextmanager
    async def _within(self, stage: str, deadline_s: float, hint: str) -> AsyncGenerator[None, None]:
        try:
            async with asyncio.timeout(deadline_s):
                yield
        except TimeoutError as late:
            message = f"nothing for {deadline_s:.0f} s"
            raise AdminError("unavailable", stage, self.node, message, hint) from late

    def _seek(self, channel: str, from_block: int) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        payload = seek_payload(channel, self.signer.identity, nonce, _now_ms(), from_block, FOR_EVER)
        return envelope(payload, self.signer.sign(payload))


def assemble(signer: FabricSigner, endorsed: Sequence[Endorsed]) -> bytes:
    """The envelope of a proposal that these peers endorsed, all with the same result."""
    first = endorsed[0]
    payload = transaction_payload(first.proposal.raw, first.payload, [each.endorsement for each in endorsed])
    return envelope(payload, signer.sign(payload))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
