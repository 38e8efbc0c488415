"""Ordering inside one process: gather, cut, commit, and only then tell.

One thread owns the process's way to the write lock. It takes the first waiting candidate, gathers more for 5 ms or up
to 500, cuts one block in one synced SQLite transaction and then resolves everybody's future. Other processes do the
same over the same file; the lock makes their blocks one chain.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from network.facts.embedded.blocks import Chain, cut
from network.facts.embedded.state import Place, State
from network.facts.embedded.storage import Storage
from network.facts.embedded.validate import Candidate
from network.ports import PortError, Unavailable

BATCH_WAIT_S = 0.005
BATCH_TRANSACTIONS_MAX = 500
"""Fabric's BatchTimeout and MaxMessageCount, as DESIGN.md section 4 fixes them for the embedded ledger."""

BATCH_BYTES_PREFERRED = 2 * 1024 * 1024
"""Fabric's PreferredMaxBytes: the block is cut with the transaction that passes it."""

WAITING_MAX = 5000
"""Ten full blocks; who comes when so many wait is told to come back, instead of filling the memory."""

_Waiting = tuple[Candidate, "Future[Place]"]


class Orderer:
    """The ordering thread of a process: it gathers envelopes, cuts a block, commits it, then tells who waits."""

    def __init__(self, storage: Storage, chain: Chain, committed: Callable[[], None]) -> None:
        self._storage = storage
        self._chain = chain
        self._committed = committed
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="facts-orderer", daemon=True)
        self._thread.start()

    def order(self, candidate: Candidate) -> Future[Place]:
        """Resolves once the candidate's block is durable; fails with Unavailable when that is not certain."""
        future: Future[Place] = Future()
        future.set_running_or_notify_cancel()  # ordered is ordered: a caller who gives up cannot take it back
        try:
            self._waiting.put_nowait((candidate, future))
        except queue.Full as error:
            raise Unavailable(
                f"{WAITING_MAX} transactions wait to be ordered", "repeat the command with the same key in a moment"
            ) from error
        return future

    def close(self) -> None:
        """Commit what waits, then stop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._gather(first)
            self._commit(batch)
            if last:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What arrives within the batch's time, and whether the end was announced meanwhile."""
        batch = [first]
        size = len(first[0].view.envelope)
        deadline = time.monotonic() + BATCH_WAIT_S
        while len(batch) < BATCH_TRANSACTIONS_MAX and size < BATCH_BYTES_PREFERRED:
            try:
                following = self._waiting.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
            size += len(following[0].view.envelope)
        return batch, False

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            with self._storage.writing() as connection:
                places = cut([candidate for candidate, _ in batch], State(connection), self._chain)
        except Exception as error:  # noqa: BLE001 - the thread must outlive any batch; each caller hears of it
            for candidate, future in batch:
                future.set_exception(_uncertain(candidate, error))
            return
        for (_, future), place in zip(batch, places, strict=True):
            future.set_result(place)
        self._committed()


def _uncertain(candidate: Candidate, error: Exception) -> Unavailable:
    tx_id = candidate.view.tx_id
    detail = error.detail if isinstance(error, PortError) else f"{type(error).__name__}: {error}"
    return Unavailable(
        f"whether {tx_id} was committed is not certain: {detail}",
        "repeat the command with the same key: if it was committed, you get that commit and nothing happens twice",
        tx_id=tx_id,
    )
