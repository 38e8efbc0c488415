"""The embedded engine behind five fake peers, and ledgers over them."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

import pytest

from network.clock import SystemClock
from network.facts.fabric.ledger import FabricLedger, open_ledger
from network.membership.seats import Seat
from tests.engines import networks
from tests.network import toy_chaincode
from tests.network.conftest import OpenFacts
from tests.network.fabric.fake_peers import FakeNetwork

__all__ = ["networks"]


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def altered() -> dict[str, toy_chaincode.Invoke]:
    """Organisations whose peers run another chaincode; overridden by tests."""
    return {}


@pytest.fixture
async def network(open_facts: OpenFacts, altered: dict[str, toy_chaincode.Invoke]) -> AsyncIterator[FakeNetwork]:
    facts = open_facts(altered)
    started = FakeNetwork(facts, free_ports(len(facts.consortium.endorsers)))
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def ledger_of(network: FakeNetwork, seats: dict[str, Seat]) -> AsyncIterator[Callable[[str], FabricLedger]]:
    """The ledger of an organisation."""
    opened: list[FabricLedger] = []

    def open_one(name: str) -> FabricLedger:
        ledger = open_ledger(network.facts.consortium, seats[name], SystemClock(), network.connection)
        assert isinstance(ledger, FabricLedger)
        opened.append(ledger)
        return ledger

    yield open_one
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
def bank(ledger_of: Callable[[str], FabricLedger]) -> FabricLedger:
    return ledger_of("bank")
