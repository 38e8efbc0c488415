"""What the doctor concludes from what nodes show: each fault has its sentence, and a sound network has none."""

import asyncio
import datetime
import json
import socket
import ssl
from pathlib import Path

import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from chaincode.contract import FUNCTIONS
from chaincode.server.options import Options, Tls
from chaincode.server.serving import ChaincodeServer
from chaincode.world.fields import parse as parse_fields
from network.bringup.fabric.admin import ChainInfo, Reply
from network.bringup.fabric.doctor import examine
from network.bringup.fabric.doctor.certificates import examine_files
from network.bringup.fabric.doctor.chaincode import examine_server
from network.bringup.fabric.doctor.channel import examine_channel
from network.bringup.fabric.doctor.clocks import compare_clocks
from network.bringup.fabric.doctor.findings import (
    Expected,
    ExpectedOrderer,
    ExpectedPeer,
    Finding,
    as_json,
    as_text,
    in_order,
)
from network.bringup.fabric.doctor.orderers import OrdererLook, compare_orderers
from network.bringup.fabric.doctor.peers import PROBE, PeerLook, compare
from network.bringup.fabric.lifecycle import Wanted
from network.bringup.fabric.package import Package, ServerAddress, ServerTls, build
from network.bringup.fabric.refusals import AdminError
from network.membership.connections import FabricNode
from network.membership.identities import Authority, FabricSigner, Validity, key_to_pem, new_key
from tests.network.fabric.conftest import free_ports
from wuxin_evidence.fabric import (
    COMMON,
    CONFIGTX,
    PEER_CONFIGURATION,
    genesis_envelope,
    parse,
    peers_at_least,
    serialize,
)

NAMES = ("bank", "insurer", "warehouse", "regulator")
NOW = datetime.datetime(2030, 6, 1, tzinfo=datetime.UTC)
NOW_MS = int(NOW.timestamp() * 1000)
WANTED = Wanted("wuxin", "facts", "v1", peers_at_least(2, ["BankMSP", "InsurerMSP", "WarehouseMSP"]))
SOUND = Reply(200, "", b"{}", b"signed")


def _node(name: str, port: int = 1) -> FabricNode:
    return FabricNode(name, f"{name.capitalize()}MSP", f"127.0.0.1:{port}", "")


def _looks(**changed: dict[str, object]) -> list[PeerLook]:
    """Four sound peers, but for what is changed by organisation."""
    found = []
    for name in NAMES:
        shown = {"info": ChainInfo(9, b"tip", b""), "definition": WANTED.under(1), "reply": SOUND, "reply_ms": 5.0}
        found.append(PeerLook(ExpectedPeer(_node(name)), **{**shown, **changed.get(name, {})}))  # type: ignore[arg-type]
    return found


def _orderers(heights: list[int | AdminError], leaders: list[int | None]) -> list[OrdererLook]:
    return [
        OrdererLook(ExpectedOrderer(_node(name)), height, leader)
        for name, height, leader in zip(NAMES, heights, leaders, strict=True)
    ]


def test_a_sound_network_has_no_findings() -> None:
    assert not list(compare(_looks(), WANTED))
    assert not list(compare_orderers(_orderers([9, 9, 8, 9], [1, 1, 1, 1]), "wuxin"))
    assert not list(compare_clocks(dict.fromkeys(NAMES, 0.7)))


def test_a_peer_that_is_behind_is_named() -> None:
    (finding,) = compare(_looks(bank={"info": ChainInfo(2, b"old", b"")}), WANTED)

    assert (finding.severity, finding.place) == ("warning", "peer.bank")
    assert "2 blocks, others 9" in finding.detail


def test_a_peer_with_another_block_is_named() -> None:
    (finding,) = compare(_looks(insurer={"info": ChainInfo(9, b"other", b"")}), WANTED)

    assert (finding.severity, finding.place) == ("error", "peer.insurer")
    assert "another block 8" in finding.detail


@pytest.mark.parametrize(
    "reply", [Reply(200, "", b"{}", b"other writes"), Reply(404, '{"code":"not_found"}', b"", b"")]
)
def test_an_endorser_that_computes_otherwise_is_named(reply: Reply) -> None:
    (finding,) = compare(_looks(warehouse={"reply": reply}), WANTED)

    assert (finding.severity, finding.place) == ("error", "chaincode.warehouse")
    assert "another result of acknowledge_notice than 3 others" in finding.detail


