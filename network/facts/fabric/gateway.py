"""Fabric's gateway service, asked through whichever of several peers answers.

    evaluate     one peer of the gateway's own organisation runs the chaincode      → what it returned
    endorse      the gateway gathers as many endorsements as the policies want      → a Payload to sign
    submit       the gateway hands the envelope to the orderers                     → acknowledged, nothing more
    committed    the gateway waits until its peer has the transaction               → number of the block

The first peer is the own organisation's; the next one is asked when a gateway is away. Only `submit` is never repeated
here: its outcome may be open, and who asks for it decides. All calls of one `Gateway` together stay below the
server's concurrency limit; where the server refuses all the same, the call waits and is made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from network.facts.fabric import wire
from network.facts.fabric.connection import PeerLink, RpcFailure
from network.facts.fabric.failures import Failure, Stage
from network.facts.fabric.retry import (
    ATTEMPT_S,
    ENDORSE_S,
    EVALUATE_S,
    QUERY_ATTEMPT_S,
    SUBMIT_S,
    Away,
    Backoff,
    Deadline,
)
from network.facts.proposal import Signer
from network.membership.connections import FabricNode

IN_FLIGHT_MAX = 400
"""Fabric's peers refuse a gateway's 501st call at a time, over all clients (peer.limits.concurrency.gatewayService)."""


class Gateway:
    """One seat's client; `links` in the order in which they are to be asked."""

    def __init__(
        self, links: Sequence[PeerLink], signer: Signer, channel: str, *, in_flight_max: int = IN_FLIGHT_MAX
    ) -> None:
        self._links = tuple(links)
        self._signer = signer
        self._channel = channel
        self._slots = asyncio.Semaphore(in_flight_max)
        self._away = Away()

    async def evaluate(self, tx_id: str, signed: bytes) -> bytes:
        """What the chaincode returns; private data is read where it is held, at the gateway's organisation only.

        Raises Failure.
        """

        def request(link: PeerLink) -> bytes:
            return wire.evaluate_request(tx_id, self._channel, signed, [link.node.msp_id])

        answer = await self._ask("evaluate", wire.EVALUATE, request, EVALUATE_S, attempt_s=QUERY_ATTEMPT_S)
        return wire.evaluated(answer)

    async def endorse(self, tx_id: str, signed: bytes, msp_ids: Sequence[str] = ()) -> bytes:
        """The Payload to be signed, endorsed by `msp_ids` or by whom the gateway chooses. Raises Failure.

        A gateway that is away is replaced, one that does not answer in time is not: then an endorser behind it is
        slow, and another gateway would wait for the same one.
        """
        request = wire.endorse_request(tx_id, self._channel, signed, msp_ids)
        answer = await self._ask("endorse", wire.ENDORSE, lambda _: request, ENDORSE_S, late_is_away=False)
        return wire.prepared_payload(answer)

    async def submit(self, tx_id: str, envelope: bytes) -> None:
        """Hand a signed envelope to the orderers, once, except where a server did not look at it.

        Raises Failure; unless that is an `ordering_refusal`, the transaction may be ordered all the same.
        """
        request = wire.submit_request(tx_id, self._channel, envelope)
        deadline, backoff = Deadline(SUBMIT_S), Backoff()
        while True:
            link = self._in_order()[0]
            try:
                await self._once("submit", link, wire.SUBMIT, request, deadline.at_most(ATTEMPT_S))
                return
            except Failure as failure:
                if failure.node_is_away:
                    self._away.mark(link.node.address)
                if not failure.too_many_requests or deadline.left_s == 0:
                    raise
            await backoff.pause()

    async def committed(self, tx_id: str, within_s: float) -> tuple[int, PeerLink] | None:
        """The block of a transaction and a peer that has it, None when `within_s` pass without.

        Raises Failure when the question itself is refused.
        """
        unsigned = wire.commit_status_request(tx_id, self._channel, self._signer.identity)
        request = wire.signed_commit_status_request(unsigned, self._signer.sign(unsigned))
        deadline, backoff = Deadline(within_s), Backoff()
        while deadline.left_s > 0:
            link = self._in_order()[0]
            try:
                answer = await self._once("commit status", link, wire.COMMIT_STATUS, request, deadline.left_s)
                return wire.committed_block(answer), link
            except Failure as failure:
                if failure.status == "DEADLINE_EXCEEDED":
                    break
                if failure.status in ("PERMISSION_DENIED", "INVALID_ARGUMENT"):
                    raise
                if not failure.too_many_requests:
                    self._away.mark(link.node.address)
            await backoff.pause()
        return None

    async def ask_anyone(self, stage: Stage, method: str, request: bytes, total_s: float) -> bytes:
        """The answer of the first peer that gives one. Raises Failure."""
        return await self._ask(stage, method, lambda _: request, total_s)

    async def ask(self, link: PeerLink, stage: Stage, method: str, request: bytes, timeout_s: float) -> bytes:
        """The answer of this peer. Raises Failure."""
        return await self._once(stage, link, method, request, timeout_s)

    def suspect(self, node: FabricNode) -> None:
        """Ask this one last for a while."""
        self._away.mark(node.address)

    def links(self, away: Away | None = None) -> tuple[PeerLink, ...]:
        """All peers, last those that were away lately, for this client or by the caller's own reckoning."""
        return tuple(sorted(self._in_order(), key=lambda link: away is not None and away.is_away(link.node.address)))

    async def aclose(self) -> None:
        """Close the connections to all gateways."""
        await asyncio.gather(*(link.aclose() for link in self._links))

    async def _ask(
        self,
        stage: Stage,
        method: str,
        request: Callable[[PeerLink], bytes],
        total_s: float,
        *,
        attempt_s: float | None = None,
        late_is_away: bool = True,
    ) -> bytes:
        """Ask one gateway after the other until one answers, good or bad, or the time is over."""
        attempt_s = ATTEMPT_S if attempt_s is None else attempt_s
        deadline, backoff, untried = Deadline(total_s), Backoff(), self._in_order()
        while True:
            link = untried.pop(0)
            try:
                return await self._once(stage, link, method, request(link), deadline.at_most(attempt_s))
            except Failure as failure:
                late = failure.status == "DEADLINE_EXCEEDED" and not late_is_away
                if deadline.left_s == 0 or late or not (failure.node_is_away or failure.too_many_requests):
                    raise
                if failure.too_many_requests:
                    untried.clear()
                else:
                    self._away.mark(link.node.address)
            if not untried:
                await backoff.pause()
                untried = self._in_order()

    async def _once(self, stage: Stage, link: PeerLink, method: str, request: bytes, timeout_s: float) -> bytes:
        async with self._slots:
            try:
                answer = await link.call(method, request, timeout_s)
            except RpcFailure as failure:
                raise Failure(stage, failure) from failure
        self._away.clear(link.node.address)
        return answer

    def _in_order(self) -> list[PeerLink]:
        return sorted(self._links, key=lambda link: self._away.is_away(link.node.address))
