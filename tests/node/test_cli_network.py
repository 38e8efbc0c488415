"""`wuxin network` without engines: what it refuses, with which words, and how what runs is shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from network.bringup.listeners import LOOPBACK
from network.bringup.supervisor import FOLDER, Program, start, states, stop
from network.membership.connections import ChainConnection, Connections, FabricNode, FactsConnection
from network.membership.consortium import Consortium
from network.membership.published import certificate
from network.membership.seats import create_home
from network.ports import Rejected, Unavailable
from node.cli.main import app
from node.cli.network import status, up
from node.demo import picture
from node.demo.founding import write_consortium
from node.machine.engines import connected
from node.machine.network import Process, findings, write_profile


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_home(tmp_path, write_consortium(tmp_path))
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


def test_a_home_comes_up_with_the_engines_it_is_connected_to(home: Path):
    assert connected(home) == ()
    chain = ChainConnection("cometbft", ("http://127.0.0.1:1",), ("http://127.0.0.1:2",), 0)
    Connections(obligations={"e1": chain}).save(home)
    (home / "ledger").mkdir()
    (home / "ledger/facts.db").touch()
    assert connected(home) == ("evm",)
    with pytest.raises(Rejected) as refused:
        up(home, ["fabric"])
    assert refused.value.code == "conflict", "the facts stay where they are unless they are asked for"


def test_over_embedded_ledgers_there_is_nothing_for_its_doctor(home: Path):
    with pytest.raises(Rejected) as refused:
        findings(home)
    assert refused.value.code == "conflict"


LISTENING = {
    "chaincode.manufacturer.0a1b2c3d": "127.0.0.1:20001",
    "chaincode.manufacturer.4e5f6071": "127.0.0.1:20002",
    "evm.manufacturer": "127.0.0.1:20003",
    "orderer.manufacturer": "127.0.0.1:20004",
    "peer.manufacturer": "127.0.0.1:20005",
    "peer.bank": "127.0.0.1:20006",
}
"""What the supervisor of a home runs while the chaincode is upgraded, where each says that it listens."""


@pytest.fixture
def supervised(home: Path) -> Iterator[Path]:
    """The home with a process under each of these names; the bank's peer cannot start."""
    start(
        home,
        [
            Program(name, ("/bin/sleep" if name != "peer.bank" else "/none", "100"), {}, home, home / name, address=at)
            for name, at in LISTENING.items()
        ],
    )
    yield home
    stop(home)


def test_the_status_shows_every_process_with_its_address_in_even_columns(
    supervised: Path, capsys: pytest.CaptureFixture[str]
):
    assert status(supervised, as_json=False) == 1
    headings, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(LISTENING)
    column = headings.index("address")
    assert {line.split()[0]: line[column:] for line in lines} == LISTENING
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if "DOWN" in line] == ["peer.bank"]


def test_the_status_for_programs_has_the_same_addresses(supervised: Path, capsys: pytest.CaptureFixture[str]):
    status(supervised, as_json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["name"]: row["address"] for row in rows} == LISTENING
    assert {row["name"]: row["pid"] for row in rows} == {name: state.pid for name, state in states(supervised).items()}


def test_the_picture_shows_every_process_under_its_organisation_at_its_own_address(supervised: Path):
    lines = list(picture.lines(supervised, Consortium.load(supervised)))
    bank, *manufacturer = (line.split() for line in lines)
    assert bank[:3] == ["bank", "peer", "127.0.0.1:20006"]
    manufacturer[0].remove("manufacturer")
    assert [each[:2] for each in manufacturer] == [
        ["peer", "127.0.0.1:20005"],
        ["orderer", "127.0.0.1:20004"],
        ["chaincode", "127.0.0.1:20001"],
        ["chaincode", "127.0.0.1:20002"],
        ["validator", "127.0.0.1:20003"],
    ]


def test_an_unknown_engine_is_wrong_usage(home: Path):
    assert CliRunner().invoke(app, ["network", "up", "--engine", "raft", "--home", str(home)]).exit_code == 2


def test_a_profile_needs_facts_on_fabric(home: Path):
    with pytest.raises(Rejected) as refused:
        write_profile(home, "bank", home / "profile.json")
    assert refused.value.code == "conflict"
    assert not (home / "profile.json").exists()


@pytest.mark.parametrize(
    ("name", "kind", "organisation"),
    [
        ("peer.bank-2", "peer", "bank-2"),
        ("chaincode.bank.0a1b2c3d", "chaincode", "bank"),
        ("node-bank-2", "node", "bank-2"),
        ("node", "node", ""),
        ("broker", "broker", ""),
    ],
)
def test_a_process_says_by_its_name_what_and_whose_it_is(name: str, kind: str, organisation: str):
    process = Process(name, True, 1, 0, 0, "", "")
    assert (process.kind, process.organisation) == (kind, organisation)


KEYS = [f"{number:02x}" * 64 for number in range(1, 5)]


def besu(home: Path, *nodes: str) -> Result:
    words = [word for node in nodes for word in ("--node", node)]
    return CliRunner().invoke(app, ["network", "besu", "--home", str(home), "--out", str(home / "besu"), *words])


def test_besus_configuration_is_written_for_each_validator(home: Path):
    validators = Consortium.load(home).circle("e1").validators
    nodes = [f"{org}={key}@10.0.0.{number}" for number, (org, key) in enumerate(zip(validators, KEYS, strict=True))]
    done = besu(home, *nodes)
    assert done.exit_code == 0, done.output
    written = {str(path.relative_to(home / "besu")) for path in (home / "besu").rglob("*") if path.is_file()}
    assert "genesis.json" in written
    assert {f"{org}/config.toml" for org in validators} < written
    assert set(done.stdout.split()) == {str(home / "besu" / name) for name in written}


@pytest.mark.parametrize("node", ["bank", f"bank={'0' * 127}@h", f"bank={KEYS[0]}@", f"bank={KEYS[0]}@h;rm"])
def test_what_is_no_besu_node_is_refused_and_nothing_is_written(home: Path, node: str):
    done = besu(home, node)
    assert isinstance(done.exception, Rejected)
    assert done.exception.code == "malformed"
    assert not (home / "besu").exists()


def test_a_stranger_as_validator_is_refused(home: Path):
    done = besu(home, f"warehouse-2={KEYS[0]}@h")
    assert isinstance(done.exception, Rejected)
    assert "warehouse-2 is no validator of e1" in done.exception.detail


def test_a_profile_names_a_key_that_only_its_owner_reads(home: Path):
    root = certificate(home, "bank", "tls-root").decode()
    node = FabricNode("bank", "BankMSP", f"{LOOPBACK}:7051", root)
    chain = ChainConnection("cometbft", (f"http://{LOOPBACK}:8545",))
    Connections(FactsConnection((node,), (node,)), {"e1": chain}).save(home)
    out = home / "profile.json"
    for _ in range(2):
        write_profile(home, "bank", out)
    key = home / "profile.key.pem"
    assert str(key) in out.read_text()
    assert b"PRIVATE KEY" in key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
