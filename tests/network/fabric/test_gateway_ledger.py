"""The port over Fabric's protocol: the contract of every ledger, spoken to peers over gRPC and TLS."""

from collections.abc import Callable

import pytest

from network.fabric.ledger import FabricLedger
from network.ports import Unavailable
from tests.network.ledger_contract import LedgerContract


class TestFabricLedger(LedgerContract):
    """The Fabric client keeps the port's contract."""


async def test_a_closed_ledger_says_so(ledger_of: Callable[[str], FabricLedger]) -> None:
    ledger = ledger_of("bank")
    await ledger.aclose()
    with pytest.raises(Unavailable):
        await ledger.height()
