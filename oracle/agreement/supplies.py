"""Packs that peers bring because this member asked for them.

    want    the digests this member asked for
    put     a peer's `packs` note: what was asked for and is not held yet waits here, once per peer and digest
    take    a few of them for the next transaction

Each costs a verification, and a digest does not cover the device's signature: whoever answers may forge it. So nothing
is taken that nobody asked for, and never so much at once that a pack from the broker, or its alarm, waits for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import cast

from oracle.agreement.notes import DIGESTS_MAX, UNSOUND, Note
from oracle.storage.store import Store
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import parse_pack

TAKEN_MAX = 64
"""Packs verified between two looks at the inbox: about 25 ms."""


class Supplies:
    """What one member asked for, and what came of it."""

    def __init__(self, consortium_id: bytes, store: Store) -> None:
        self._consortium_id = consortium_id
        self._store = store
        self._wanted: OrderedDict[bytes, None] = OrderedDict()
        self._waiting: OrderedDict[tuple[bytes, str], bytes] = OrderedDict()

    def want(self, digests: Iterable[bytes]) -> None:
        """Take these when they come; the oldest wishes are forgotten first."""
        self._wanted.update(dict.fromkeys(digests))
        while len(self._wanted) > DIGESTS_MAX:
            self._wanted.popitem(last=False)

    def put(self, note: Note) -> None:
        """A peer's packs. What does not parse, or was not asked for, is let go."""
        found = note.body.get("envelopes")
        items = cast("list[object]", found) if isinstance(found, list) else []
        for raw in islice((each for each in items if isinstance(each, bytes)), DIGESTS_MAX):
            try:
                digest = parse_pack(raw, self._consortium_id).digest
            except (EvidenceError, *UNSOUND):
                continue
            if digest in self._wanted and len(self._waiting) < DIGESTS_MAX:
                self._waiting[digest, note.organisation] = raw

    def take(self) -> list[bytes]:
        """The next few that are still not held."""
        taken: list[bytes] = []
        while self._waiting and len(taken) < TAKEN_MAX:
            (digest, _), raw = self._waiting.popitem(last=False)
            if self._store.holds(digest):
                self._wanted.pop(digest, None)
            else:
                taken.append(raw)
        return taken
