"""An organisation's own home has its own secrets, everybody's published parts, and nobody else's secrets."""

from pathlib import Path

import pytest

from network.membership.connections import ChainConnection, Connections, FabricNode, FactsConnection
from network.membership.consortium import Consortium
from network.membership.homes import home_of, is_own, is_separated, separate, share
from network.membership.keystore import KeystoreError
from network.membership.published import certificate, public_keys
from network.membership.seats import create_home, open_seat
from node.demo.founding import write_consortium


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_home(tmp_path, write_consortium(tmp_path))
    return tmp_path


def names(consortium: Consortium) -> list[str]:
    return [each.name for each in consortium.organisations]


def test_organisations_that_are_not_separated_share_a_home(home: Path) -> None:
    assert home_of(home, "bank") == home and not is_separated(home) and is_own(home, "bank")


def test_a_separated_home_signs_for_its_own_organisation_and_no_other(home: Path) -> None:
    consortium = Consortium.load(home)
    before = open_seat(home, "bank").evm_key.address
    separate(home, consortium)
    own = home_of(home, "bank")
    assert own == home / "homes" / "bank" and own.stat().st_mode & 0o077 == 0
    assert open_seat(own, "bank").evm_key.address == before
    for place, org in [(own, "insurer"), (home, "bank"), (home, "insurer")]:
        with pytest.raises(KeystoreError) as refusal:
            open_seat(place, org)
        assert refusal.value.code == "keystore_missing"
    secrets = [file for file in home.rglob("*") if "keys" in file.parts or file.name == "passphrase"]
    assert secrets and all(file.relative_to(home).parts[1] == file.relative_to(home).parts[3] for file in secrets)


def test_what_is_published_is_in_every_home(home: Path) -> None:
    consortium = Consortium.load(home)
    expected = {org: (public_keys(home, org), certificate(home, org, "root")) for org in names(consortium)}
    separate(home, consortium)
    for org in names(consortium):
        own = home_of(home, org)
        assert Consortium.load(own) == consortium and (own / "trust.json").exists()
        assert {other: (public_keys(own, other), certificate(own, other, "root")) for other in expected} == expected


def test_separating_again_changes_no_secret_and_brings_what_is_common_up_to_date(home: Path) -> None:
    consortium = Consortium.load(home)
    separate(home, consortium)
    keys = home_of(home, "bank") / "orgs" / "bank" / "keys" / "seat.json"
    before = keys.read_bytes()
    (home / "trust.json").write_text("newer")
    separate(home, consortium)
    assert keys.read_bytes() == before
    assert (home_of(home, "insurer") / "trust.json").read_text() == "newer"


def test_each_home_reaches_its_own_peer_and_validator_before_the_others(home: Path) -> None:
    consortium = Consortium.load(home)
    validators = consortium.circle("e1").validators
    peers = tuple(FabricNode(o.name, o.msp_id, f"{o.name}:1", "pem") for o in consortium.endorsers)
    chain = ChainConnection("cometbft", tuple(f"http://{org}" for org in validators))
    separate(home, consortium)
    Connections(FactsConnection(peers), {"e1": chain}).save(home)
    share(home, consortium)
    for org in names(consortium):
        found = Connections.load(home_of(home, org))
        assert found.facts is not None and set(found.facts.peers) == set(peers)
        first = found.obligations["e1"].endpoints[0]
        assert found.facts.peers[0].organisation == (org if org != "inspector" else "bank")
        assert first == f"http://{org if org in validators else validators[0]}"
        assert sorted(found.obligations["e1"].endpoints) == sorted(chain.endpoints)
