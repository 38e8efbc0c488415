"""The supervisor against real processes: whatever is killed comes back once, and what is stopped stays away."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from network.bringup import supervisor
from network.bringup.supervisor import (
    Lease,
    Program,
    SupervisorError,
    await_ready,
    last_lines,
    ready_line,
    start,
    states,
    stop,
    supervisor_pid,
)
from network.bringup.supervisor.process import LOG_BYTES_MAX, bound
from network.bringup.supervisor.programs import LOG

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


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


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
from network.bringup.supervisor import process, run
run.GRACE_S = 0.2
process.main(pathlib.Path(sys.argv[1]))
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
    os.kill(parent_of(leader), signal.SIGKILL)
    os.kill(leader, signal.SIGKILL)
    until(lambda: not is_alive(pid))
    assert not states(home)["a"].running
    start(home, [program("a")])
    assert states(home)["a"].running


HOLDER = """
import sys, time
from pathlib import Path
from network.bringup.supervisor import Lease, Program, start
home = Path(sys.argv[1])
lease = Lease(home / "lease")
lease.take()
start(home, [Program("leased", ("sleep", "1000"), {}, home, home / "leased.log", lease=str(lease.path))])
print("up", flush=True)
time.sleep(1000)
"""


@contextmanager
def holder(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs a program in the foreground, once that program runs."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(home)], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None and command.stdout.readline() == b"up\n"
        try:
            yield command
        finally:
            command.kill()


def test_a_leased_program_ends_when_its_command_is_killed_and_the_others_go_on(
    home: Path, program: Callable[..., Program]
):
    start(home, [program("a")])
    with holder(home) as command:
        pid, kept = pid_of(home, "leased"), pid_of(home, "a")
        command.kill()
        until(lambda: not is_alive(pid))
    until(lambda: set(states(home)) == {"a"})
    assert pid_of(home, "a") == kept
    assert "leased is ended: the command that started it is gone" in (home / supervisor.FOLDER / LOG).read_text()


def test_a_leased_program_comes_back_while_its_command_lives(home: Path):
    with holder(home):
        first = pid_of(home, "leased")
        os.kill(first, signal.SIGKILL)
        until(lambda: states(home)["leased"].restarts == 1 and states(home)["leased"].running)
        assert pid_of(home, "leased") != first


def test_what_was_leased_is_not_started_again_where_command_and_supervisor_were_killed(
    home: Path, program: Callable[..., Program]
):
    with holder(home) as command:
        pid, leader = pid_of(home, "leased"), supervisor_pid(home)
        assert leader is not None
        command.kill()
        for each in (parent_of(leader), leader):
            os.kill(each, signal.SIGKILL)
        until(lambda: not is_alive(pid))
    start(home, [program("a")])
    assert set(states(home)) == {"a"}
    assert set(supervisor.listed(home)) == {"a"}


def test_one_command_at_a_time_holds_a_lease(home: Path):
    with holder(home) as command:
        with pytest.raises(SupervisorError) as refused:
            Lease(home / "lease").take()
        assert refused.value.code == "conflict"
        command.kill()
        command.wait()
    lease = Lease(home / "lease")
    lease.take()
    lease.release()


def test_it_tells_who_ended_how_and_how_often(home: Path, program: Callable[..., Program]):
    start(home, [program("a", "echo no such key >&2; exit 3")])
    until(lambda: states(home)["a"].restarts >= 2)
    state = states(home)["a"]
    assert state.ended == "exit status 3"
    assert 0 <= time.time() - state.ended_at < SOON_S
    assert last_lines(home / "a.log", 1) == ["no such key"]
    told = (home / supervisor.FOLDER / LOG).read_text()
    assert re.search(r"a ended by exit status 3 after 0 s, end 2; started again in 0.[12] s", told)


def test_a_signal_is_told_by_its_name(home: Path, program: Callable[..., Program]):
    start(home, [program("a")])
    os.kill(pid_of(home, "a"), signal.SIGKILL)
    until(lambda: states(home)["a"].ended == "SIGKILL")


def test_what_a_program_says_when_ready_is_read_from_its_newest_run(home: Path, program: Callable[..., Program]):
    script = """echo run >> runs; echo 'ready {"run": '$(wc -l < runs)'}'; sleep 1000"""
    start(home, [program("a", script)])
    assert await_ready(home, "a", SOON_S) == {"run": 1}
    os.kill(pid_of(home, "a"), signal.SIGKILL)
    until(lambda: ready_line(home, "a") == {"run": 2})


def test_a_program_that_ends_before_it_is_ready_is_named_with_its_last_words(
    home: Path, program: Callable[..., Program]
):
    start(home, [program("a", "echo the port is taken; exit 1")])
    with pytest.raises(SupervisorError) as refused:
        await_ready(home, "a", SOON_S)
    assert refused.value.code == "unavailable"
    assert refused.value.detail == "a did not start: the port is taken"
    assert str(home / "a.log") in refused.value.hint


def test_a_program_that_never_says_ready_is_given_up(home: Path, program: Callable[..., Program]):
    start(home, [program("a", "echo already here; sleep 1000")])
    with pytest.raises(SupervisorError):
        await_ready(home, "a", 0.3)


def test_control_characters_of_a_log_reach_no_terminal(home: Path):
    (home / "a.log").write_bytes(b"\x1b[2Jall is well\x07\n\n \n\xff\n")
    assert last_lines(home / "a.log", 2) == ["\\x1b[2Jall is well\\x07", "\ufffd"]
    assert last_lines(home / "none.log", 2) == []


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
    assert bound(log)
    assert not bound(log), "what is short stays"
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
