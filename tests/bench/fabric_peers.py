"""What ours is measured beside on the same network: a Go chaincode and the Go gateway client.

Both are built from tests/bench/go. The Go chaincode runs as a second one, `factsgo`, on the same channel, one server an
organisation as ours, under the same policy; its register_slot reads, writes and tells what ours does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from network.bringup.fabric.layout import Layout, PeerPlace
from network.bringup.fabric.lifecycle import Member, Wanted, ensure
from network.bringup.fabric.package import Package, ServerAddress, ServerTls, build
from network.bringup.listeners import address, listeners
from network.bringup.supervisor import Program, start
from network.clock import SystemClock
from network.facts.fabric.ledger import open_ledger
from network.membership.consortium import Consortium
from network.membership.identities import key_to_pem
from network.membership.seats import Seat, open_admin, open_seat, open_tls
from wuxin_evidence.fabric import peers_at_least

SOURCE = Path(__file__).parent / "go"
CHAINCODE = "factsgo"
VERSION = "1"
BUILD_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class GoPrograms:
    """The built commands."""

    chaincode: Path
    client: Path


def build_go(folder: Path) -> GoPrograms:
    """Raises RuntimeError without Go, or where the build fails."""
    if shutil.which("go") is None:
        raise RuntimeError("no Go here; install Go 1.26 to measure ours beside it")
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", f"{folder}/", "./..."]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"the Go programs do not build: {done.stderr[-500:]}")
    return GoPrograms(folder / "chaincode", folder / "client")


def install_go(layout: Layout, programs: GoPrograms) -> None:
    """Run a Go server for every peer, agree on the second chaincode, and give it the warehouse as a member."""
    ports = listeners(layout.home, [_listener(peer) for peer in layout.peers])
    packages = {peer.name: _package(peer, ports[_listener(peer)]) for peer in layout.peers}
    start(layout.home, [_program(peer, packages[peer.name], programs) for peer in layout.peers])
    asyncio.run(_agree(layout, packages))


def _listener(peer: PeerPlace) -> str:
    return f"bench/{peer.organisation.name}/go"


def _package(peer: PeerPlace, port: int) -> Package:
    client = open_tls(peer.home, peer.organisation, "chaincode-client")
    tls = ServerTls(client.root, client.certificate, client.key)
    return build(f"{CHAINCODE}_{VERSION}", ServerAddress(address(port), tls))


def _program(peer: PeerPlace, package: Package, programs: GoPrograms) -> Program:
    tls = peer.chaincode_folder / "tls"
    environment = {
        "CHAINCODE_ID": package.package_id,
        "CHAINCODE_SERVER_ADDRESS": package.server.address,
        "TLS_CERT": str(tls / "certificate.pem"),
        "TLS_KEY": str(tls / "key.pem"),
        "CLIENT_CA": str(tls / "root.pem"),
    }
    name = f"go.{peer.organisation.name}"
    return Program(
        name, (str(programs.chaincode),), environment, peer.chaincode_folder, peer.chaincode_folder / "go.log"
    )


async def _agree(layout: Layout, packages: dict[str, Package]) -> None:
    consortium = layout.consortium
    policy = peers_at_least(consortium.facts.endorsements, [peer.organisation.msp_id for peer in layout.peers])
    members = [
        Member(peer.node, open_admin(peer.home, peer.organisation), packages[peer.name]) for peer in layout.peers
    ]
    orderers = [place.node for place in layout.orderers]
    await ensure(members, orderers, Wanted(consortium.facts.channel, CHAINCODE, VERSION, policy))
    await _seed(layout, consortium)


async def _seed(layout: Layout, consortium: Consortium) -> None:
    seat, organisation = open_seat(layout.home, "warehouse"), consortium.organisation("warehouse")
    go = replace(consortium, facts=replace(consortium.facts, chaincode=CHAINCODE))
    ledger = open_ledger(go, seat, SystemClock(), layout.connection)
    member = {
        "organisation": organisation.name,
        "msp_id": organisation.msp_id,
        "uscc": organisation.uscc,
        "roles": list(organisation.roles),
    }
    try:
        await ledger.submit("seed", member)
    finally:
        await ledger.aclose()


def go_command(layout: Layout, programs: GoPrograms, folder: Path, chaincode: str) -> list[str]:
    """The Go client as the warehouse, through its own peer."""
    seat: Seat = open_seat(layout.home, "warehouse")
    node = next(peer.node for peer in layout.peers if peer.organisation.name == "warehouse")
    files = {
        "-tls-root": node.tls_root.encode(),
        "-certificate": seat.fabric_signer.certificate_pem,
        "-key": key_to_pem(seat.fabric_signer.key),
    }
    arguments = [str(programs.client), "-peer", node.address, "-msp", seat.msp_id, "-chaincode", chaincode]
    for flag, content in files.items():
        path = folder / f"go{flag}.pem"
        path.touch(mode=0o600)
        path.write_bytes(content)
        arguments += [flag, str(path)]
    return [*arguments, "-channel", layout.consortium.facts.channel]


def environment() -> dict[str, str]:
    """For programs that import the tests."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
