"""Progress of long work on standard error: one line that is written over, or plain lines where no terminal watches.

with Progress("building evmd") as progress:
    progress.show("120 packages compiled, at most 940")
─▶  building evmd: 120 packages compiled, at most 940 (74 s)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

PLAIN_EVERY_S = 10.0
"""A log gets a line this often: enough to see that the work goes on."""
OVERWRITE = "\r\x1b[K"


class Progress:
    """Shows how far one piece of work has come. `out` is standard error unless another stream is given."""

    def __init__(self, title: str, out: TextIO | None = None, now_s: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._out = out or sys.stderr
        self._now_s = now_s
        self._begin_s = now_s()
        self._shown_s = float("-inf")

    def __enter__(self) -> Progress:
        self.show("begins")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._write("done" if kind is None else "FAILED", last=True)

    def show(self, what: str) -> None:
        """Tell how far the work is; on a terminal at once, elsewhere every `PLAIN_EVERY_S` seconds."""
        if self._out.isatty() or self._now_s() - self._shown_s >= PLAIN_EVERY_S:
            self._write(what, last=False)

    def _write(self, what: str, *, last: bool) -> None:
        self._shown_s = self._now_s()
        line = f"{self._title}: {what} ({self._shown_s - self._begin_s:.0f} s)"
        if self._out.isatty():
            self._out.write(OVERWRITE + line + "\n" * last)
        else:
            self._out.write(line + "\n")
        self._out.flush()
