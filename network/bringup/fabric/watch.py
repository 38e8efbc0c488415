"""Watches the orderers of a home, and has one started again that stands still while the others go on.

    every 5 s   height of each, at its operations listener ─▶ Watch.stuck ─▶ SIGKILL; its supervisor starts it again

After a change of leader an orderer of Fabric 3.1.1 can stay in the view before it for good: it answers, complains of a
leader that is none any more, and takes no block. Nobody notices, and the next fault is one too many. Started again it
fetches what it lacks within seconds. One that does not answer is not judged here: it is down, which is its supervisor's
matter, or somebody stopped it.

    python -m network.bringup.fabric.watch --home H --orderer orderer.bank=127.0.0.1:9443 …
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from network.bringup.fabric.operations import metrics_of
from network.bringup.supervisor import states

LOOK_EVERY_S = 5.0
STUCK_S = 30.0
"""A healthy orderer that was cut off, hung or started again has caught up within half of this."""
HEIGHT = "ledger_blockchain_height"


class Watch:
    """Since when each orderer has had the height that it has."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def stuck(self, heights: Mapping[str, int], now_s: float) -> list[str]:
        """Who has been behind another for STUCK_S without one new block; `heights` are of those that answer."""
        highest = max(heights.values(), default=0)
        since = {name: self._since.get(name, (height, now_s)) for name, height in heights.items()}
        self._since = {
            name: since[name] if since[name][0] == height < highest else (height, now_s)
            for name, height in heights.items()
        }
        found = [name for name, (_, since_s) in self._since.items() if now_s - since_s >= STUCK_S]
        for name in found:
            del self._since[name]
        return found


async def watch(home: Path, orderers: Mapping[str, str]) -> None:
    """Until it is ended; `orderers` are the operations listeners (`host:port`) by the name of the process."""
    watched, loop = Watch(), asyncio.get_running_loop()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        heights = dict(zip(orderers, await asyncio.gather(*map(_height, orderers.values())), strict=True))
        known = {name: height for name, height in heights.items() if height is not None}
        for name in watched.stuck(known, loop.time()):
            _start_again(home, name, f"has {known[name]} blocks, others {max(known.values())}")


async def _height(address: str) -> int | None:
    """The channel's; None where nobody answers or it has not joined."""
    metrics = await metrics_of(address)
    found = [] if metrics is None else [int(v) for name, v in metrics.samples.items() if name.startswith(HEIGHT)]
    return max(found, default=None)


def _start_again(home: Path, name: str, why: str) -> None:
    state = states(home).get(name)
    if state is None or state.pid is None:
        return
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {name} stands still: {why}; starting it again", flush=True)
    os.kill(state.pid, signal.SIGKILL)


def main() -> None:
    """Watch the orderers of a home until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m network.bringup.fabric.watch")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--orderer", action="append", required=True, metavar="PROCESS=HOST:PORT")
    options = parser.parse_args()
    asyncio.run(watch(options.home, dict(each.split("=", 1) for each in options.orderer)))


if __name__ == "__main__":
    main()
