"""A circle's chain on validators of its own: the port `Chain` of a seat over the endpoints that a home names.

`open_chain` is the whole of it for a node; `bind` is what the deployment takes. Each port has endpoints of its own, so
that one seat's troubles are not another's; closing the port closes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from network.membership.connections import ChainConnection, Engine
from network.membership.consortium import Circle, Consortium
from network.membership.seats import Seat
from network.obligations.jsonrpc.chain import Web3Chain
from network.obligations.jsonrpc.comet import CometConsensus
from network.obligations.jsonrpc.deployment import Bind, Deployment
from network.obligations.jsonrpc.endpoints import ConsensusProbe, Endpoints, JsonRpcProbe
from network.obligations.jsonrpc.requests import Endpoint
from network.ports import Chain
from wuxin_evidence.crypto.secp256k1 import EvmKey

POLL_S = 0.1
"""How often a receipt or a new block is asked for: less than half of what the fastest engine takes for a block."""

_UNPROVEN: Mapping[Engine, str] = {
    "cometbft": "the connection names no consensus RPC, where the validators' votes are found",
    "qbft": "the seals of a QBFT block are not checked in this version; ask the members' nodes",
    "generic": "the connection names no engine whose blocks can be proved to an outsider; ask the members' nodes",
}
"""What stands in a bundle in place of a proof, where there is none."""


class RemoteChain(Web3Chain):
    """The port over endpoints that it closes with itself."""

    def __init__(self, circle: Circle, connection: ChainConnection, deployment: Deployment | None, key: EvmKey) -> None:
        endpoints = Endpoints(connection.endpoints, JsonRpcProbe(circle.chain_id))
        self._opened = [endpoints]
        consensus = None
        if connection.engine == "cometbft" and connection.headers:
            headers = Endpoints(connection.headers, ConsensusProbe())
            self._opened.append(headers)
            consensus = CometConsensus(cast(Endpoint, headers), circle.chain_id)
        super().__init__(
            circle.chain,
            cast(Endpoint, endpoints),
            circle.chain_id,
            deployment.contracts() if deployment else (),
            key,
            poll_s=POLL_S,
            finality_depth=connection.finality_depth,
            unproven=_UNPROVEN[connection.engine],
            consensus=consensus,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        for each in self._opened:
            await each.aclose()


def bind(consortium: Consortium, connection: ChainConnection, *, chain: str = "e1") -> Bind:
    """What the deployment takes: a seat's port over the connection."""
    circle = consortium.circle(chain)

    def port(seat: Seat, deployment: Deployment | None) -> Web3Chain:
        return RemoteChain(circle, connection, deployment, seat.evm_key)

    return port


def open_chain(home: Path, consortium: Consortium, seat: Seat, connection: ChainConnection, chain: str = "e1") -> Chain:
    """The obligations of a circle, bound to a seat. Asks nothing of the endpoints yet.

    Raises Unavailable while the contracts are not deployed, ConsortiumError.
    """
    deployment = Deployment.standing(home, chain)
    return RemoteChain(consortium.circle(chain), connection, deployment, seat.evm_key)
