"""When to ask again, and how long for: every wait of the Fabric client, in one place.

Every failure belongs to one of these classes:

    the node is away         ask the next gateway, and leave that one alone for a while    `Away`
    too many requests        the server did not look at it: wait, ask the same again       `Backoff`
    submit's outcome is open ask for the status of the same transaction, then resend it    ledger.py
    read conflict            final: the caller decides about a new nonce                   ports.Invalid
    refused                  final                                                         ports.Rejected
"""

from __future__ import annotations

import asyncio
import random

EVALUATE_S = 25.0
"""All attempts at a query together; a chaincode that takes longer is stuck."""

ENDORSE_S = 15.0
"""All attempts at an endorsement together."""

SUBMIT_S = 10.0
"""Until the orderers acknowledged: a gateway waits three seconds for each of them."""

COMMIT_SLICE_S = 12.0
"""How long one question for a transaction's status waits before the transaction is sent again: longer than a change
of the leading orderer takes."""

UNACKNOWLEDGED_SLICE_S = 4.0
"""The same after a submit that was not acknowledged: most of these are in the next block all the same."""

OUTCOME_S = 60.0
"""From the first submit on; afterwards the outcome is reported as unknown."""

ATTEMPT_S = 5.0
"""One gateway's time for an endorsement or an acknowledgement when another one could be asked."""

QUERY_ATTEMPT_S = 10.0
"""The same for a query. Longer, because another organisation's peer is no full substitute: it has no private values."""

RETURN_S = 60.0
"""How long a follower stays with a peer that is not its first before it tries that one again."""

AWAY_S = 5.0
"""How long a node that did not answer is asked last, the first time."""

AWAY_S_MAX = 40.0
"""And the last time: each try of a node that hangs costs somebody an attempt's time."""

GIVE_UP_S = 15.0
"""Following ends as Unavailable when no peer delivered anything for so long; the follower starts again from its
checkpoint, and what it says in between is the reason."""

STEADY_S = 5.0
"""A connection that lasted so long was one; opening it takes two at most."""

DIRECT_S = 20.0
"""About as long as peers need to notice that one of them is gone and to plan without it."""

_FIRST_PAUSE_S, _PAUSE_S_MAX = 0.05, 1.6


class Backoff:
    """Pauses that double up to 1.6 s, each shortened at random so that clients do not return together."""

    def __init__(self, first_s: float = _FIRST_PAUSE_S, longest_s: float = _PAUSE_S_MAX) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next_s = self._first_s

    async def pause(self) -> None:
        """Wait, and double the next pause."""
        await asyncio.sleep(self._next_s * random.uniform(0.5, 1.0))
        self._next_s = min(2 * self._next_s, self._longest_s)


class Away:
    """Which nodes did not answer lately; they are asked last, not never, and longer each time they are found away."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, float]] = {}

    def mark(self, address: str) -> None:
        """Note that a node did not answer."""
        now = asyncio.get_running_loop().time()
        until, last_s = self._until.get(address, (0.0, 0.0))
        if until <= now:
            again_s = min(2 * last_s or AWAY_S, AWAY_S_MAX)
            self._until[address] = (now + again_s, again_s)

    def clear(self, address: str) -> None:
        """Note that a node answers again."""
        self._until.pop(address, None)

    def is_away(self, address: str) -> bool:
        """Whether a node is to be asked last."""
        return self._until.get(address, (0.0, 0.0))[0] > asyncio.get_running_loop().time()


class Deadline:
    """A point in time that several attempts share."""

    def __init__(self, seconds: float) -> None:
        self._at = asyncio.get_running_loop().time() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; zero once it is over."""
        return max(0.0, self._at - asyncio.get_running_loop().time())

    def at_most(self, seconds: float) -> float:
        """Give the seconds that are left, but no more than these."""
        return min(self.left_s, seconds)


class FollowRetry:
    """The limit of a follower's attempts: it gives up once nothing progressed for GIVE_UP_S seconds.

    An attempt progresses when it gets something, or keeps a connection for STEADY_S seconds on which nothing happened.
    """

    def __init__(self) -> None:
        self._backoff = Backoff()
        self.progressed()
        self.begin()

    def begin(self) -> None:
        """Begin another attempt."""
        self._steady = Deadline(STEADY_S)

    def progressed(self) -> None:
        """Note progress: the limit and the pauses start anew."""
        self._over = Deadline(GIVE_UP_S)
        self._backoff.reset()

    def exhausted(self, *, steady_counts: bool = True) -> bool:
        """Tell, after an attempt that failed, whether to give up."""
        if steady_counts and self._steady.left_s == 0:
            self.progressed()
        return self._over.left_s == 0

    async def pause(self) -> None:
        """Wait before the next attempt."""
        await self._backoff.pause()


class DirectEndorsing:
    """DIRECT_S seconds after a gateway could not gather endorsements, in which the client gathers them itself."""

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        """Gather endorsements directly from now on, for DIRECT_S seconds."""
        self._until = asyncio.get_running_loop().time() + DIRECT_S

    @property
    def active(self) -> bool:
        """Whether the span has not ended."""
        return self._until > asyncio.get_running_loop().time()
