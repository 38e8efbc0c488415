"""What the arguments of a contract call are made of, from a running node: the facts, the read model, the chain."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from node.api.context import Node
from node.commands.obligations import ProposeFacility
from node.gate.access import Principal
from node.lending import facilities

ANSWER_S = 10.0  # for the chain to say an address


@dataclass(frozen=True)
class FromNode:
    """Implements ``Making`` for one caller; used in a thread beside the event loop."""

    node: Node
    principal: Principal
    loop: asyncio.AbstractEventLoop

    def facility_terms(self, wanted: ProposeFacility) -> dict[str, Any]:
        node, organisation = self.node, self.principal.organisation
        chain = node.act_as(self.principal).chain.name
        with node.read_model.read() as connection:
            return facilities.terms_of(
                connection, wanted, organisation, node.consortium, chain, node.address_of, node.home
            )

    def standing_opening(self, facility_id: str, reason_key: str) -> int:
        with self.node.read_model.read() as connection:
            key = facilities.key_of(facility_id)
            return int(facilities.standing_reason(connection, key, reason_key).opening_sequence)

    def address_of(self, organisation: str) -> str:
        return self.node.address_of(organisation)

    def facility_contract(self) -> str:
        asked = self.node.act_as(self.principal).chain.call("DepositToken", "facility", [])
        return str(asyncio.run_coroutine_threadsafe(asked, self.loop).result(ANSWER_S))
