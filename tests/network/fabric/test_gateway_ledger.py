"""The port over Fabric's protocol: the contract of every ledger, spoken to peers over gRPC and TLS."""

import asyncio
from collections.abc import Callable
from unittest.mock import patch

import pytest

from network.clock import SystemClock
from network.facts.fabric.ledger import FabricLedger, open_ledger
from network.membership.connections import FabricNode, FactsConnection
from network.membership.consortium import Consortium
from network.membership.seats import Seat
from network.ports import Ledger, Unavailable
from tests.network.fabric.fake_peers import make_certificate
from tests.network.ledger_contract import LedgerContract


class TestFabricLedger(LedgerContract):
    """The Fabric client keeps the port's contract."""


async def test_a_closed_ledger_says_so(ledger_of: Callable[[str], FabricLedger]) -> None:
    ledger = ledger_of("bank")
    await ledger.aclose()
    with pytest.raises(Unavailable):
        await ledger.height()


async def test_a_follower_of_a_closed_ledger_hears_so(ledger_of: Callable[[str], FabricLedger]) -> None:
    ledger = ledger_of("bank")
    following = ledger.blocks(0)
    waiting = asyncio.ensure_future(anext(following))
    await ledger.height()
    await ledger.aclose()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(waiting, 5)


def test_a_ledger_serves_one_event_loop_after_the_other(seats: dict[str, Seat], consortium: Consortium) -> None:
    """As the commands of the shell use it. No peer is there, and each loop says so in its own words."""
    node = FabricNode("bank", "BankMSP", "127.0.0.1:1", make_certificate()[1].decode())
    ledger = open_ledger(consortium, seats["bank"], SystemClock(), FactsConnection((node,)))
    for _ in range(2):
        with pytest.raises(Unavailable):
            asyncio.run(asyncio.wait_for(first_failure(ledger), 20))


async def first_failure(ledger: Ledger) -> None:
    with patch("network.facts.fabric.query.EVALUATE_S", 0.2):
        await ledger.height()
