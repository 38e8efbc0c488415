"""A connection profile for fabric-sdk-py (`hfc`): what its `Client(net_profile=…)` reads to reach our network.

The profile lists every peer and orderer with the TLS root that its certificate leads to, and one user whose
certificate and key are PEM files. fabric-sdk-py takes a node's expected name from the profile and nowhere else, so each
has `localhost`, which is in every certificate of a network on one machine; elsewhere set it to the name in the node's
certificate. What the client can and cannot do there stands in docs/operating/stock-client.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from network.membership.connections import FabricNode
from network.membership.consortium import Organisation

SERVER_NAME = "localhost"


@dataclass(frozen=True)
class HfcUser:
    """Who signs: a name for the profile, certificate and unencrypted key as PEM files."""

    name: str
    certificate: Path
    key: Path


def profile(
    organisation: Organisation,
    peers: Sequence[FabricNode],
    orderers: Sequence[FabricNode],
    user: HfcUser,
    tls_roots: Mapping[str, Path],
    store: Path,
) -> dict[str, Any]:
    """The profile as JSON values, for one user of `organisation`.

    `tls_roots` has the PEM file of each root under `peer.<organisation>` and `orderer.<organisation>`; `store` is
    a directory in which the client keeps what it knows of its user.
    """
    users = {user.name: {"cert": str(user.certificate), "private_key": str(user.key)}}
    return {
        "name": organisation.name,
        "version": "1.0",
        "client": {"organization": organisation.name, "credentialStore": {"path": str(store)}},
        "organizations": {
            organisation.name: {
                "mspid": organisation.msp_id,
                "peers": [peer_name(node) for node in peers if node.organisation == organisation.name],
                "orderers": [orderer_name(node) for node in orderers],
                "certificateAuthorities": [],
                "users": users,
            }
        },
        "peers": {peer_name(node): _reached(node, tls_roots[peer_name(node)]) for node in peers},
        "orderers": {orderer_name(node): _reached(node, tls_roots[orderer_name(node)]) for node in orderers},
        "certificateAuthorities": {},
        "channels": {},
    }


def peer_name(node: FabricNode) -> str:
    """What the profile calls a peer, and so what a script passes as `peers=[…]`."""
    return f"peer.{node.organisation}"


def orderer_name(node: FabricNode) -> str:
    """Give the name under which a profile lists an orderer."""
    return f"orderer.{node.organisation}"


def _reached(node: FabricNode, tls_root: Path) -> dict[str, Any]:
    return {
        "url": node.address,
        "grpcOptions": {"grpc.ssl_target_name_override": SERVER_NAME},
        "tlsCACerts": {"path": str(tls_root)},
    }
