"""What is installed from the two wheels: complete, resolved by plain pip, and clear about what it does not bring."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from network.extras import EELS
from tests.packaging.conftest import ROOT, interpreter, pip_of

pytestmark = [pytest.mark.engine("index"), pytest.mark.timeout(420)]
RESOLVE_S = 240
PACKAGES = ("chaincode", "contracts", "network", "oracle", "node")


def files_of(wheels: Path, name: str) -> set[str]:
    (wheel,) = wheels.glob(f"{name}-[0-9]*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def known_to_git(*folders: str) -> set[str]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.splitlines()
    return {name for name in names if (ROOT / name).is_file() and not name.endswith(".gitignore")}


def test_the_wheel_of_the_node_holds_every_file_of_its_packages(wheels: Path) -> None:
    found = files_of(wheels, "wuxin")
    assert known_to_git(*PACKAGES) <= found
    for name in (
        "contracts/artifacts/CreditFacility.json",
        "contracts/pack-schema.json",
        "network/bringup/cosmos/tools/go.mod",
        "network/bringup/fabric/tools/go.sum",
        "node/demo/consortium.toml",
        "node/products/weighed-stock/product.toml",
        "node/products/weighed-stock/sample/NOTICE.md",
        *(f"{package}/py.typed" for package in PACKAGES),
    ):
        assert name in found, name


def test_the_wheel_of_the_sdk_holds_every_file_of_its_packages(wheels: Path) -> None:
    named = {
        name.removeprefix("client_sdk/")
        for name in known_to_git("client_sdk/wuxin_evidence", "client_sdk/wuxin_client")
    }
    found = files_of(wheels, "wuxin_client")
    assert named <= found
    assert {"wuxin_evidence/py.typed", "wuxin_client/py.typed"} <= found


def test_no_wheel_holds_tests_or_what_a_build_left_behind(wheels: Path) -> None:
    for name in files_of(wheels, "wuxin") | files_of(wheels, "wuxin_client"):
        assert name.split("/")[0] in {*PACKAGES, "wuxin_evidence", "wuxin_client"} or ".dist-info/" in name, name
        assert "node_modules" not in name, name
        assert "__pycache__" not in name, name


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_plain_pip_resolves_node_and_oracle(version: str, wheels: Path, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    command = [*pip_of(python, tmp_path / "env"), "install", "--dry-run", "--find-links", str(wheels)]
    done = subprocess.run(
        [*command, "wuxin[node,oracle]"], check=False, capture_output=True, text=True, timeout=RESOLVE_S
    )
    assert done.returncode == 0, done.stderr


def test_what_was_installed_serves_and_says_what_local_needs(wheels: Path, tmp_path: Path) -> None:
    """Without EELS nothing is founded, and the refusal is the command that installs it; with `local` pip resolves."""
    python = interpreter("3.13") or interpreter("3.11")
    assert python
    pip = pip_of(python, tmp_path / "env")
    subprocess.run([*pip, "install", "--find-links", str(wheels), "wuxin[node,oracle]"], check=True, timeout=RESOLVE_S)
    wuxin = str(tmp_path / "env" / "bin" / "wuxin")
    assert subprocess.run([wuxin, "verify", "--help"], check=False, capture_output=True, timeout=60).returncode == 0
    done = subprocess.run(
        [wuxin, "serve", "--home", tmp_path / "home"], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 4, done.stderr
    assert f"pip install --no-deps {EELS}" in " ".join(done.stderr.split())
    assert not (tmp_path / "home" / "ledger").exists()
    command = [*pip, "install", "--dry-run", "--find-links", str(wheels), "wuxin[node,oracle,local]"]
    resolved = subprocess.run(command, check=False, capture_output=True, text=True, timeout=RESOLVE_S)
    assert resolved.returncode == 0, resolved.stderr
