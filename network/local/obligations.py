"""A circle's embedded chain in a home: its file, its node, and the port `Chain` of a seat over it.

    ledger/obligations-e1.db      blocks and state
    ledger/obligations-e1.json    where the contracts are: {chain, chain_id, first_block, addresses: {name: 0x…}}

`open_circle` opens the node (one per process and chain; more are correct and slower), `open_chain` binds a seat to
it. The sealer's key is taken from the sealing organisation's keystore in this home, for sealing only, as the embedded
orderer takes the orderer's: on one machine the engine is every party's engine. Without that keystore the chain can
be read, and a send is refused as unavailable.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from contracts.loader import DEPLOY_ORDER, load_artifact
from network.clock import Clock
from network.consortium import Circle, ClockSetting, Consortium
from network.evm.abi import ContractAbi
from network.evm.chain import Contract, Web3Chain
from network.evm.requests import Endpoint
from network.keystore import KeystoreError
from network.local.evm_methods import EmbeddedEndpoint
from network.local.evm_node import VANITY_BYTES, EvmNode, NodeUnavailable, open_node
from network.ports import Unavailable
from network.seats import Seat, open_sealer
from wuxin_evidence.secp256k1 import EvmKey

EMBEDDED_POLL_S = 0.02
"""How often a follower asks for the height: half a per cent of a core each. A block of its own process wakes it."""

_SCENARIO = b"wuxin-scenario/1"


@dataclass(frozen=True)
class Deployment:
    """Where the contracts of a circle are; addresses of 20 bytes by contract name."""

    chain: str
    chain_id: int
    first_block: int
    addresses: Mapping[str, bytes]

    def contracts(self) -> tuple[Contract, ...]:
        return tuple(Contract(name, self.addresses[name], abi_of(name)) for name in DEPLOY_ORDER)

    def save(self, home: Path) -> None:
        """Write the record whole, by renaming."""
        path = record_path(home, self.chain)
        document = {
            "chain": self.chain,
            "chain_id": self.chain_id,
            "first_block": self.first_block,
            "addresses": {name: "0x" + address.hex() for name, address in self.addresses.items()},
        }
        beside = path.with_suffix(".json.tmp")
        beside.write_text(json.dumps(document, indent=1), "utf-8")
        beside.replace(path)

    @classmethod
    def load(cls, home: Path, chain: str) -> Deployment | None:
        """The record in this home, None before the contracts are deployed."""
        path = record_path(home, chain)
        if not path.exists():
            return None
        row = cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
        addresses = cast("dict[str, str]", row["addresses"])
        return cls(
            chain=row["chain"],
            chain_id=row["chain_id"],
            first_block=row["first_block"],
            addresses={name: bytes.fromhex(text[2:]) for name, text in addresses.items()},
        )


class EmbeddedChain(Web3Chain):
    """The port over the embedded node; `node` also serves the development JSON-RPC (evm_rpc.py)."""

    def __init__(self, circle: Circle, node: EvmNode, deployment: Deployment, key: EvmKey, *, owns: bool) -> None:
        super().__init__(
            circle.chain,
            cast(Endpoint, EmbeddedEndpoint(node)),
            circle.chain_id,
            deployment.contracts(),
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
                await asyncio.wait_for(sealed.wait(), EMBEDDED_POLL_S)
        finally:
            ignore()

    async def aclose(self) -> None:
        """Close the node, if `open_chain` opened it."""
        if self._owns:
            self.node.close()


def record_path(home: Path, chain: str) -> Path:
    return home / "ledger" / f"obligations-{chain}.json"


def abi_of(contract: str) -> ContractAbi:
    """The ABI of one of our contracts."""
    return ContractAbi(load_artifact(contract).abi)


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
    deployment = Deployment.load(home, chain)
    if deployment is None:
        raise Unavailable(
            f"the contracts of {chain} are not deployed in {home}", "deploy them first: deploy_obligations"
        )
    owned = open_circle(home, consortium, clock, chain=chain) if node is None else node
    return EmbeddedChain(circle, owned, deployment, seat.evm_key, owns=node is None)


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
