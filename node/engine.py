"""The engine: the two ledgers behind the ports, opened once per process and bound to each seat that is served."""

from __future__ import annotations

from typing import Protocol

from network.clock import Clock
from network.local.ledger import open_ledger
from network.local.obligations import open_chain, open_circle
from network.seats import open_seat
from node.served import Served
from node.settings import Settings


class Engine(Protocol):
    """What a process needs of a pair of ledgers."""

    def serve(self, organisation: str) -> Served:
        """Open an organisation's seat and bind both ledgers to it."""
        ...

    async def aclose(self) -> None: ...


class LocalEngine:
    """The embedded ledgers of a home: one chain node for all seats of the process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._node = open_circle(settings.home, settings.consortium, clock, chain=settings.chain)
        self._served: list[Served] = []

    def serve(self, organisation: str) -> Served:
        home, consortium = self._settings.home, self._settings.consortium
        seat = open_seat(home, organisation)
        served = Served(
            seat=seat,
            ledger=open_ledger(home, consortium, seat, self._clock),
            chain=open_chain(home, consortium, seat, self._clock, chain=self._settings.chain, node=self._node),
            in_circle=organisation in consortium.circle(self._settings.chain).members,
        )
        self._served.append(served)
        return served

    async def aclose(self) -> None:
        for served in self._served:
            await served.ledger.aclose()
            await served.chain.aclose()
        self._node.close()
