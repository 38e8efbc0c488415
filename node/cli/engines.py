"""Real engines under a home: bring them up, write down how they are reached, take them down.

Fabric's network and the chain's validators are each brought up by their own room, which is imported only then.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from network.connections import Connections
from network.consortium import Consortium
from network.homes import share

RealEngine = Literal["fabric", "evm"]
REAL_ENGINES: tuple[RealEngine, ...] = ("fabric", "evm")


def bring_up(home: Path, consortium: Consortium, engines: Collection[RealEngine]) -> Connections:
    """Start these engines, or leave them running; the connections are in every home afterwards. Raises PortError."""
    known = Connections.load(home)
    facts, chains = known.facts, dict(known.obligations)
    if "fabric" in engines:
        from network.fabric import network

        facts = network.up(home, consortium)
    if "evm" in engines:
        from network.evm import validators

        chains[consortium.circles[0].chain] = validators.up(home, consortium)
    connections = Connections(facts, chains)
    if not connections.embedded:
        connections.save(home)
        share(home, consortium)
    return connections


def take_down(home: Path, engines: Collection[RealEngine]) -> None:
    """Stop these engines; what they hold stays."""
    if "evm" in engines:
        from network.evm import validators

        validators.down(home)
    if "fabric" in engines:
        from network.fabric import network

        network.down(home)
