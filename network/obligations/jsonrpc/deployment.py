"""Where the contracts of a circle are: the record that a deployment leaves in a home.

    ledger/obligations-e1.json    {chain, chain_id, first_block, addresses: {name: 0x…}}

The same whatever engine the chain has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from contracts.loader import DEPLOY_ORDER, load_artifact
from network.membership.seats import Seat
from network.obligations.jsonrpc.abi import ContractAbi
from network.obligations.jsonrpc.chain import Contract, Web3Chain
from network.obligations.jsonrpc.requests import to_bytes
from network.ports import Unavailable

ADDRESS_BYTES = 20


@dataclass(frozen=True)
class Deployment:
    """Addresses of 20 bytes by contract name; `first_block` is the first that can hold one of their events."""

    chain: str
    chain_id: int
    first_block: int
    addresses: Mapping[str, bytes]

    def contracts(self) -> tuple[Contract, ...]:
        """List the contracts with their addresses and ABIs, in the order of their deployment."""
        return tuple(Contract(name, self.addresses[name], abi_of(name)) for name in DEPLOY_ORDER)

    def save(self, home: Path) -> None:
        """Write the record whole, by renaming."""
        path = record_path(home, self.chain)
        document = {
            "chain": self.chain,
            "chain_id": self.chain_id,
            "first_block": self.first_block,
            "addresses": {name: "0x" + address.hex() for name, address in self.addresses.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".json.tmp")
        beside.write_text(json.dumps(document, indent=1), "utf-8")
        beside.replace(path)

    @classmethod
    def load(cls, home: Path, chain: str) -> Deployment | None:
        """The record in this home, None before the contracts are deployed. Raises Unavailable where it is damaged."""
        path = record_path(home, chain)
        if not path.exists():
            return None
        try:
            row = cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
            found = cls(
                chain=row["chain"],
                chain_id=int(row["chain_id"]),
                first_block=int(row["first_block"]),
                addresses={name: to_bytes(row["addresses"][name]) for name in DEPLOY_ORDER},
            )
        except (KeyError, RecursionError, TypeError, ValueError) as wrong:
            raise _damaged(path, repr(wrong)) from wrong
        if found.chain != chain:
            raise _damaged(path, f"it is about the chain {found.chain!r}")
        if any(len(address) != ADDRESS_BYTES for address in found.addresses.values()):
            raise _damaged(path, f"an address has not {ADDRESS_BYTES} bytes")
        return found

    @classmethod
    def standing(cls, home: Path, chain: str) -> Deployment:
        """The record in this home. Raises Unavailable before the contracts are deployed, and where it is damaged."""
        found = cls.load(home, chain)
        if found is None:
            raise Unavailable(
                f"the contracts of {chain} are not deployed in {home}", "deploy them first: deploy_obligations"
            )
        return found


def record_path(home: Path, chain: str) -> Path:
    """Give the path of the record of a chain's contracts."""
    return home / "ledger" / f"obligations-{chain}.json"


def _damaged(path: Path, why: str) -> Unavailable:
    hint = "copy it from another member; it holds nothing secret"
    return Unavailable(f"{path} is no record of deployed contracts: {why[:200]}", hint)


def abi_of(contract: str) -> ContractAbi:
    """The ABI of one of our contracts."""
    return ContractAbi(load_artifact(contract).abi)


Bind = Callable[[Seat, Deployment | None], Web3Chain]
"""A seat's port over the circle's chain; without a deployment it knows no contract and can only create."""
