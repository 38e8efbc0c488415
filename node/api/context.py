"""A running node: what every operation works with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from network.clock import Clock
from network.membership.consortium import Consortium
from node.commands.commands import Commands
from node.commands.delivery import Delivery
from node.commands.seals import Seals
from node.gate.access import Authenticator, Principal
from node.gate.problems import Problem
from node.ledgers.seat_ledgers import SeatLedgers
from node.lending.facilities import LendingCircle
from node.products import rule_packs
from node.projection.follow import Position
from node.stores.databases import Store


@dataclass
class Node:
    """A running node: its stores, its organisations, its delivery. Made by ``node.app``."""

    home: Path
    consortium: Consortium
    clock: Clock
    local: Store
    read_model: Store
    seats: dict[str, SeatLedgers]
    commands: Commands
    delivery: Delivery
    position: Position
    authenticator: Authenticator
    addresses: dict[str, str]
    pack_seals: Seals
    followers: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    def act_as(self, principal: Principal) -> SeatLedgers:
        """The seat and ledgers of the caller's own organisation, and of no other."""
        return self.seats[principal.organisation]

    def lending_circle(self, principal: Principal) -> LendingCircle:
        """The circle of the caller's chain. Raises `not_found`."""
        circle = self.consortium.circle(self.act_as(principal).chain.name)
        return LendingCircle(self.organisation_at, circle.currency, rule_packs(self.home))

    def organisation_at(self, address: str) -> str:
        """The organisation behind an EVM address (hex without 0x), or the address itself."""
        return self.addresses.get(address, "0x" + address)

    def address_of(self, organisation: str) -> str:
        """The EVM address of an organisation, 0x hex. Raises ``not_found``."""
        for address, name in self.addresses.items():
            if name == organisation:
                return "0x" + address
        raise Problem("not_found", f"no organisation is named {organisation!r}", "see GET /v1/organisations")
