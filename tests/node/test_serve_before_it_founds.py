"""`wuxin serve` refuses what it cannot do before it writes anything, and nobody meets half a home."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from network.bringup.supervisor import Lease
from network.ports import Rejected
from node.cli import main
from node.demo import founding
from node.demo.founding import found_whole
from node.machine.founding import require_founded
from node.machine.homes import endpoints
from node.machine.processes import LEASE_FILE, require_free, times
from wuxin_client.errors import Unavailable
from wuxin_evidence.errors import NamedError


def serve(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "node.cli.main", "serve", "--home", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_pace_that_does_not_exist_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    told = serve(tmp_path / "home", "--pace", "0", "--port", "0")
    assert told.returncode == 1 and "no profile for pace 0" in told.stderr and "1, 30, 60" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_a_conflict_and_nothing_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = serve(tmp_path / "home", "--port", str(port))
    assert told.returncode == 1
    assert told.stderr == f"conflict: port {port} is taken\n  take --port 0, which picks a free one, or another\n"
    assert list(tmp_path.iterdir()) == []
    require_free(port)


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_what_is_no_port_is_wrong_usage(tmp_path: Path, port: str) -> None:
    assert CliRunner().invoke(main.app, ["serve", "--port", port, "--home", str(tmp_path / "home")]).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_founding_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "deposits.json").write_text("[]")
    (tmp_path / "home" / "profile.json").write_text("{}")
    for home in ("home", "fresh"):
        if home == "fresh":
            monkeypatch.setattr(founding, "found_over", fail)
        with pytest.raises(NamedError):
            found_whole(tmp_path / home)
    assert {each.name for each in tmp_path.rglob("*")} == {"home", "deposits.json", "profile.json"}


def fail(home: Path) -> None:
    raise Rejected("unavailable", f"{home} cannot be founded")


def test_a_home_is_founded_whole_and_keeps_a_profile_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    own = founding.demo_product().profile().read_text().replace("warehouse-weight-1", "of-our-own")
    (home / "profile.json").write_text(own)
    found_whole(home)
    require_founded(home)
    assert (home / "profile.json").read_text() == own
    assert list(tmp_path.iterdir()) == [home]
    with pytest.raises(Rejected, match="conflict: another command founded"):
        found_whole(home)


@pytest.mark.parametrize("lost", ["profile.json", "ledger"])
def test_a_home_half_founded_is_named_with_what_to_do(home: Path, lost: str) -> None:
    shutil.rmtree(home / lost) if (home / lost).is_dir() else (home / lost).unlink()
    told = serve(home, "--port", "0", "--pace", "60")
    assert told.returncode == 1
    assert told.stderr.startswith(f"conflict: {home} is only half founded: {home}/{lost}")
    assert f"wuxin network found --home {home}" in told.stderr and "Traceback" not in told.stderr


def test_what_is_still_starting_is_not_taken_for_what_does_not_run(home: Path) -> None:
    with pytest.raises(Unavailable, match="nothing runs over"):
        endpoints(home)
    lease = Lease(home / LEASE_FILE)
    lease.take()
    try:
        with pytest.raises(Unavailable, match="is still starting") as refused:
            endpoints(home)
    finally:
        lease.release()
    assert "wait until" in refused.value.hint


def test_once_is_not_one_times() -> None:
    assert [times(count) for count in (1, 2)] == ["once", "2 times"]
