"""The ordering service: who answers, who is behind, whether there is a leader.

An orderer's own delivery service says how many blocks it has, to any member of the channel; who leads stands in its
operations metrics, where these are within reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from network.bringup.fabric.doctor.certificates import examine, shown_by
from network.bringup.fabric.doctor.clocks import skew_of
from network.bringup.fabric.doctor.findings import Expected, ExpectedOrderer, Finding
from network.bringup.fabric.layout import block_quorum
from network.bringup.fabric.operations import metrics_of
from network.bringup.fabric.ordering import height_at
from network.bringup.fabric.refusals import AdminError
from network.membership.identities import FabricSigner

BEHIND_BLOCKS = 5
"""Blocks are made within milliseconds of one another; who is further behind than this does not keep up."""

LEADER = "consensus_BFT_leader_id"


@dataclass(frozen=True)
class OrdererLook:
    """What an orderer shows of itself: its height or why it has none, and whom it follows (None: unknown)."""

    orderer: ExpectedOrderer
    height: int | AdminError
    leader: int | None = None
    clock_skew_s: float | None = None


async def look_at_orderer(orderer: ExpectedOrderer, channel: str, signer: FabricSigner, now_ms: int) -> OrdererLook:
    """Ask an orderer for its height, its metrics and its certificate."""
    height: int | AdminError
    try:
        height = await height_at(orderer.node, channel, signer)
    except AdminError as error:
        height = error
    metrics = await metrics_of(orderer.operations) if orderer.operations else None
    leader = metrics.of_channel(LEADER, channel) if metrics else None
    return OrdererLook(orderer, height, None if leader is None else int(leader), skew_of(metrics, now_ms))


async def look_at_orderers(expected: Expected, now_ms: int) -> list[OrdererLook]:
    """All of them at once."""
    channel, signer = expected.wanted.channel, expected.signer
    return await asyncio.gather(*(look_at_orderer(each, channel, signer, now_ms) for each in expected.orderers))


async def examine_silent(looks: Sequence[OrdererLook], now_ms: int) -> list[Finding]:
    """Whether the certificate that an orderer shows is why it cannot be asked."""
    found: list[Finding] = []
    for look in looks:
        if isinstance(look.height, AdminError) and (shown := await shown_by(look.orderer.node)):
            found += examine(shown, look.orderer.name, now_ms)
    return found


def compare_orderers(looks: Sequence[OrdererLook], channel: str) -> Iterator[Finding]:
    """What the orderers' own words say about them and about the service as a whole."""
    yield from _silent(looks)
    yield from _behind(looks)
    yield from _leaderless(looks, channel)


def _silent(looks: Sequence[OrdererLook]) -> Iterator[Finding]:
    """Who does not answer, and what that means for all."""
    answering = 0
    for look in looks:
        if isinstance(look.height, AdminError):
            yield Finding("error", look.orderer.name, look.height.in_short, look.height.hint)
        else:
            answering += 1
    needed = block_quorum(len(looks))
    if looks and answering < needed:
        detail = f"{answering} of {len(looks)} orderers answer; {needed} must agree on each block"
        yield Finding("error", "channel", detail, "no transaction becomes final until more of them run: start them")


def _behind(looks: Sequence[OrdererLook]) -> Iterator[Finding]:
    heights = {look.orderer.name: look.height for look in looks if not isinstance(look.height, AdminError)}
    highest = max(heights.values(), default=0)
    for name, height in heights.items():
        if highest - height > BEHIND_BLOCKS:
            detail = f"has {height} blocks, others {highest}"
            hint = "it catches up, or is started again after half a minute; if not, see its log"
            yield Finding("warning", name, detail, hint)


def _leaderless(looks: Sequence[OrdererLook], channel: str) -> Iterator[Finding]:
    """Nobody leads, or not all follow the same one."""
    followed = {look.orderer.name: look.leader for look in looks if look.leader is not None}
    for name, leader in followed.items():
        if leader == 0:
            yield Finding("error", name, f"follows no leader in {channel}", "see whether it reaches the other orderers")
    leaders = sorted({leader for leader in followed.values() if leader})
    if len(leaders) > 1:
        detail = "they follow " + ", ".join(f"{name} orderer {leader}" for name, leader in sorted(followed.items()))
        hint = "a change of leader takes seconds: ask again; if it stays, see whether they reach one another"
        yield Finding("warning", "channel", detail, hint)