def test_an_endorser_that_is_slow_is_named() -> None:
    (finding,) = compare(_looks(regulator={"reply_ms": 2_400.0}), WANTED)

    assert (finding.severity, finding.place) == ("warning", "chaincode.regulator")
    assert "2400 ms" in finding.detail


def test_another_version_than_this_installation_has_is_said_once() -> None:
    (finding,) = compare(_looks(), Wanted("wuxin", "facts", "v2", WANTED.endorsement_policy))

    assert finding.place == "channel"
    assert "committed v1, here v2" in finding.detail


def test_a_peer_that_missed_an_upgrade_is_named() -> None:
    looks = _looks(**{name: {"definition": WANTED.under(2)} for name in NAMES[1:]})

    (finding,) = compare(looks, WANTED)
    assert finding.place == "peer.bank"
    assert "knows sequence 1" in finding.detail


def test_a_clock_that_is_away_is_measured() -> None:
    (finding,) = compare_clocks({"peer.bank": -1_200.0, "peer.insurer": 0.4, "orderer.bank": 0.2})

    assert finding == Finding("error", "peer.bank", "its clock is 20 min 0 s behind this machine's", finding.hint)


def test_when_all_clocks_differ_by_the_same_it_is_ours() -> None:
    (finding,) = compare_clocks({"peer.bank": 61.0, "peer.insurer": 60.2, "orderer.bank": 60.6})

    assert (finding.severity, finding.place) == ("warning", "this machine")
    assert "1 min 1 s behind those of all 3 nodes" in finding.detail


def test_two_silent_orderers_of_four_stop_the_channel() -> None:
    silent = AdminError("unavailable", "newest block", _node("bank"), "Connection refused", "start it")

    findings = list(compare_orderers(_orderers([silent, silent, 9, 9], [None, None, 1, 1]), "wuxin"))

    assert [each.place for each in findings] == ["orderer.bank", "orderer.insurer", "channel"]
    assert "2 of 4 orderers answer; 3 must agree" in findings[-1].detail


def test_an_orderer_that_is_behind_or_follows_nobody_is_named() -> None:
    behind, leaderless = compare_orderers(_orderers([1, 9, 9, 9], [2, 2, 0, 2]), "wuxin")

    assert (behind.place, leaderless.place) == ("orderer.bank", "orderer.warehouse")
    assert "follows no leader" in leaderless.detail


def test_orderers_that_follow_different_leaders_are_told_apart() -> None:
    (finding,) = compare_orderers(_orderers([9, 9, 9, 9], [1, 1, 2, 2]), "wuxin")

    assert (finding.severity, finding.place) == ("warning", "channel")


def _certificate(path: Path, days: float) -> Path:
    """A file with a certificate that is valid for as many days from now on, or expired so long ago."""
    validity = Validity(NOW - datetime.timedelta(days=400), NOW + datetime.timedelta(days=days))
    path.write_bytes(Authority.create("BankMSP", validity).certificate_pem())
    return path


def test_certificates_are_named_by_their_file(tmp_path: Path) -> None:
    expired = _certificate(tmp_path / "expired.pem", -1)
    ending = _certificate(tmp_path / "ending.pem", 3)
    sound = _certificate(tmp_path / "sound.pem", 100)
    (broken := tmp_path / "broken.pem").write_text("no certificate")

    findings = {each.place: each for each in examine_files([expired, ending, sound, broken, tmp_path / "none"], NOW_MS)}

    assert findings[str(expired)].severity == findings[str(broken)].severity == "error"
    assert "expired 2030-05-31 00:00 UTC" in findings[str(expired)].detail
    assert (findings[str(ending)].severity, "in 3 days" in findings[str(ending)].detail) == ("warning", True)
    assert set(findings) == {str(expired), str(ending), str(broken), str(tmp_path / "none")}


def test_a_certificate_of_tomorrow_questions_the_clock(tmp_path: Path) -> None:
    path = _certificate(tmp_path / "new.pem", 100)

    (finding,) = examine_files([path], NOW_MS - 500 * 86_400_000)

    assert "not valid before" in finding.detail
    assert "clock" in finding.hint


