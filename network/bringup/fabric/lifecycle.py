"""From what an organisation wants to run to what all peers run: install, approve, commit, and the same to upgrade.

`ensure` is told who takes part (`Member`: a peer, its administrator, the package it shall use) and what is wanted
(`Wanted`), looks at what is there, and does what lacks:

    joined      every peer has the channel and as many blocks as the others
    installed   every peer has its organisation's package
    approved    every organisation approves the definition under the next free sequence, all at once
    committed   one transaction with the endorsements of all; every peer has it before `ensure` returns

Called again it changes nothing. Called with another version or policy it takes the next sequence, which is an upgrade;
with another package alone (an address, a certificate) only that organisation approves anew. Service goes on meanwhile:
until the commit peers use the package they used, from then on the new one, so the servers of both must run while it
works. Before anything is changed every peer must have answered; what fails half-way is finished by calling it again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from network.bringup.fabric.admin import LIFECYCLE_CHAINCODE, Endorsed, PeerAdmin, assemble
from network.bringup.fabric.definition import Committed, Definition, approve_arguments, commit_arguments
from network.bringup.fabric.ordering import height_at, order
from network.bringup.fabric.package import Package
from network.bringup.fabric.refusals import AdminError
from network.membership.connections import FabricNode
from network.membership.identities import FabricSigner

Item = TypeVar("Item")


@dataclass(frozen=True)
class Member:
    """An organisation's part: its peer, who administers it, and the package that the peer shall use."""

    peer: FabricNode
    admin: FabricSigner = field(repr=False)
    package: Package


@dataclass(frozen=True)
class Wanted:
    """The definition that all shall agree on; `endorsement_policy` is a SignaturePolicyEnvelope."""

    channel: str
    name: str
    version: str
    endorsement_policy: bytes = field(repr=False)

    def under(self, sequence: int) -> Definition:
        """Give the definition under a sequence."""
        return Definition(self.channel, self.name, self.version, sequence, self.endorsement_policy)


async def ensure(
    members: Sequence[Member], orderers: Sequence[FabricNode], wanted: Wanted, block: bytes | None = None
) -> Definition:
    """Bring all peers to `wanted`; `block` is the channel's configuration block for peers that have not joined.

    Raises AdminError naming the first organisation that stood in the way.
    """
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(PeerAdmin(each.peer, each.admin)) for each in members]
        parts = [_Part(peer, each.package) for peer, each in zip(peers, members, strict=True)]
        await _together(parts, lambda part: _join(part, wanted.channel, block))
        await _catch_up(peers, orderers, wanted.channel)
        committed = await peers[0].definition(wanted.channel, wanted.name)
        definition = _next(committed, wanted)
        await _together(parts, _install)
        await _approve_all(parts, orderers, definition)
        if committed is None or committed.definition != definition:
            await _commit(peers, orderers, definition)
        return definition


@dataclass(frozen=True)
class _Part:
    peer: PeerAdmin
    package: Package


