"""Draws and attestations on four validators beside the embedded chain, and how long a loss takes to stop a draw.

The last rows begin when the committee's members have signed: from there the alarm is relayed to the obligations and to
the facts, as a node does it, and a draw is sent until it is mined as refused. `tests.bench.latency` has what comes
before, from the reading on.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from network.ports import TxResult
from tests.bench.rows import Row, Show, milliseconds
from tests.engines import BOTH, EMBEDDED, EVM, Ledgers, Networks, Pair
from tests.scenarios.ledger_story import LedgerStory, alarm, feed_arguments, record_arguments
from wuxin_evidence.ids import command_id

DRAWS, ATTESTATIONS, AT_ONCE = 40, 40, 8
SAMPLES = 10
ENGINES = "4 validators, 1 client, on one machine; embedded: in the client"
DURABILITY = "final once two thirds of the validators have committed it; embedded: fsync per block"

Act = Callable[[LedgerStory, int], Awaitable[TxResult]]


def measure(show: Show) -> list[Row]:
    with _networks() as networks:
        show("draws and attestations on the embedded chain")
        beside = asyncio.run(_rates(networks.founded(EMBEDDED)))
        show("the same on validators")
        real = asyncio.run(_rates(networks.founded(EVM)))
        rows = [
            Row(what, told, f"embedded chain: {beside[what]}", DURABILITY, ENGINES, "one facility, 2 of 3 signatures")
            for what, told in real.items()
        ]
        show("refused draws on both pairs of ledgers")
        return rows + [_row(pair, asyncio.run(_refusals(networks.founded(pair)))) for pair in (EMBEDDED, BOTH)]


@contextmanager
def _networks() -> Iterator[Networks]:
    with tempfile.TemporaryDirectory() as folder:
        networks = Networks(Path(folder))
        try:
            yield networks
        finally:
            networks.down()


async def _rates(ledgers: Ledgers) -> dict[str, str]:
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        await story.lend()
        return {
            "draws, one after the other": await _timed(story, _draw, DRAWS, 1),
            f"draws, {AT_ONCE} at once": await _timed(story, _draw, DRAWS, AT_ONCE),
            "attestations, one after the other": await _timed(story, _attest, ATTESTATIONS, 1),
        }


async def _timed(story: LedgerStory, act: Act, count: int, at_once: int) -> str:
    latencies: list[float] = []
    numbers = iter(range(count))

    async def call() -> None:
        for number in numbers:
            started = time.perf_counter()
            result = await act(story, number)
            if result.status != 1:
                raise RuntimeError(f"refused: {result.code} {result.detail}")
            latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(at_once)))
    return f"{count / (time.perf_counter() - started):.1f}/s, {milliseconds(latencies)}"


async def _draw(story: LedgerStory, number: int) -> TxResult:
    command = command_id("manufacturer", f"{story.run}/{time.monotonic_ns()}/{number}")
    chain = story.parties["manufacturer"].chain
    return await chain.transact("CreditFacility", "draw", [command, story.key, 1])


async def _attest(story: LedgerStory, number: int) -> TxResult:
    return await story.parties["bank"].chain.transact("AttestationFeed", "submit", feed_arguments(story.price()))


async def _refusals(ledgers: Ledgers) -> list[float]:
    """Seconds from the signed alarm to the refused draw, each on a facility of its own; the facts have it by then."""
    found: list[float] = []
    async with ledgers.everybody() as parties:
        for _ in range(SAMPLES):
            story = LedgerStory(ledgers, parties)
            await story.lend()
            signed = alarm(story)
            started = time.perf_counter()
            recorded = asyncio.create_task(
                parties["bank"].ledger.submit("record_attestation", record_arguments(signed, "slot", story.slot))
            )
            mined = await parties["bank"].chain.transact("AttestationFeed", "submit", feed_arguments(signed))
            refused = await _draw(story, 0)
            if (mined.status, refused.code) != (1, "facility_frozen"):
                raise RuntimeError(f"not refused: {mined} {refused}")
            await recorded
            found.append(time.perf_counter() - started)
    return found


def _row(pair: Pair, samples_s: list[float]) -> Row:
    real = pair == BOTH
    return Row(
        f"alarm signed → recorded on both ledgers and draw refused, {'Fabric and EVM' if real else 'embedded'}",
        milliseconds(samples_s),
        "aim: p99 ≤ 2 s" if real else "—",
        DURABILITY,
        "4 orderers, 5 peers, 4 validators" if real else "1",
        "alarm of 4 indicators, 2 of 3 signatures",
    )
