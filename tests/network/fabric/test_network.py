"""The network itself: brought up, killed in parts, taken down and brought up again, and what strangers get from it."""

import asyncio
import dataclasses
import os
import secrets
import signal
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from network.bringup.fabric import network as fabric
from network.bringup.fabric.layout import Layout, layout_of
from network.bringup.fabric.network import NetworkError, down, status, up, upgrade_chaincode
from network.bringup.fabric.operations import metrics_of
from network.bringup.listeners import address
from network.bringup.supervisor import supervisor_pid
from network.clock import SystemClock
from network.facts.fabric.ledger import open_ledger
from network.membership.consortium import Consortium
from network.membership.homes import separate
from network.membership.identities import Authority, FabricSigner, Validity, key_to_pem, new_key
from network.membership.seats import Seat, TlsIdentity, create_home, open_seat, open_tls
from network.ports import Invalid, Ledger, PortError, Rejected
from node.demo.founding import prepare, write_consortium
from node.machine import network as command

pytestmark = pytest.mark.engine("fabric")

SOON_S = 30.0
FAIL_OVER_MAX_S = 10.0


@dataclasses.dataclass
class World:
    """A network of this module's own, to break."""

    home: Path
    consortium: Consortium

    @property
    def layout(self) -> Layout:
        return layout_of(self.home, self.consortium)

    def seat(self, organisation: str = "warehouse") -> Seat:
        return open_seat(self.home, organisation)

    def submit(self, seat: Seat | None = None, through: str = "warehouse") -> str:
        """Registers a slot and gives its id."""
        return asyncio.run(self._submit(seat or self.seat(), through))

    async def _submit(self, seat: Seat, through: str) -> str:
        slot = f"{seat.organisation.uscc}/{secrets.token_hex(4).upper()}"
        await self._call(seat, through, lambda ledger: ledger.submit("register_slot", {"slot_id": slot}))
        return slot

    def get(self, slot: str, through: str = "warehouse") -> object:
        about = {"kind": "slot", "id": slot}
        return asyncio.run(self._call(self.seat(), through, lambda ledger: ledger.evaluate("get", about)))

    async def _call(self, seat: Seat, through: str, work: Callable[[Ledger], Awaitable[object]]) -> object:
        peers = sorted(self.layout.connection.peers, key=lambda peer: peer.organisation != through)
        connection = dataclasses.replace(self.layout.connection, peers=tuple(peers))
        ledger = open_ledger(self.consortium, seat, SystemClock(), connection)
        try:
            return await work(ledger)
        finally:
            await ledger.aclose()

    def pid(self, name: str) -> int:
        """Of the one process whose name begins so."""
        (pid,) = (state.pid for each, state in status(self.home).items() if each.startswith(name))
        assert pid is not None
        return pid


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("network") / "home"
    try:
        command.up(home, ["fabric"], prepare=prepare)
        yield World(home, Consortium.load(home))
    finally:
        command.down(home)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_what_was_brought_up_takes_transactions_at_every_peer(world: World) -> None:
    slot = world.submit()
    for peer in world.layout.peers:
        until(lambda org=peer.organisation.name: world.get(slot, through=org))


def test_bringing_it_up_again_changes_nothing(world: World) -> None:
    before = status(world.home)
    up(world.home, world.consortium)
    assert status(world.home) == before


LOOPBACK_IN_HEX = {"0100007F", "0000000000000000FFFF00000100007F"}
"""127.0.0.1 as the kernel tells it, and the same on a socket for both versions of IP."""


def listening(pid: int) -> set[str]:
    """Local addresses (hex) on which the process listens."""
    inodes: set[str] = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink()) if descriptor.is_symlink() else ""
        if target.startswith("socket:["):
            inodes.add(target.removeprefix("socket:[").rstrip("]"))
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


def test_every_process_listens_on_loopback_only(world: World) -> None:
    for name, state in status(world.home).items():
        assert state.pid is not None
        found = listening(state.pid)
        assert found, f"{name} listens nowhere"
        assert {each.partition(":")[0] for each in found} <= LOOPBACK_IN_HEX, name


