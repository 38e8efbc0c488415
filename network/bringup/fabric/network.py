"""A consortium's network of facts on one machine: brought up, looked at, changed and taken down.

    up   keys and certificates ─▶ configurations ─▶ the channel's first block ─▶ processes under the supervisor
         ─▶ orderers join ─▶ peers join, install, approve, commit ─▶ the first transaction can be valid

Every step does only what lacks, so `up` after `down`, after a crash or in the middle of a failed `up` goes on where
things stand, over the same ledger. The processes of a network belong to their organisations: each has its own folder,
its own keys and its own chaincode server. One who signs for all of them, as here, does so because it runs on the
machine of all of them; a production network is brought up by each organisation for itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from network.bringup.fabric.channel import ChannelSetting, channel_block
from network.bringup.fabric.doctor import examine
from network.bringup.fabric.doctor.findings import Expected, ExpectedOrderer, ExpectedPeer, Finding
from network.bringup.fabric.layout import Layout, PeerPlace, block_quorum, layout_of
from network.bringup.fabric.lifecycle import Member, Wanted, ensure
from network.bringup.fabric.nodes import (
    WATCH,
    orderer_program,
    peer_program,
    watch_program,
    write_file,
    write_orderer,
    write_peer,
)
from network.bringup.fabric.package import Package, ServerAddress, ServerTls, build, label_of, source_version
from network.bringup.fabric.participation import join
from network.bringup.listeners import LOOPBACK, address
from network.bringup.supervisor import Program, State, start, states, stop
from network.membership.connections import FactsConnection
from network.membership.consortium import Consortium, ConsortiumError
from network.membership.homes import home_of, is_separated, share
from network.membership.published import certificate, certificate_file
from network.membership.seats import create_home, open_admin, open_tls
from network.membership.trust_file import set_block_signers
from wuxin_evidence.errors import NamedError
from wuxin_evidence.fabric import BlockSigner, peers_at_least

READY_TIMEOUT_S = 60.0
"""A peer listens after one to two seconds on two idle cores; a minute means that it does not come up."""
READY_POLL_S = 0.05

CHAINCODE_GRPC = "-event_engine_listener"
"""gRPC's older poller: a third fewer switches between threads per transaction. Read when gRPC is loaded, so it cannot
be an option of the server; a gRPC that no longer knows it says so in the log and goes on."""

KINDS = ("orderer.", "peer.", "chaincode.")
"""How the names of this network's processes begin; the supervisor of the home may run others as well."""


class NetworkError(NamedError):
    """The network is not in the state that was asked for. Codes: unavailable, conflict, not_found."""


@dataclass(frozen=True)
class Version:
    """A chaincode version: the name that the peers agree on, and the digest of the source it stands for."""

    name: str
    source: str

    @classmethod
    def of_this_source(cls, name: str | None = None) -> Version:
        """Named by the digest unless a name is given."""
        source = source_version()
        return cls(name or source, source)


@dataclass(frozen=True)
class Server:
    """The chaincode server of one organisation under one version."""

    peer: PeerPlace
    package: Package
    port: int

    @property
    def name(self) -> str:
        """`chaincode.<organisation>.<eight characters of the package's digest>`: two versions run side by side."""
        return f"chaincode.{self.peer.organisation.name}.{self.package.package_id.partition(':')[2][:8]}"

    @property
    def log(self) -> Path:
        """Where the server's log is."""
        return self.peer.chaincode_folder / f"{self.name}.log"


Show = Callable[[str], None]
"""Hears how far the work is, before each step."""


def _silent(_: str) -> None:
    pass


def up(
    home: Path, consortium: Consortium, setting: ChannelSetting | None = None, show: Show = _silent
) -> FactsConnection:
    """Bring the network to where its first transaction can be valid; doing it again changes nothing.

    Raises ConsortiumError (too few orderers, a scenario clock), ToolError, NetworkError (the chaincode of this
    installation is not the one that the network runs), and what the steps raise.
    """
    show("keys, certificates and configurations")
    layout = _prepared(home, consortium)
    version = _running_version(layout) or Version.of_this_source()
    show("the channel's first block")
    block = channel_block(layout, setting or ChannelSetting())
    servers = servers_of(layout, version.name)
    programs = _programs(layout, servers)
    show(f"{len(programs)} processes start")
    start(home, programs)
    asyncio.run(_bring_together(layout, servers, version, block, show))
    _trust_orderers(layout)
    return layout.connection


