"""The files of one orderer or peer: its configuration, its membership folder (MSP), its connection keys.

Fabric's processes read keys from files, so here they leave the keystore: each into its own process's folder, mode 0600.
A file is written only when its content differs; `write_orderer` and `write_peer` may be called before every start.
The configuration is JSON, which YAML includes. What is set away from Fabric's defaults says why beside it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from network.bringup.fabric.layout import Layout, OrdererPlace, PeerPlace
from network.bringup.fabric.package import BUILDER_NAME, write_builder
from network.bringup.listeners import LOOPBACK, address
from network.bringup.supervisor import Program
from network.bringup.tools import command
from network.membership.consortium import Organisation
from network.membership.identities import FabricSigner, key_to_pem
from network.membership.published import certificate
from network.membership.seats import TlsDuty, open_orderer, open_peer, open_tls

LOGGING = "info:comm.grpc.server=warn:gossip=warn:policies=warn:endorser=warn:lockbasedtxmgr=warn"
"""Without the lines that a peer writes for each call and each heartbeat."""

BCCSP = {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}}

KEEPALIVE_MIN = "5s"
"""How often a client may ping; Fabric's minute cuts off clients that look after their connections."""

EXECUTE_TIMEOUT = "30s"
"""Well above the chaincode server's own deadline: where the peer gives up first, 3.1.1 can fall (range queries)."""

WATCH = "watch"
"""The process that `watch_program` names."""


def write_orderer(place: OrdererPlace) -> None:
    """Everything the orderer reads."""
    _close(place.folder)
    signer = open_orderer(place.home, place.organisation)
    _write_msp(place.folder / "msp", place.home, place.organisation, signer)
    _write_tls(place.folder, place.home, place.organisation, "orderer")
    write_file(place.folder / "orderer.yaml", _json(orderer_configuration(place)))


def write_peer(place: PeerPlace) -> None:
    """Everything the peer and its chaincode server read."""
    _close(place.folder)
    _close(place.chaincode_folder)
    signer, _ = open_peer(place.home, place.organisation)
    _write_msp(place.folder / "msp", place.home, place.organisation, signer)
    _write_tls(place.folder, place.home, place.organisation, "peer")
    _write_tls(place.chaincode_folder, place.home, place.organisation, "chaincode")
    write_builder(place.folder / "builder")
    write_file(place.folder / "core.yaml", _json(peer_configuration(place)))


def orderer_program(place: OrdererPlace) -> Program:
    """Describe an orderer for the supervisor."""
    return Program(
        name=place.name,
        argv=(str(command("orderer")),),
        env={"FABRIC_CFG_PATH": str(place.folder), "FABRIC_LOGGING_SPEC": LOGGING},
        cwd=place.folder,
        log=place.folder / "orderer.log",
        address=address(place.port),
    )


def watch_program(layout: Layout) -> Program:
    """It has an orderer started again that stands still."""
    looked_at = [f"{place.name}={address(place.operations_port)}" for place in layout.orderers]
    options = [part for each in looked_at for part in ("--orderer", each)]
    return Program(
        name=WATCH,
        argv=(sys.executable, "-m", "network.bringup.fabric.watch", "--home", str(layout.home), *options),
        env={},
        cwd=layout.home,
        log=layout.channel_folder / "watch.log",
    )


def peer_program(place: PeerPlace) -> Program:
    """Describe a peer for the supervisor."""
    return Program(
        name=place.name,
        argv=(str(command("peer")), "node", "start"),
        env={"FABRIC_CFG_PATH": str(place.folder), "FABRIC_LOGGING_SPEC": LOGGING},
        cwd=place.folder,
        log=place.folder / "peer.log",
        address=address(place.port),
    )


