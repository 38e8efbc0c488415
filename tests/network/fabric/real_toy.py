"""The toy chaincode on the session's real network, as a second chaincode beside the facts."""

import asyncio
from dataclasses import replace
from pathlib import Path

from network.bringup import supervisor
from network.bringup.fabric.layout import layout_of
from network.bringup.fabric.lifecycle import Member, Wanted, ensure
from network.bringup.fabric.network import Server, server_program
from network.bringup.fabric.package import ServerAddress, ServerTls, build
from network.bringup.listeners import address
from network.membership.connections import FactsConnection
from network.membership.consortium import Consortium
from network.membership.seats import open_admin, open_tls
from wuxin_evidence.fabric import peers_at_least

ROOT = Path(__file__).parents[3]
CHAINCODE = "toy"
SERVING_S_MAX = 30.0


async def install(home: Path, consortium: Consortium) -> tuple[Consortium, FactsConnection]:
    """Serve, install, approve and commit it; gives the consortium whose facts it is."""
    layout = layout_of(home, consortium)
    servers: list[Server] = []
    for peer, port in zip(layout.peers, layout.server_ports(CHAINCODE), strict=True):
        client = open_tls(peer.home, peer.organisation, "chaincode-client")
        tls = ServerTls(client.root, client.certificate, client.key)
        servers.append(Server(peer, build(CHAINCODE, ServerAddress(address(port), tls)), port))
    await asyncio.to_thread(supervisor.start, home, [_program(server) for server in servers])
    await asyncio.gather(*(_listens(server.port) for server in servers))
    policy = peers_at_least(consortium.facts.endorsements, [peer.organisation.msp_id for peer in layout.peers])
    members = [
        Member(server.peer.node, open_admin(server.peer.home, server.peer.organisation), server.package)
        for server in servers
    ]
    orderers = [place.node for place in layout.orderers]
    await ensure(members, orderers, Wanted(consortium.facts.channel, CHAINCODE, "1", policy))
    return replace(consortium, facts=replace(consortium.facts, chaincode=CHAINCODE)), layout.connection


async def _listens(port: int) -> None:
    """A peer that finds nobody there answers at once that it could not launch the chaincode."""
    async with asyncio.timeout(SERVING_S_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


def _program(server: Server) -> supervisor.Program:
    facts = server_program(server)
    argv = tuple(part.replace("chaincode.server", "tests.network.toy_server") for part in facts.argv)
    name = f"chaincode.toy-{server.peer.organisation.name}"
    log = server.peer.chaincode_folder / "toy.log"
    return replace(facts, name=name, argv=argv, env={**facts.env, "PYTHONPATH": str(ROOT)}, log=log)