def down(home: Path) -> None:
    """End all its processes; the ledgers stay. Chaincode servers end last, so that what peers still ask is answered."""
    running = list(states(home))
    stop(home, [name for name in running if name == WATCH])
    stop(home, [name for name in running if name.startswith(KINDS[:2])])
    stop(home, [name for name in running if name.startswith(KINDS[2])])


def status(home: Path) -> Mapping[str, State]:
    """Its processes by name: `orderer.<org>`, `peer.<org>`, `chaincode.<org>.<digest>`."""
    return {name: state for name, state in sorted(states(home).items()) if name.startswith(KINDS)}


def doctor(home: Path, consortium: Consortium) -> tuple[Finding, ...]:
    """What is wrong with it, errors first; it changes nothing. Raises NetworkError where it was never brought up."""
    layout = layout_of(home, consortium)
    version = _last_version(layout)
    if version is None:
        hint = f"wuxin network up --engine fabric --home {home}"
        raise NetworkError("not_found", f"{home} has no network of facts", hint)
    peers = tuple(
        ExpectedPeer(
            server.peer.node,
            open_admin(server.peer.home, server.peer.organisation),
            server.package,
            address(server.peer.operations_port),
            (*_certificates(server.peer.folder), server.peer.chaincode_folder / "tls" / "certificate.pem"),
            server.log,
        )
        for server in servers_of(layout, version.name)
    )
    orderers = tuple(
        ExpectedOrderer(place.node, address(place.operations_port), _certificates(place.folder))
        for place in layout.orderers
    )
    names = [organisation.name for organisation in consortium.organisations]
    clients = tuple(certificate_file(home_of(home, name), name, "client") for name in names)
    signer = open_admin(layout.peers[0].home, layout.peers[0].organisation)
    return asyncio.run(examine(Expected(_wanted(layout, version), signer, peers, orderers, clients)))


def _certificates(folder: Path) -> tuple[Path, ...]:
    return folder / "tls" / "certificate.pem", folder / "tls" / "root.pem", folder / "msp" / "signcerts" / "own.pem"


def upgrade_chaincode(home: Path, consortium: Consortium, name: str | None = None) -> Version:
    """Have all organisations run the chaincode of this installation, without a pause.

    The new servers run beside the old ones until the channel has agreed on the new definition. `name` is what the
    version shall be called, instead of the digest of the source.
    """
    layout = _prepared(home, consortium)
    version = Version.of_this_source(name)
    servers = servers_of(layout, version.name)
    start(home, _programs(layout, servers))
    asyncio.run(_bring_together(layout, servers, version, channel_block(layout, ChannelSetting()), _silent))
    current = {server.name for server in servers}
    stop(home, [each for each in status(home) if each.startswith(KINDS[2]) and each not in current])
    return version


def servers_of(layout: Layout, version: str) -> tuple[Server, ...]:
    """The chaincode server of every endorsing organisation, with the package that leads its peer there."""
    label = label_of(layout.consortium.facts.chaincode, version)
    return tuple(
        Server(peer, build(label, _server_address(peer, port)), port)
        for peer, port in zip(layout.peers, layout.server_ports(label), strict=True)
    )


def server_program(server: Server) -> Program:
    """Describe a chaincode server for the supervisor."""
    folder = server.peer.chaincode_folder
    tls = folder / "tls"
    arguments = {
        "--ccid": server.package.package_id,
        "--address": server.package.server.address,
        "--tls-cert": str(tls / "certificate.pem"),
        "--tls-key": str(tls / "key.pem"),
        "--client-ca": str(tls / "root.pem"),
    }
    return Program(
        name=server.name,
        argv=(sys.executable, "-m", "chaincode.server", *(part for pair in arguments.items() for part in pair)),
        env={"PYTHONUNBUFFERED": "1", "GRPC_EXPERIMENTS": CHAINCODE_GRPC},
        cwd=folder,
        log=server.log,
        address=server.package.server.address,
    )


