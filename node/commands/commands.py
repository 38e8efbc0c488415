"""Commands: accepted once, kept before they are answered, delivered later.

    body + Idempotency-Key ─▶ accept: same key and body → the same transaction
                                      same key, other body → idempotency_mismatch
                                      else one row per ledger step, in one durable write
    delivery ─▶ succeed / fail            its caller, before anything of it may have been sent ─▶ cancel

A transaction is ``pending`` until its ledger said something final. Its id on a ledger is a function of the organisation
and the key (``node.ledgers``), so a command that is delivered twice is one transaction. ``attempt`` is 0 until
something may have been sent, and rises after that only when another transaction came first. Private arguments wait
encrypted under a key of the seat, and are wiped when the transaction is final.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, insert, or_, select, update

from node.commands.seals import PRIVATE_ARGUMENTS, Seals
from node.gate import audit
from node.gate.problems import Problem
from node.stores.databases import Store
from node.stores.local_tables import command

FACTS = "facts"
PENDING, COMMITTED, FAILED, CANCELLED = "pending", "committed", "failed", "cancelled"
STATUSES = (PENDING, COMMITTED, FAILED, CANCELLED)
PENDING_MAX = 10_000  # per organisation: hours of traffic while a ledger is away, and still a bound
POLL_S = 0.25  # how soon a final state written by another process is noticed
SECOND_STEP = "\x1f"  # no client can send it, so a derived key never meets a client's own

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One transaction to deliver: on which ledger, which function, with which arguments (JSON).

    ``private`` is transient data of a fact. For the obligations ``function`` is a name of
    ``node.commands.obligations.CALLS`` and ``arguments`` is {"args": […]} with bytes as 0x hex.
    """

    ledger: str
    function: str
    arguments: Json
    private: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True)
class Request:
    """What a caller asked for: its organisation and key name, the idempotency key, the command and its body. What is
    `routine` is delivered after all that is not."""

    organisation: str
    key_name: str
    idempotency_key: str
    command: str
    subject: str
    body: Json
    routine: bool = False

    @property
    def body_hash(self) -> bytes:
        """SHA-256 over command, subject and body: two requests are the same when these are."""
        # A subject stands in the path and not in the body, so it is hashed too: a draw on another facility under the
        # same key is another request.
        text = json.dumps([self.command, self.subject, self.body], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True)
class Accepted:
    """The transactions of a command; `replayed` where an earlier request with its key had made them."""

    transactions: list[Json]
    replayed: bool


