"""`make bench`: every figure that docs/benchmarks.md states, measured again. Name some to run only those.

Those on the real engines (`make bench-consortium`) run by their names only."""

import argparse
import importlib
from datetime import UTC, datetime

from tests.bench.rows import EMBEDDED, REAL, Row, keep, machine, table

BENCHMARKS = ("latency", "ingest", "facts", "chain", "collateral")
ON_REAL_LEDGERS = ("consortium_facts", "consortium_obligations", "consortium_latency")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    known = [*BENCHMARKS, *ON_REAL_LEDGERS, []]
    parser.add_argument("names", nargs="*", choices=known, help="all of the embedded ones if none is named")
    names = parser.parse_args().names or BENCHMARKS
    print(machine(), flush=True)
    rows: list[Row] = []
    for name in names:
        rows += importlib.import_module(f"tests.bench.{name}").measure()
        print(table(rows), flush=True)
    today = datetime.now(UTC).date().isoformat()
    if names == BENCHMARKS:
        keep(rows, today, EMBEDDED)
    if tuple(names) == ON_REAL_LEDGERS:
        keep(rows, today, REAL)


if __name__ == "__main__":
    main()
