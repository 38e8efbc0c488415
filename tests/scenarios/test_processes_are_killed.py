"""kill -9 of what `wuxin serve` runs, and of `serve` itself: processes come back or are gone, and it is told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from network.bringup import supervisor
from node.machine.homes import endpoints
from node.machine.network import processes
from tests.plays import until, wuxin

UP_S, DOWN_S, SOON_S = 60.0, 30.0, 20.0
NAMES = {"broker", "node", "oracle-bank", "oracle-insurer", "oracle-inspector"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("killed") / "home"
    yield folder
    supervisor.stop(folder)


def said(home: Path) -> Path:
    """What `wuxin serve` says on standard error."""
    return home.parent / "said"


@contextmanager
def serve(home: Path) -> Iterator[subprocess.Popen[str]]:
    """`wuxin serve` with everything ready; a user's ctrl-c ends it."""
    (home / "run" / "endpoints.json").unlink(missing_ok=True)  # where the one before was killed
    command = [sys.executable, "-m", "node.cli.main", "serve", "--home", str(home), "--port", "0"]
    with (
        said(home).open("w") as complaints,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaints, text=True) as process,
    ):
        try:
            until((home / "run" / "endpoints.json").exists, "endpoints.json", timeout_s=UP_S)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(DOWN_S)


def findings(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in wuxin("doctor", "--json", "--home", home).stdout.splitlines()]


def running(home: Path) -> dict[str, int]:
    return {each.name: each.pid for each in processes(home) if each.pid is not None}


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_broker_and_a_killed_member_are_back_within_seconds_where_they_were(home: Path) -> None:
    with serve(home):
        before, told = running(home), endpoints(home)
        assert set(before) == NAMES
        killed = {name: before[name] for name in ("broker", "oracle-insurer", "node")}
        for pid in killed.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: set(killed.values()).isdisjoint(running(home).values()), "their ends", timeout_s=SOON_S)
        until(lambda: set(running(home)) == NAMES, "all of them", timeout_s=SOON_S)
        back = running(home)
        assert back["oracle-bank"] == before["oracle-bank"]
        until(lambda: endpoints(home)["pids"] == running(home), "the new process ids", timeout_s=SOON_S)
        assert endpoints(home) | {"pids": {}} == told | {"pids": {}}, "what came back is found where it was"
        until(lambda: answers(told["api"]), "the node", timeout_s=SOON_S)
        until(lambda: wuxin("doctor", "--home", home).returncode == 0, "a clean bill", timeout_s=SOON_S)
    told_at_the_terminal = said(home).read_text()
    assert "broker ended by SIGKILL, once so far; it is started again" in told_at_the_terminal
    assert "oracle-insurer ended by SIGKILL" in told_at_the_terminal
    assert not [pid for pid in (*back.values(), *before.values()) if is_alive(pid)], "ctrl-c left a process"


def answers(api: str) -> bool:
    try:
        return httpx.get(api + "/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_the_doctor_says_what_does_not_run_while_it_does_not(home: Path) -> None:
    with serve(home):
        while pid := running(home).get("oracle-bank"):  # each kill makes the supervisor wait longer
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: running(home).get("oracle-bank") != pid, "its end")
            if waits_s(home, "oracle-bank") > 9:
                break
            until(lambda: "oracle-bank" in running(home), "the next start")
        bad = [each for each in findings(home) if not each["good"]]
        assert [each["what"] for each in bad if "oracle-bank does not run: ended by SIGKILL" in each["what"]], bad
        assert not [each for each in bad if "oracle-insurer" in each["what"]]
        assert str(home / "run" / "oracle-bank.log") in json.dumps(bad)


def waits_s(home: Path, name: str) -> float:
    """How long the supervisor said that it waits before the newest start of this program."""
    lines = (home / supervisor.FOLDER / "supervisor.log").read_text().splitlines()
    return float(next(line for line in reversed(lines) if f" {name} ended by" in line).split()[-2])


def test_a_killed_serve_leaves_nothing_running(home: Path) -> None:
    with serve(home) as process:
        left = running(home)
        assert set(left) == NAMES
        process.kill()
        until(lambda: not [pid for pid in left.values() if is_alive(pid)], "the end of all", timeout_s=SOON_S)
    assert processes(home) == []
    assert supervisor.supervisor_pid(home) is None
    told = json.dumps(findings(home))
    assert "was killed" in told and f"wuxin serve --home {home}" in told


def test_a_second_serve_over_the_same_home_is_refused_and_harms_nothing(home: Path) -> None:
    with serve(home):
        before = running(home)
        second = wuxin("serve", "--home", home, "--port", "0")
        assert second.returncode == 1
        assert second.stderr.startswith("conflict: another command runs the processes of")
        assert wuxin("demo", "--home", home).returncode == 1, "nor does a demo empty the home"
        assert running(home) == before
        assert (home / "run" / "endpoints.json").exists()
