"""Reading published → draw refused, over everything and on both real ledgers: broker, three members, a node for each
organisation, four BFT orderers, five peers, four validators. As `tests.bench.latency`, for the patient borrower.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from node.cli.demo_story import Bin
from tests.bench.latency import lent, patient
from tests.bench.rows import Row, milliseconds

SAMPLES = 6
"""Each has a facility of its own; to lend on it takes some seconds on real ledgers, and its quantity goes stale."""


def measure() -> list[Row]:
    stories = [Bin(str(200 + n), receipt_t=39, draw_minor=100) for n in range(SAMPLES)]
    with tempfile.TemporaryDirectory() as folder, lent(Path(folder) / "home", stories, ("fabric", "evm")) as world:
        frozen, refused = zip(*(patient(world, story) for story in stories), strict=True)
    return [
        _row("reading published → line frozen (event seen), Fabric and EVM", frozen, "—"),
        _row("reading published → draw refused, Fabric and EVM", refused, "aim: p99 ≤ 2 s"),
    ]


def _row(measured: str, samples_s: tuple[float, ...], peer: str) -> Row:
    return Row(
        measured,
        milliseconds(samples_s),
        peer,
        "fsync per pack batch, lock, outbox entry, command; then the ledgers' own",
        "broker, 3 members, 6 nodes, 4 orderers, 5 peers, 4 validators",
        "pack of 1 reading, SM2; 2 of 3 signatures",
    )
