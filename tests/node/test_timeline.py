"""One story on two clocks: every interval of a paced one is divided by the pace, and its windows are as full."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from node.cli import timeline
from node.cli.demo_world import DATA
from node.cli.timeline import LATE_SHARE, LEAD_S, PACE, PACED_PROFILE, SERIES_START_MS, Timeline, paced, scenario
from oracle.profile import Profile, shipped_profile
from oracle.replay import Due, load_mapping, packs_of

USUAL, QUICK = Profile.load(), shipped_profile(PACED_PROFILE)


@dataclass
class Hand:
    """A clock that whoever sleeps moves."""

    ms: int

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Hand:
    hand = Hand(1_795_000_000_000)
    monkeypatch.setattr(timeline.time, "sleep", hand.sleep)
    return hand


def dues(bin_number: str, of: Timeline) -> list[Due]:
    return packs_of(DATA / f"bin{bin_number}.csv", load_mapping(DATA / "bin.toml"), of.moved)


def test_the_paced_profile_is_the_usual_one_but_for_its_times() -> None:
    times = {"window_s": 30, "grace_s": 4, "heartbeat_s": 30, "clock_skew_s": 1}
    for name, seconds in times.items():
        assert seconds == -(-USUAL.document[name] // PACE), name
    assert {**USUAL.document, **times, "name": QUICK.name} == QUICK.document
    assert QUICK.hash != USUAL.hash


@pytest.mark.parametrize("into_window_s", [0, 1, 7, 8, 20, 29])
def test_a_paced_story_begins_on_the_grid_of_its_windows(clock: Hand, into_window_s: int) -> None:
    clock.ms = QUICK.windows.start_s(QUICK.windows.index(clock.ms // 1000)) * 1000 + into_window_s * 1000
    asked_ms = clock.ms
    story = paced(Path(), clock, QUICK.windows)
    assert story.at_ms(LEAD_S) == QUICK.windows.start_s(QUICK.windows.index(clock.ms // 1000)) * 1000
    late_ms = clock.ms - story.at_ms(LEAD_S)
    assert 0 <= late_ms <= QUICK.windows.window_s * 1000 / LATE_SHARE
    assert clock.ms - asked_ms <= QUICK.windows.window_s * 1000


@pytest.mark.parametrize("bin_number", ["6", "16"])
def test_every_pack_falls_into_the_same_window_at_either_pace(clock: Hand, bin_number: str) -> None:
    def windows(of: Timeline, by: Profile) -> list[int]:
        first = by.windows.index(of.at_ms(LEAD_S) // 1000)
        return [by.windows.index(due.at_ms // 1000) - first for due in dues(bin_number, of)]

    usual, quick = scenario(Path(), clock), paced(Path(), clock, QUICK.windows)
    assert windows(usual, USUAL) == windows(quick, QUICK)


def test_intervals_are_divided_and_never_shorter_than_they_should_be(clock: Hand) -> None:
    story = Timeline(Path(), clock, clock.ms, PACE)
    assert story.interval_s(3_600) == 120 and story.interval_s(1) == 1
    assert story.at_ms(PACE) - story.at_ms(0) == 1_000
    assert story.moved(SERIES_START_MS) == clock.ms


def test_time_passes_until_a_place_of_the_series(clock: Hand) -> None:
    story = Timeline(Path(), clock, clock.ms, PACE)
    story.pass_until(600)
    assert 0 <= clock.ms - story.at_ms(600) <= 1
    before = clock.ms
    story.pass_until(300)
    assert clock.ms == before, "what is over is not waited for"
