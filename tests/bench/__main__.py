"""`make bench`: every figure that docs/benchmarks.md states, measured again. Name some to run only those.

Those on the real engines (`make bench-consortium`) run by their names only. A part whose engine is not installed is
left out and named, with the command that enables it; a part that fails is named too, and the exit status is then 1.
"""

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from network.bringup.progress import Progress
from tests.bench.rows import EMBEDDED, REAL, LeftOut, Row, keep, machine, table

BENCHMARKS = ("latency", "ingest", "facts", "chain", "collateral")
ON_REAL_LEDGERS = ("consortium_facts", "consortium_obligations", "consortium_latency")


def run(names: Sequence[str]) -> tuple[list[Row], list[str], bool]:
    """Measure each part. Gives the rows, a line for each part without rows, and whether a part failed."""
    rows: list[Row] = []
    left_out: list[str] = []
    failed = False
    for name in names:
        try:
            with Progress(f"bench {name}") as progress:
                rows += importlib.import_module(f"tests.bench.{name}").measure(progress.show)
        except LeftOut as missing:
            left_out.append(f"{name}: needs {missing.engine}; enable with: {missing.enable}")
        except Exception as error:  # noqa: BLE001 -- the other parts are measured all the same, and this one is named
            traceback.print_exc()
            left_out.append(f"{name}: failed: {error!r}")
            failed = True
        print(table(rows, left_out), flush=True)
    return rows, left_out, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and keep the result of a whole run in docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    known = [*BENCHMARKS, *ON_REAL_LEDGERS, []]
    parser.add_argument("names", nargs="*", choices=known, help="all of the embedded ones if none is named")
    names = tuple(parser.parse_args(arguments).names) or BENCHMARKS
    print(machine(), flush=True)
    rows, left_out, failed = run(names)
    today = datetime.now(UTC).date().isoformat()
    for whole, place in ((BENCHMARKS, EMBEDDED), (ON_REAL_LEDGERS, REAL)):
        if names == whole and rows:
            keep(rows, today, place, left_out)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
