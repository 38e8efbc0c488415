"""All that the API offers, in the order of its pages; who may call an operation stands with it."""

from __future__ import annotations

from node.api import attestations, events, facilities, facts, network, transactions
from node.api.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *facts.OPERATIONS,
    *facilities.OPERATIONS,
    *attestations.OPERATIONS,
    *transactions.OPERATIONS,
    *events.OPERATIONS,
    *network.OPERATIONS,
)
BY_NAME = {each.name: each for each in OPERATIONS}