def stranger(msp_id: str, role: str = "client") -> FabricSigner:
    """An identity as good as a member's, from an authority of the same name that nobody knows."""
    authority, key = Authority.create(msp_id, Validity()), new_key()
    return FabricSigner.of("bank", msp_id, authority.issue("client.bank", role, key.public_key(), Validity()), key)


def test_a_strangers_signature_is_refused_at_every_peer(world: World) -> None:
    seat = dataclasses.replace(world.seat(), fabric_signer=stranger("WarehouseMSP"))
    for peer in world.layout.peers:
        with pytest.raises(Rejected) as refused:
            world.submit(seat, through=peer.organisation.name)
        assert refused.value.code == "forbidden"


@pytest.mark.parametrize("msp_id", ["BankMSP", "PirateMSP"])
def test_a_certificate_under_another_organisations_name_is_refused(world: World, msp_id: str) -> None:
    own = world.seat().fabric_signer
    signer = FabricSigner.of("warehouse", msp_id, own.certificate_pem, own.key)
    with pytest.raises(Rejected) as refused:
        world.submit(dataclasses.replace(world.seat(), fabric_signer=signer))
    assert refused.value.code == "forbidden"


def test_a_peers_key_does_not_write(world: World) -> None:
    seat = world.seat()
    assert seat.peer_signer is not None
    with pytest.raises(PortError) as refused:
        world.submit(dataclasses.replace(seat, fabric_signer=seat.peer_signer))
    assert "/Channel/Application/Writers" in refused.value.detail


def own_tls(authority: Authority) -> TlsIdentity:
    key = new_key()
    certificate = authority.issue_tls("admin.bank", key.public_key(), Validity())
    return TlsIdentity(certificate, key_to_pem(key), authority.certificate_pem())


def test_an_orderers_admin_lets_in_its_own_organisation_only(world: World, tmp_path: Path) -> None:
    orderer = world.layout.orderers[0]
    insurer = open_tls(world.home, world.consortium.organisation("insurer"), "admin")
    pirate = own_tls(Authority.create("BankMSP", Validity(), "TLS root"))
    root = open_tls(world.home, orderer.organisation, "admin").root.decode()
    for identity in (None, insurer, pirate):
        context = ssl.create_default_context(cadata=root)
        if identity is not None:
            file = tmp_path / "own.pem"
            file.write_bytes(identity.key + identity.certificate)
            context.load_cert_chain(file)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"https://{address(orderer.admin_port)}/participation/v1/channels", verify=context)


def test_a_chaincode_server_lets_in_its_own_organisations_peer_only(world: World) -> None:
    server = fabric.servers_of(world.layout, fabric.source_version())[0]
    insurer = open_tls(world.home, world.consortium.organisation("insurer"), "chaincode-client")
    root = open_tls(world.home, world.consortium.organisation("bank"), "chaincode-client").root
    for key, chain in ((None, None), (insurer.key, insurer.certificate)):
        credentials = grpc.ssl_channel_credentials(root, key, chain)
        with grpc.secure_channel(address(server.port), credentials) as channel:
            call = channel.stream_stream("/protos.Chaincode/Connect")(iter([]), timeout=5)
            with pytest.raises(grpc.RpcError) as refused:
                next(call)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("name", ["orderer.insurer", "peer.warehouse", "chaincode.warehouse", "peer.bank"])
def test_what_is_killed_comes_back_and_works(world: World, name: str) -> None:
    before = world.pid(name)
    os.kill(before, signal.SIGKILL)
    until(lambda: any(each.startswith(name) and s.pid not in (None, before) for each, s in status(world.home).items()))
    until(lambda: works(world))


def works(world: World) -> bool:
    try:
        world.submit()
    except PortError:
        return False
    return True