def _config_block(anchors: dict[str, list[tuple[str, int]]]) -> bytes:
    """A configuration block as Fabric has it, with these anchor peers by MSP id."""
    envelope = parse(COMMON.Envelope, genesis_envelope("wuxin", 0, dict.fromkeys(anchors, b"")))
    payload = parse(COMMON.Payload, envelope.payload)
    config = parse(CONFIGTX.ConfigEnvelope, payload.data)
    for msp_id, places in anchors.items():
        peers = [PEER_CONFIGURATION.AnchorPeer(host=host, port=port) for host, port in places]
        group = config.config.channel_group.groups["Application"].groups[msp_id]
        group.values["AnchorPeers"].value = serialize(PEER_CONFIGURATION.AnchorPeers(anchor_peers=peers))
    payload.data = serialize(config)
    envelope.payload = serialize(payload)
    return serialize(COMMON.Block(data=COMMON.BlockData(data=[serialize(envelope)])))


def test_a_missing_or_misplaced_anchor_peer_is_named() -> None:
    block = _config_block({"BankMSP": [], "InsurerMSP": [("127.0.0.1", 9)], "WarehouseMSP": [("127.0.0.1", 1)]})

    findings = list(examine_channel(block, "wuxin", [ExpectedPeer(_node(name)) for name in NAMES]))

    assert [each.severity for each in findings] == ["error", "warning", "error"]
    assert "BankMSP has no anchor peer" in findings[0].detail
    assert "127.0.0.1:9" in findings[1].detail
    assert "does not have the organisation RegulatorMSP" in findings[2].detail


SERVER_LOG = Path("chaincode.bank.log")


async def _server_findings(package: Package) -> list[Finding]:
    peer = ExpectedPeer(_node("bank"), package=package, server_log=SERVER_LOG)
    return [each async for each in examine_server(peer)]


async def test_a_chaincode_server_is_asked_for_its_package_id() -> None:
    (port,) = free_ports(1)
    package = build("facts_1", ServerAddress(f"127.0.0.1:{port}"))
    server = ChaincodeServer(Options(package.package_id, package.server.address))
    await server.start()
    try:
        assert await _server_findings(package) == []
    finally:
        await server.stop()


async def test_a_chaincode_server_under_another_id_is_named_with_both_ids() -> None:
    (port,) = free_ports(1)
    package = build("facts_2", ServerAddress(f"127.0.0.1:{port}"))
    other = build("facts_1", package.server)
    server = ChaincodeServer(Options(other.package_id, package.server.address))
    await server.start()
    try:
        (finding,) = await _server_findings(package)
    finally:
        await server.stop()

    assert finding.place == "chaincode.bank"
    assert other.package_id in finding.detail and package.package_id in finding.detail


async def test_a_chaincode_server_that_is_away_is_named() -> None:
    (port,) = free_ports(1)
    (finding,) = await _server_findings(build("facts_1", ServerAddress(f"127.0.0.1:{port}")))

    assert finding.detail == f"no chaincode server listens at 127.0.0.1:{port}"
    assert "wuxin network up" in finding.hint