def orderer_configuration(place: OrdererPlace) -> dict[str, Any]:
    """orderer.yaml as a document."""
    folder = place.folder.resolve()
    tls = {name: str(folder / "tls" / f"{name}.pem") for name in ("certificate", "key", "root")}
    return {
        "General": {
            "BootstrapMethod": "none",
            "ListenAddress": LOOPBACK,
            "ListenPort": place.port,
            "LocalMSPDir": str(folder / "msp"),
            "LocalMSPID": place.organisation.msp_id,
            "TLS": {
                "Enabled": True,
                "PrivateKey": tls["key"],
                "Certificate": tls["certificate"],
                "RootCAs": [tls["root"]],
                "ClientAuthRequired": False,
                "ClientRootCAs": [],
            },
            "Cluster": {"ClientCertificate": tls["certificate"], "ClientPrivateKey": tls["key"]},
            "Keepalive": {"ServerMinInterval": KEEPALIVE_MIN, "ServerInterval": "7200s", "ServerTimeout": "20s"},
            # An orderer that was away is dialled again within two seconds, not two minutes.
            "Backoff": {"BaseDelay": "200ms", "Multiplier": 1.6, "MaxDelay": "2s"},
            "BCCSP": BCCSP,
            "Authentication": {"TimeWindow": "15m"},
        },
        "FileLedger": {"Location": str(folder / "data")},
        "Admin": {
            "ListenAddress": address(place.admin_port),
            "TLS": {
                "Enabled": True,
                "Certificate": tls["certificate"],
                "PrivateKey": tls["key"],
                "ClientAuthRequired": True,
                "ClientRootCAs": [tls["root"]],
            },
        },
        "Operations": {"ListenAddress": address(place.operations_port)},
        "ChannelParticipation": {"Enabled": True, "MaxRequestBodySize": "1 MB"},
        "Consensus": {"WALDir": str(folder / "wal"), "SnapDir": str(folder / "snapshots")},
        "Metrics": {"Provider": "prometheus"},
    }


def peer_configuration(place: PeerPlace) -> dict[str, Any]:
    """core.yaml as a document."""
    folder = place.folder.resolve()
    tls = {name: {"file": str(folder / "tls" / f"{name}.pem")} for name in ("certificate", "key", "root")}
    return {
        "peer": {
            "id": place.name,
            "networkId": "wuxin",
            "address": address(place.port),
            "listenAddress": address(place.port),
            "chaincodeListenAddress": address(place.chaincode_port),
            "chaincodeAddress": address(place.chaincode_port),
            "localMspId": place.organisation.msp_id,
            "mspConfigPath": str(folder / "msp"),
            "fileSystemPath": str(folder / "data"),
            "tls": {"enabled": True, "cert": tls["certificate"], "key": tls["key"], "rootcert": tls["root"]},
            "keepalive": {
                "minInterval": KEEPALIVE_MIN,
                "client": {"interval": "60s", "timeout": "20s"},
                "deliveryClient": {"interval": "60s", "timeout": "20s"},
            },
            "BCCSP": BCCSP,
            "gossip": _gossip(place),
            # Orderers that were away are dialled again within two seconds; Fabric's own bound is an hour. One that
            # sends no blocks while the others have newer ones is left after two seconds, instead of thirty.
            "deliveryclient": {
                "blockGossipEnabled": False,
                "reConnectBackoffThreshold": "2s",
                "minimalReconnectInterval": "100ms",
                "blockCensorshipTimeoutKey": "2s",
                "policy": "cluster",
            },
            "authentication": {"timewindow": "15m"},
            "handlers": {
                "authFilters": [{"name": "DefaultAuth"}, {"name": "ExpirationCheck"}, {"name": "TimeWindowCheck"}],
                "decorators": [{"name": "DefaultDecorator"}],
                "endorsers": {"escc": {"name": "DefaultEndorsement"}},
                "validators": {"vscc": {"name": "DefaultValidation"}},
            },
            "discovery": {"enabled": True, "authCacheEnabled": True, "authCacheMaxSize": 1000},
            "gateway": {"enabled": True, "endorsementTimeout": "30s", "broadcastTimeout": "10s", "dialTimeout": "5s"},
            "limits": {"concurrency": {"endorserService": 2500, "deliverService": 2500, "gatewayService": 5000}},
        },
        "vm": {"endpoint": ""},
        "chaincode": {
            "mode": "net",
            "executetimeout": EXECUTE_TIMEOUT,
            "startuptimeout": "30s",
            "installTimeout": "60s",
            "externalBuilders": [{"name": BUILDER_NAME, "path": str(folder / "builder"), "propagateEnvironment": []}],
            "system": {"_lifecycle": "enable", "cscc": "enable", "lscc": "enable", "qscc": "enable"},
            "runtimeParams": {
                "useWriteBatch": True,
                "maxSizeWriteBatch": 1000,
                "useGetMultipleKeys": True,
                "maxSizeGetMultipleKeys": 1000,
            },
        },
        "ledger": {
            "state": {"stateDatabase": "goleveldb", "totalQueryLimit": 100_000},
            "history": {"enableHistoryDatabase": True},
            "snapshots": {"rootDir": str(folder / "snapshots")},
            "pvtdataStore": {
                "collElgProcMaxDbBatchSize": 5000,
                "collElgProcDbBatchesInterval": 1000,
                "purgeInterval": 100,
                "deprioritizedDataReconcilerInterval": "60m",
            },
        },
        "metrics": {"provider": "prometheus"},
        "operations": {"listenAddress": address(place.operations_port)},
    }


