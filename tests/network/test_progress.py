"""Progress of long work: one line where a terminal watches, few plain ones where a log does."""

import io

import pytest

from network.bringup.progress import PLAIN_EVERY_S, Progress


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
    with Progress("building", out, now_s) as progress:
        now_s.s = 3.0
        progress.show("2 of 9")
    assert (
        out.getvalue() == "\r\x1b[Kbuilding: begins (0 s)\r\x1b[Kbuilding: 2 of 9 (3 s)\r\x1b[Kbuilding: done (3 s)\n"
    )


def test_in_a_log_there_are_few_lines_and_no_control_characters():
    out, now_s = io.StringIO(), Watch()
    with Progress("building", out, now_s) as progress:
        for _ in range(25):
            now_s.s += 1.0
            progress.show(f"{now_s.s:.0f} of 25")
    lines = out.getvalue().splitlines()
    assert lines == [
        "building: begins (0 s)",
        f"building: {PLAIN_EVERY_S:.0f} of 25 (10 s)",
        "building: 20 of 25 (20 s)",
        "building: done (25 s)",
    ]
    assert not set(out.getvalue()) & {"\r", "\x1b"}


def test_work_that_failed_is_not_told_as_done():
    out = io.StringIO()
    with pytest.raises(OSError), Progress("building", out):
        raise OSError
    assert "building: FAILED" in out.getvalue()
    assert "done" not in out.getvalue()