def orderers_see(world: World, metric: str) -> list[float | None]:
    """A metric of the channel as each orderer tells it; None of one that does not answer."""
    addresses = [address(each.operations_port) for each in world.layout.orderers]
    answers = [asyncio.run(metrics_of(each)) for each in addresses]
    return [None if each is None else each.of_channel(metric, "wuxin") for each in answers]


def is_settled(world: World) -> bool:
    """Transactions pass, and all orderers have the same blocks and the same leader: one fault at a time."""
    if not works(world):
        return False
    told = [orderers_see(world, name) for name in ("consensus_BFT_leader_id", "ledger_blockchain_height")]
    return all(each[0] is not None and len(set(each)) == 1 for each in told)


def leading(world: World) -> tuple[int, int]:
    """The leader's consenter number and process, of a settled network."""
    until(lambda: is_settled(world))
    number = int(orderers_see(world, "consensus_BFT_leader_id")[0] or 0)
    return number, world.pid(next(each.name for each in world.layout.orderers if each.number == number))


def test_a_killed_leader_delays_a_transaction_by_seconds_only(world: World) -> None:
    _, pid = leading(world)
    os.kill(pid, signal.SIGKILL)
    begin = time.monotonic()
    until(lambda: works(world))
    assert time.monotonic() - begin < FAIL_OVER_MAX_S


def test_another_orderer_leads_when_the_leader_hangs(world: World) -> None:
    leader, pid = leading(world)
    os.kill(pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        until(lambda: works(world))
        assert time.monotonic() - begin < FAIL_OVER_MAX_S
        assert set(orderers_see(world, "consensus_BFT_leader_id")) - {None, leader}
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_killed_supervisor_brings_everything_back_once(world: World) -> None:
    slot = world.submit()
    before = supervisor_pid(world.home)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: supervisor_pid(world.home) not in (None, before))
    up(world.home, world.consortium)
    until(lambda: works(world))
    assert world.get(slot)


def test_after_down_nothing_runs_and_up_goes_on_over_the_same_ledger(world: World) -> None:
    slot = world.submit()
    ports = [peer.port for peer in world.layout.peers]
    down(world.home)
    assert status(world.home) == {}
    up(world.home, world.consortium)
    assert [peer.port for peer in world.layout.peers] == ports
    assert world.get(slot)
    until(lambda: works(world))


def test_other_source_is_not_run_under_the_agreed_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fabric, "source_version", lambda: "0" * 64)
    with pytest.raises(NetworkError) as refused:
        up(world.home, world.consortium)
    assert refused.value.code == "conflict"
    assert "upgrade-chaincode" in refused.value.hint


def test_an_upgrade_pauses_nothing_and_ends_the_old_servers(world: World) -> None:
    old = {name for name in status(world.home) if name.startswith("chaincode.")}

    async def submits_during_the_upgrade() -> int:
        count = 0
        upgrade = asyncio.create_task(asyncio.to_thread(upgrade_chaincode, world.home, world.consortium, "next"))
        while not upgrade.done():
            try:
                await world._submit(world.seat(), "warehouse")
                count += 1
            except Invalid as overtaken:  # endorsed before the new definition, ordered after it
                assert overtaken.validation_code == "MVCC_READ_CONFLICT"
        await upgrade
        return count

    assert asyncio.run(submits_during_the_upgrade()) > 3
    new = {name for name in status(world.home) if name.startswith("chaincode.")}
    assert len(new) == len(old) and not new & old
    world.submit()
    up(world.home, world.consortium)
    assert {name for name in status(world.home) if name.startswith("chaincode.")} == new


def test_separated_organisations_run_their_processes_from_their_own_homes(tmp_path: Path) -> None:
    consortium = write_consortium(tmp_path)
    create_home(tmp_path, consortium)
    separate(tmp_path, consortium)
    try:
        up(tmp_path, consortium)
        for organisation in ("bank", "warehouse"):
            pid = status(tmp_path)[f"peer.{organisation}"].pid
            assert Path(f"/proc/{pid}/cwd").readlink() == tmp_path / f"homes/{organisation}/fabric/{organisation}/peer"
    finally:
        down(tmp_path)
