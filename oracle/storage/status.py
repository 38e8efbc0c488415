"""What a member cannot use, cannot reach or cannot agree on: logged at each change, and kept in a file for doctors.

    status.problem(about, error)   about = `price`, `node`, or `slot <id> window <n>`
    status.solved(about)
    status.alive()                 from the worker, at each turn
    read_status(home, organisation) -> [Problem(about, code, detail, hint, since_s)]
    read_alive_s(home, organisation) -> seconds UTC, or None

The file is `orgs/<org>/oracle/status.json`: `alive_s`, and `problems` (`about, code, detail, hint, since_s`), oldest
first. It is replaced whole at each change and every few seconds, and holds no secret and no reading. A problem
that a member finds again after a restart keeps its `since_s`; one that it does not find again is dropped at its start.
`alive_s` is of the machine's clock even where the consortium's is a scenario's: a doctor compares it with its own.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from contracts.documents import json_of
from wuxin_evidence.errors import NamedError

STATUS_FILE = "status.json"
PROBLEMS_MAX = 256
"""The oldest are kept: what came first is most likely the cause of what followed."""
DETAIL_LENGTH_MAX = 500
ALIVE_EVERY_S = 3
"""Between two writes of `alive_s`; a hung or frozen member writes none."""

log = logging.getLogger("wuxin.oracle")


@dataclass(frozen=True)
class Problem:
    """One thing that does not work, in the words of a named error; `since_s` is when it was first seen, seconds UTC."""

    about: str
    code: str
    detail: str
    hint: str
    since_s: int


class Status:
    """The problems of one running member. Any thread may report."""

    def __init__(self, path: Path, now_s: Callable[[], int], machine_s: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now_s = now_s
        self._machine_s = machine_s
        self._alive_s = int(machine_s())
        self._lock = threading.Lock()
        self._problems: dict[str, Problem] = {}
        self._earlier = {each.about: each for each in _read(path)}
        self._write()

    def problem(self, about: str, error: NamedError) -> None:
        """Report that something does not work; the same again is neither logged nor written."""
        with self._lock:
            known = self._problems.get(about)
            first = known or self._earlier.get(about)
            since_s = self._now_s() if first is None else first.since_s
            detail = error.detail[:DETAIL_LENGTH_MAX]
            found = Problem(about, error.code, detail, error.hint[:DETAIL_LENGTH_MAX], since_s)
            if found == known or (known is None and len(self._problems) >= PROBLEMS_MAX):
                return
            self._problems[about] = found
            log.error("%s: %s: %s (%s)", about, found.code, found.detail, found.hint)
            self._write()

    def solved(self, about: str) -> None:
        """Report that it works, or that nobody waits for it any more."""
        with self._lock:
            self._earlier.pop(about, None)
            if self._problems.pop(about, None) is not None:
                log.info("%s: no problem any more", about)
                self._write()

    def alive(self) -> None:
        """Say that the worker still turns: written at most every ALIVE_EVERY_S, and after a clock was set back."""
        with self._lock:
            now_s = int(self._machine_s())
            if not 0 <= now_s - self._alive_s < ALIVE_EVERY_S:
                self._alive_s = now_s
                self._write()

    def _write(self) -> None:
        """Replace the file. A disk that takes no status must not stop a member: the log has said it."""
        problems = [asdict(each) for each in self._problems.values()]
        text = json.dumps({"alive_s": self._alive_s, "problems": problems}, indent=1)
        beside = self._path.with_suffix(".tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.write_text(text + "\n", encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            log.error("%s cannot be written: %s", self._path, error)


def read_status(home: Path, organisation: str) -> list[Problem]:
    """The problems that the member of an installation's home last reported; empty without a file."""
    return _read(home / "orgs" / organisation / "oracle" / STATUS_FILE)


def read_alive_s(home: Path, organisation: str) -> int | None:
    """When the member's worker last said that it turns, seconds UTC of the machine; None where it never did."""
    try:
        status = cast("dict[str, Any]", json.loads((home / "orgs" / organisation / "oracle" / STATUS_FILE).read_text()))
        return int(status["alive_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(path: Path) -> list[Problem]:
    try:
        rows = cast("dict[str, list[dict[str, Any]]]", json_of(path.read_bytes()))["problems"]
        return [replace(Problem(**row), since_s=int(row["since_s"])) for row in rows[:PROBLEMS_MAX]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # none yet, or one that no member wrote: the member writes it anew at its start
