"""Delivery: pending commands reach their ledger, once, however often the node falls over.

    sweep: pending rows of local.db ─▶ queue per (organisation, ledger) ─▶ worker ─▶ port ─▶ succeed or fail
           routine ones (a window's scheduled attestations) after all others: an alarm or a person passes them

What can be known is asked before anything is sent again (``node.ledgers``), of an obligation by the event that its
command must have left. Only being overtaken by another transaction, which is final, raises the attempt. When a ledger
does not answer, the command stays pending and the sweep brings it back; an error that no repeat mends ends it. However
long a command waits, its trouble is logged once.

An attestation has two steps, obligations first: the freeze must not wait for the facts. The second step starts when
the first is final, or when the chain did not answer. Every member's node delivers it and the ledgers need it once: each
waits its turn, in the order of the consortium file, for the ones before it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError

from network.clock import Clock
from network.ports import TxResult, Unavailable
from node.commands.commands import FACTS, PENDING, Commands
from node.commands.contract_refusals import HINT, HINTS, in_names
from node.commands.obligations import CALLS
from node.ledgers.facts import Overtaken, carry_fact
from node.ledgers.obligations import carry_obligation
from node.ledgers.seat_ledgers import SeatLedgers
from node.projection import tables
from node.projection.decoded import bare, plain
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.follow import Position
from node.stores.databases import Store
from wuxin_evidence.errors import NamedError

QUEUE_MAX = 2_000  # beyond it commands wait in local.db, where they cost no memory
SWEEP_S = 1.0  # how soon a command of another process, or one put back, is taken up
WORKERS = 16  # for each organisation and ledger: an alarm must not wait for the blocks of what came before it
ATTEMPTS_MAX = 8  # a key that conflicts this often is contended by design, and the caller has to know
UNFORESEEN_MAX = 3  # an error that nothing foresaw, met so often, is the command's own
PROJECTED_WAIT_S = 5.0
RELAY = "relay_attestation"  # the command whose subject is the digest of an attestation
RELAY_STEP_S = 1.0  # what each member's relay gives the one before it: about two blocks of a real chain

_log = logging.getLogger(__name__)


class Withdrawn(Exception):
    """The command was cancelled before anything of it was sent."""


@dataclass(frozen=True)
class Outcome:
    """What a ledger said in the end: its transaction, and the code where it refused."""

    tx_id: str
    block: int | None
    result: Any = None
    code: str | None = None
    detail: str = ""
    hint: str = ""
    place: tuple[int, int] | None = None


class Delivery:
    """Carries pending commands of the served organisations to their ledgers."""

    def __init__(
        self,
        commands: Commands,
        seats: Mapping[str, SeatLedgers],
        read_model: Store,
        position: Position,
        clock: Clock,
        relays: Sequence[str] = (),
        organisations: Mapping[str, str] | None = None,
    ) -> None:
        """``relays`` are the oracle members in the order in which their attestations are relayed; ``organisations``
        are those behind the addresses of the chain (hex without 0x)."""
        self._organisations = organisations or {}
        self._commands = commands
        self._seats = seats
        self._read_model = read_model
        self._position = position
        self._clock = clock
        self._turns_s = {name: place * RELAY_STEP_S for place, name in enumerate(relays)}
        self._queues: dict[tuple[str, str], asyncio.PriorityQueue[tuple[bool, str]]] = {}
        self._taken: set[str] = set()
        self._unanswered: set[str] = set()
        self._failures: dict[str, int] = {}
        self._told: set[str] = set()
        self._relays: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers and the sweep on the running event loop."""
        for organisation, own in self._seats.items():
            for ledger in (FACTS, own.chain.name):
                queue = self._queues[organisation, ledger] = asyncio.PriorityQueue()
                for number in range(WORKERS):
                    name = f"delivery {organisation} {ledger} {number}"
                    self._tasks.append(asyncio.create_task(self._work(queue), name=name))
        self._tasks.append(asyncio.create_task(self._sweep(), name="delivery sweep"))

    async def stop(self) -> None:
        """Stop at once; what was under way is pending and is taken up at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    @property
    def has_ended(self) -> bool:
        """Whether the sweep or a worker has ended, by itself or by `stop`: then commands wait that nobody delivers."""
        return not self._tasks or any(task.done() for task in self._tasks)

    def enqueue(self, organisation: str, ledger: str, identifier: str, *, routine: bool) -> None:
        """Deliver soon; a queue full of what is routine leaves it to the sweep."""
        queue = self._queues.get((organisation, ledger))
        if queue is None or identifier in self._taken or queue.qsize() >= (QUEUE_MAX if routine else 2 * QUEUE_MAX):
            return
        self._taken.add(identifier)
        queue.put_nowait((routine, identifier))

    async def _sweep(self) -> None:
        """Each queue from its own rows: a ledger that does not answer holds up no command for the other."""
        while True:
            for organisation, ledger in self._queues:
                unanswered = tuple(self._unanswered)
                rows = await asyncio.to_thread(self._commands.pending, organisation, ledger, QUEUE_MAX, unanswered)
                for row in rows:
                    self.enqueue(organisation, ledger, row.id, routine=row.routine)
            await asyncio.sleep(SWEEP_S)

    async def _work(self, queue: asyncio.PriorityQueue[tuple[bool, str]]) -> None:
        while True:
            _, identifier = await queue.get()
            try:
                await self._deliver(identifier)
            except Exception:  # noqa: BLE001 -- a worker outlives any one command; the command stays pending
                if identifier not in self._told:
                    _log.exception("command %s stays pending", identifier)
                    self._told.add(identifier)
            finally:
                self._taken.discard(identifier)

    async def _deliver(self, identifier: str) -> None:
        # Read when its turn comes and not when it was queued: it may have been cancelled, or delivered by another.
        row = await asyncio.to_thread(self._commands.load, identifier)
        if row is None or row.status != PENDING:
            return
        own = self._seats[row.organisation]
        try:
            outcome = await (self._relay(row, own) if row.command == RELAY else self._send(row, own))
        except Withdrawn:
            return
        except Unavailable as error:
            if identifier not in self._unanswered:
                _log.warning("command %s: %s; it stays pending", identifier, error)
                self._unanswered.add(identifier)
                await asyncio.to_thread(self._hold, row.id, error)
            await self._start_follower(row)
            return
        except NamedError as error:
            outcome = _refused(error)
        except (DBAPIError, OSError):
            raise  # of this machine, not of the command: it stays pending
        except Exception as error:
            self._failures[identifier] = self._failures.get(identifier, 0) + 1
            if self._failures[identifier] < UNFORESEEN_MAX:
                raise
            outcome = _unforeseen(error)
        if outcome.code is not None and row.ledger != FACTS:
            outcome = await asyncio.to_thread(self._in_names, row, outcome)
        self._unanswered.discard(identifier)
        self._failures.pop(identifier, None)
        self._told.discard(identifier)
        # First the read model, then the row: whoever is told that it is committed finds it in the next list.
        await self._projected(row, outcome)
        await asyncio.to_thread(self._write, row.id, outcome)
        self._commands.announce(row.id)
        await self._start_follower(row)

    def _in_names(self, row: Row[Any], outcome: Outcome) -> Outcome:
        """A contract's refusal in the names that callers use, and with what to do next."""
        detail = in_names(outcome.detail, row.subject, self._organisations, self._read_model)
        return replace(outcome, detail=detail, hint=outcome.hint or HINTS.get(outcome.code or "", HINT))

    async def _start_follower(self, row: Row[Any]) -> None:
        follower = await asyncio.to_thread(self._commands.follower, row.id)
        if follower is not None:
            self.enqueue(follower.organisation, follower.ledger, follower.id, routine=follower.routine)

    def _hold(self, identifier: str, error: Unavailable) -> None:
        """Say once, at the first attempt that got no answer, why the command waits."""
        self._commands.hold(
            identifier, code=error.code, detail=error.detail, hint=error.hint, now_ms=self._clock.now_ms()
        )

    def _write(self, identifier: str, outcome: Outcome) -> None:
        now_ms = self._clock.now_ms()
        if outcome.code is None:
            self._commands.succeed(
                identifier, tx_id=outcome.tx_id, block=outcome.block, result=outcome.result, now_ms=now_ms
            )
            return
        self._commands.fail(
            identifier,
            code=outcome.code,
            detail=outcome.detail,
            hint=outcome.hint,
            now_ms=now_ms,
            tx_id=outcome.tx_id,
            block=outcome.block,
        )

    async def _projected(self, row: Row[Any], outcome: Outcome) -> None:
        """Wait until the read model shows what the command did: who waited for it reads it."""
        if outcome.place is not None:
            ledger = FACTS_LEDGER if row.ledger == FACTS else row.ledger
            await self._position.reached(ledger, outcome.place, PROJECTED_WAIT_S)

    async def _send(self, row: Row[Any], own: SeatLedgers) -> Outcome:
        return await (self._to_facts(row, own) if row.ledger == FACTS else self._to_obligations(row, own))

    async def _relay(self, row: Row[Any], own: SeatLedgers) -> Outcome:
        """An attestation comes from every member at once; the ledgers need it once."""
        if row.attempt == 0:
            await self._wait_turn(row)
        # One node may serve several members: their relays of one attestation go one after the other, and all but the
        # first find it accepted.
        lock = self._relays.setdefault((row.ledger, row.subject), asyncio.Lock())
        async with lock:
            known = await asyncio.to_thread(self._accepted, row)
            if known is not None:
                return known
            outcome = await self._send(row, own)
            await self._projected(row, outcome)
            return outcome

    async def _wait_turn(self, row: Row[Any]) -> None:
        """Until the ledger has the attestation from another member, or none brought it in time."""
        until = time.monotonic() + self._turns_s.get(row.organisation, 0.0)
        while (left_s := until - time.monotonic()) > 0 and await asyncio.to_thread(self._accepted, row) is None:
            await self._position.moved(left_s)

    def _accepted(self, row: Row[Any]) -> Outcome | None:
        """The transaction with which a ledger took this very attestation before."""
        table = tables.attestation if row.ledger == FACTS else tables.accepted_attestation
        with self._read_model.read() as connection:
            found = connection.execute(select(table).where(table.c.digest == row.subject).limit(1)).first()
        return None if found is None else Outcome(found.tx_id, found.block, {"already_accepted": True})

    async def _to_facts(self, row: Row[Any], own: SeatLedgers) -> Outcome:
        private = await asyncio.to_thread(self._commands.private_arguments, row)
        first = max(1, row.attempt)
        for attempt in range(first, ATTEMPTS_MAX + 1):
            # A resumed attempt is noted already; noting it again would make it look like a further one.
            if row.attempt == 0 or attempt > first:
                await self._begin(row, attempt)
            try:
                commit = await carry_fact(
                    own,
                    row.function,
                    row.arguments,
                    private,
                    idempotency_key=row.idempotency_key,
                    attempt=attempt,
                    sent_before=row.attempt > 0,
                )
            except Overtaken:
                if attempt == ATTEMPTS_MAX:
                    raise
            else:
                return Outcome(commit.tx_id, commit.block, commit.result, place=(commit.block, 0))
        raise AssertionError("the last attempt returns or raises")

    async def _to_obligations(self, row: Row[Any], own: SeatLedgers) -> Outcome:
        call = CALLS[row.function]
        resumed = row.attempt > 0
        if not resumed:
            await self._begin(row, 1, sent_after=await own.chain.height())
        key = row.idempotency_key if call.takes_command_id else None
        result = await carry_obligation(own, call.function, row.arguments["args"], key)
        if result.status == 1:
            return _mined(result)
        if result.code == "command_repeated" and resumed:
            # Only this seat can have used the id, and a refused command uses none: the earlier one took effect.
            return await self._earlier(row) or Outcome("", None, {"recovered": True})
        return _reverted(result)

    async def _begin(self, row: Row[Any], attempt: int, *, sent_after: int | None = None) -> None:
        """Note, before anything is sent, that something may have been. Raises Withdrawn."""
        now_ms = self._clock.now_ms()
        if not await asyncio.to_thread(self._commands.set_attempt, row.id, attempt, now_ms, sent_after=sent_after):
            raise Withdrawn

    async def _earlier(self, row: Row[Any]) -> Outcome | None:
        """The transaction that a command left before a crash; the chain has it, the read model is waited for."""
        if not CALLS[row.function].trace:
            return None
        until = time.monotonic() + PROJECTED_WAIT_S
        while True:
            found = await asyncio.to_thread(self._traced, row)
            if found is not None or time.monotonic() > until:
                return found
            await self._position.moved(SWEEP_S)

    def _traced(self, row: Row[Any]) -> Outcome | None:
        """The first event of the command's kind on its facility after the block at which it was sent."""
        trace = CALLS[row.function].trace
        event = tables.event
        facility = bare(row.arguments["args"][0])
        with self._read_model.read() as connection:
            found = connection.execute(
                select(event)
                .where(event.c.ledger == row.ledger, event.c.type == trace)
                .where(event.c.subject_id.in_((facility, "0x" + facility)))
                .where(event.c.block > (row.sent_after or 0))
                .order_by(event.c.block, event.c.place)
                .limit(1)
            ).first()
        return None if found is None else Outcome(found.tx_id, found.block, {"recovered": True})


def _mined(result: TxResult) -> Outcome:
    events = [{"event": log.event, "args": plain(log.args)} for log in result.logs]
    last = max(((log.block, log.log_index) for log in result.logs), default=None)
    return Outcome(result.tx_hash, result.block, {"events": events}, place=last)


def _reverted(result: TxResult) -> Outcome:
    code = result.code or "conflict"
    return Outcome(result.tx_hash, result.block, code=code, detail=result.detail)


def _refused(error: NamedError) -> Outcome:
    block: int | None = getattr(error, "block", None)
    return Outcome(getattr(error, "tx_id", ""), block, code=error.code, detail=error.detail, hint=error.hint)


def _unforeseen(error: Exception) -> Outcome:
    detail = f"the node failed {UNFORESEEN_MAX} times to deliver it ({type(error).__name__}); its log has the trace"
    hint = "look for its effect among the events before you send it again; tell the node's operator"
    return Outcome("", None, code="internal", detail=detail, hint=hint)
