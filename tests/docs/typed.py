"""Pages typed as they stand: the commands of their console blocks, and what each prints.

A `…` within a line stands for any text, a line of `…` alone for any lines. `wuxin serve … &` goes on in the background.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DONE = "-- done "
"""What the shell is told to print after each command, with the exit status."""


@dataclass
class Step:
    """One command, its continuation lines included, and the lines that it is said to print."""

    command: str
    prints: str


def steps(text: str) -> Iterator[Step]:
    """The commands of a page in their order."""
    for block in BLOCK.findall(text):
        for typed in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = typed.splitlines()
            length = 1
            while length < len(lines) and lines[length].startswith("> "):
                length += 1
            command = "\n".join([lines[0], *(line[2:] for line in lines[1:length])])
            yield Step(command, "\n".join(lines[length:]))


def matches(said: str, printed: str) -> bool:
    """Whether a command printed what the page says it prints."""
    pattern = "\n".join(".*" if line == "…" else re.escape(line).replace("…", "[^\n]*") for line in said.splitlines())
    return re.fullmatch(pattern, printed.rstrip("\n"), re.DOTALL) is not None


class Shell:
    """One bash in which all commands are typed, so that variables and jobs live on."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def type(self, command: str) -> tuple[str, int]:
        """Type a command; gives what it printed and its exit status."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        if command.startswith("wuxin serve") and command.endswith(" &"):
            command = command.removesuffix(" &") + " > serve.txt 2>&1 < /dev/null &"
        # The mark begins a line of its own, also after a command that ends in the middle of one.
        self._bash.stdin.write(f"{command}\nprintf '\\n{DONE}%s\\n' $?\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(DONE):
                return "".join(printed).removesuffix("\n"), int(line.removeprefix(DONE))
            printed.append(line)
        raise AssertionError(f"the shell ended at: {command}\n{''.join(printed)}")

    def close(self) -> None:
        """End everything that was started."""
        os.killpg(self._bash.pid, signal.SIGTERM)
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self._bash.stdin.close()
        self._bash.stdout.close()
        self._bash.wait(30)
