"""The engine: the two ledgers behind the ports, opened once per process and bound to each seat that is served.

    connections.json ─▶ facts: embedded, or Hyperledger Fabric     ─┐
                     ─▶ obligations: embedded, or JSON-RPC          ─┴─▶ SeatLedgers(seat, ledger, chain)

Each ledger is chosen by itself, and an engine is imported when a home asks for it: an embedded node needs no gRPC, one
over real ledgers no virtual machine. What is not reachable now is opened all the same; the ports say so when asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from network.clock import Clock
from network.membership.connections import Connections
from network.membership.consortium import Consortium
from network.membership.seats import Seat, open_seat
from network.membership.trust_file import TRUST_FILE
from network.ports import Chain, Ledger
from node.ledgers.seat_ledgers import SeatLedgers
from node.settings import Settings
from wuxin_evidence.bundle.trust import Trust

if TYPE_CHECKING:
    from network.obligations.embedded.node import EvmNode


class Engine(Protocol):
    """What a process needs of a pair of ledgers."""

    def serve(self, organisation: str) -> SeatLedgers:
        """Open an organisation's seat and bind both ledgers to it."""
        ...

    async def aclose(self) -> None:
        """Close every ledger that was opened."""
        ...


class HomeEngine:
    """The ledgers that a home names: one embedded chain node, where there is one, for all seats of the process.

    Raises ConnectionsError.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connections = Connections.load(settings.home)
        self._node: EvmNode | None = None
        self._seats: list[SeatLedgers] = []

    def serve(self, organisation: str) -> SeatLedgers:
        """Raises KeystoreError, Unavailable (embedded, or contracts not deployed)."""
        settings = self._settings
        seat = open_seat(settings.home, organisation)
        own = SeatLedgers(
            seat=seat,
            ledger=open_facts(settings.home, settings.consortium, seat, self._clock, self._connections),
            chain=self._obligations(seat),
            in_circle=organisation in settings.consortium.circle(settings.chain).members,
        )
        self._seats.append(own)
        return own

    async def aclose(self) -> None:
        """Close every seat's ledgers, then the embedded chain."""
        for own in self._seats:
            await own.ledger.aclose()
            await own.chain.aclose()
        if self._node is not None:
            self._node.close()

    def _obligations(self, seat: Seat) -> Chain:
        settings = self._settings
        home, consortium, chain = settings.home, settings.consortium, settings.chain
        if chain not in self._connections.obligations and self._node is None:
            from network.obligations.embedded.circle import open_circle

            self._node = open_circle(home, consortium, self._clock, chain=chain)
        return open_obligations(home, consortium, seat, self._clock, self._connections, chain, self._node)


def open_facts(home: Path, consortium: Consortium, seat: Seat, clock: Clock, connections: Connections) -> Ledger:
    """The ledger of facts that `connections` name, bound to a seat."""
    if connections.facts is None:
        from network.facts.embedded.ledger import open_ledger

        return open_ledger(home, consortium, seat, clock)
    from network.facts.fabric.block_signers import BlockSigners
    from network.facts.fabric.ledger import open_ledger as open_channel

    trusted = Trust.parse((home / TRUST_FILE).read_bytes()).facts
    signers = BlockSigners(trusted.block_signers, trusted.block_quorum)
    return open_channel(consortium, seat, clock, connections.facts, signers)


def open_obligations(
    home: Path,
    consortium: Consortium,
    seat: Seat,
    clock: Clock,
    connections: Connections,
    chain: str,
    node: EvmNode | None = None,
) -> Chain:
    """The chain of a circle that `connections` name, bound to a seat; `node` is the embedded one, if it is open."""
    connection = connections.obligations.get(chain)
    if connection is None:
        from network.obligations.embedded.circle import open_chain

        return open_chain(home, consortium, seat, clock, chain=chain, node=node)
    from network.obligations.jsonrpc.circle import open_chain as open_remote

    return open_remote(home, consortium, seat, connection, chain)
