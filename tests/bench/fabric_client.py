"""Our client as a load of its own process, as tests/bench/go/client is the Go one: so many register_slot, so many in
flight. It prints the same JSON object: {"seconds", "latencies_s", "failed"}.

    python -m tests.bench.fabric_client HOME --chaincode facts --prefix USCC/P- --in-flight 64 --transactions 600
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import uvloop

from network.clock import SystemClock
from network.facts.fabric.ledger import open_ledger
from network.membership.connections import Connections
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.ports import Ledger, PortError

ORGANISATION = "warehouse"


async def run(options: argparse.Namespace) -> dict[str, object]:
    consortium = Consortium.load(options.home)
    consortium = replace(consortium, facts=replace(consortium.facts, chaincode=options.chaincode))
    connection = Connections.load(options.home).facts
    assert connection is not None
    ledger = open_ledger(consortium, open_seat(options.home, ORGANISATION), SystemClock(), connection)
    latencies, failed = list[float](), Counter[str]()
    numbers = iter(range(options.transactions))
    started = time.perf_counter()
    callers = [_call(ledger, options.prefix, numbers, latencies, failed) for _ in range(options.in_flight)]
    await asyncio.gather(*callers)
    seconds = time.perf_counter() - started
    await ledger.aclose()
    return {"seconds": seconds, "latencies_s": latencies, "failed": failed}


async def _call(
    ledger: Ledger, prefix: str, numbers: Iterator[int], latencies: list[float], failed: Counter[str]
) -> None:
    for number in numbers:
        started = time.perf_counter()
        try:
            await ledger.submit("register_slot", {"slot_id": f"{prefix}{number}"})
        except PortError as error:
            failed[str(error)[:200]] += 1
        else:
            latencies.append(time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fabric_client")
    parser.add_argument("home", type=Path)
    parser.add_argument("--chaincode", default="facts")
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--transactions", type=int, default=100)
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
