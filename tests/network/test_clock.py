"""Scenario time: one for all processes of a home, and never backwards."""

import time
from pathlib import Path

import pytest

from network.clock import ScenarioClock, SystemClock, open_clock, system_ms
from network.ports import Unavailable
from node.demo.founding import write_consortium
from node.demo.timeline import SCENARIO_START_MS


class Real:
    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def test_scenario_time_begins_where_the_consortium_says_and_runs_by_its_factor(tmp_path: Path) -> None:
    ScenarioClock.start(tmp_path, scenario_ms=5_000, factor=60, real_ms=1_000_000)
    real = Real(1_000_000)
    clock = ScenarioClock(tmp_path, real)
    assert clock.now_ms() == 5_000
    real.ms += 2_000
    assert clock.now_ms() == 125_000


def test_a_clock_that_runs_is_not_started_again(tmp_path: Path) -> None:
    ScenarioClock.start(tmp_path, 5_000, 1, real_ms=0)
    ScenarioClock.start(tmp_path, 9_000, 1, real_ms=0)
    assert ScenarioClock(tmp_path, Real(0)).now_ms() == 5_000


def test_another_factor_is_seen_by_an_open_clock_and_time_goes_on_from_where_it_was(tmp_path: Path) -> None:
    ScenarioClock.start(tmp_path, 5_000, 1)
    clock = ScenarioClock(tmp_path)
    before = clock.now_ms()
    ScenarioClock.set_factor(tmp_path, 1000)
    assert clock.factor() == 1000
    assert 0 <= clock.now_ms() - before < 60_000


def test_time_does_not_jump_when_the_factor_falls(tmp_path: Path) -> None:
    ScenarioClock.start(tmp_path, 5_000, 1000, real_ms=system_ms() - 10_000)
    clock = ScenarioClock(tmp_path)
    before = clock.now_ms()
    ScenarioClock.set_factor(tmp_path, 1)
    assert clock.now_ms() >= before


def test_held_time_stands_still_and_goes_on_from_there(tmp_path: Path) -> None:
    ScenarioClock.start(tmp_path, 5_000, 1000)
    clock = ScenarioClock(tmp_path)
    ScenarioClock.hold(tmp_path)
    held = clock.now_ms()
    time.sleep(0.02)
    assert clock.now_ms() == held
    ScenarioClock.resume(tmp_path)
    assert held <= clock.now_ms() < held + 60_000
    assert clock.factor() == 1


def test_a_clock_that_runs_is_not_resumed(tmp_path: Path) -> None:
    ScenarioClock.start(tmp_path, 5_000, 60)
    ScenarioClock.resume(tmp_path)
    assert ScenarioClock(tmp_path).factor() == 60


@pytest.mark.parametrize("factor", [0, -1, 10**6])
def test_a_factor_out_of_bounds_is_refused(tmp_path: Path, factor: int) -> None:
    ScenarioClock.start(tmp_path, 5_000, 1)
    with pytest.raises(ValueError, match="outside"):
        ScenarioClock.set_factor(tmp_path, factor)


def test_a_clock_without_its_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"clock\.json"):
        ScenarioClock(tmp_path).now_ms()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"segments": []}', '{"segments": [{"real_ms": 1}]}'])
def test_a_damaged_clock_is_unavailable(tmp_path: Path, content: str) -> None:
    ScenarioClock.start(tmp_path, 5_000, 1)
    (tmp_path / "run" / "clock.json").write_text(content)
    with pytest.raises(Unavailable):
        ScenarioClock(tmp_path).now_ms()
    with pytest.raises(Unavailable):
        ScenarioClock.set_factor(tmp_path, 2)


def test_the_consortium_file_names_the_clock(tmp_path: Path) -> None:
    demo = write_consortium(tmp_path / "scenario", start_ms=SCENARIO_START_MS)
    assert 0 <= open_clock(demo, tmp_path).now_ms() - demo.clock.start_ms < 60_000
    real = write_consortium(tmp_path / "real")
    assert isinstance(open_clock(real, tmp_path), SystemClock)
