"""Which processes a consortium's network of facts has on this machine, where their files lie and where they listen.

    <home of the organisation>/fabric/<org>/orderer     organisations with `orders`
    <home of the organisation>/fabric/<org>/peer        organisations with `endorses`
    <home of the organisation>/fabric/<org>/chaincode   the same: their chaincode server, one port per version
    HOME/channel                                        what belongs to all: configtx.yaml, MSPs, the first block

BFT ordering needs 3f + 1 orderers to survive f of them: fewer than four are refused, because they survive none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from network.bringup.listeners import address, listeners
from network.membership.connections import FabricNode, FactsConnection
from network.membership.consortium import Consortium, ConsortiumError, Organisation
from network.membership.homes import home_of
from network.membership.published import certificate

ORDERERS_MIN = 4
"""3f + 1 with f = 1."""


@dataclass(frozen=True)
class OrdererPlace:
    """One orderer: `number` is its consenter identifier; the ports are of its channel, admin REST and operations."""

    organisation: Organisation
    home: Path
    number: int
    port: int
    admin_port: int
    operations_port: int

    @property
    def name(self) -> str:
        """The orderer's name among the processes of a home."""
        return f"orderer.{self.organisation.name}"

    @property
    def folder(self) -> Path:
        """Where the orderer's files lie."""
        return self.home / "fabric" / self.organisation.name / "orderer"

    @property
    def node(self) -> FabricNode:
        """How clients reach the orderer."""
        return _node(self.home, self.organisation, self.port)


@dataclass(frozen=True)
class PeerPlace:
    """One peer and the chaincode server beside it."""

    organisation: Organisation
    home: Path
    port: int
    chaincode_port: int
    operations_port: int

    @property
    def name(self) -> str:
        """The peer's name among the processes of a home."""
        return f"peer.{self.organisation.name}"

    @property
    def folder(self) -> Path:
        """Where the peer's files lie."""
        return self.home / "fabric" / self.organisation.name / "peer"

    @property
    def chaincode_folder(self) -> Path:
        """Where the files of the peer's chaincode server lie."""
        return self.home / "fabric" / self.organisation.name / "chaincode"

    @property
    def node(self) -> FabricNode:
        """How clients reach the peer."""
        return _node(self.home, self.organisation, self.port)


@dataclass(frozen=True)
class Layout:
    """The network of a home."""

    home: Path
    consortium: Consortium
    orderers: tuple[OrdererPlace, ...]
    peers: tuple[PeerPlace, ...]

    @property
    def channel_folder(self) -> Path:
        """Where the channel's first block and chaincode lie."""
        return self.home / "channel"

    @property
    def connection(self) -> FactsConnection:
        """Peers and orderers in the order of the consortium file."""
        return FactsConnection(
            tuple(each.node for each in self.peers),
            tuple(each.node for each in self.orderers),
        )

    def server_ports(self, label: str) -> tuple[int, ...]:
        """Where the chaincode servers of one version listen, in the order of the peers."""
        names = [f"fabric/{peer.organisation.name}/chaincode/{label}" for peer in self.peers]
        return _ports(self.home, names)


def block_quorum(orderers: int) -> int:
    """How many of n orderers must have signed a block: ⌈(n + f + 1) / 2⌉ with f = ⌊(n − 1) / 3⌋."""
    faulty = (orderers - 1) // 3
    return (orderers + faulty + 2) // 2


def layout_of(home: Path, consortium: Consortium) -> Layout:
    """Every process with its ports; they are picked at the first call. Raises ConsortiumError, NoPort."""
    ordering = [member for member in consortium.organisations if member.orders]
    require_orderers(ordering)
    home = home.resolve()  # each process runs in a folder of its own
    return Layout(
        home=home,
        consortium=consortium,
        orderers=tuple(_orderer(home, member, number) for number, member in enumerate(ordering, start=1)),
        peers=tuple(_peer(home, member) for member in consortium.endorsers),
    )


def require_orderers(ordering: Sequence[Organisation]) -> None:
    """Raises ConsortiumError where BFT ordering would survive no fault."""
    if len(ordering) < ORDERERS_MIN:
        raise ConsortiumError(
            "organisation",
            f"{len(ordering)} have orders = true; BFT ordering survives f faulty orderers of n = 3f + 1, so at least "
            f"{ORDERERS_MIN} organisations must order",
        )


def _orderer(home: Path, member: Organisation, number: int) -> OrdererPlace:
    names = [f"fabric/{member.name}/orderer{part}" for part in ("", "/admin", "/operations")]
    return OrdererPlace(member, home_of(home, member.name), number, *_ports(home, names))


def _peer(home: Path, member: Organisation) -> PeerPlace:
    names = [f"fabric/{member.name}/peer{part}" for part in ("", "/chaincode", "/operations")]
    return PeerPlace(member, home_of(home, member.name), *_ports(home, names))


def _ports(home: Path, names: Sequence[str]) -> tuple[int, ...]:
    found = listeners(home, names)
    return tuple(found[name] for name in names)


def _node(home: Path, member: Organisation, port: int) -> FabricNode:
    root = certificate(home, member.name, "tls-root").decode()
    return FabricNode(member.name, member.msp_id, address(port), root)
