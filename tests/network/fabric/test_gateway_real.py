"""The port's contract on a real network: four BFT orderers, five peers, and the toy chaincode behind each."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from network.clock import SystemClock
from network.connections import FactsConnection
from network.consortium import Consortium
from network.fabric.ledger import open_ledger
from network.ports import Ledger
from network.seats import Seat
from tests.engines import FABRIC, Networks
from tests.network.fabric import real_toy
from tests.network.ledger_contract import LedgerContract, LedgerOf

pytestmark = pytest.mark.engine("fabric")


@pytest.fixture(scope="module")
def toy(networks: Networks) -> tuple[Consortium, FactsConnection]:
    """The consortium whose facts are the toy's, and its peers."""
    founded = networks.founded(FABRIC)
    return asyncio.run(real_toy.install(founded.home, founded.consortium))


@pytest.fixture(scope="module")
def seats(networks: Networks) -> dict[str, Seat]:
    founded = networks.founded(FABRIC)
    return {member.name: networks.seat(member.name) for member in founded.consortium.organisations}


@pytest.fixture
async def ledger_of(toy: tuple[Consortium, FactsConnection], seats: dict[str, Seat]) -> AsyncIterator[LedgerOf]:
    opened: list[Ledger] = []

    def open_one(name: str) -> Ledger:
        ledger = open_ledger(toy[0], seats[name], SystemClock(), toy[1])
        opened.append(ledger)
        return ledger

    yield open_one
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
def bank(ledger_of: LedgerOf) -> Ledger:
    return ledger_of("bank")


class TestRealLedger(LedgerContract):
    """Fabric keeps the port's contract."""
