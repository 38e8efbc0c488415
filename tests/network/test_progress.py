"""Progress of long work: one line where a terminal watches, few plain ones where a log does."""

import io
import time

import pytest

from network.bringup.progress import PLAIN_EVERY_S, Progress

NEVER_S = 3600.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Watch:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_on_a_terminal_one_line_is_written_over_and_ends_with_a_new_one():
    out, now_s = Terminal(), Watch()
    with Progress("building", out, now_s, NEVER_S) as progress:
        now_s.s = 3.0
        progress.show("2 of 9")
    assert (
        out.getvalue() == "\r\x1b[Kbuilding: begins (0 s)\r\x1b[Kbuilding: 2 of 9 (3 s)\r\x1b[Kbuilding: done (3 s)\n"
    )


def test_in_a_log_there_are_few_lines_and_no_control_characters():
    out, now_s = io.StringIO(), Watch()
    with Progress("building", out, now_s, NEVER_S) as progress:
        for _ in range(13):
            now_s.s += 1.0
            progress.show(f"{now_s.s:.0f} of 13")
    lines = out.getvalue().splitlines()
    assert lines == [
        "building: begins (0 s)",
        f"building: {PLAIN_EVERY_S:.0f} of 13 (5 s)",
        "building: 10 of 13 (10 s)",
        "building: done (13 s)",
    ]
    assert not set(out.getvalue()) & {"\r", "\x1b"}


def test_work_that_says_nothing_shows_that_it_goes_on():
    out = Terminal()
    with Progress("waiting", out, beat_s=0.01) as progress:
        progress.show("for the orderers")
        deadline = time.monotonic() + 10
        while out.getvalue().count("for the orderers") < 3:
            assert time.monotonic() < deadline, "the line stands still"
            time.sleep(0.01)
    ended = out.getvalue()
    time.sleep(0.05)
    assert out.getvalue() == ended, "the line moves after the work has ended"


def test_a_log_hears_of_silent_work_within_five_seconds():
    out, now_s = io.StringIO(), Watch()
    with Progress("waiting", out, now_s, beat_s=0.01):
        now_s.s = 5.0
        deadline = time.monotonic() + 10
        while "waiting: begins (5 s)" not in out.getvalue():
            assert time.monotonic() < deadline, "nothing was said"
            time.sleep(0.01)


def test_work_that_failed_is_not_told_as_done():
    out = io.StringIO()
    with pytest.raises(OSError), Progress("building", out):
        raise OSError
    assert "building: FAILED" in out.getvalue()
    assert "done" not in out.getvalue()
