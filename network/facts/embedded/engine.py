"""One process's engine of the embedded ledger: its endorsers, its ordering thread, its readers, over one file.

Several processes may run an engine over the same home at once; the file's write lock makes their blocks one chain and
each endorser's key is opened wherever its engine runs. `ledger` binds an engine to a seat.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from chaincode import contract
from network.clock import Clock
from network.facts.embedded.blocks import Chain, begin, transaction_at
from network.facts.embedded.endorser import Answer, Endorser, Invoke
from network.facts.embedded.orderer import Orderer
from network.facts.embedded.proposal import Agreed, agree
from network.facts.embedded.state import Place, State
from network.facts.embedded.storage import Connect, Storage, connect
from network.facts.embedded.validate import Policies, inspect
from network.facts.proposal import Prepared
from network.membership.consortium import Consortium
from network.membership.endorsers import is_stopped
from network.membership.identities import Roots
from network.membership.published import root_certificates
from network.membership.seats import open_orderer, open_peer
from network.ports import Unavailable
from wuxin_evidence.fabric import Principal, TransactionView, parse_identity

LEDGER_FILE = Path("ledger") / "facts.db"

WORKERS = 4
"""Threads that simulate and sign; the interpreter lock makes more of them useless."""

FOLLOW_POLL_S = 0.02
"""How soon a block that another process committed is noticed; those of its own process wake followers at once."""

FOLLOW_BATCH = 64
"""Blocks read at a time while catching up."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


def open_endorser(home: Path, consortium: Consortium, org: str, invoke: Invoke = contract.invoke) -> Endorser:
    """The endorser of `org`, opened with that organisation's peer key only."""
    organisation = consortium.organisation(org)
    signer, private_secret = open_peer(home, organisation)
    roots = Roots(root_certificates(home, consortium))
    return Endorser(organisation, signer, private_secret, consortium, roots, invoke)


def open_endorsers(home: Path, consortium: Consortium) -> tuple[Endorser, ...]:
    """Open every endorser of the consortium, each with its own organisation's keys. Raises KeystoreError."""
    return tuple(open_endorser(home, consortium, member.name) for member in consortium.endorsers)


