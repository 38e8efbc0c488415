# Derived from its twin in `aio` by `python -m tests.client.generate`: change that one.
"""A node, as one organisation sees it, for programs without an event loop.

    >>> with Client("http://127.0.0.1:8080", api_key) as node:
    ...     pledge = node.get_pledge("pledge-1")                      # a question: a frozen model
    ...     sent = node.release_pledge("pledge-1")                    # a command: its transaction, pending
    ...     done = node.wait(sent, 10)                                # committed, or `TransactionFailed`
    ...     for receipt in node.iter_receipts(status="active"):       # a list to its end
    ...         print(receipt)
    ...     for event in node.follow_events("insurer.place"):         # the events, across restarts
    ...         handle(event)

Every command takes three keywords. `wait_s` follows the transaction to its end for so many seconds (None: the answer
comes at once, and the transaction may be pending). `raise_on_failure=False` gives a failed transaction back instead of
raising `TransactionFailed`. `idempotency_key` is for callers who keep keys of their own, so that a command is sent once
across restarts of the caller; otherwise each call has a fresh key, kept through the repeats of that call.

Every method raises the errors of `wuxin_client.errors`; the docstring of a method names the codes that are its own. Any
route may answer `malformed`, `unauthenticated`, `forbidden` (the key has no such scope or the organisation no such
role), `internal` and `unavailable`; any command also `conflict` (an id is taken, a status is another),
`idempotency_mismatch`, `too_large`, `clock_skew`, and `TransactionFailed` or `StillPending`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx

from wuxin_client.models import Event
from wuxin_client.places import FilePlace, Place
from wuxin_client.sync.follower import follow
from wuxin_client.sync.routes import EveryRoute
from wuxin_client.sync.sender import Pace, Sender

TIMEOUT_S = 30.0
"""For connecting, each read, each write, and the content of an answer; making a bundle takes a node some seconds."""


class Client(EveryRoute):
    """One node over one API key.

    Args:
        url: the address of the node, `http://127.0.0.1:8080`.
        api_key: a key of the caller's organisation, `wx_…`.
        timeout_s: bounds connecting, each read, each write and the content of an answer; a wait that was asked for
            comes on top.
        transport: how requests travel, for tests and for callers with a proxy of their own.
        pace: how time passes, for tests.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(Sender(url, api_key, timeout_s=timeout_s, transport=transport, pace=pace or Pace()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._sender.close()

    def follow_events(self, place: Place | Path | str, *, wait_s: int = 20) -> Iterator[Event]:
        """Follows the event log from the place that was kept last, for ever, and keeps the place.

        An event counts as handled when the next one is asked for, that is when the body of the loop has ended. Only
        then its place is kept. So an event is handled at least once: a crash, an exception or a `break` within the
        body brings the same event again at the next start, and never skips one. Handle an event twice without harm, or
        remember `event.id`.

        A node that does not answer is asked again, with growing pauses of at most half a minute.

        Args:
            place: a file's path (the file is made), or a `Place` of the caller's own. One follower per place.
            wait_s: how long the node may hold a request until there is an event, at most 30.

        Raises:
            Rejected: the node refuses, for instance `unauthenticated`, or `cursor_ahead` when the place is not of this
                consortium.
            OSError: the place cannot be kept.
        """
        kept = FilePlace(place) if isinstance(place, Path | str) else place
        return follow(self, kept, self._sender.pace, wait_s)
