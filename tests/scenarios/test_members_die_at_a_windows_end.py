"""kill -9 of all oracle members just when a window has closed: they are started again, and no window is missing."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.demo.stock import Stock
from tests.plays import Play, consortium, until

WINDOW_MS = 15_000
"""Of the paced profile; windows are cut at whole multiples of it."""
AFTER_MS = 200
"""The window is closed and not attested yet: members wait for what is late."""
LOOK_S = 90.0


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with consortium(tmp_path / "home", paced=True) as whole:
        yield whole


def test_a_window_that_closes_while_every_member_is_killed_is_attested_when_they_are_back(play: Play) -> None:
    stock = Stock("6", receipt_t=60, draw_minor=1_000_000)
    play.organisations.enrol(stock)
    play.world.replay(stock)
    until(lambda: play.attested(stock), "a first window", timeout_s=LOOK_S)
    time.sleep((WINDOW_MS - play.now_ms % WINDOW_MS + AFTER_MS) / 1000)
    closed_s = play.now_ms // WINDOW_MS * WINDOW_MS // 1000
    before = {name: pid for name, pid in play.world.processes.pids.items() if name.startswith("oracle-")}
    assert len(before) == 3
    assert closed_s not in {each.window_end for each in play.attested(stock)}, "it was attested: nothing is shown"
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: closed_s in {each.window_end for each in play.attested(stock)}, "the window", timeout_s=LOOK_S)
    until(lambda: closed_s + 15 in {each.window_end for each in play.attested(stock)}, "the next", timeout_s=LOOK_S)
    ends = sorted(each.window_end for each in play.attested(stock))
    assert ends == list(range(ends[0], ends[-1] + 1, WINDOW_MS // 1000)), "a window is missing"
    after = play.world.processes.states
    assert {name: after[name].ended for name in before} == dict.fromkeys(before, "SIGKILL")
    assert not set(before.values()) & set(play.world.processes.pids.values())