class LocalFacts:
    """`endorsers` are those this process runs; `connect` is how the file is opened."""

    def __init__(
        self,
        home: Path,
        consortium: Consortium,
        endorsers: Sequence[Endorser],
        clock: Clock,
        connect: Connect = connect,
    ) -> None:
        self.consortium = consortium
        self.clock = clock
        self._home = home
        self._endorsers = tuple(endorsers)
        msp_ids = [member.msp_id for member in consortium.endorsers]
        self._policies = Policies(consortium.facts.endorsements, msp_ids)
        root_pems = root_certificates(home, consortium)
        self._roots = Roots(root_pems)
        orderer = open_orderer(home, consortium.organisation(consortium.facts.orderer))
        self._storage = Storage(home / LEDGER_FILE, connect)
        chain = Chain(consortium, orderer, self._policies)
        with self._storage.writing() as connection:
            begin(State(connection), chain, root_pems, clock.now_ms())
        self._workers = ThreadPoolExecutor(WORKERS, "facts")
        self._closed = False
        self._watch = Watch(home / LEDGER_FILE)
        self._orderer = Orderer(self._storage, chain, self._watch.wake)

    def close(self) -> None:
        """Commit what was ordered and let go of the file."""
        self._closed = True
        self._workers.shutdown()
        self._orderer.close()
        self._watch.close()
        self._storage.close()

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Do `work` in a worker thread. Raises Unavailable once the engine is closed."""
        if self._closed:
            raise Unavailable("the ledger of facts is closed", "open it again")
        return await asyncio.get_running_loop().run_in_executor(self._workers, lambda: work(*args, **kwargs))

    def endorse(self, prepared: Prepared) -> Agreed:
        """Ask every running endorser over one snapshot and compare their answers.

        Raises Rejected, EndorsementMismatch, and Unavailable when stopped endorsers are needed.
        """
        running = self._running()
        if len(running) < self.consortium.facts.endorsements:
            raise self._missing(f"{self.consortium.facts.endorsements} endorsements are needed")
        now_ms = self.clock.now_ms()
        with self._storage.snapshot() as connection:
            state = State(connection)
            agreed = agree([each.endorse(prepared.signed, state, now_ms) for each in running], prepared.tx_id)
            if len(running) < len(self.consortium.endorsers):
                self._require_policies(agreed, state)
        return agreed

    def order(self, envelope: bytes, agreed: Agreed | None = None) -> Future[Place]:
        """Hand an envelope to ordering, whoever made it; its block says whether it is valid.

        Raises Rejected `malformed`, `too_large` for bytes that are no transaction of this channel.
        """
        facts = self.consortium.facts
        private = agreed.private if agreed is not None else ()
        return self._orderer.order(inspect(envelope, facts.channel, facts.chaincode, self._roots, private))

    def evaluate(self, prepared: Prepared, org: str) -> Answer:
        """Ask the organisation's own endorser, or the first that runs."""
        running = self._running()
        if not running:
            raise self._missing("no endorser runs")
        own = [each for each in running if each.organisation.name == org]
        with self._storage.snapshot() as connection:
            return (own or running)[0].evaluate(prepared.signed, State(connection), self.clock.now_ms())

    def find(self, tx_id: str) -> tuple[Place, TransactionView] | None:
        """A transaction that is in a block, valid or not."""
        with self._storage.snapshot() as connection:
            state = State(connection)
            place = state.place(tx_id)
            if place is None:
                return None
            return place, transaction_at(state.block(place.block), place)

    def height(self) -> int:
        """Count the blocks."""
        with self._storage.snapshot() as connection:
            return State(connection).height()

    async def blocks(self, after: int) -> AsyncIterator[bytes]:
        """Every block after `after`, in order, for ever, whichever process commits it."""
        with self._watch.following() as news:
            while True:
                news.clear()
                found = await self.run(self._read_blocks, after + 1)
                for number, block in found:
                    yield block
                    after = number
                if not found:
                    await news.wait()

    def _read_blocks(self, first: int) -> list[tuple[int, bytes]]:
        with self._storage.snapshot() as connection:
            return State(connection).blocks(first, FOLLOW_BATCH)

    def _running(self) -> list[Endorser]:
        return [each for each in self._endorsers if not is_stopped(self._home, each.organisation.name)]

    def _require_policies(self, agreed: Agreed, state: State) -> None:
        """Some endorsers are stopped: say so now, rather than order what cannot become valid."""
        signers = [Principal(parse_identity(each.endorser).msp_id, "PEER") for each in agreed.endorsements]
        unmet = self._policies.unmet(agreed.changes, signers, state)
        if unmet:
            raise self._missing(f"{' and '.join(unmet)} must endorse")

    def _missing(self, why: str) -> Unavailable:
        names = {each.organisation.name for each in self._running()}
        stopped = ", ".join(each.name for each in self.consortium.endorsers if each.name not in names)
        return Unavailable(f"{why}, and the endorsers of {stopped} do not run", f"wuxin endorser start: {stopped}")


class Watch:
    """Tells followers that there may be new blocks: at once for this process, within 20 ms for others.

    A thread of its own asks SQLite's data version, which any other connection's commit changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._followers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="facts-watch", daemon=True)
        self._thread.start()

    def following(self) -> Following:
        """Register a follower for as long as the returned object is entered."""
        return Following(self._followers, self._lock)

    def wake(self) -> None:
        """Tell every follower that there may be new blocks; from any thread."""
        with self._lock:
            followers = list(self._followers)
        for loop, news in followers:
            with suppress(RuntimeError):  # a loop that was closed follows no more
                loop.call_soon_threadsafe(news.set)

    def close(self) -> None:
        """End the thread and wake every follower a last time."""
        self._stop.set()
        self._thread.join()
        self.wake()

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(sqlite3.Error):
                self._poll()
            self._stop.wait(FOLLOW_POLL_S)

    def _poll(self) -> None:
        connection = connect(self._path)
        try:
            seen = None
            while not self._stop.wait(FOLLOW_POLL_S):
                version = connection.execute("PRAGMA data_version").fetchone()[0]
                if version != seen:
                    seen = version
                    self.wake()
        finally:
            connection.close()


class Following:
    """A follower's registration, for as long as it is entered; gives the event that news sets."""

    def __init__(self, followers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]], lock: threading.Lock) -> None:
        self._followers = followers
        self._lock = lock

    def __enter__(self) -> asyncio.Event:
        self._entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._followers.add(self._entry)
        return self._entry[1]

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._followers.discard(self._entry)
