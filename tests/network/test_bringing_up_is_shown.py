"""Nobody watches a silent line: bringing up a network says which part it is at, before that part is done."""

from pathlib import Path

import pytest

from network.bringup.cosmos import validators
from network.bringup.fabric import network as fabric
from network.membership.connections import ChainConnection, FabricNode, FactsConnection
from node.demo.founding import write_consortium
from node.machine import founding, network

PEER = FabricNode("bank", "BankMSP", "127.0.0.1:7051", "a certificate")


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Engines that come up at once, and what was said of each step before it was done."""
    steps: list[str] = []

    def facts_up(home, consortium, setting=None, show=lambda _: None):
        show("14 processes start")
        steps.append("facts")
        return FactsConnection((PEER,), (PEER,))

    monkeypatch.setattr(fabric, "up", facts_up)
    monkeypatch.setattr(validators, "up", lambda *_, **__: ChainConnection("cometbft", ("http://127.0.0.1:1",)))
    monkeypatch.setattr(founding, "found_over", lambda home: steps.append("founded"))
    return steps


def test_each_part_is_named_when_it_begins_and_when_it_is_done(tmp_path: Path, engines, capsys) -> None:
    network.up(tmp_path, prepare=write_consortium)
    parts = ["making keys", "bringing up the facts", "bringing up the obligations e1", "making the first transactions"]
    said = dict.fromkeys(line.partition(" (")[0] for line in capsys.readouterr().err.splitlines())
    assert [line for line in said if line.endswith(("begins", "done"))] == [
        f"{part}: {when}" for part in parts for when in ("begins", "done")
    ]
    assert engines == ["facts", "founded"]


def test_a_part_that_fails_is_the_last_that_is_named(tmp_path: Path, engines, capsys, monkeypatch) -> None:
    def fails(*_, **__):
        raise TimeoutError("no block")

    monkeypatch.setattr(validators, "up", fails)
    with pytest.raises(TimeoutError):
        network.up(tmp_path, prepare=write_consortium)
    assert capsys.readouterr().err.splitlines()[-1].startswith("bringing up the obligations e1: FAILED")
    assert engines == ["facts"]