class Commands:
    """The transaction resources of the organisations in ``seal_secrets`` (organisation → seat secret)."""

    def __init__(self, local: Store, seal_secrets: Mapping[str, bytes]) -> None:
        self._local = local
        self._seals = Seals(seal_secrets, PRIVATE_ARGUMENTS)
        self._waiting: dict[str, asyncio.Event] = {}

    def replayed(self, request: Request) -> Accepted | None:
        """The transactions that an earlier request with this key made, or None; another body is a problem."""
        with self._local.read() as connection:
            return _earlier(connection, request)

    def accept(self, request: Request, steps: Sequence[Step], *, now_ms: int) -> Accepted:
        """Write one pending transaction per step, each after the one before it; durable on return."""
        ids = [_uuid7() for _ in steps]
        rows = [
            self._row(request, step, transaction_id, place, now_ms) | {"after_id": ids[place - 1] if place else None}
            for place, (step, transaction_id) in enumerate(zip(steps, ids, strict=True))
        ]
        entry = audit.Entry(
            now_ms, request.organisation, request.key_name, request.command, request.subject, "accepted", ids[0]
        )
        with self._local.write() as connection:
            # Asked again under the write lock: two requests with one key may both have found nothing before it.
            earlier = _earlier(connection, request)
            if earlier is not None:
                return earlier
            _require_room(connection, request.organisation)
            connection.execute(insert(command), rows)
            audit.append(connection, entry)
            made = connection.execute(select(command).where(command.c.id.in_(ids))).all()
        by_id = {row.id: resource(row) for row in made}
        return Accepted([by_id[transaction_id] for transaction_id in ids], replayed=False)

    def find(self, organisation: str, identifier: str) -> Json | None:
        """An organisation's own transaction, by its id or by its ledger's transaction id."""
        with self._local.read() as connection:
            row = connection.execute(_own(organisation, identifier)).first()
        return None if row is None else resource(row)

    def listed(self, statement: Callable[[Select[Any]], Select[Any]], organisation: str) -> Sequence[Row[Any]]:
        """An organisation's transactions, as a list narrows and orders them."""
        with self._local.read() as connection:
            own = select(command).where(command.c.organisation == organisation)
            return connection.execute(statement(own)).all()

    def pending(
        self, organisation: str, ledger: str, limit: int, unanswered: Collection[str] = ()
    ) -> Sequence[Row[str, bool]]:
        """An organisation's oldest commands for a ledger that may be delivered now (id, routine), routine ones last.

        What follows another command may when that one is final, or is among the ``unanswered``.
        """
        earlier = command.alias()
        waits = exists().where(earlier.c.id == command.c.after_id, earlier.c.status == PENDING)
        free = func.json_each(json.dumps(list(unanswered))).table_valued("value")
        statement = (
            select(command.c.id, command.c.routine)
            .where(command.c.status == PENDING, command.c.organisation == organisation, command.c.ledger == ledger)
            .where(or_(~waits, command.c.after_id.in_(select(free.c.value))))
            .order_by(command.c.routine, command.c.id)
            .limit(limit)
        )
        with self._local.read() as connection:
            return connection.execute(statement).all()

    def load(self, transaction_id: str) -> Row[Any] | None:
        """Give the row of a transaction by its id; None where there is none."""
        with self._local.read() as connection:
            return connection.execute(select(command).where(command.c.id == transaction_id)).first()

    def follower(self, transaction_id: str) -> Row[Any] | None:
        """The pending command that waits for this one."""
        with self._local.read() as connection:
            return connection.execute(
                select(command).where(command.c.after_id == transaction_id, command.c.status == PENDING)
            ).first()

    def private_arguments(self, row: Row[Any]) -> dict[str, bytes]:
        """The transient data of a pending command, decrypted."""
        if row.private_sealed is None:
            return {}
        opened = self._seals.open(row.organisation, bytes(row.private_sealed), row.id.encode())
        return {name: bytes.fromhex(value) for name, value in json.loads(opened).items()}

    def succeed(self, transaction_id: str, *, tx_id: str, block: int | None, result: Any, now_ms: int) -> None:
        """Note that a ledger committed the command; private arguments are wiped."""
        done = {"status": COMMITTED, "tx_id": tx_id or None, "block": block, "result": result}
        self._finish(transaction_id, now_ms, **done, code=None, detail=None, hint=None)

    def fail(
        self,
        transaction_id: str,
        *,
        code: str,
        detail: str,
        hint: str,
        now_ms: int,
        tx_id: str | None = None,
        block: int | None = None,
    ) -> None:
        """Note that a command ended without effect, and why; private arguments are wiped."""
        self._finish(
            transaction_id,
            now_ms,
            status=FAILED,
            code=code,
            detail=detail,
            hint=hint,
            tx_id=tx_id or None,
            block=block,
        )

    def set_attempt(self, transaction_id: str, attempt: int, now_ms: int, *, sent_after: int | None = None) -> bool:
        """Note that delivery begins its ``attempt``; durable before anything is sent. False where the command is no
        longer pending: then nothing may be sent.

        ``sent_after`` is the chain's height by then: what the command leaves is in a later block.
        """
        return self._update(transaction_id, {"attempt": attempt, "sent_after": sent_after, "updated_at_ms": now_ms})

    def cancel(self, organisation: str, transaction_id: str, key_name: str, now_ms: int) -> list[Json]:
        """Cancel a command with all its steps; again changes nothing. Durable on return.

        Raises ``not_found``, ``conflict`` (final, or something of it may have been sent).
        """
        with self._local.write() as connection:
            row = connection.execute(_own(organisation, transaction_id)).first()
            if row is None:
                detail = f"your organisation has no transaction {transaction_id!r}"
                raise Problem("not_found", detail, "see GET /v1/transactions")
            first_key = row.idempotency_key.partition(SECOND_STEP)[0]
            own = _steps(organisation, first_key).order_by(command.c.id)
            steps = connection.execute(own).all()
            if all(step.status == CANCELLED for step in steps):
                return [resource(step) for step in steps]
            _require_unsent(steps)
            done = {"status": CANCELLED, "code": "cancelled", "detail": f"{organisation} cancelled it by {key_name}"}
            done |= {"hint": "to do it after all, send it under a new Idempotency-Key"}
            ids = [step.id for step in steps]
            wiped = {**done, "private_sealed": None, "updated_at_ms": now_ms}
            connection.execute(update(command).where(command.c.id.in_(ids)).values(**wiped))
            entry = audit.Entry(now_ms, organisation, key_name, "cancel", row.id, "accepted", row.command)
            audit.append(connection, entry)
            return [resource(step) for step in connection.execute(own).all()]

    def hold(self, transaction_id: str, *, code: str, detail: str, hint: str, now_ms: int) -> None:
        """Note why a transaction is still pending, for whoever asks; what ends it writes over these."""
        self._update(transaction_id, {"code": code, "detail": detail, "hint": hint, "updated_at_ms": now_ms})

    async def wait(self, transaction_id: str, timeout_s: float) -> Json | None:
        """The transaction once it is final, or as it stands after ``timeout_s`` seconds."""
        until = time.monotonic() + timeout_s
        finished = self._waiting.setdefault(transaction_id, asyncio.Event())
        try:
            while True:
                row = await asyncio.to_thread(self.load, transaction_id)
                left = until - time.monotonic()
                if row is None or row.status != PENDING or left <= 0:
                    return None if row is None else resource(row)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, POLL_S)):
                        await finished.wait()
        finally:
            self._waiting.pop(transaction_id, None)

    def announce(self, transaction_id: str) -> None:
        """Wake who waits for this transaction; called on the event loop."""
        finished = self._waiting.get(transaction_id)
        if finished is not None:
            finished.set()

    def _row(self, request: Request, step: Step, transaction_id: str, place: int, now_ms: int) -> Json:
        key = request.idempotency_key + (f"{SECOND_STEP}{place}" if place else "")
        sealed = None
        if step.private:
            plain = json.dumps({name: value.hex() for name, value in step.private.items()}).encode()
            # Bound to the row: terms that somebody moves to another command do not open there.
            sealed = self._seals.seal(request.organisation, plain, transaction_id.encode())
        return {
            "id": transaction_id,
            "organisation": request.organisation,
            "idempotency_key": key,
            "body_hash": request.body_hash,
            "command": request.command,
            "subject": request.subject,
            "ledger": step.ledger,
            "function": step.function,
            "arguments": step.arguments,
            "private_sealed": sealed,
            "routine": request.routine,
            "status": PENDING,
            "attempt": 0,
            "created_at_ms": now_ms,
            "updated_at_ms": now_ms,
        }

    def _finish(self, transaction_id: str, now_ms: int, **columns: Any) -> None:
        self._update(transaction_id, columns | {"updated_at_ms": now_ms, "private_sealed": None})

    # Only pending rows are changed, so whoever is second (a cancel and a delivery, two processes) changes nothing.
    def _update(self, transaction_id: str, columns: Mapping[str, Any]) -> bool:
        """Change a pending transaction; False where it is not pending any more."""
        pending = update(command).where(command.c.id == transaction_id, command.c.status == PENDING)
        with self._local.write() as connection:
            return connection.execute(pending.values(**columns)).rowcount > 0


