"""Real engines under a home: bring them up, write down how they are reached, take them down.

Fabric's network and the chains' validators are each brought up by their own room, which is imported only then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from network.bringup import supervisor, tools
from network.bringup.progress import Progress
from network.membership.connections import Connections
from network.membership.consortium import Consortium
from network.membership.homes import share

RealEngine = Literal["fabric", "evm"]
REAL_ENGINES: tuple[RealEngine, ...] = ("fabric", "evm")


def connected(home: Path) -> tuple[RealEngine, ...]:
    """The real engines that the home is connected to."""
    known = Connections.load(home)
    return ("fabric",) * (known.facts is not None) + ("evm",) * bool(known.obligations)


def bring_up(
    home: Path, consortium: Consortium, engines: Collection[RealEngine], tell: Callable[[str], None] = lambda _: None
) -> None:
    """Start these engines, or leave them running; the connections are in every home afterwards. Raises PortError."""
    if "fabric" in engines:
        from network.bringup.fabric import network

        with Progress("bringing up the facts") as progress:
            facts = network.up(home, consortium, show=progress.show)
        replace(Connections.load(home), facts=facts).save(home)
        tell(f"facts: {len(facts.peers)} peers, {len(facts.orderers)} orderers")
    if "evm" in engines:
        from network.bringup.cosmos import validators

        for circle in consortium.circles:
            with Progress(f"bringing up the obligations {circle.chain}"):
                chain = validators.up(home, consortium, chain=circle.chain)
            known = Connections.load(home)
            replace(known, obligations={**known.obligations, circle.chain: chain}).save(home)
            tell(f"obligations {circle.chain}: {len(chain.endpoints)} validators")
    share(home, consortium)


def take_down(home: Path, consortium: Consortium, engines: Collection[RealEngine]) -> None:
    """Stop these engines; what they hold stays."""
    if "evm" in engines:
        from network.bringup.cosmos import validators

        for circle in consortium.circles:
            validators.down(home, chain=circle.chain)
    if "fabric" in engines:
        from network.bringup.fabric import network

        network.down(home)


def build_engines() -> Iterator[str]:
    """Build the commands of both engines where they lack. Gives a line for each engine. Raises ToolError."""
    for kit in tools.kits():
        was_built = tools.is_built(kit)
        place = tools.provided(kit)
        names = ", ".join(sorted(kit.commands))
        found = "there already" if was_built else "built"
        yield f"{names}: " + ("on PATH" if place is None else f"{found}, in {place}")


def stop_everything(home: Path) -> None:
    """End every supervised process of a home, whichever engine it belongs to."""
    supervisor.stop(home)
