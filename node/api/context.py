"""What every operation works with: the node, and the caller that was let in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fastapi import Request

from network.clock import Clock
from network.membership.consortium import Consortium
from node.commands.commands import Commands
from node.commands.delivery import Delivery
from node.commands.seals import Seals
from node.gate import access, audit
from node.gate.access import Authenticator, Principal
from node.gate.problems import Problem
from node.ledgers.seat_ledgers import SeatLedgers
from node.lending.facilities import LendingCircle
from node.products import rule_packs
from node.projection.follow import Position
from node.stores.databases import Store

if TYPE_CHECKING:
    from node.api.operation import Operation


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


async def let_in(request: Request, operation: Operation) -> tuple[Node, Principal]:
    """The node and the caller, or the refusal of the request; runs before every operation and is the only way to a
    ``Principal``. A refusal goes into the audit log. Raises ``unauthenticated``, ``forbidden``."""
    node = cast(Node, request.app.state.node)
    authorization = request.headers.get("authorization")
    # Who is known for a moment already costs no thread and no query; a revoked key is forgotten as soon.
    principal = node.authenticator.remembered(authorization)
    if principal is None:
        principal = await asyncio.to_thread(node.authenticator.identify, authorization)
    try:
        access.decide(principal, operation.name, operation.scopes, operation.roles)
        if operation.of_circle and not node.seats[principal.organisation].in_circle:
            raise Problem(
                "forbidden",
                f"{principal.organisation} is not in the lending circle",
                "obligations are read and written by members of their circle",
            )
    except Problem as problem:
        await asyncio.to_thread(record, node, principal, operation, request.url.path, "refused", problem.detail)
        raise
    return node, principal


def record(node: Node, principal: Principal, operation: Operation, subject: str, decision: str, detail: str) -> None:
    """Append to the audit log what was decided about a request."""
    action = f"{operation.method} {operation.path}"
    entry = audit.Entry(
        node.clock.now_ms(), principal.organisation, principal.key_name, action, subject, decision, detail
    )
    with node.local.write() as connection:
        audit.append(connection, entry)