@pytest.mark.parametrize("tls", [False, True])
async def test_a_chaincode_server_that_hangs_is_told_from_one_with_wrong_certificates(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stopped process leaves: the kernel takes the connections, and nobody answers on them."""
    monkeypatch.setattr("network.bringup.fabric.doctor.chaincode.DEADLINE_S", 1.0)
    authority = Authority.create("BankMSP", Validity())
    way = ServerTls(authority.certificate_pem(), *_pair(authority)) if tls else None
    with socket.create_server(("127.0.0.1", 0)) as silent:
        package = build("facts_1", ServerAddress(f"127.0.0.1:{silent.getsockname()[1]}", way))
        (finding,) = await _server_findings(package)

    assert "hangs: it takes connections and says nothing for 1 s" in finding.detail
    assert str(SERVER_LOG) in finding.hint and "kill" in finding.hint
    assert "certificate" not in finding.detail + finding.hint


@pytest.mark.parametrize("wrong", ["server", "client"])
async def test_a_chaincode_server_with_a_wrong_certificate_is_told_from_one_that_hangs(wrong: str) -> None:
    """The server's own, or the one from which it expects its peer's."""
    ours, other = (Authority.create("BankMSP", Validity()) for _ in range(2))
    certificate, key = _pair(other if wrong == "server" else ours)
    client_ca = (other if wrong == "client" else ours).certificate_pem()
    (port,) = free_ports(1)
    package = build("facts_1", ServerAddress(f"127.0.0.1:{port}", ServerTls(ours.certificate_pem(), *_pair(ours))))
    server = ChaincodeServer(Options(package.package_id, package.server.address, Tls(certificate, key, client_ca)))
    await server.start()
    try:
        (finding,) = await _server_findings(package)
    finally:
        await server.stop()

    assert "refuse one another" in finding.detail
    assert "start it with the certificates" in finding.hint


async def test_another_service_in_the_place_of_a_chaincode_server_is_said_to_be_one() -> None:
    other = grpc.aio.server()
    port = other.add_insecure_port("127.0.0.1:0")
    await other.start()
    try:
        (finding,) = await _server_findings(build("facts_1", ServerAddress(f"127.0.0.1:{port}")))
    finally:
        await other.stop(None)

    assert f"what listens at 127.0.0.1:{port} does not register as a chaincode server" in finding.detail


def _pair(authority: Authority) -> tuple[bytes, bytes]:
    """A TLS certificate of this authority and its key, PEM."""
    key = new_key()
    return authority.issue_tls("chaincode.bank", key.public_key(), Validity()), key_to_pem(key)


async def test_nodes_that_are_down_are_named_and_not_waited_for(tmp_path: Path) -> None:
    expected = _expected(*free_ports(2))

    findings = await asyncio.wait_for(examine(expected), 10)

    assert {"peer.bank", "orderer.bank", "channel"} == {each.place for each in findings}
    assert all(each.severity == "error" for each in findings)


async def test_an_expired_administrator_is_named() -> None:
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    expected = _expected(*free_ports(2), Validity(long_ago, long_ago + datetime.timedelta(days=365)))

    (finding,) = (each for each in await examine(expected) if each.place == "admin.bank")

    assert "expired 2020-12-31" in finding.detail


async def test_an_expired_tls_certificate_is_said_to_be_expired(tmp_path: Path) -> None:
    server = await _tls_server(tmp_path, days=-300)
    port, unused = server.sockets[0].getsockname()[1], free_ports(1)[0]
    async with server:
        findings = await examine(_expected(port, unused))

    (expired,) = (each for each in findings if "expired" in each.detail and each.place == "peer.bank")
    assert "CN=peer.bank" in expired.detail


def _expected(peer_port: int, orderer_port: int, validity: Validity | None = None) -> Expected:
    authority = Authority.create("BankMSP", Validity())
    key = new_key()
    root = authority.certificate_pem().decode()
    certificate = authority.issue("admin.bank", "admin", key.public_key(), validity or Validity())
    signer = FabricSigner.of("bank", "BankMSP", certificate, key)
    peer, orderer = (FabricNode("bank", "BankMSP", f"127.0.0.1:{port}", root) for port in (peer_port, orderer_port))
    return Expected(WANTED, signer, (ExpectedPeer(peer, signer),), (ExpectedOrderer(orderer),))


async def _tls_server(folder: Path, days: int) -> asyncio.Server:
    """Something that speaks TLS with a certificate that ends so many days after this real day."""
    key, now = new_key(), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "peer.bank")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key_to_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.set_alpn_protocols(["h2"])
    return await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)


def test_findings_come_errors_first_and_once_each() -> None:
    warning = Finding("warning", "a", "x", "y")
    error = Finding("error", "b", "x", "y")

    assert in_order([warning, error, warning]) == (error, warning)


def test_findings_are_written_for_programs_and_for_people() -> None:
    finding = Finding("error", "peer.bank", "has not joined", "join it")

    assert json.loads(as_json([finding])) == [
        {"severity": "error", "place": "peer.bank", "detail": "has not joined", "hint": "join it"}
    ]
    assert as_text([finding]).splitlines() == ["error    peer.bank: has not joined", "         join it"]
    assert as_text([]) == "nothing is wrong"


def test_the_probe_is_a_command_that_the_chaincode_of_today_takes() -> None:
    """Where all refuse it alike, nobody's altered chaincode shows."""
    command = FUNCTIONS[PROBE[0].decode()]
    assert parse_fields(command.argument, json.loads(PROBE[1]))
