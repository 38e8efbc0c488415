"""The embedded ledger of facts: slots registered per second, and what bounds them.

Every transaction is simulated and signed by five endorsers (three are needed), ordered, validated and fsynced. The
limit beside it is the same number of P-256 signatures and verifications on one core, with nothing else.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from network.clock import SystemClock
from network.facts.embedded.ledger import open_ledger
from network.membership.seats import open_seat
from network.ports import Ledger
from node.demo.founding import found
from tests.bench.rows import Row, Show, milliseconds

TRANSACTIONS = 400
IN_FLIGHT = (1, 64)
SIGNATURES, VERIFICATIONS = 7, 6
"""Per transaction: proposal, five endorsements, envelope; the committer checks the creator and five endorsements."""


def measure(show: Show) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        consortium = found(home)
        warehouse = consortium.organisation("warehouse")
        rows: list[Row] = []
        for in_flight in IN_FLIGHT:
            show(f"{in_flight} in flight")
            rate, latencies = asyncio.run(_run(home, warehouse.uscc, in_flight))
            rows.append(
                Row(
                    f"embedded facts, {in_flight} in flight",
                    f"{rate:.0f} tx/s, {milliseconds(latencies)}",
                    f"signing and verifying alone: {_signature_bound():.0f} tx/s on one core",
                    "block, state and history in one fsync",
                    "1, with 5 endorsers",
                    "register_slot, 3 of 5",
                )
            )
    return rows


async def _run(home: Path, uscc: str, in_flight: int) -> tuple[float, list[float]]:
    from network.membership.consortium import Consortium

    consortium = Consortium.load(home)
    ledger = open_ledger(home, consortium, open_seat(home, "warehouse"), SystemClock())
    latencies: list[float] = []
    numbers = iter(range(TRANSACTIONS))
    started = time.perf_counter()
    workers = [_worker(ledger, f"{uscc}/W{in_flight}-", numbers, latencies) for _ in range(in_flight)]
    await asyncio.gather(*workers)
    elapsed = time.perf_counter() - started
    await ledger.aclose()
    return TRANSACTIONS / elapsed, latencies


async def _worker(ledger: Ledger, prefix: str, numbers: Iterator[int], latencies: list[float]) -> None:
    for number in numbers:
        started = time.perf_counter()
        await ledger.submit("register_slot", {"slot_id": f"{prefix}{number}"})
        latencies.append(time.perf_counter() - started)


def _signature_bound() -> float:
    key, message, algorithm = ec.generate_private_key(ec.SECP256R1()), b"x" * 1000, ec.ECDSA(hashes.SHA256())
    signature = key.sign(message, algorithm)
    rounds = 100
    started = time.perf_counter()
    for _ in range(rounds):
        for _ in range(SIGNATURES):
            key.sign(message, algorithm)
        for _ in range(VERIFICATIONS):
            key.public_key().verify(signature, message, algorithm)
    return rounds / (time.perf_counter() - started)
