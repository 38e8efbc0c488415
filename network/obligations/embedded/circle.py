"""A circle's embedded chain in a home: its file, its node, and the port `Chain` of a seat over it.

    ledger/obligations-e1.db      blocks and state
    ledger/obligations-e1.json    where the contracts are (network/obligations/jsonrpc/deployment.py)

`open_circle` opens the node (one per process and chain; more are correct and slower), `open_chain` binds a seat to
it. The sealer's key is taken from the sealing organisation's keystore in this home, for sealing only, as the embedded
orderer takes the orderer's: on one machine the engine is every party's engine. Without that keystore the chain can
be read, and a send is refused as unavailable.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import cast

from network.clock import Clock
from network.membership.consortium import Circle, ClockSetting, Consortium
from network.membership.keystore import KeystoreError
from network.membership.seats import Seat, open_sealer
from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.node import VANITY_BYTES, EvmNode, NodeUnavailable, open_node
from network.obligations.jsonrpc.chain import Web3Chain
from network.obligations.jsonrpc.deployment import Bind, Deployment
from network.obligations.jsonrpc.requests import Endpoint
from network.ports import Unavailable
from wuxin_evidence.crypto.secp256k1 import EvmKey

EMBEDDED_POLL_S = 0.02
"""How often a follower asks for the height: half a per cent of a core each. A block of its own process wakes it."""

_SCENARIO = b"wuxin-scenario/1"


class EmbeddedChain(Web3Chain):
    """The port over the embedded node; `node` also serves the development JSON-RPC (evm_rpc.py)."""

    def __init__(
        self, circle: Circle, node: EvmNode, deployment: Deployment | None, key: EvmKey, *, owns: bool
    ) -> None:
        super().__init__(
            circle.chain,
            cast(Endpoint, EmbeddedEndpoint(node)),
            circle.chain_id,
            deployment.contracts() if deployment else (),
            key,
            poll_s=EMBEDDED_POLL_S,
        )
        self.node = node
        self._owns = owns

    async def _block_or_pause(self) -> None:
        loop, sealed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(sealed.set)

        ignore = self.node.on_block(wake)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EMBEDDED_POLL_S):  # wait_for would swallow a cancellation on Python 3.11
                    await sealed.wait()
        finally:
            ignore()

    async def aclose(self) -> None:
        """Close the node, if `open_chain` opened it."""
        if self._owns:
            self.node.close()


def open_circle(home: Path, consortium: Consortium, clock: Clock, *, chain: str = "e1") -> EvmNode:
    """Open the embedded chain of a circle, making its genesis block if there is none.

    Raises ConsortiumError (no such circle), Unavailable (no chain yet and no sealer's key here).
    """
    circle = consortium.circle(chain)
    path = home / "ledger" / f"obligations-{chain}.db"
    try:
        return open_node(path, circle.chain_id, clock, _sealer_key(home, circle), stamp=clock_stamp(consortium.clock))
    except NodeUnavailable as failure:
        raise Unavailable(str(failure), f"start the node of {circle.sealer}, which seals {chain}") from failure


def open_chain(
    home: Path,
    consortium: Consortium,
    seat: Seat,
    clock: Clock,
    *,
    chain: str = "e1",
    node: EvmNode | None = None,
) -> EmbeddedChain:
    """The obligations of a circle, bound to a seat. A `node` that is given stays open when the chain is closed.

    Raises Unavailable while the contracts are not deployed, ConsortiumError.
    """
    circle = consortium.circle(chain)
    deployment = Deployment.standing(home, chain)
    owned = open_circle(home, consortium, clock, chain=chain) if node is None else node
    return EmbeddedChain(circle, owned, deployment, seat.evm_key, owns=node is None)


def bind_embedded(consortium: Consortium, node: EvmNode, *, chain: str = "e1") -> Bind:
    """What the deployment takes: the port of a seat over a node that stays open."""
    circle = consortium.circle(chain)

    def bind(seat: Seat, deployment: Deployment | None) -> Web3Chain:
        return EmbeddedChain(circle, node, deployment, seat.evm_key, owns=False)

    return bind


def clock_stamp(clock: ClockSetting) -> bytes:
    """Vanity of the genesis block: zeros for real time; else `wuxin-scenario/1`, start in ms and factor (uint64)."""
    if clock.kind == "system":
        return bytes(VANITY_BYTES)
    return _SCENARIO + clock.start_ms.to_bytes(8, "big") + clock.factor.to_bytes(8, "big")


def _sealer_key(home: Path, circle: Circle) -> EvmKey | None:
    try:
        return open_sealer(home, circle.sealer)
    except KeystoreError:
        return None
