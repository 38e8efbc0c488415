"""What a command on the obligations is made of, from a running node: the facts, the read model, the chain."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from node.api.context import Node
from node.commands.facility_arguments import ProposeFacility
from node.gate.access import Principal
from node.ledgers.obligations import facility_contract
from node.lending import facilities

ANSWER_S = 10.0  # for the chain to say an address


@dataclass(frozen=True)
class FromNode:
    """Implements ``Making`` for one caller; used in a thread beside the event loop."""

    node: Node
    principal: Principal
    loop: asyncio.AbstractEventLoop

    def facility_terms(self, wanted: ProposeFacility) -> dict[str, Any]:
        """Give the terms that a proposal stands for, from receipt and pledge. Raises Problem as `terms_of` does."""
        node, organisation = self.node, self.principal.organisation
        chain = node.act_as(self.principal).chain.name
        with node.read_model.read() as connection:
            return facilities.terms_of(
                connection, wanted, organisation, node.consortium, chain, node.address_of, node.home
            )

    def standing_opening(self, facility_id: str, reason_key: str) -> int:
        """Give the sequence at which a standing reason was opened. Raises `not_found`."""
        with self.node.read_model.read() as connection:
            key = facilities.key_of(facility_id)
            return int(facilities.standing_reason(connection, key, reason_key).opening_sequence)

    def address_of(self, organisation: str) -> str:
        """Give an organisation's address on the chain, 0x hex. Raises `not_found`."""
        return self.node.address_of(organisation)

    def facility_contract(self) -> str:
        """Give the address of the contract that holds the facilities, 0x hex. Raises PortError."""
        asked = facility_contract(self.node.act_as(self.principal).chain)
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(ANSWER_S)