async def _together(items: Sequence[Item], work: Callable[[Item], Awaitable[object]]) -> None:
    """Do it for all at once and let all end; raises the first error."""
    results = await asyncio.gather(*(work(item) for item in items), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _join(part: _Part, channel: str, block: bytes | None) -> None:
    if channel in await part.peer.channels():
        return
    if block is None:
        hint = "run `wuxin network up`: it joins the peer with the channel's block"
        raise AdminError("not_found", "join", part.peer.node, f"the peer has not joined {channel}", hint)
    await part.peer.join(block)


async def _catch_up(peers: Sequence[PeerAdmin], orderers: Sequence[FabricNode], channel: str) -> None:
    """Let those that are behind catch up: a peer that has not seen the last definition endorses a wrong next one."""
    infos = await asyncio.gather(*(peer.chain_info(channel) for peer in peers))
    ordered = await asyncio.gather(
        *(height_at(node, channel, peers[0].signer) for node in orderers), return_exceptions=True
    )
    height = max(*(info.height for info in infos), _said_by_enough(ordered))
    await _together(peers, lambda peer: peer.reach(channel, height))


def _said_by_enough(heights: Sequence[int | BaseException]) -> int:
    """The height that at least one honest orderer has; 0 where too few answer. One faulty one cannot make us wait."""
    answered = sorted((each for each in heights if isinstance(each, int)), reverse=True)
    faulty = (len(heights) - 1) // 3
    return answered[faulty] if len(answered) > faulty else 0


def _next(committed: Committed | None, wanted: Wanted) -> Definition:
    """The definition to bring about: the one in force if it is what is wanted, else under the next sequence."""
    if committed is None:
        return wanted.under(1)
    sequence = committed.definition.sequence
    unchanged = not committed.definition.differs_from(wanted.under(sequence))
    return wanted.under(sequence if unchanged else sequence + 1)


async def _install(part: _Part) -> None:
    if not await part.peer.holds(part.package):
        await part.peer.install(part.package)


async def _approve_all(parts: Sequence[_Part], orderers: Sequence[FabricNode], definition: Definition) -> None:
    """Every organisation's approval in force at every peer."""
    blocks = await asyncio.gather(*(_approve(part, orderers, definition) for part in parts))
    await _together(parts, lambda part: part.peer.reach(definition.channel, max(blocks) + 1))


async def _approve(part: _Part, orderers: Sequence[FabricNode], definition: Definition) -> int:
    """One organisation's approval, unless it stands; gives its block, 0 where there was nothing to do."""
    peer = part.peer
    known = await peer.approved(definition.channel, definition.name, definition.sequence)
    if known is not None and known.definition == definition and known.package_id == part.package.package_id:
        return 0
    height = (await peer.chain_info(definition.channel)).height
    arguments = approve_arguments(definition, part.package.package_id)
    proposal = peer.proposal(LIFECYCLE_CHAINCODE, arguments, definition.channel)
    endorsed = await peer.endorse("approve", proposal)
    return await _ordered(peer, orderers, definition.channel, [endorsed], height)


async def _commit(peers: Sequence[PeerAdmin], orderers: Sequence[FabricNode], definition: Definition) -> None:
    """Commit with the endorsement of every organisation, and wait until every peer has it."""
    first = peers[0]
    await _require_ready(peers, definition)
    height = (await first.chain_info(definition.channel)).height
    proposal = first.proposal(LIFECYCLE_CHAINCODE, commit_arguments(definition), definition.channel)
    endorsed = await asyncio.gather(*(peer.endorse("commit", proposal, first.signer) for peer in peers))
    _require_same(peers, endorsed)
    block = await _ordered(first, orderers, definition.channel, endorsed, height)
    await _together(peers, lambda peer: peer.reach(definition.channel, block + 1))


async def _require_ready(peers: Sequence[PeerAdmin], definition: Definition) -> None:
    """Whether every organisation that has a peer here has approved this very definition."""
    readiness = await peers[0].readiness(definition)
    for peer in peers:
        msp_id = peer.node.msp_id
        if not readiness.approvals.get(msp_id):
            fields = ", ".join(readiness.mismatches.get(msp_id, ())) or "nothing under this sequence"
            message = f"{msp_id} has not approved sequence {definition.sequence} of {definition.name}: {fields}"
            hint = f"have {msp_id} approve the same version and endorsement policy as the others"
            raise AdminError("conflict", "commit readiness", peer.node, message, hint)


def _require_same(peers: Sequence[PeerAdmin], endorsed: Sequence[Endorsed]) -> None:
    usual, _ = Counter(each.payload for each in endorsed).most_common(1)[0]
    for peer, each in zip(peers, endorsed, strict=True):
        if each.payload != usual:
            message = "answers otherwise than the others"
            raise AdminError("conflict", "commit", peer.node, message, "its state differs: see whether it is behind")


async def _ordered(
    peer: PeerAdmin, orderers: Sequence[FabricNode], channel: str, endorsed: Sequence[Endorsed], height: int
) -> int:
    transaction = assemble(peer.signer, endorsed)
    return await order(orderers, transaction, peer.committed(channel, endorsed[0].tx_id, height))
