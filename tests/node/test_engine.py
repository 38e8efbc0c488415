"""A node picks each ledger by its home's connections, and refuses what cannot be."""

import json
from pathlib import Path

import pytest

from network.clock import SystemClock
from network.membership.connections import (
    CONNECTIONS_FILE,
    ChainConnection,
    Connections,
    FabricNode,
    FactsConnection,
)
from network.membership.consortium import CONSORTIUM_FILE
from node.ledgers.engine import HomeEngine
from node.settings import SettingsError, check

PEER = FabricNode("bank", "BankMSP", "127.0.0.1:1", "no certificate")
CHAIN = ChainConnection("cometbft", ("http://127.0.0.1:1",))


def refused(home: Path) -> SettingsError:
    with pytest.raises(SettingsError) as refusal:
        check(home, None)
    assert refusal.value.hint
    return refusal.value


def test_a_home_without_connections_is_embedded(home: Path) -> None:
    assert Connections.load(home).embedded
    assert check(home, None).organisations[0] == "bank"


def test_connections_that_are_no_document_are_refused(home: Path) -> None:
    (home / CONNECTIONS_FILE).write_text("{")
    assert refused(home).code == "malformed"


def test_a_chain_of_no_circle_is_refused(home: Path) -> None:
    Connections(None, {"e7": CHAIN}).save(home)
    assert "e7" in refused(home).detail


@pytest.mark.parametrize("connections", [Connections(FactsConnection((PEER,))), Connections(None, {"e1": CHAIN})])
def test_real_ledgers_never_run_on_a_scenario_clock(home: Path, connections: Connections) -> None:
    connections.save(home)
    check(home, None)
    path = home / CONSORTIUM_FILE
    path.write_text(path.read_text().replace('kind = "system"', 'kind = "scenario"\nstart_ms = 0\nfactor = 1'))
    refusal = refused(home)
    assert refusal.code == "conflict" and "real time" in refusal.detail


async def test_one_real_ledger_leaves_the_other_embedded(home: Path) -> None:
    Connections(None, {"e1": CHAIN}).save(home)
    engine = HomeEngine(check(home, None), SystemClock())
    try:
        own = engine.serve("bank")
        assert await own.ledger.height() > 0
        assert own.chain.name == "e1"
    finally:
        await engine.aclose()


def test_a_home_serves_whom_it_has_keys_of(home: Path) -> None:
    moved = home / "orgs" / "insurer" / "keys"
    moved.rename(home / "elsewhere")
    assert "insurer" not in check(home, None).organisations
    with pytest.raises(SettingsError) as refusal:
        check(home, ["insurer"])
    assert refusal.value.code == "not_found"
    assert json.loads((home / "trust.json").read_text())
