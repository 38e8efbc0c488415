"""Blocks from a peer: followed for ever, and one at a time.

`Blocks.follow` asks a peer for everything from a number on, checks that each block is the next one (its number, the
hash of the one before, the hash over its own transactions) and hands it on. When the peer ends the stream, goes away,
falls silent while others have more, or delivers what does not fit, the next peer is asked from exactly the block that
is due. Nothing is delivered twice and nothing is left out. What a peer invents beyond the last block is found by no
hash: the own organisation's peer is believed, another one's block has to be signed by the orderers (`block_signers`).

`Blocks.fetch` reads one block, to see where a transaction stands in it; transactions of the same block share it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cached_property

from network.clock import Clock
from network.facts.fabric import wire
from network.facts.fabric.block_signers import BlockSigners
from network.facts.fabric.connection import Answers, PeerLink, RpcFailure
from network.facts.fabric.gateway import Gateway
from network.facts.fabric.query import chain_height
from network.facts.fabric.retry import ATTEMPT_S, RETURN_S, Away, Deadline, FollowRetry
from network.facts.proposal import Signer
from network.ports import Unavailable
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    ENDORSEMENT_POLICY_FAILURE,
    MVCC_READ_CONFLICT,
    NONCE_BYTES,
    VALID,
    BlockHeader,
    TransactionView,
    data_hash,
    envelope,
    parse_envelope,
)

SILENCE_S = 10.0
"""After so long without a block the peer and another one are asked for their height."""

SILENT = "silent"

FORBIDDEN = 403
"""The status with which a delivery ends for whom it was never meant, or whose certificate ran out meanwhile."""

FETCHED_MAX = 16
"""Blocks kept for transactions that wait in them; a block is asked for while its transactions are acknowledged."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CommittedBlock:
    """A block as a peer keeps it: with a validation code for each envelope."""

    number: int
    envelopes: tuple[bytes, ...]
    codes: bytes

    @classmethod
    def read(cls, raw: bytes) -> CommittedBlock:
        """Raises EvidenceError `malformed`."""
        found, codes, number = wire.envelopes(raw)
        if len(codes) != len(found):
            raise EvidenceError("malformed", f"block {number} lacks validation codes", "ask a peer that committed it")
        return cls(number, found, codes)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Transaction id to position. Of a repeated id the first counts, the others are never valid; but one that a
        member wrote into a transaction of its own does not hide the one whose id it is."""
        claimed: dict[str, int] = {}
        own: dict[str, int] = {}
        for index, each in enumerate(self.envelopes):
            tx_id, is_its_own = wire.transaction_id_of(each)
            (own if is_its_own else claimed).setdefault(tx_id, index)
        return {**claimed, **own}

    def transaction(self, tx_id: str) -> TransactionView | None:
        """The transaction of that id, with its position and code. Raises EvidenceError."""
        index = self.places.get(tx_id)
        return None if index is None else parse_envelope(self.envelopes[index], index, self.codes[index])

    def reason(self, view: TransactionView) -> str:
        """Fabric's name for why a transaction of this block is invalid.

        Whoever writes a key whose policy an earlier transaction of the same block changed fails Fabric's endorsement
        check before its read check. It lost a race like any other reader of that key, so it is named like one.
        """
        if view.validation_code == ENDORSEMENT_POLICY_FAILURE and self._lost_a_race(view):
            return wire.validation_code_name(MVCC_READ_CONFLICT)
        return wire.validation_code_name(view.validation_code)

    def _lost_a_race(self, view: TransactionView) -> bool:
        own = {read.key for read in view.reads}
        for index in range(view.index):
            if self.codes[index] == VALID:
                other = parse_envelope(self.envelopes[index], index, VALID)
                if own & {each.key for each in (*other.writes, *other.metadata_writes)}:
                    return True
        return False


class Unfit(Exception):
    """A peer delivered something else than the next block, or nothing though there is more."""


@dataclass
class _Due:
    """The block that comes next, and the hash it has to name once one was delivered."""

    number: int
    previous_hash: bytes | None = None

    def take(self, raw: bytes) -> None:
        """Accept the next block. Raises Unfit."""
        try:
            number, previous_hash, own_hash, contents = wire.header_of(raw)
        except EvidenceError as error:
            raise Unfit(f"block {self.number} does not parse") from error
        if number != self.number:
            raise Unfit(f"block {number} came where {self.number} was due")
        if self.previous_hash is not None and previous_hash != self.previous_hash:
            raise Unfit(f"block {number} does not name the hash of block {number - 1}")
        if data_hash(contents) != own_hash:
            raise Unfit(f"block {number} does not have the hash that its header names")
        self.previous_hash = BlockHeader(number, previous_hash, own_hash).hash()
        self.number += 1


class Blocks:
    """The blocks of one channel, through the peers of a gateway."""

    def __init__(
        self, gateway: Gateway, signer: Signer, channel: str, clock: Clock, signers: BlockSigners | None = None
    ) -> None:
        """Without `signers` every peer is believed."""
        self._signers = signers
        self._gateway = gateway
        self._signer = signer
        self._channel = channel
        self._clock = clock
        self._fetched: OrderedDict[int, asyncio.Task[CommittedBlock]] = OrderedDict()

    async def follow(self, after: int) -> AsyncIterator[bytes]:
        """Serialised blocks after + 1, after + 2, …, for ever. Raises Unavailable when no peer delivers."""
        due, away, retry = _Due(after + 1), Away(), FollowRetry()
        while True:
            link = self._gateway.links(away)[0]
            retry.begin()
            try:
                async with aclosing(self._from(link, due)) as delivered:
                    async for raw in delivered:
                        yield raw
                        retry.progressed()
                continue
            except (RpcFailure, Unfit) as failure:
                reason = str(failure)
            _log.warning("blocks from %s (%s): %s", link.node.organisation, link.node.address, reason)
            if retry.exhausted(steady_counts=not reason.startswith(SILENT)):
                raise Unavailable(f"no peer delivers block {due.number}: {reason}", "see `wuxin network doctor`")
            away.mark(link.node.address)
            await retry.pause()

    async def fetch(self, number: int, preferred: PeerLink) -> CommittedBlock:
        """One block, from `preferred` first. Raises Unavailable."""
        task = self._fetched.get(number)
        if task is None:
            task = self._fetched[number] = asyncio.ensure_future(self._fetch(number, preferred))
            task.add_done_callback(lambda done: self._forget_failed(number, done))
            while len(self._fetched) > FETCHED_MAX:
                self._fetched.popitem(last=False)
        return await asyncio.shield(task)

    async def confirmed(self, block: CommittedBlock) -> CommittedBlock:
        """The same block from the own organisation's peer, or signed; whoever answered a query may have invented it."""
        return block if self._signers is None else await self.fetch(block.number, self._gateway.links()[0])

    def close(self) -> None:
        """Give up what is being read."""
        for task in self._fetched.values():
            task.cancel()

    def _forget_failed(self, number: int, done: asyncio.Task[CommittedBlock]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._fetched.pop(number, None)

    async def _fetch(self, number: int, preferred: PeerLink) -> CommittedBlock:
        reason = ""
        for link in (preferred, *(each for each in self._gateway.links() if each is not preferred)):
            try:
                async with self._answers(link, number, number, ATTEMPT_S) as answers:
                    async for raw in answers:
                        block = CommittedBlock.read(self._signed(_block(raw), link))
                        if block.number == number:
                            return block
            except (RpcFailure, Unfit, EvidenceError) as failure:
                reason = str(failure)
        raise Unavailable(f"no peer gives block {number}: {reason}", "see `wuxin network doctor`")

    async def _from(self, link: PeerLink, due: _Due) -> AsyncGenerator[bytes]:
        """What one peer delivers; ends after a while when another one should be followed. Raises RpcFailure, Unfit."""
        stay = Deadline(RETURN_S)
        async with self._answers(link, due.number, wire.FOR_EVER) as answers:
            while stay.left_s > 0 or link is self._gateway.links()[0]:
                answer = await self._next(answers, link, due)
                if answer is None:
                    raise Unfit("the peer ended the delivery")
                raw = self._signed(_block(answer), link)
                due.take(raw)
                yield raw

    def _signed(self, raw: bytes, link: PeerLink) -> bytes:
        """The block. Raises Unfit where it is another organisation's word alone."""
        if self._signers is not None and link.node.msp_id != self._signer.msp_id:
            try:
                self._signers.require_signed(raw)
            except EvidenceError as error:
                raise Unfit(f"a block that the orderers did not sign: {error.detail}") from error
        return raw

    async def _next(self, answers: Answers, link: PeerLink, due: _Due) -> bytes | None:
        """The next answer, None at the end. Raises Unfit for a peer that is silent although there is more."""
        reading = asyncio.ensure_future(anext(answers, None))
        behind = False
        try:
            while not (await asyncio.wait({reading}, timeout=SILENCE_S))[0]:
                was_behind, behind = behind, await self._is_behind(link, due.number)
                if was_behind and behind:
                    raise Unfit(f"{SILENT}, though there is a block {due.number}, or it does not live")
            return reading.result()
        finally:
            if not reading.done():
                reading.cancel()
                with suppress(asyncio.CancelledError, RpcFailure):
                    await reading

    async def _is_behind(self, link: PeerLink, number: int) -> bool:
        """Whether this peer does not answer, or it or another one has a block of that number already."""
        others = [each for each in self._gateway.links() if each is not link]
        asked = [link, *random.sample(others, min(1, len(others)))]
        heights = await asyncio.gather(*(self._height(each) for each in asked))
        return heights[0] is None or any(height is not None and height > number for height in heights)

    async def _height(self, link: PeerLink) -> int | None:
        return await chain_height(self._gateway, link, self._signer, self._channel, self._clock.now_ms())

    def _answers(self, link: PeerLink, first: int, last: int, timeout_s: float | None = None) -> Answers:
        nonce = secrets.token_bytes(NONCE_BYTES)
        payload = wire.seek_payload(self._channel, self._signer.identity, nonce, self._clock.now_ms(), first, last)
        return link.stream(wire.DELIVER, envelope(payload, self._signer.sign(payload)), timeout_s)


def _block(answer: bytes) -> bytes:
    """The block in an answer. Raises Unfit for a status: the delivery is over."""
    try:
        found = wire.delivered(answer)
    except EvidenceError as error:
        raise Unfit("an answer that is no delivery") from error
    if found == FORBIDDEN:
        raise Unfit("the peer refuses this client: its certificate has expired, or may not read the channel")
    if isinstance(found, int):
        raise Unfit(f"the delivery ended with status {found}")
    return found
