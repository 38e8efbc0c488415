"""The two wheels, built once from the files that git knows, as plain pip builds them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD_S = 120


def pip_of(python: str, folder: Path) -> list[str]:
    """The pip of a fresh environment of this interpreter."""
    subprocess.run([python, "-m", "venv", folder], check=True, timeout=BUILD_S)
    return [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]


def interpreter(version: str) -> str | None:
    """The newest interpreter of this version on PATH or under pyenv; a version manager's shim may refuse to run."""
    under_pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"), reverse=True)
    for each in (shutil.which(f"python{version}"), *map(str, under_pyenv)):
        if each and not subprocess.run([each, "-c", ""], check=False, capture_output=True).returncode:
            return each
    return None


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of wuxin and of wuxin-client."""
    folder = tmp_path_factory.mktemp("packaging")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0"):
        source, target = ROOT / name.decode(), folder / "source" / name.decode()
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    base = sys.executable if sys.prefix == sys.base_prefix else os.path.realpath(sys.executable)
    projects = [str(folder / "source"), str(folder / "source" / "client_sdk")]
    command = [*pip_of(base, folder / "pip"), "wheel", "--no-deps", "-w", str(folder / "wheels"), *projects]
    subprocess.run(command, check=True, timeout=BUILD_S)
    return folder / "wheels"
