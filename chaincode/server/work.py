"""What a chaincode server runs at a time, over all its streams, and how that comes to an end.

    turns_away ─▶ begin ─▶ a thread of the pool ─▶ finish        until `drain`; then nothing begins any more

A transaction has finished as soon as the peer has its answer. Its thread may run on: nothing can stop a program.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chaincode.server.calls import Program
from chaincode.server.conversation import Conversation
from chaincode.server.stub import OutOfTime, PeerFailure, PeerGone

STOP_GRACE_S: Final = 1.0
"""For the last answers to leave, and for gRPC to hang up."""


@dataclass(frozen=True)
class Limits:
    """What bounds a transaction and the server; tests set less.

    transaction_s  below the peer's executetimeout (30 s unless set), so that the peer hears from us why
    register_s     a peer takes a package id that it knows at once, and leaves one that it does not without an answer
    drain_s        for what runs when the server is told to stop; a supervisor kills after ten seconds
    threads        programs that run at once; others wait their turn, which ends with the deadline
    transactions   running and waiting: what a peer admits by default; more are turned away at once
    """

    transaction_s: float = 20.0
    register_s: float = 10.0
    drain_s: float = 6.0
    threads: int = 64
    transactions: int = 2500


class Work:
    """The transactions of one program, under one package id."""

    def __init__(self, chaincode_id: str, program: Program, limits: Limits) -> None:
        self.chaincode_id = chaincode_id
        self.program = program
        self.limits = limits
        self.stopping = False
        self._draining = False
        self._unfinished = 0
        self._idle = asyncio.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(limits.threads, "transaction")
        self._threads: set[concurrent.futures.Future[None]] = set()

    def turns_away(self) -> PeerFailure | None:
        """Why no further transaction begins; None where one may."""
        if self._draining:
            return stopping()
        if len(self._threads) >= self.limits.transactions:
            return OutOfTime(f"{len(self._threads)} transactions run or wait here", "submit again later")
        return None

    def begin(self, perform: Callable[[Conversation], None], conversation: Conversation) -> None:
        """Run a conversation in a thread of the pool, as soon as one is free."""
        self._unfinished += 1
        thread = self._pool.submit(perform, conversation)
        self._threads.add(thread)
        thread.add_done_callback(self._threads.discard)

    def finish(self) -> None:
        """Count one transaction as answered."""
        self._unfinished -= 1
        if not self._unfinished:
            self._idle.set()

    def runs_a_program(self) -> bool:
        """Whether a thread still runs, for a transaction that is answered or one that is not."""
        return bool(self._threads)

    async def drain(self) -> bool:
        """Begin nothing more and wait for what runs. False where `drain_s` were not enough."""
        self._draining = True
        try:
            if self._unfinished:
                self._idle.clear()
                await asyncio.wait_for(self._idle.wait(), self.limits.drain_s)
        except TimeoutError:
            return False
        finally:
            self.stopping = True
        return True

    def close(self) -> bool:
        """Close the pool. False where a program still runs in spite of that."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not concurrent.futures.wait(set(self._threads), STOP_GRACE_S).not_done


def stopping() -> PeerFailure:
    """The failure of what comes while the server stops."""
    return PeerGone("the chaincode server is stopping", "submit again when it is back")
