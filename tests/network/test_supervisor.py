"""The supervisor against real processes: whatever is killed comes back once, and what is stopped stays away."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from network.bringup import supervisor
from network.bringup.supervision import LOG_BYTES_MAX, _bound
from network.bringup.supervisor import Program, start, states, stop, supervisor_pid

SOON_S = 10.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop(tmp_path)


@pytest.fixture
def program(home: Path) -> Callable[..., Program]:
    def make(name: str, script: str = "sleep 1000", stop_signal: str = "SIGTERM") -> Program:
        marked = f"exec {script}" if script.startswith("sleep") else script
        return Program(name, ("/bin/sh", "-c", marked), {"WHO": name}, home, home / f"{name}.log", stop_signal)

    return make


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def pid_of(home: Path, name: str) -> int:
    pid = states(home)[name].pid
    assert pid is not None
    return pid


def is_alive(pid: int) -> bool:
    """Not even a zombie is left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_programs_run_detached_from_who_started_them(home: Path, program: Callable[..., Program]):
    start(home, [program("a"), program("b")])
    pids = {pid_of(home, name) for name in "ab"}
    assert len(pids) == 2
    assert {os.getsid(pid) for pid in pids} != {os.getsid(0)}
    assert b"WHO=a" in environment_of(pid_of(home, "a"))


def test_a_killed_program_comes_back(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    first = pid_of(home, "a")
    os.kill(first, signal.SIGKILL)
    until(lambda: states(home)["a"].restarts == 1 and states(home)["a"].running)
    assert pid_of(home, "a") != first


def test_the_back_off_grows_while_a_program_ends_at_once(home: Path, program: Callable[..., Program]):
    script = "date +%s%N >> starts"
    start(home, [program("a", script)])
    until(lambda: (home / "starts").exists() and len((home / "starts").read_text().split()) >= 4)
    times = [int(line) / 1e9 for line in (home / "starts").read_text().split()]
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert waits[0] >= 0.1
    assert waits[1] >= 0.2
    assert waits[2] >= 0.4


def test_a_program_that_cannot_start_says_why_in_its_log_and_hinders_no_other(
    home: Path, program: Callable[..., Program]
):
    missing = Program("missing", ("/nonexistent/program",), {}, home, home / "missing.log")
    start(home, [missing, program("a")])
    assert states(home)["a"].running
    assert not states(home)["missing"].running
    assert "/nonexistent/program" in missing.log.read_text()


def test_starting_again_changes_nothing(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    before = states(home), supervisor_pid(home)
    start(home, [program("a")])
    assert (states(home), supervisor_pid(home)) == before


def test_a_second_start_adds(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    before = pid_of(home, "a")
    start(home, [program("b")])
    assert pid_of(home, "a") == before
    assert states(home)["b"].running


def test_another_program_under_the_same_name_replaces_it(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    before = pid_of(home, "a")
    start(home, [program("a", "sleep 2000")])
    assert not is_alive(before)
    assert b"2000" in Path(f"/proc/{pid_of(home, 'a')}/cmdline").read_bytes()


def test_stopping_one_leaves_the_others(home: Path, program: Callable[..., Program]):
    start(home, [program("a"), program("b")])
    gone, kept = pid_of(home, "a"), pid_of(home, "b")
    stop(home, ["a"])
    assert not is_alive(gone)
    assert pid_of(home, "b") == kept
    assert set(states(home)) == {"b"}


def test_stopping_all_ends_the_supervisor_too(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    pid = supervisor_pid(home)
    assert pid is not None
    stop(home)
    until(lambda: not is_alive(pid))
    assert states(home) == {}
    assert supervisor_pid(home) is None


def test_a_program_gets_the_signal_that_it_asked_for(home: Path, program: Callable[..., Program]):
    script = "trap 'echo INT > told; exit' INT; while :; do sleep 0.05; done"
    start(home, [program("a", script, stop_signal="SIGINT")])
    until(lambda: b"while" in Path(f"/proc/{pid_of(home, 'a')}/cmdline").read_bytes())
    stop(home)
    assert (home / "told").read_text() == "INT\n"


def test_a_program_that_does_not_end_is_killed(home: Path):
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(1000)"
    stubborn = Program("a", (sys.executable, "-c", script), {}, home, home / "a.log")
    with supervisor.editing(home) as listed:
        listed["a"] = stubborn
    subprocess.run([sys.executable, "-c", SHORT_GRACE, str(home)], check=True)
    until(lambda: stubborn.log.exists() and stubborn.log.stat().st_size > 0)
    pid = pid_of(home, "a")
    begin = time.monotonic()
    stop(home)
    assert not is_alive(pid)
    assert time.monotonic() - begin < 5.0


SHORT_GRACE = """
import sys, pathlib
from network.bringup import supervision
supervision.GRACE_S = 0.2
supervision.main(pathlib.Path(sys.argv[1]))
"""


def test_a_killed_supervisor_leaves_no_double(home: Path, program: Callable[..., Program]):
    start(home, [program("a", f"sleep {1_000_000 + os.getpid()}")])
    before, pid = supervisor_pid(home), pid_of(home, "a")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: not is_alive(pid))
    until(lambda: supervisor_pid(home) not in (None, before) and states(home)["a"].running)
    assert running_with(str(1_000_000 + os.getpid())) == [pid_of(home, "a")]


def test_without_guardian_and_supervisor_nothing_runs_until_the_next_start(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    pid, leader = pid_of(home, "a"), supervisor_pid(home)
    assert leader is not None
    guardian = int(Path(f"/proc/{leader}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(guardian, signal.SIGKILL)
    os.kill(leader, signal.SIGKILL)
    until(lambda: not is_alive(pid))
    assert not states(home)["a"].running
    start(home, [program("a")])
    assert states(home)["a"].running


def test_two_starts_at_once_end_with_one_supervisor(home: Path, program: Callable[..., Program]):
    script = (
        "import sys; from pathlib import Path; from network.bringup.supervisor import Program, start; "
        "h = Path(sys.argv[1]); n = sys.argv[2]; start(h, [Program(n, ('sleep', '1000'), {}, h, h / (n + '.log'))])"
    )
    starters = [subprocess.Popen([sys.executable, "-c", script, str(home), name]) for name in "abcd"]
    assert [starter.wait(30) for starter in starters] == [0, 0, 0, 0]
    assert {name for name, state in states(home).items() if state.running} == set("abcd")


def test_a_log_is_bounded(home: Path):
    log = home / "a.log"
    log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    _bound(log)
    assert log.stat().st_size == 0
    assert (home / "a.log.1").stat().st_size == LOG_BYTES_MAX + 1


def test_what_runs_and_its_environment_are_closed_to_others(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    folder = home / supervisor.FOLDER
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "programs.json").stat().st_mode & 0o077 == 0


def test_a_relative_home_is_the_same_home(home: Path, program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home.parent)
    start(Path(home.name), [program("a")])
    assert states(home)["a"].running


def running_with(word: str) -> list[int]:
    """Processes with this word among their arguments."""
    found = subprocess.run(["pgrep", "-f", f"^sleep {word}"], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]
