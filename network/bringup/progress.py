"""Progress of long work on standard error: one line that is written over, or plain lines where no terminal watches.

with Progress("building evmd") as progress:
    progress.show("120 packages compiled, at most 940")
─▶  building evmd: 120 packages compiled, at most 940 (74 s)

The line repeats by itself, with the seconds that have gone by: work that waits for another program has nothing to say.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

PLAIN_EVERY_S = 5.0
"""A log gets a line this often: after a longer silence people look for what hangs."""
BEAT_S = 1.0
"""A terminal sees the seconds count."""
OVERWRITE = "\r\x1b[K"


class Progress:
    """Shows how far one piece of work has come. `out` is standard error unless another stream is given."""

    def __init__(
        self,
        title: str,
        out: TextIO | None = None,
        now_s: Callable[[], float] = time.monotonic,
        beat_s: float = BEAT_S,
    ) -> None:
        self._title = title
        self._out = out or sys.stderr
        self._now_s = now_s
        self._begin_s = now_s()
        self._shown_s = float("-inf")
        self._what = "begins"
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._repeat, args=(beat_s,), daemon=True)

    def __enter__(self) -> Progress:
        self.show(self._what)
        self._beat.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended.set()
        self._beat.join()
        self._write("done" if kind is None else "FAILED", last=True)

    def show(self, what: str) -> None:
        """Tell how far the work is; on a terminal at once, elsewhere every `PLAIN_EVERY_S` seconds."""
        with self._lock:
            self._what = what
            if self._out.isatty() or self._now_s() - self._shown_s >= PLAIN_EVERY_S:
                self._write(what, last=False)

    def _repeat(self, beat_s: float) -> None:
        while not self._ended.wait(beat_s):
            self.show(self._what)

    def _write(self, what: str, *, last: bool) -> None:
        self._shown_s = self._now_s()
        line = f"{self._title}: {what} ({self._shown_s - self._begin_s:.0f} s)"
        if self._out.isatty():
            self._out.write(OVERWRITE + line + "\n" * last)
        else:
            self._out.write(line + "\n")
        self._out.flush()
