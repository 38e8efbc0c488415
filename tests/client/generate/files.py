"""All generated files of the SDK as text, formatted as the house formats its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from network.membership.seats import create_home
from node.app import create_app
from node.demo.founding import write_consortium
from tests.client.generate.derive import derived
from tests.client.generate.document import Api
from tests.client.generate.models import model_files
from tests.client.generate.page import with_table
from tests.client.generate.routes import route_files

ROOT = Path(__file__).parents[3]
SDK = ROOT / "client_sdk" / "wuxin_client"
PAGE = "docs/reference/sdk.md"
WRITTEN = ("aio/client.py", "aio/core.py", "aio/follower.py", "aio/sender.py", "aio/__init__.py")
"""Written by hand; their twins in `sync/` are derived."""


def document_of(folder: Path) -> dict[str, Any]:
    """The description that a node of this version gives; needs a folder for a home that nobody founds."""
    create_home(folder, write_consortium(folder))
    return create_app(folder).openapi()


def generated(document: dict[str, Any]) -> dict[str, str]:
    """Name to text of every file that is generated or derived; names are paths below `wuxin_client`, or `PAGE`."""
    api = Api.read(document)
    files = {**model_files(api), **route_files(api)}
    awaiting = {name: text for name, text in files.items() if name.startswith("aio/")}
    for name in WRITTEN:
        awaiting[name] = (SDK / name).read_text("utf-8")
    made = _formatted(files | dict(derived(name, text) for name, text in awaiting.items()))
    return made | {PAGE: with_table(api, path_of(PAGE).read_text("utf-8"))}


def path_of(name: str) -> Path:
    """Where a generated file is."""
    return (ROOT if name == PAGE else SDK) / name


def present() -> dict[str, str]:
    """The generated files as they are."""
    paths = [path for folder in ("models", "aio/routes", "sync") for path in (SDK / folder).rglob("*.py")]
    found = {str(path.relative_to(SDK)): path.read_text("utf-8") for path in paths}
    return found | {PAGE: path_of(PAGE).read_text("utf-8")}


def _formatted(files: dict[str, str]) -> dict[str, str]:
    """Sorted imports without those that are not used, and the layout of `ruff format`."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        ruff = [str(Path(sys.executable).with_name("ruff"))]
        config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
        fixes = ["--fix", "--unsafe-fixes", "--select", "F401,I,RUF022,UP028"]
        subprocess.run([*ruff, "check", "-q", *fixes, *config, folder], check=True)
        subprocess.run([*ruff, "format", "-q", *config, folder], check=True)
        return {name: Path(folder, name).read_text("utf-8") for name in files}
