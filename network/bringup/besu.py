"""Configuration of a Hyperledger Besu network with QBFT for a circle's chain: rendered here, run elsewhere.

    files(consortium, chain, nodes, accounts) ─▶ genesis.json, and for each validator config.toml and permissions.toml

No Besu ran against these files where they were written; docs/operating/besu.md says what to look at first. The genesis
names the validators in its extraData; the permission files, which every node reads for itself, name the nodes that may
connect and the accounts that may send. Gas costs nothing and blocks are final at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from network.bringup.cosmos.genesis import BLOCK_GAS_MAX, checksum_address
from network.membership.consortium import Consortium
from wuxin_evidence.encoding.rlp import encode
from wuxin_evidence.ids import keccak256

BLOCK_PERIOD_S = 1
"""The shortest that Besu takes without an experimental option."""
REQUEST_TIMEOUT_S = 4
EPOCH_BLOCKS = 30_000
VALIDATORS_MIN = 4
"""With fewer a QBFT network bears nobody's absence."""

VANITY = bytes(32)
_BFT_MIX_HASH = b"ctical byzantine fault tolerance"
"""By these 32 letters Besu knows the header of a BFT chain."""


@dataclass(frozen=True)
class BesuNode:
    """A validator: its node's public key (64 bytes, `besu public-key export`), and where it listens."""

    organisation: str
    public_key: bytes
    host: str
    peers_port: int = 30_303
    json_rpc_port: int = 8_545

    @property
    def address(self) -> bytes:
        """By which the others know its seals, 20 bytes."""
        return keccak256(self.public_key)[12:]

    @property
    def enode(self) -> str:
        """The node's address for its peers."""
        return f"enode://{self.public_key.hex()}@{self.host}:{self.peers_port}"


def files(consortium: Consortium, chain: str, nodes: Sequence[BesuNode], accounts: Iterable[bytes]) -> dict[str, str]:
    """Path to content. `accounts` (20 bytes each) may send: those of the circle's members.

    Raises ValueError for a validator that the circle does not name, or for too few of them.
    """
    circle = consortium.circle(chain)
    strangers = sorted({node.organisation for node in nodes} - set(circle.validators))
    if strangers:
        raise ValueError(f"{strangers[0]} is no validator of {chain}")
    if len(nodes) < VALIDATORS_MIN:
        raise ValueError(f"QBFT needs {VALIDATORS_MIN} validators to bear the absence of one; here are {len(nodes)}")
    permissions = _permissions([node.enode for node in nodes], sorted(accounts))
    rendered = {"genesis.json": json.dumps(genesis(circle.chain_id, [node.address for node in nodes]), indent=1) + "\n"}
    for node in nodes:
        others = [other.enode for other in nodes if other is not node]
        rendered[f"{node.organisation}/config.toml"] = _config(node)
        rendered[f"{node.organisation}/static-nodes.json"] = json.dumps(others, indent=1) + "\n"
        rendered[f"{node.organisation}/permissions.toml"] = permissions
    return rendered


def genesis(chain_id: int, validators: Iterable[bytes]) -> dict[str, Any]:
    """The genesis document for validators by address (20 bytes)."""
    return {
        "config": {
            "chainId": chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            "zeroBaseFee": True,
            "qbft": {
                "blockperiodseconds": BLOCK_PERIOD_S,
                "epochlength": EPOCH_BLOCKS,
                "requesttimeoutseconds": REQUEST_TIMEOUT_S,
            },
        },
        "nonce": "0x0",
        "timestamp": "0x0",
        "gasLimit": hex(BLOCK_GAS_MAX),
        "difficulty": "0x1",
        "mixHash": "0x" + _BFT_MIX_HASH.hex(),
        "coinbase": "0x" + bytes(20).hex(),
        "extraData": "0x" + extra_data(validators).hex(),
        "alloc": {},
    }


def extra_data(validators: Iterable[bytes]) -> bytes:
    """QBFT's: RLP of [vanity, validators ascending, no vote, round 0, no seals]."""
    return encode([VANITY, sorted(validators), [], b"", []])


def _config(node: BesuNode) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in _settings(node).items())


def _settings(node: BesuNode) -> Mapping[str, Any]:
    """The options of one node, by Besu's own names."""
    return {
        "data-path": "data",
        "genesis-file": "../genesis.json",
        "node-private-key-file": "key",
        "sync-mode": "FULL",
        "data-storage-format": "FOREST",
        "p2p-host": node.host,
        "p2p-port": node.peers_port,
        "discovery-enabled": False,
        "static-nodes-file": "static-nodes.json",
        "rpc-http-enabled": True,
        "rpc-http-host": "127.0.0.1",
        "rpc-http-port": node.json_rpc_port,
        "rpc-http-api": ["ETH", "NET", "WEB3", "QBFT"],
        "host-allowlist": ["localhost", "127.0.0.1"],
        "min-gas-price": 0,
        "tx-pool": "sequenced",
        "tx-pool-limit-by-account-percentage": 1.0,
        "revert-reason-enabled": True,
        "permissions-nodes-config-file-enabled": True,
        "permissions-nodes-config-file": "permissions.toml",
        "permissions-accounts-config-file-enabled": True,
        "permissions-accounts-config-file": "permissions.toml",
    }


def _permissions(enodes: Sequence[str], accounts: Sequence[bytes]) -> str:
    listed = [checksum_address(account) for account in accounts]
    return f"nodes-allowlist = {json.dumps(list(enodes))}\naccounts-allowlist = {json.dumps(listed)}\n"
