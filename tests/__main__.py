"""`python -m tests [pytest's options]`: every suite, in two lanes side by side.

    waits      suites over real networks and whole consortia, which mostly wait for blocks, leaders and windows
    computes   all other suites, which mostly use a core

Each test is in exactly one lane, and each lane is one pytest with a cache of its own. The second lane is printed when
the first has ended, so that no line of one stands in the other. The exit status is the worse of both; a lane without a
test has failed. `python -m tests --what-failed` runs what the last run saw fail once more, one test after the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

TESTS = Path(__file__).parent
CACHE = Path(".pytest_cache")
WAITS = ("tests/faults", "tests/network", "tests/scenarios", "tests/node/test_story_over_real_ledgers.py")
"""What brings networks up: only one lane does, because two that pick ports at one moment could pick the same."""
TESTS_FAILED = 1
"""pytest's exit status where tests ran and some failed; any other but 0 is no matter of single tests."""


def computes() -> list[str]:
    """Every folder of tests that is not among those that wait, and what is left out of these folders."""
    waiting = {path.split("/")[1] for path in WAITS if path.count("/") == 1}
    folders = sorted(each.parent.name for each in TESTS.glob("*/__init__.py"))
    files = [path for path in WAITS if path.endswith(".py")]
    return [*(f"tests/{name}" for name in folders if name not in waiting), *(f"--ignore={path}" for path in files)]


def start(lane: str, options: Sequence[str], output: IO[str] | None = None) -> subprocess.Popen[str]:
    """One pytest over a lane."""
    places = {"waits": WAITS, "computes": computes()}[lane]
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={CACHE / lane}", *options, *places]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT if output else None, text=True)


def run(options: Sequence[str]) -> int:
    """Run both lanes and print what they printed, one after the other."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
        lanes = {"waits": start("waits", options), "computes": start("computes", options, kept)}
        try:
            statuses = {name: each.wait() for name, each in lanes.items()}
        except BaseException:
            for each in lanes.values():
                each.terminate()
            raise
        kept.seek(0)
        print("\n== the lane that computes", flush=True)
        for line in kept:
            print(line, end="")
    CACHE.mkdir(exist_ok=True)
    (CACHE / "lanes.json").write_text(json.dumps(statuses), encoding="utf-8")
    print(f"both lanes: {time.monotonic() - began:.0f} s, exit statuses {statuses}", flush=True)
    return max(statuses.values(), key=abs)


def run_what_failed() -> int:
    """Run the failed tests of each lane alone. A lane that ended in any other way than with failed tests has failed."""
    statuses: dict[str, int] = json.loads((CACHE / "lanes.json").read_text("utf-8"))
    if any(status not in (0, TESTS_FAILED) for status in statuses.values()):
        print(f"a lane did not run to its end: {statuses}", file=sys.stderr)
        return 1
    failed = [lane for lane, status in statuses.items() if status == TESTS_FAILED]
    # Nothing selected is pytest's status 5, so that a lost cache cannot make a failed lane pass.
    again = [start(lane, ["--last-failed", "--last-failed-no-failures", "none"]).wait() for lane in failed]
    return max(again, key=abs) if again else 1


def main(arguments: Sequence[str]) -> int:
    """Run everything, or what failed."""
    os.chdir(TESTS.parent)
    return run_what_failed() if list(arguments) == ["--what-failed"] else run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
