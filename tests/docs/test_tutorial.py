"""The tutorial, typed as it stands: every command of its console blocks, and what each prints."""

from pathlib import Path

import pytest

from tests.docs.pages import read
from tests.docs.typed import Shell, matches, steps

SECONDS_MAX = 230


@pytest.mark.timeout(SECONDS_MAX)
def test_the_tutorial_is_what_happens(tmp_path: Path):
    shell = Shell(tmp_path)
    try:
        for step in steps(read("tutorial.md")):
            printed, status = shell.type(step.command)
            assert matches(step.prints, printed), f"$ {step.command}\n{printed}"
            if step.command.startswith("wuxin") and not step.prints.startswith("facility_frozen"):
                assert status == 0, f"$ {step.command}\n{printed}"
    finally:
        shell.close()


@pytest.mark.parametrize(
    ("said", "printed", "answer"),
    [
        ("a … c", "a b c\n", True),
        ("a … c", "a b d\n", False),
        ("{\n…\n}", "{\n1\n2\n}\n", True),
        ("", "Traceback\n", False),
        ("", "", True),
    ],
)
def test_what_is_printed_is_compared(said: str, printed: str, answer: bool):
    assert matches(said, printed) == answer
