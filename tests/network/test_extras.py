"""An engine whose Python package is not installed says so, with the command that installs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from network.extras import EELS


@pytest.mark.parametrize(
    ("module", "opened", "command"),
    [
        ("ethereum", "network.obligations.embedded.circle", f"pip install --no-deps {EELS}"),
        ("grpc", "network.facts.fabric.ledger", "pip install 'wuxin[fabric]'"),
    ],
)
def test_an_engine_without_its_package_names_the_command(module: str, opened: str, command: str) -> None:
    code = f"""
import sys
sys.modules[{module!r}] = None
from network.ports import Unavailable
try:
    import {opened}
except Unavailable as said:
    print(said.detail, said.hint, sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert module in done.stdout.splitlines()[0]
    assert command in done.stdout.splitlines()[1]


def test_what_the_command_installs_is_what_is_tested_here() -> None:
    from importlib.metadata import version

    name, _, pinned = EELS.partition("==")
    assert version(name) == pinned
    for told in ("docs/operating/home.md", "pyproject.toml"):
        assert EELS in (Path(__file__).parents[2] / told).read_text("utf-8")