def _gossip(place: PeerPlace) -> dict[str, Any]:
    """Every peer pulls its blocks itself; gossip finds the other organisations' peers and carries private data.

    The short intervals make a peer known to the others within two seconds; Fabric's take half a minute.
    """
    return {
        "bootstrap": address(place.port),
        "externalEndpoint": address(place.port),
        "orgLeader": True,
        "useLeaderElection": False,
        "reconnectInterval": "2s",
        "aliveTimeInterval": "1s",
        "aliveExpirationTimeout": "10s",
        "publishStateInfoInterval": "1s",
        "requestStateInfoInterval": "1s",
        "membershipTrackerInterval": "1s",
        "state": {"enabled": False},
        "pvtData": {
            "pullRetryThreshold": "2s",
            "pushAckTimeout": "3s",
            "transientstoreMaxBlockRetention": 20_000,
            "btlPullMargin": 10,
            "reconcileBatchSize": 10,
            "reconcileSleepInterval": "10s",
            "reconciliationEnabled": True,
            "implicitCollectionDisseminationPolicy": {"requiredPeerCount": 0, "maxPeerCount": 1},
        },
    }


def write_public_msp(folder: Path, home: Path, organisation: Organisation) -> None:
    """What a channel knows of an organisation: its roots, and which OU means which role."""
    root = certificate(home, organisation.name, "root")
    write_file(folder / "cacerts" / "root.pem", root)
    write_file(folder / "tlscacerts" / "root.pem", certificate(home, organisation.name, "tls-root"))
    roles = {
        f"{role.capitalize()}OUIdentifier": {"Certificate": "cacerts/root.pem", "OrganizationalUnitIdentifier": role}
        for role in ("client", "peer", "admin", "orderer")
    }
    write_file(folder / "config.yaml", _json({"NodeOUs": {"Enable": True, **roles}}))


def write_file(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write the file whole, unless it already says this; `private` closes it to others."""
    if path.is_file() and path.read_bytes() == content and not (private and path.stat().st_mode & 0o077):
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    beside.unlink(missing_ok=True)  # of a process that was killed and had the same number
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(beside, flags, 0o600 if private else 0o644), "wb") as file:
        file.write(content)
    beside.replace(path)


def _close(folder: Path) -> None:
    """Make it for its owner alone: a peer's databases hold private values in clear, in files that anyone may read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def _write_msp(folder: Path, home: Path, organisation: Organisation, signer: FabricSigner) -> None:
    write_public_msp(folder, home, organisation)
    write_file(folder / "signcerts" / "own.pem", signer.certificate_pem)
    write_file(folder / "keystore" / "own.pem", key_to_pem(signer.key), private=True)


def _write_tls(folder: Path, home: Path, organisation: Organisation, duty: TlsDuty) -> None:
    identity = open_tls(home, organisation, duty)
    write_file(folder / "tls" / "certificate.pem", identity.certificate)
    write_file(folder / "tls" / "root.pem", identity.root)
    write_file(folder / "tls" / "key.pem", identity.key, private=True)


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()
