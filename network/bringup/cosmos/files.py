"""One validator's directory: its keys, how it listens, whom it talks to, and how fast blocks come.

    config/priv_validator_key.json   signs votes (Ed25519), 0600          config/genesis.json   the same everywhere
    config/node_key.json             names the node to its peers, 0600    config/config.toml    consensus and peers
    data/priv_validator_state.json   what it voted for last               config/app.toml       JSON-RPC

The keys and the state of voting are made once and never written again: a validator that forgets what it signed may sign
something else. The rest is rendered at every start from what this version says. What a file does not name keeps the
engine's default.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from network.bringup.listeners import address
from network.membership.keystore import read_private, write_private

CHAIN_ID = 262_144
"""Compiled into the engine."""

COMMIT_PAUSE_MS = 200
"""What a validator waits after a block for late votes, and so most of the time between two blocks: 100 gives a block
each 0.14 s and four idle validators 43 % of a core, 200 gives 0.24 s and 30 %, 500 gives 0.54 s and 19 %."""

GOSSIP_PAUSE_MS = 10
"""How often consensus looks for something to tell a peer; the engine's 100 ms double the time between two blocks."""

STATES_KEPT = 1_000
"""Blocks whose state can still be asked for: a refused call is repeated at the block before it."""


@dataclass(frozen=True)
class Ports:
    """Where a validator listens, on loopback: consensus peers, consensus RPC, JSON-RPC over HTTP and web sockets."""

    peers: int
    consensus: int
    json_rpc: int
    web_sockets: int


@dataclass(frozen=True)
class ValidatorKeys:
    """The public halves: the consensus key (32 bytes) and the name of the node among its peers (40 hex digits)."""

    consensus_key: bytes
    node_id: str


def make_keys(directory: Path) -> ValidatorKeys:
    """The keys in a validator's directory, made if it has none. Raises KeystoreError."""
    config, data = directory / "config", directory / "data"
    for each in (config, data):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    validator = _key(config / "priv_validator_key.json", _validator_key)
    node = _key(config / "node_key.json", _node_key)
    state = data / "priv_validator_state.json"
    if not state.exists():
        write_private(state, json.dumps({"height": "0", "round": 0, "step": 0}).encode())
    return ValidatorKeys(validator, sha256(node).digest()[:20].hex())


def render(directory: Path, organisation: str, ports: Ports, peers: Sequence[str], genesis: Mapping[str, Any]) -> None:
    """Write what is not a key. `peers` are `node id@host:port` of the others."""
    config = directory / "config"
    (config / "config.toml").write_text(
        _CONSENSUS.format(
            organisation=organisation,
            consensus=f"tcp://{address(ports.consensus)}",
            peers_at=f"tcp://{address(ports.peers)}",
            peers=",".join(peers),
            commit_ms=COMMIT_PAUSE_MS,
            gossip_ms=GOSSIP_PAUSE_MS,
        ),
        "utf-8",
    )
    (config / "app.toml").write_text(
        _APPLICATION.format(
            json_rpc=address(ports.json_rpc),
            web_sockets=address(ports.web_sockets),
            states=STATES_KEPT,
            chain_id=CHAIN_ID,
        ),
        "utf-8",
    )
    if not (config / "genesis.json").exists():
        (config / "genesis.json").write_text(json.dumps(genesis, indent=1) + "\n", "utf-8")


def _key(path: Path, document: Any) -> bytes:
    """The public key in a key file, which is written first if there is none."""
    if not path.exists():
        write_private(path, json.dumps(document(Ed25519PrivateKey.generate()), indent=1).encode())
    pair = base64.b64decode(json.loads(read_private(path))["priv_key"]["value"])
    return pair[32:]


def _validator_key(key: Ed25519PrivateKey) -> dict[str, Any]:
    public = _raw_public(key)
    return {
        "address": sha256(public).digest()[:20].hex().upper(),
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(public).decode()},
        "priv_key": _private(key),
    }


def _node_key(key: Ed25519PrivateKey) -> dict[str, Any]:
    return {"priv_key": _private(key)}


def _private(key: Ed25519PrivateKey) -> dict[str, str]:
    pair = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()) + _raw_public(key)
    return {"type": "tendermint/PrivKeyEd25519", "value": base64.b64encode(pair).decode()}


def _raw_public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


_CONSENSUS = """\
moniker = "{organisation}"
log_level = "error"

[rpc]
laddr = "{consensus}"
pprof_laddr = ""

[p2p]
laddr = "{peers_at}"
persistent_peers = "{peers}"
persistent_peers_max_dial_period = "1s"
addr_book_strict = false
allow_duplicate_ip = true
pex = false
flush_throttle_timeout = "{gossip_ms}ms"

[consensus]
timeout_propose = "1s"
timeout_propose_delta = "500ms"
timeout_prevote = "500ms"
timeout_prevote_delta = "500ms"
timeout_precommit = "500ms"
timeout_precommit_delta = "500ms"
timeout_commit = "{commit_ms}ms"
peer_gossip_sleep_duration = "{gossip_ms}ms"
peer_query_maj23_sleep_duration = "500ms"

[tx_index]
indexer = "null"
"""

_APPLICATION = """\
minimum-gas-prices = "0atest"
pruning = "custom"
pruning-keep-recent = "{states}"
pruning-interval = "100"

[api]
enable = false

[grpc]
enable = false

[grpc-web]
enable = false

[state-sync]
snapshot-interval = 0

[evm]
evm-chain-id = {chain_id}

[json-rpc]
enable = true
address = "{json_rpc}"
ws-address = "{web_sockets}"
api = "eth,net,web3"
allow-insecure-unlock = false
enable-indexer = true
"""
