"""Packs that peers bring because this member asked for them.

    request(digests)  remembers the digests that this member asked its peers for
    receive(note)     keeps the packs of a peer's `packs` note that were asked for, once per peer and digest
    take()            gives a few of the packs to the next transaction

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


class RequestedPacks:
    """Packs that one member asked for and did not store yet."""

    def __init__(self, consortium_id: bytes, store: Store) -> None:
        self._consortium_id = consortium_id
        self._store = store
        self._requested: OrderedDict[bytes, None] = OrderedDict()
        self._received: OrderedDict[tuple[bytes, str], bytes] = OrderedDict()

    def request(self, digests: Iterable[bytes]) -> None:
        """Remember `digests`; the oldest requests are forgotten first."""
        self._requested.update(dict.fromkeys(digests))
        while len(self._requested) > DIGESTS_MAX:
            self._requested.popitem(last=False)

    def receive(self, note: Note) -> None:
        """Keep a peer's packs until `take`. A pack that does not parse, or that nobody asked for, is dropped."""
        found = note.body.get("envelopes")
        items = cast("list[object]", found) if isinstance(found, list) else []
        for raw in islice((each for each in items if isinstance(each, bytes)), DIGESTS_MAX):
            try:
                digest = parse_pack(raw, self._consortium_id).digest
            except (EvidenceError, *UNSOUND):
                continue
            if digest in self._requested and len(self._received) < DIGESTS_MAX:
                self._received[digest, note.organisation] = raw

    def take(self) -> list[bytes]:
        """At most TAKEN_MAX envelopes that the store does not hold."""
        taken: list[bytes] = []
        while self._received and len(taken) < TAKEN_MAX:
            (digest, _), raw = self._received.popitem(last=False)
            if self._store.holds(digest):
                self._requested.pop(digest, None)
            else:
                taken.append(raw)
        return taken
