"""`make bench`: every figure that docs/benchmarks.md states, measured again. Name some to run only those.

`consortium` (`make bench-consortium`) runs on the real engines and by its name only."""

import argparse
import importlib
from datetime import UTC, datetime

from tests.bench.rows import Row, keep, machine, table

BENCHMARKS = ("latency", "ingest", "facts", "chain", "collateral")
REAL = ("consortium",)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, *REAL, []], help="all of them if none is named")
    names = parser.parse_args().names or BENCHMARKS
    print(machine(), flush=True)
    rows: list[Row] = []
    for name in names:
        rows += importlib.import_module(f"tests.bench.{name}").measure()
        print(table(rows), flush=True)
    if names == BENCHMARKS:
        keep(rows, datetime.now(UTC).date().isoformat())


if __name__ == "__main__":
    main()
