"""What a network is made of, before anything runs: places, ports, configurations, keys, the channel."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from network.bringup.fabric.channel import ChannelSetting, channel_block, configtx
from network.bringup.fabric.layout import Layout, block_quorum, layout_of
from network.bringup.fabric.network import server_program, servers_of, up
from network.bringup.fabric.nodes import orderer_configuration, peer_configuration, write_orderer, write_peer
from network.bringup.listeners import NETWORK_FILE, PORTS, NoPort, listeners
from network.membership.consortium import Consortium, ConsortiumError
from network.membership.homes import separate

LISTENERS = {"ListenAddress", "listenAddress", "chaincodeListenAddress"}


@pytest.fixture
def real_time(consortium: Consortium) -> Consortium:
    return replace(consortium, clock=replace(consortium.clock, kind="system", start_ms=0, factor=1))


@pytest.fixture
def layout(home: Path, real_time: Consortium) -> Layout:
    return layout_of(home, real_time)


def values_of(document: Any, names: set[str]) -> Iterator[Any]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from values_of(value, names)
        elif name in names:
            yield value


def test_every_organisation_has_the_processes_of_its_duties(layout: Layout) -> None:
    assert [each.name for each in layout.orderers] == [
        "orderer.bank",
        "orderer.insurer",
        "orderer.manufacturer",
        "orderer.regulator",
    ]
    assert [each.number for each in layout.orderers] == [1, 2, 3, 4]
    assert [each.name for each in layout.peers] == [
        "peer.bank",
        "peer.insurer",
        "peer.manufacturer",
        "peer.warehouse",
        "peer.regulator",
    ]


def test_a_home_named_from_here_gives_paths_that_hold_in_any_folder(
    home: Path, real_time: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.parent)
    layout = layout_of(Path(home.name), real_time)
    assert all(each.folder.is_absolute() for each in (*layout.orderers, *layout.peers))


def test_fewer_than_four_orderers_are_refused_with_what_it_takes(home: Path, real_time: Consortium) -> None:
    members = tuple(replace(each, orders=each.orders and each.name != "bank") for each in real_time.organisations)
    with pytest.raises(ConsortiumError) as refused:
        layout_of(home, replace(real_time, organisations=members))
    assert refused.value.code == "malformed"
    assert "3 have orders = true" in refused.value.detail
    assert "n = 3f + 1" in refused.value.detail
    assert not (home / NETWORK_FILE).exists()


def test_a_scenario_clock_is_refused(home: Path, consortium: Consortium) -> None:
    with pytest.raises(ConsortiumError) as refused:
        up(home, consortium)
    assert refused.value.field == "clock.kind"


@pytest.mark.parametrize(("orderers", "quorum"), [(4, 3), (5, 4), (6, 4), (7, 5), (10, 7), (13, 9)])
def test_two_quorums_have_an_honest_orderer_in_common(orderers: int, quorum: int) -> None:
    assert block_quorum(orderers) == quorum
    faulty = (orderers - 1) // 3
    assert 2 * quorum - orderers > faulty
    assert quorum <= orderers - faulty


def test_ports_are_picked_once_and_are_nobody_elses(home: Path, real_time: Consortium, layout: Layout) -> None:
    assert layout_of(home, real_time) == layout
    ports = json.loads((home / NETWORK_FILE).read_text())["ports"]
    assert len(set(ports.values())) == len(ports) == 4 * 3 + 5 * 3
    assert all(port in PORTS for port in ports.values())


def test_another_version_has_other_ports(layout: Layout) -> None:
    assert not set(layout.server_ports("facts_1")) & set(layout.server_ports("facts_2"))
    assert layout.server_ports("facts_1") == layout.server_ports("facts_1")


def test_without_a_free_port_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("network.bringup.listeners._is_free", lambda port: False)
    with pytest.raises(NoPort) as refused:
        listeners(home, ["a"])
    assert refused.value.code == "unavailable"
    assert not (home / NETWORK_FILE).exists()


def test_nothing_listens_beyond_this_machine(layout: Layout) -> None:
    documents = [*map(orderer_configuration, layout.orderers), *map(peer_configuration, layout.peers)]
    found = [value for document in documents for value in values_of(document, LISTENERS)]
    assert len(found) == 3 * 4 + 3 * 5
    assert {value.partition(":")[0] for value in found} == {"127.0.0.1"}


def test_keys_are_closed_to_others_and_each_process_has_its_own(layout: Layout, home: Path) -> None:
    for orderer in layout.orderers:
        write_orderer(orderer)
    for peer in layout.peers:
        write_peer(peer)
    keys = [*home.glob("fabric/*/*/tls/key.pem"), *home.glob("fabric/*/*/msp/keystore/*")]
    assert len(keys) == 2 * 4 + 3 * 5
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    assert len({key.read_bytes() for key in keys}) == len(keys)


def test_writing_again_changes_nothing(layout: Layout, home: Path) -> None:
    write_peer(layout.peers[0])
    before = {path: path.stat().st_ino for path in home.glob("fabric/bank/peer/**/*.*") if path.is_file()}
    write_peer(layout.peers[0])
    assert {path: path.stat().st_ino for path in before} == before


def test_a_key_that_others_could_read_is_closed_again(layout: Layout) -> None:
    write_peer(layout.peers[0])
    key = layout.peers[0].folder / "tls" / "key.pem"
    key.chmod(0o644)
    write_peer(layout.peers[0])
    assert key.stat().st_mode & 0o777 == 0o600


def test_separated_organisations_keep_their_files_in_their_own_homes(home: Path, real_time: Consortium) -> None:
    separate(home, real_time)
    layout = layout_of(home, real_time)
    write_peer(layout.peers[0])
    assert layout.peers[0].folder == home / "homes" / "bank" / "fabric" / "bank" / "peer"
    assert not (home / "fabric").exists()


def test_a_chaincode_server_takes_no_peer_but_its_own_organisations(layout: Layout) -> None:
    server = servers_of(layout, "1")[0]
    argv = list(server_program(server).argv)
    client_ca = Path(argv[argv.index("--client-ca") + 1])
    write_peer(server.peer)
    assert client_ca.read_bytes() == (layout.home / "orgs/bank/certificates/tls-root.pem").read_bytes()
    assert argv[argv.index("--ccid") + 1] == server.package.package_id


def channel(layout: Layout, setting: ChannelSetting | None = None) -> dict[str, Any]:
    return configtx(layout, setting or ChannelSetting())["Profiles"]["Wuxin"]


def test_only_clients_and_administrators_write(layout: Layout) -> None:
    document = channel(layout)
    for policies in (document["Policies"], document["Application"]["Policies"]):
        roles = {part.rpartition(".")[2].strip("')") for part in policies["Writers"]["Rule"].split(", ")[1:]}
        assert roles == {"client", "admin"}
        assert policies["Writers"]["Rule"].count("MSP.client") == 6


def test_each_orderer_is_a_consenter_under_its_own_number_and_key(layout: Layout) -> None:
    consenters = channel(layout)["Orderer"]["ConsenterMapping"]
    assert [each["ID"] for each in consenters] == [1, 2, 3, 4]
    assert len({Path(each["Identity"]).read_bytes() for each in consenters}) == 4
    assert {each["Host"] for each in consenters} == {"127.0.0.1"}


def test_the_lifecycle_asks_a_majority_of_those_who_endorse(layout: Layout) -> None:
    policies = channel(layout)["Application"]["Policies"]
    assert policies["LifecycleEndorsement"]["Rule"].startswith("OutOf(3, 'BankMSP.peer'")
    assert "Inspector" not in policies["LifecycleEndorsement"]["Rule"]


def test_a_measurement_may_ask_for_fabrics_usual_policies_and_another_interval(layout: Layout) -> None:
    document = channel(layout, ChannelSetting(batch_interval_ms=200, policies="any"))
    assert document["Policies"]["Writers"] == {"Type": "ImplicitMeta", "Rule": "ANY Writers"}
    assert document["Orderer"]["SmartBFT"]["RequestBatchMaxInterval"] == "200ms"


@pytest.mark.engine("fabric")
def test_the_first_block_is_made_once(layout: Layout) -> None:
    block = channel_block(layout, ChannelSetting())
    for organisation in layout.consortium.organisations:
        assert organisation.msp_id.encode() in block
    assert channel_block(layout, ChannelSetting(batch_interval_ms=200)) == block


@pytest.mark.engine("fabric")
def test_a_consortium_file_with_another_member_does_not_fit_a_standing_channel(
    layout: Layout, home: Path, real_time: Consortium
) -> None:
    channel_block(layout, ChannelSetting())
    fewer = replace(real_time, organisations=real_time.organisations[:-1])
    with pytest.raises(ConsortiumError) as refused:
        channel_block(layout_of(home, fewer), ChannelSetting())
    assert "InspectorMSP" in refused.value.detail
