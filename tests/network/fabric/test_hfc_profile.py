"""The connection profile: complete for every node, and nobody's secrets in it."""

import json
from pathlib import Path

import pytest

from network.bringup.fabric.hfc_profile import HfcUser, profile
from network.membership.connections import FabricNode
from network.membership.consortium import Organisation

WAREHOUSE = Organisation("warehouse", "WarehouseMSP", "", ("warehouse",), endorses=True, oracle=False)
USER = HfcUser("client", Path("/home/client.pem"), Path("/home/client.key.pem"))
PEERS = [FabricNode(name, f"{name}MSP", f"{name}:7051", "root") for name in ("bank", "warehouse")]
ORDERERS = [FabricNode("bank", "bankMSP", "bank:7050", "root")]
ROOTS = {name: Path(f"/roots/{name}.pem") for name in ("peer.bank", "peer.warehouse", "orderer.bank")}


def test_a_profile_has_every_node_and_one_user() -> None:
    made = json.loads(json.dumps(profile(WAREHOUSE, PEERS, ORDERERS, USER, ROOTS, Path("/store"))))

    assert made["peers"]["peer.bank"] == {
        "url": "bank:7051",
        "grpcOptions": {"grpc.ssl_target_name_override": "localhost"},
        "tlsCACerts": {"path": "/roots/peer.bank.pem"},
    }
    assert set(made["orderers"]) == {"orderer.bank"}
    assert made["client"] == {"organization": "warehouse", "credentialStore": {"path": "/store"}}
    assert made["organizations"]["warehouse"] == {
        "mspid": "WarehouseMSP",
        "peers": ["peer.warehouse"],
        "orderers": ["orderer.bank"],
        "certificateAuthorities": [],
        "users": {"client": {"cert": "/home/client.pem", "private_key": "/home/client.key.pem"}},
    }
    assert made["certificateAuthorities"] == made["channels"] == {}


def test_a_node_without_a_known_root_is_no_node_of_a_profile() -> None:
    with pytest.raises(KeyError):
        profile(WAREHOUSE, PEERS, ORDERERS, USER, {}, Path("/store"))
