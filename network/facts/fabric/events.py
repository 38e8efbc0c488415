"""The chaincode's events through a gateway, resumed exactly: after the last transaction whose event was handed on.

A projection reads whole blocks (deliver); this is for a consumer that wants the events alone and keeps (block,
transaction id) of the last one as its checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from network.facts.fabric import wire
from network.facts.fabric.connection import PeerLink, RpcFailure
from network.facts.fabric.gateway import Gateway
from network.facts.fabric.retry import Away, FollowRetry
from network.facts.proposal import Signer
from network.ports import Unavailable
from wuxin_evidence.errors import EvidenceError

_log = logging.getLogger(__name__)


class Events:
    """The events of one chaincode."""

    def __init__(self, gateway: Gateway, signer: Signer, channel: str, chaincode: str) -> None:
        self._gateway = gateway
        self._signer = signer
        self._channel = channel
        self._chaincode = chaincode

    async def follow(self, after_block: int, after_tx_id: str = "") -> AsyncIterator[wire.ChaincodeEvent]:
        """Events after a transaction of a block, or after the whole block when no transaction is named, for ever.

        Raises Unavailable when no gateway delivers.
        """
        start = after_block if after_tx_id else after_block + 1
        away, retry = Away(), FollowRetry()
        while True:
            link = self._gateway.links(away)[0]
            retry.begin()
            try:
                async with aclosing(self._from(link, start, after_tx_id)) as delivered:
                    async for event in delivered:
                        start, after_tx_id = event.block, event.tx_id
                        yield event
                        retry.progressed()
                reason = "the gateway ended the stream"
            except (RpcFailure, EvidenceError) as failure:
                reason = str(failure)
            _log.warning("events from %s (%s): %s", link.node.organisation, link.node.address, reason)
            if retry.exhausted():
                raise Unavailable(f"no gateway delivers events: {reason}", "see `wuxin network doctor`")
            away.mark(link.node.address)
            await retry.pause()

    async def _from(self, link: PeerLink, start: int, after_tx_id: str) -> AsyncGenerator[wire.ChaincodeEvent]:
        request = wire.events_request(self._channel, self._chaincode, self._signer.identity, start, after_tx_id)
        signed = wire.signed_events_request(request, self._signer.sign(request))
        async with link.stream(wire.CHAINCODE_EVENTS, signed) as answers:
            async for raw in answers:
                for event in wire.events(raw):
                    yield event
