"""Vectors: the same inputs for the Solidity and for its mirror in Python, made by a seed.

    python -m tests.contracts.vectors            write contracts/forge/vectors/*.bin, which forge reads
    python -m tests.contracts.vectors --record   and their digests into contracts/forge/vectors.sha256

The outputs in the files are the mirror's. So forge compares the Solidity with the mirror, and pytest compares the
digests with the committed ones: a change of either implementation is found by the other, a change of both alike by
the digests. The files are not committed (8 MB); the seed gives them again, the same on every Python.

A file is rows of 32-byte words, big-endian, negative numbers in two's complement; a row is one vector: inputs, then
outputs, in the order that `facility_vectors`, `reversal_vectors` and `contracts/forge/Vectors.t.sol` give them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.contracts.dice import Dice, Row
from tests.contracts.facility_vectors import facilities, interest, limit
from tests.contracts.reversal_vectors import reversals

FORGE = Path(__file__).parents[2] / "contracts" / "forge"
FOLDER = FORGE / "vectors"
DIGESTS = FORGE / "vectors.sha256"


FAMILIES: Mapping[str, Callable[[Dice], Iterator[Row]]] = {
    "interest": interest,
    "limit": limit,
    "facilities": facilities,
    "reversals": reversals,
}
"""File name to what fills it: 5,000 + 3,000 + 1,000 + 1,000 vectors."""


@cache
def generate() -> Mapping[str, list[Row]]:
    """All vectors by family; made once, which takes a second."""
    return {name: list(make(Dice(name))) for name, make in FAMILIES.items()}


def encode(rows: Sequence[Row]) -> bytes:
    """Rows as 32-byte words."""
    return b"".join((number % 2**256).to_bytes(32, "big") for row in rows for number in row)


def files() -> dict[str, bytes]:
    """File name to bytes."""
    return {f"{name}.bin": encode(rows) for name, rows in generate().items()}


def listing(made: Mapping[str, bytes]) -> str:
    """Digests as `sha256sum --check` reads them, from within contracts/forge."""
    return "".join(f"{hashlib.sha256(raw).hexdigest()}  vectors/{name}\n" for name, raw in made.items())


def write(made: Mapping[str, bytes]) -> None:
    """The files that forge reads."""
    FOLDER.mkdir(exist_ok=True)
    for name, raw in made.items():
        (FOLDER / name).write_bytes(raw)


def main() -> int:
    """Write the files; exit status 1 when their digests are not the committed ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.vectors")
    parser.add_argument("--record", action="store_true", help="also write the digests, after a wanted change")
    made = files()
    write(made)
    if parser.parse_args().record:
        DIGESTS.write_text(listing(made), "utf-8")
    agrees = DIGESTS.read_text("utf-8") == listing(made)
    print("written; the digests " + ("agree" if agrees else "differ from contracts/forge/vectors.sha256"))
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