def resource(row: Row[Any]) -> Json:
    """A row of ``command`` as the API shows it."""
    return {
        "id": row.id,
        "command": row.command,
        "organisation": row.organisation,
        "ledger": row.ledger,
        "status": row.status,
        "attempt": row.attempt,
        "tx_id": row.tx_id,
        "block": row.block,
        "code": row.code,
        "detail": row.detail,
        "hint": row.hint,
        "result": row.result,
        "created_at_ms": row.created_at_ms,
        "updated_at_ms": row.updated_at_ms,
    }


def _own(organisation: str, identifier: str) -> Any:
    """An organisation's transaction, by its id or by its ledger's."""
    wanted = or_(command.c.id == identifier, command.c.tx_id == identifier)
    return select(command).where(wanted, command.c.organisation == organisation).limit(1)


def _steps(organisation: str, first_key: str) -> Any:
    """All the transactions of one command."""
    later = command.c.idempotency_key.startswith(first_key + SECOND_STEP, autoescape=True)
    own = or_(command.c.idempotency_key == first_key, later)
    return select(command).where(command.c.organisation == organisation, own)


def _require_unsent(steps: Sequence[Row[Any]]) -> None:
    for step in steps:
        if step.status != PENDING or step.attempt > 0:
            state = "may have been sent" if step.status == PENDING else f"is {step.status}"
            raise Problem(
                "conflict",
                f"transaction {step.id} on {step.ledger} {state} and cannot be cancelled",
                "wait for its end; what was committed is undone by another command only",
                transaction_id=step.id,
            )


def _earlier(connection: Connection, request: Request) -> Accepted | None:
    """What an earlier request under the same key made. Raises ``idempotency_mismatch``."""
    rows = connection.execute(_steps(request.organisation, request.idempotency_key).order_by(command.c.id)).all()
    if not rows:
        return None
    if bytes(rows[0].body_hash) != request.body_hash:
        raise Problem(
            "idempotency_mismatch",
            f"the idempotency key was used before, for {rows[0].command} with another body",
            "use a new Idempotency-Key for a new command, and the same body when you repeat one",
            transaction_id=rows[0].id,
        )
    return Accepted([resource(row) for row in rows], replayed=True)


def _require_room(connection: Connection, organisation: str) -> None:
    waiting = select(command.c.id).where(command.c.status == PENDING, command.c.organisation == organisation)
    if connection.execute(waiting.offset(PENDING_MAX - 1).limit(1)).first() is not None:
        raise Problem(
            "unavailable",
            f"{PENDING_MAX} commands of {organisation} wait for their ledgers",
            "see GET /v1/status which ledger does not answer, and repeat the command with its key later",
        )


def _uuid7() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, 74 random bits."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
