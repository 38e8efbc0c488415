"""Places in the event log: where a reader is, and where a reader keeps that between its lives.

A place is a cursor: one event id per ledger, joined by `~` (`f:120.3.0~e1:44.2`). The order of events is promised per
ledger only, so a cursor has one id for each. A file holds a cursor as one line of text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from wuxin_client.errors import Unreadable

_ID = re.compile(r"(f|[a-z][a-z0-9]{1,15}):(\d{1,12}(?:\.\d{1,9}){1,2})")
FILE_BYTES_MAX = 1024
"""A cursor has at most 200 characters."""


class Place(Protocol):
    """Where a follower keeps its cursor: a file, a row of a database, or anything else with these two methods."""

    def load(self) -> str | None:
        """Gives the cursor that was saved last, or None at the very beginning."""
        ...

    def save(self, cursor: str) -> None:
        """Keeps a cursor durably; when `save` returns, a crash does not lose it."""
        ...


class FilePlace:
    """A cursor in a file of its own, replaced in one step: a crash leaves the old cursor or the new one."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        """Reads the cursor, None without a file. Raises `Unreadable` if the file holds something else."""
        try:
            with self._path.open("rb") as file:
                text = file.read(FILE_BYTES_MAX).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None
        parse_cursor(text)
        return text

    def save(self, cursor: str) -> None:
        """Writes beside the file, syncs, and renames."""
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(cursor + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def parse_cursor(text: str | None) -> dict[str, tuple[int, ...]]:
    """Gives the place per ledger, empty for None. Raises `Unreadable`."""
    places: dict[str, tuple[int, ...]] = {}
    for part in [] if text is None else text.split("~"):
        found = _ID.fullmatch(part)
        if found is None or found[1] in places:
            raise Unreadable(f"{part[:40]!r} is no place in the event log")
        places[found[1]] = tuple(map(int, found[2].split(".")))
    return places


def after_event(cursor: str | None, event_id: str) -> str | None:
    """Gives the cursor moved past one event; None if the cursor is past that event already. Raises `Unreadable`."""
    places, moved = parse_cursor(cursor), parse_cursor(event_id)
    for ledger, place in moved.items():
        if ledger in places and place <= places[ledger]:
            return None
    return _format(places | moved)


def _format(places: Mapping[str, tuple[int, ...]]) -> str:
    facts_first = sorted(places, key=lambda ledger: (ledger != "f", ledger))
    return "~".join(f"{ledger}:{'.'.join(map(str, places[ledger]))}" for ledger in facts_first)
