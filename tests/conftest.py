"""Which engines a test needs, and what to tell a reader whose machine lacks one.

A test marked `engine("mosquitto")` runs where that program is on PATH. Elsewhere it is skipped and the summary prints
the command that enables it; with CI=true a missing engine is a failure.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from network.bringup import tools
from tests.engines import ledgers

if TYPE_CHECKING:
    from tests.plays import Play

ENABLE = {
    "mosquitto": "apt-get install mosquitto",
    "openssl": "apt-get install openssl",
    "solc": "make contracts/node_modules/ready",
    "forge": "make contracts/node_modules/ready",
    "anvil": "make contracts/node_modules/ready",
    "fabric": ".venv/bin/wuxin engines build, which builds Fabric's commands and the validator once",
    "index": "CI=true, where a package index can be asked",
    "evm": ".venv/bin/wuxin engines build, which builds Fabric's commands and the validator once",
}
TOOLS = {"fabric": "peer", "evm": "evmd"}
"""The command by which one knows that the others were built with it."""
EXTRA_PATH = (
    "/usr/sbin",
    "contracts/node_modules/.bin",
)

os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *EXTRA_PATH])
_not_run: dict[str, int] = {}
__all__ = ["ledgers"]


def has_engine(name: str) -> bool:
    if name == "index":
        return os.environ.get("CI") == "true"
    if name in TOOLS:
        return shutil.which(TOOLS[name]) is not None or any(tools.cache().glob(f"*/{TOOLS[name]}"))
    return shutil.which("solcjs" if name == "solc" else name) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("engine"):
        name = mark.args[0]
        if has_engine(name):
            continue
        reason = f"{name} is not installed; enable with: {ENABLE[name]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        _not_run[name] = _not_run.get(name, 0) + 1
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, count in sorted(_not_run.items()):
        terminalreporter.write_line(f"not run: {count} tests of {name}; enable with: {ENABLE[name]}")


@pytest.fixture
def play(tmp_path: Path) -> "Iterator[Play]":
    """A whole consortium of its own for one test; takes some seconds to come up."""
    from tests.plays import consortium

    with consortium(tmp_path / "home") as whole:
        yield whole
