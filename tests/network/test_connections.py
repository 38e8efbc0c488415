"""connections.json: what it says comes back, and what is wrong in it is named before anything is opened."""

import json
from pathlib import Path
from typing import Any

import pytest

from network.membership.connections import (
    CONNECTIONS_FILE,
    ChainConnection,
    Connections,
    ConnectionsError,
    FabricNode,
    FactsConnection,
)

PEER = FabricNode("lender", "LenderMSP", "127.0.0.1:7051", "a certificate")
FACTS = FactsConnection((PEER,), (PEER,))
CHAIN = ChainConnection("cometbft", ("http://127.0.0.1:8545",), ("http://127.0.0.1:26657",), 2)
WHOLE = Connections(FACTS, {"e1": CHAIN})


@pytest.mark.parametrize("connections", [Connections(), Connections(FACTS), Connections(None, {"e1": CHAIN}), WHOLE])
def test_what_was_saved_is_loaded(tmp_path: Path, connections: Connections) -> None:
    connections.save(tmp_path)
    assert Connections.load(tmp_path) == connections
    assert connections.embedded == (connections == Connections())


def test_a_home_without_the_file_is_embedded(tmp_path: Path) -> None:
    assert Connections.load(tmp_path).embedded


def test_saving_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    WHOLE.save(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [CONNECTIONS_FILE]


def test_a_certificate_is_not_shown_where_connections_are() -> None:
    assert "a certificate" not in repr(WHOLE)


def refusal(home: Path, text: str) -> str:
    (home / CONNECTIONS_FILE).write_text(text, "utf-8")
    with pytest.raises(ConnectionsError) as refused:
        Connections.load(home)
    assert refused.value.code == "malformed"
    assert CONNECTIONS_FILE in refused.value.hint
    return refused.value.detail


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("facts", "peers"), [], "facts.peers"),
        (("facts", "peers", 0, "address"), 7051, "facts.peers[0].address: 7051 must be a valid string"),
        (("facts", "peers", 0, "address"), "", "facts.peers[0].address"),
        (("facts", "peers", 0, "address"), "127.0.0.1", "facts.peers[0].address"),
        (("facts", "peers", 0, "address"), "https://127.0.0.1:7051", "facts.peers[0].address"),
        (("facts", "peers", 0, "address"), "127.0.0.1:7051\n", "facts.peers[0].address"),
        (("facts", "peers", 0, "address"), "127.0.0.1:705100", "facts.peers[0].address"),
        (("facts", "orderers", 0, "address"), "::1:7050", "facts.orderers[0].address"),
        (("facts", "peers", 0, "organisation"), "", "facts.peers[0].organisation"),
        (("facts", "peers", 0, "msp_id"), None, "facts.peers[0].msp_id"),
        (("facts", "peers", 0, "tls_root"), "", "facts.peers[0].tls_root"),
        (("facts", "peers", 0), "127.0.0.1:7051", "facts.peers[0]"),
        (("facts",), [], "facts"),
        (("facts", "peers", 0, "port"), 7051, "facts.peers[0].port: is not a field here"),
        (("facts", "orderers"), "none", "facts.orderers"),
        (("obligations", "e1", "engine"), "clique", "obligations.e1.engine: 'clique' must be 'cometbft', 'qbft'"),
        (("obligations", "e1", "endpoints"), [], "obligations.e1.endpoints"),
        (("obligations", "e1", "endpoints"), [None], "obligations.e1.endpoints[0]"),
        (("obligations", "e1", "endpoints"), "http://127.0.0.1:8545", "obligations.e1.endpoints"),
        (("obligations", "e1", "endpoints"), ["127.0.0.1:8545"], "obligations.e1.endpoints[0]"),
        (("obligations", "e1", "endpoints"), ["file:///etc/passwd"], "obligations.e1.endpoints[0]"),
        (("obligations", "e1", "endpoints"), ["http://127.0.0.1:8545 http://b"], "obligations.e1.endpoints[0]"),
        (("obligations", "e1", "headers"), ["ws://127.0.0.1:26657"], "obligations.e1.headers[0]"),
        (("obligations", "e1", "headers"), None, "obligations.e1.headers"),
        (("obligations", "e1", "engine"), None, "obligations.e1.engine"),
        (("obligations", "e1", "rpc"), "http://127.0.0.1:1", "obligations.e1.rpc: is not a field here"),
        (("obligations", "e1"), [], "obligations.e1"),
        (("obligations", "e1", "finality_depth"), 1.0, "obligations.e1.finality_depth"),
        (("obligations", "e1", "finality_depth"), -1, "obligations.e1.finality_depth: -1 must be"),
        (("obligations", "e1", "finality_depth"), 1_001, "obligations.e1.finality_depth: 1001 must be"),
        (("obligations", "e1", "finality_depth"), True, "obligations.e1.finality_depth: True must be"),
        (("obligations", "e1", "finality_depth"), "2", "obligations.e1.finality_depth: '2' must be"),
        (("obligations",), [], "obligations"),
        (("ledgers",), {}, "ledgers: is not a field here"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, place: tuple[Any, ...], value: object, said: str) -> None:
    WHOLE.save(tmp_path)
    document: Any = json.loads((tmp_path / CONNECTIONS_FILE).read_text("utf-8"))
    here = document
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    assert said in refusal(tmp_path, json.dumps(document))


@pytest.mark.parametrize("field", ["engine", "endpoints"])
def test_what_is_missing_is_named(tmp_path: Path, field: str) -> None:
    chain = {"engine": "qbft", "endpoints": ["http://127.0.0.1:1"]}
    del chain[field]
    assert f"obligations.e1.{field}: is missing" in refusal(tmp_path, json.dumps({"obligations": {"e1": chain}}))


def test_a_field_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "occurs twice" in refusal(tmp_path, '{"facts": null, "facts": {"peers": []}}')


def test_three_faults_are_told_at_once_and_no_more(tmp_path: Path) -> None:
    said = refusal(tmp_path, json.dumps({"obligations": {f"e{n}": {"engine": "qbft"} for n in range(1, 6)}}))
    assert said.count("endpoints: is missing") == 3


@pytest.mark.parametrize("address", ["localhost:1", "peer0.bank.example:7051", "[::1]:7051", "10.0.0.1:65535"])
def test_an_address_is_a_host_and_a_port(tmp_path: Path, address: str) -> None:
    peer = FabricNode("lender", "LenderMSP", address, "a certificate")
    Connections(FactsConnection((peer,))).save(tmp_path)
    found = Connections.load(tmp_path).facts
    assert found is not None and found.peers[0].address == address


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\x00"])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text)
