"""The embedded ledger of facts behind the `Ledger` port, bound to one seat.

`open_ledger` shares one engine per home within the process, however many seats are opened over it. Nothing is
acknowledged before COMMIT has returned; a transaction whose fate an error left open is reported as `Unavailable` with
its id, and submitting the same nonce again tells: it gives the earlier commit, or commits now.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from network.clock import Clock
from network.facts.embedded.endorser import STATUS_ERROR
from network.facts.embedded.engine import LocalFacts, open_endorsers
from network.facts.embedded.proposal import refusal, seal
from network.facts.embedded.state import Place
from network.facts.proposal import Prepared, prepare, require_submitting
from network.membership.consortium import Consortium
from network.membership.identities import FabricSigner
from network.membership.seats import Seat
from network.ports import Commit, Invalid, Ledger, Rejected
from wuxin_evidence.fabric import DUPLICATE_TXID, VALID, TransactionView, validation_code_name


class LocalLedger:
    """`Ledger` over an engine, signing with one client certificate."""

    def __init__(self, facts: LocalFacts, signer: FabricSigner, on_close: Callable[[], None]) -> None:
        self._facts = facts
        self._signer = signer
        self._on_close = on_close

    async def submit(
        self,
        function: str,
        args: Mapping[str, Any],
        *,
        private: Mapping[str, bytes] | None = None,
        nonce: bytes | None = None,
    ) -> Commit:
        """Endorse, order and commit one call; see `Ledger.submit` for what the answer means and what is raised."""
        require_submitting(function)
        prepared, ordered = await self._facts.run(self._propose, function, args, private or {}, nonce)
        if isinstance(ordered, Commit):
            return ordered
        future, result = ordered
        place = await asyncio.wrap_future(future)
        if place.code == VALID:
            return Commit(prepared.tx_id, place.block, place.position, _json(result))
        if place.code == DUPLICATE_TXID:
            earlier = await self._facts.run(self._earlier, prepared)
            if earlier is not None:
                return earlier
        raise Invalid(prepared.tx_id, validation_code_name(place.code), place.block)

    async def evaluate(self, function: str, args: Mapping[str, Any]) -> Any:
        """Ask the seat's own endorser and leave nothing behind. Raises Rejected, Unavailable."""
        return await self._facts.run(self._evaluate, function, args)

    def blocks(self, after: int) -> AsyncIterator[bytes]:
        """Follow the blocks after number `after`, for ever."""
        return self._facts.blocks(after)

    async def status(self, tx_id: str) -> Commit | None:
        """Find a transaction that is in a block; None where it is in none. Raises Invalid for one that is not valid."""
        found = await self._facts.run(self._facts.find, tx_id)
        return None if found is None else _commit(*found)

    async def height(self) -> int:
        """Count the blocks."""
        return await self._facts.run(self._facts.height)

    async def aclose(self) -> None:
        """Leave the engine; the last ledger of a home closes it."""
        await asyncio.get_running_loop().run_in_executor(None, self._on_close)

    def _prepare(
        self, function: str, args: Mapping[str, Any], private: Mapping[str, bytes], nonce: bytes | None
    ) -> Prepared:
        return prepare(
            self._signer,
            self._facts.consortium.facts,
            function,
            args,
            private=private,
            nonce=nonce,
            now_ms=self._facts.clock.now_ms(),
        )

    def _propose(
        self, function: str, args: Mapping[str, Any], private: Mapping[str, bytes], nonce: bytes | None
    ) -> tuple[Prepared, Commit | tuple[Future[Place], bytes]]:
        """Endorse and hand to ordering; or the commit that this nonce led to before."""
        prepared = self._prepare(function, args, private, nonce)
        earlier = None if nonce is None else self._earlier(prepared)
        if earlier is not None:
            return prepared, earlier
        try:
            agreed = self._facts.endorse(prepared)
        except Rejected:
            # The refusal may be the effect of this very command, committed by another process meanwhile.
            earlier = None if nonce is None else self._earlier(prepared)
            if earlier is None:
                raise
            return prepared, earlier
        future = self._facts.order(seal(self._signer, prepared, agreed), agreed)
        return prepared, (future, agreed.result)

    def _earlier(self, prepared: Prepared) -> Commit | None:
        """The commit of the same nonce. Raises Invalid, or Rejected `idempotency_mismatch` for another command."""
        found = self._facts.find(prepared.tx_id)
        if found is None:
            return None
        view = found[1]
        if (view.function.encode(), *view.args) != prepared.args:
            raise Rejected(
                "idempotency_mismatch",
                f"transaction {prepared.tx_id} was {view.function} with other arguments",
                "use a new key for a new command",
                tx_id=prepared.tx_id,
            )
        return _commit(*found)

    def _evaluate(self, function: str, args: Mapping[str, Any]) -> Any:
        prepared = self._prepare(function, args, {}, None)
        answer = self._facts.evaluate(prepared, self._signer.organisation)
        if answer.status >= STATUS_ERROR:
            raise refusal(answer, prepared.tx_id)
        return _json(answer.result)


def _commit(place: Place, view: TransactionView) -> Commit:
    if place.code != VALID:
        raise Invalid(view.tx_id, validation_code_name(place.code), place.block)
    return Commit(view.tx_id, place.block, place.position, _json(view.response))


def _json(result: bytes) -> Any:
    return json.loads(result) if result else None


def bind(facts: LocalFacts, seat: Seat) -> LocalLedger:
    """The port over an engine that the caller opened and will close."""
    return LocalLedger(facts, seat.fabric_signer, lambda: None)


class _Engines:
    """The engines of this process, one per home, closed with the last ledger that uses them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[LocalFacts, int]] = {}

    def take(self, home: Path, make: Callable[[], LocalFacts]) -> LocalFacts:
        with self._lock:
            facts, users = self._open.get(home) or (make(), 0)
            self._open[home] = (facts, users + 1)
            return facts

    def leave(self, home: Path) -> None:
        with self._lock:
            facts, users = self._open.pop(home)
            if users > 1:
                self._open[home] = (facts, users - 1)
                return
        facts.close()


_engines = _Engines()


def open_ledger(home: Path, consortium: Consortium, seat: Seat, clock: Clock) -> Ledger:
    """The ledger of facts of this home, for one seat; every endorser of the home runs in this process.

    The first to open a home in this process decides the clock of its engine; close with `aclose`.

    Raises KeystoreError when an endorser's keys do not open, Rejected `conflict` when the file belongs to another
    consortium, Unavailable.
    """
    where = home.resolve()
    facts = _engines.take(where, lambda: LocalFacts(where, consortium, open_endorsers(where, consortium), clock))
    return LocalLedger(facts, seat.fabric_signer, _once(lambda: _engines.leave(where)))


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """Closing twice closes once."""
    pending = [act]
    return lambda: pending.pop()() if pending else None
