"""To the orderers: one envelope, handed to all of them.

A BFT orderer that is censoring, late or dead must not decide the fate of a transaction, so every orderer gets it and a
quorum must say that it has it. `broadcast` does that once. `order` repeats it until the transaction is final at a
peer, which is safe: an envelope that is already in a block does nothing a second time. `height_at` asks an orderer
how far it is.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress

from network.bringup.fabric.layout import block_quorum
from network.bringup.fabric.refusals import AdminError, failed, refused
from network.facts.fabric.connection import PeerLink, RpcFailure
from network.facts.fabric.wire import seek_payload
from network.membership.connections import FabricNode
from network.membership.identities import FabricSigner
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import COMMON, NONCE_BYTES, ORDERING, envelope, parse

BROADCAST = "/orderer.AtomicBroadcast/Broadcast"
DELIVER = "/orderer.AtomicBroadcast/Deliver"

HEIGHT_DEADLINE_S = 5.0

BROADCAST_DEADLINE_S = 10.0
"""For an orderer's acknowledgement; one that is stopped or partitioned must not hold up the others."""

REPEAT_AFTER_S = 5.0
"""Without a commit: longer than a change of leader takes, so that one transaction is sent twice at most in it."""

RETRY_AFTER_S = 0.2
"""When no orderer took it: they have just started, or their peers have."""


async def broadcast(orderers: Sequence[FabricNode], transaction: bytes) -> None:
    """Hand an envelope to all orderers.

    Returns when a quorum has it; raises AdminError when none took it. In between it is not known whether it will be
    ordered, and that too is no error: waiting for the commit answers it.
    """
    tasks = [asyncio.ensure_future(_hand_over(node, transaction)) for node in orderers]
    taken, errors = 0, list[AdminError]()
    for finished in asyncio.as_completed(tasks):
        try:
            await finished
            taken += 1
        except AdminError as error:
            errors.append(error)
        if taken == block_quorum(len(orderers)):
            break
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if not taken:
        raise _why_not(errors, len(orderers))


def _why_not(errors: Sequence[AdminError], orderers: int) -> AdminError:
    """A refusal that an honest orderer shares, else that they are unavailable: one that is hostile refuses anything."""
    refusals = [error for error in errors if error.code != "unavailable"]
    passing = [error for error in errors if error.code == "unavailable"]
    faulty = (orderers - 1) // 3
    return refusals[0] if len(refusals) > faulty or not passing else passing[0]


async def _hand_over(node: FabricNode, transaction: bytes) -> None:
    link = PeerLink(node)
    try:
        async with link.stream(BROADCAST, transaction, BROADCAST_DEADLINE_S) as answers:
            async for raw in answers:
                answer = parse(ORDERING.BroadcastResponse, raw)
                if answer.status == COMMON.SUCCESS or "already" in answer.info:
                    return
                raise _not_taken(node, int(answer.status), answer.info)
    except RpcFailure as failure:
        raise failed("order", failure) from failure
    except EvidenceError as error:
        raise refused("order", node, f"an answer that cannot be read: {error.detail}") from error
    finally:
        await link.aclose()
    raise refused("order", node, "the orderer closed the stream")


def _not_taken(node: FabricNode, status: int, info: str) -> AdminError:
    message = info or f"status {status}"
    if status == COMMON.SERVICE_UNAVAILABLE:
        hint = "it may have no leader yet: wait, and see whether the orderers reach one another"
        return AdminError("unavailable", "order", node, message, hint)
    return refused("order", node, message)


async def order(orderers: Sequence[FabricNode], transaction: bytes, commit: Awaitable[int]) -> int:
    """Broadcast until `commit` (a peer's wait for the transaction, with its own deadline) ends; gives the block.

    Raises what `commit` raises; if it timed out and no orderer ever took the transaction, the orderers' error instead.
    """
    waiting = asyncio.ensure_future(commit)
    refusal: AdminError | None = None
    try:
        while not waiting.done():
            try:
                await broadcast(orderers, transaction)
                refusal = None
            except AdminError as error:
                refusal = error
                if error.code != "unavailable":
                    raise
            await asyncio.wait([waiting], timeout=REPEAT_AFTER_S if refusal is None else RETRY_AFTER_S)
        return await waiting
    except AdminError as error:
        raise refusal or error from error
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError, AdminError):
            await waiting


async def height_at(node: FabricNode, channel: str, signer: FabricSigner) -> int:
    """How many blocks an orderer has, as it tells a member of the channel. Raises AdminError."""
    stage = "newest block"
    link = PeerLink(node)
    try:
        async with link.stream(DELIVER, _seek_newest(channel, signer), HEIGHT_DEADLINE_S) as answers:
            async for raw in answers:
                answer = parse(ORDERING.DeliverResponse, raw)
                if answer.WhichOneof("Type") == "block":
                    return int(answer.block.header.number) + 1
                raise _no_blocks(stage, node, int(answer.status), channel)
    except RpcFailure as failure:
        raise failed(stage, failure) from failure
    finally:
        await link.aclose()
    raise refused(stage, node, "the orderer closed the stream")


def _seek_newest(channel: str, signer: FabricSigner) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    payload = seek_payload(channel, signer.identity, secrets.token_bytes(NONCE_BYTES), now_ms, None, None)
    return envelope(payload, signer.sign(payload))


def _no_blocks(stage: str, node: FabricNode, status: int, channel: str) -> AdminError:
    known = {
        COMMON.NOT_FOUND: ("not_found", f"the orderer has not joined {channel}", "join it: `wuxin network up` does"),
        COMMON.FORBIDDEN: ("forbidden", "the orderer refuses us", "ask as a member of the channel"),
        COMMON.BAD_REQUEST: ("clock_skew", "the orderer refuses the request's form or time", "compare the clocks"),
    }
    code, message, hint = known.get(status, ("unavailable", f"status {status}", "see the orderer's log"))
    return AdminError(code, stage, node, message, hint)
