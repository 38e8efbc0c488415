"""One story on two clocks: every interval of a paced one is divided by the pace, and its windows are as full."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from node.demo import timeline
from node.demo.timeline import LATE_SHARE, LEAD_S, PACE, SERIES_START_MS, Timeline, paced, scenario
from node.demo.world import DATA
from node.products import product
from oracle.profile import Profile
from oracle.sources.mapping import load_mapping
from oracle.sources.replay import packs_of
from oracle.sources.series import Due

STOCK = product("weighed-stock")
USUAL = Profile.load(STOCK.profile())
PACES = (30, PACE)
"""The demo's, and one for those who have much to attest in a window."""


@pytest.fixture(params=PACES)
def pace(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def quick(pace: int) -> Profile:
    return Profile.parse(STOCK.profile_at(pace))


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


def test_a_paced_profile_is_the_usual_one_but_for_its_times(pace: int, quick: Profile) -> None:
    times = {name: -(-USUAL.document[name] // pace) for name in ("window_s", "grace_s", "heartbeat_s", "clock_skew_s")}
    assert {**USUAL.document, **times, "name": f"warehouse-weight-1-pace-{pace}"} == quick.document
    assert quick.windows.window_s * pace == USUAL.windows.window_s, "windows are divided without a remainder"
    assert quick.hash != USUAL.hash


@pytest.mark.parametrize("share", [0, 0.07, 0.25, 0.27, 0.67, 0.97])
def test_a_paced_story_begins_on_the_grid_of_its_windows(clock: Hand, pace: int, quick: Profile, share: float) -> None:
    windows, window_ms = quick.windows, quick.windows.window_s * 1000
    clock.ms = asked_ms = windows.start_s(windows.index(clock.ms // 1000)) * 1000 + round(share * window_ms)
    story = paced(Path(), clock, windows, pace)
    assert story.at_ms(LEAD_S) == windows.start_s(windows.index(clock.ms // 1000)) * 1000
    assert 0 <= clock.ms - story.at_ms(LEAD_S) <= window_ms / LATE_SHARE
    assert clock.ms - asked_ms <= window_ms


@pytest.mark.parametrize("bin_number", ["6", "16"])
def test_every_pack_falls_into_the_same_window_at_any_pace(
    clock: Hand, pace: int, quick: Profile, bin_number: str
) -> None:
    def windows(of: Timeline, by: Profile) -> list[int]:
        first = by.windows.index(of.at_ms(LEAD_S) // 1000)
        return [by.windows.index(due.at_ms // 1000) - first for due in dues(bin_number, of)]

    usual, paced_one = scenario(Path(), clock), paced(Path(), clock, quick.windows, pace)
    assert windows(usual, USUAL) == windows(paced_one, quick)


def test_intervals_are_divided_and_never_shorter_than_they_should_be(clock: Hand) -> None:
    story = Timeline(Path(), clock, clock.ms, PACE)
    assert story.interval_s(3_600) == 60 and story.interval_s(1) == 1
    assert story.at_ms(PACE) - story.at_ms(0) == 1_000
    assert story.moved(SERIES_START_MS) == clock.ms


def test_time_passes_until_a_place_of_the_series(clock: Hand) -> None:
    story = Timeline(Path(), clock, clock.ms, PACE)
    story.pass_until(600)
    assert 0 <= clock.ms - story.at_ms(600) <= 1
    before = clock.ms
    story.pass_until(300)
    assert clock.ms == before, "what is over is not waited for"