def _prepared(home: Path, consortium: Consortium) -> Layout:
    """Keys, certificates, ports and configurations are there."""
    if consortium.clock.kind != "system":
        raise ConsortiumError("clock.kind", 'a network of processes has no scenario clock: it must be "system"')
    if not is_separated(home):
        create_home(home, consortium)
    layout = layout_of(home, consortium)
    for orderer in layout.orderers:
        write_orderer(orderer)
    for peer in layout.peers:
        write_peer(peer)
    return layout


def _server_address(peer: PeerPlace, port: int) -> ServerAddress:
    client = open_tls(peer.home, peer.organisation, "chaincode-client")
    return ServerAddress(address(port), ServerTls(client.root, client.certificate, client.key))


def _programs(layout: Layout, servers: Sequence[Server]) -> list[Program]:
    return [
        *(orderer_program(place) for place in layout.orderers),
        *(peer_program(place) for place in layout.peers),
        *(server_program(server) for server in servers),
        watch_program(layout),
    ]


async def _bring_together(
    layout: Layout, servers: Sequence[Server], version: Version, block: bytes, show: Show
) -> None:
    """Orderers and peers join, the peers agree on the chaincode; remembers which one."""
    wanted = _wanted(layout, version)
    show("the orderers join the channel")
    await _together(_ready(layout.home, place.name, place.admin_port) for place in layout.orderers)
    await _together(join(place, wanted.channel, block) for place in layout.orderers)
    show("the peers and chaincode servers listen")
    await _together(_ready(layout.home, place.name, place.port) for place in layout.peers)
    await _together(_ready(layout.home, server.name, server.port) for server in servers)
    show("the peers join, install, approve and commit the chaincode")
    members = [
        Member(server.peer.node, open_admin(server.peer.home, server.peer.organisation), server.package)
        for server in servers
    ]
    await ensure(members, [place.node for place in layout.orderers], wanted, block)
    write_file(_version_file(layout), json.dumps(vars(version)).encode())


def _wanted(layout: Layout, version: Version) -> Wanted:
    facts = layout.consortium.facts
    policy = peers_at_least(facts.endorsements, [peer.organisation.msp_id for peer in layout.peers])
    return Wanted(facts.channel, facts.chaincode, version.name, policy)


async def _together(work: Iterable[Awaitable[object]]) -> None:
    """All at once; raises the first error when all have ended."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _ready(home: Path, name: str, port: int) -> None:
    """Wait until the process listens."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise _did_not_start(home, name) from None
            await asyncio.sleep(READY_POLL_S)


def _did_not_start(home: Path, name: str) -> NetworkError:
    state = states(home).get(name)
    restarts = state.restarts if state else 0
    detail = f"{name} does not listen; it was started {restarts + 1} times"
    kind, organisation = name.split(".")[:2]
    logs = home_of(home, organisation) / "fabric" / organisation / kind
    return NetworkError("unavailable", detail, f"read the log in {logs}")


def _version_file(layout: Layout) -> Path:
    return layout.channel_folder / "chaincode.json"


def _last_version(layout: Layout) -> Version | None:
    """What the organisations agreed on last."""
    file = _version_file(layout)
    return Version(**json.loads(file.read_text("utf-8"))) if file.exists() else None


def _running_version(layout: Layout) -> Version | None:
    """The same. Raises NetworkError where this installation has another chaincode."""
    version = _last_version(layout)
    if version is not None and version.source != source_version():
        raise NetworkError(
            "conflict",
            "this installation's chaincode is not the one that the network's organisations agreed on",
            f"wuxin network upgrade-chaincode --home {layout.home}",
        )
    return version


def _trust_orderers(layout: Layout) -> None:
    """The trust file names who signs this network's blocks, and how many of them must."""
    signers = [
        BlockSigner(certificate(place.home, place.organisation.name, "orderer"), place.number)
        for place in layout.orderers
    ]
    set_block_signers(layout.home, signers, block_quorum(len(signers)))
    share(layout.home, layout.consortium)
