"""The doctor's plan of a home: whom to ask, as whom, and which files to read, from the layout of its network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from network.consortium import Organisation
from network.fabric.findings import Expected, ExpectedOrderer, ExpectedPeer
from network.fabric.layout import Layout, PeerPlace
from network.fabric.lifecycle import Wanted
from network.fabric.package import Package
from network.identities import FabricSigner
from network.keystore import KeystoreError
from network.listeners import address
from network.seats import open_admin


class NoAdministrator(Exception):
    """No organisation's administrator can sign here, so nobody can be asked."""

    code = "keystore_missing"
    detail = "this home holds no administrator's key of any organisation with a peer"
    hint = "run it with the home of a member that runs a peer"


def plan_of(layout: Layout, wanted: Wanted, packages: Sequence[Package]) -> Expected:
    """What should be there; `packages` in the order of the layout's peers. Raises NoAdministrator."""
    peers = tuple(_peer(place, package) for place, package in zip(layout.peers, packages, strict=True))
    signer = next((peer.admin for peer in peers if peer.admin), None)
    if signer is None:
        raise NoAdministrator
    return Expected(wanted, signer, peers, tuple(_orderers(layout)))


def _peer(place: PeerPlace, package: Package) -> ExpectedPeer:
    files = (*_certificates(place.folder), *_certificates(place.chaincode_folder))
    return ExpectedPeer(
        node=place.node,
        admin=_administrator(place.home, place.organisation),
        package=package,
        operations=address(place.operations_port),
        certificates=files,
    )


def _orderers(layout: Layout) -> list[ExpectedOrderer]:
    return [
        ExpectedOrderer(place.node, address(place.operations_port), _certificates(place.folder))
        for place in layout.orderers
    ]


def _administrator(home: Path, organisation: Organisation) -> FabricSigner | None:
    try:
        return open_admin(home, organisation)
    except KeystoreError:
        return None


def _certificates(folder: Path) -> tuple[Path, ...]:
    """What a program shows and what it leads to; none where its folder is on another machine."""
    names = ("msp/signcerts/own.pem", "msp/cacerts/root.pem", "tls/certificate.pem", "tls/root.pem")
    return tuple(folder / name for name in names if (folder / name).exists())
