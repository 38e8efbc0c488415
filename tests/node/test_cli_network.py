"""`wuxin network` where there is no network: what it refuses, and with which words."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from network.connections import ChainConnection, Connections, FabricNode, FactsConnection
from network.consortium import write_demo
from network.listeners import LOOPBACK
from network.ports import Rejected, Unavailable
from network.published import certificate
from network.seats import create_home
from network.supervisor import FOLDER
from node.cli.main import app
from node.cli.network import doctor, profile, status, up


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_home(tmp_path, write_demo(tmp_path, start_ms=None))
    return tmp_path


def test_without_a_network_the_status_says_how_to_start_one(home: Path):
    with pytest.raises(Unavailable) as refused:
        status(home, as_json=False)
    assert "wuxin network up" in refused.value.hint
    assert not (home / FOLDER).exists()


@pytest.mark.parametrize(("engine", "file"), [("fabric", "facts.db"), ("evm", "obligations-e1.db")])
def test_an_embedded_ledger_is_not_put_aside(home: Path, engine: str, file: str):
    (home / "ledger").mkdir()
    (home / "ledger" / file).touch()
    with pytest.raises(Rejected) as refused:
        up(home, [engine])
    assert refused.value.code == "conflict"
    assert file in refused.value.detail
    assert not (home / FOLDER).exists()


def test_over_embedded_ledgers_there_is_nothing_for_its_doctor(home: Path):
    with pytest.raises(Rejected) as refused:
        doctor(home, as_json=False)
    assert refused.value.code == "conflict"


def test_an_unknown_engine_is_wrong_usage(home: Path):
    assert CliRunner().invoke(app, ["network", "up", "--engine", "raft", "--home", str(home)]).exit_code == 2


def test_a_profile_needs_facts_on_fabric(home: Path):
    with pytest.raises(Rejected) as refused:
        profile(home, "bank", home / "profile.json")
    assert refused.value.code == "conflict"
    assert not (home / "profile.json").exists()


def test_a_profile_names_a_key_that_only_its_owner_reads(home: Path):
    root = certificate(home, "bank", "tls-root").decode()
    node = FabricNode("bank", "BankMSP", f"{LOOPBACK}:7051", root)
    chain = ChainConnection("cometbft", (f"http://{LOOPBACK}:8545",))
    Connections(FactsConnection((node,), (node,)), {"e1": chain}).save(home)
    out = home / "profile.json"
    for _ in range(2):
        profile(home, "bank", out)
    key = home / "profile.key.pem"
    assert str(key) in out.read_text()
    assert b"PRIVATE KEY" in key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
