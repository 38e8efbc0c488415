"""Sending a command: from its declaration to an operation, from a request to a pending transaction.

    of_facts(command), of_obligations(obligation) ─▶ Operation
    its request ─▶ Submission ─▶ submit: accepted once, kept, queued ─▶ 202, or 200 when it is final

A repeat under the same Idempotency-Key answers the first transactions and says `Idempotency-Replayed: true`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

from starlette.responses import JSONResponse

from chaincode.declaration import Command
from chaincode.world.bounds import Described, hex_bytes
from chaincode.world.fields import plain
from node.api.answers import CommandAnswer
from node.api.making import FromNode
from node.api.operation import PREFIX, Call, Operation
from node.api.preferences import wait_of
from node.commands import commands
from node.commands.commands import Step
from node.commands.declaration import Obligation
from node.gate import access
from node.gate.problems import ENGLISH, Problem
from wuxin_evidence.encoding.canonical import canonical_json

Json = dict[str, Any]
KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,128}")

SCOPES = {"anchor": access.ORACLE, "event": access.ACKNOWLEDGE}
"""By what a command on the facts is about, where its key needs another scope than `facts`."""


@dataclass(frozen=True)
class PrivateTerms:
    """What the two parties of a pledge keep to themselves: only its hash enters the ledger."""

    terms: Annotated[
        object,
        Described(
            "The terms, one JSON object; the other party must send the same bytes.",
            example={"contract": "2022-ZY-001", "secured_amount_minor": 500000000},
        ),
    ]
    salt: Annotated[str, hex_bytes(16, 64), Described("Random bytes that both parties use, hex.", example="5f" * 32)]

    def sealed(self) -> bytes:
        """The document whose bytes both parties must send alike. Raises ``malformed``."""
        given = self.terms
        if not isinstance(given, dict):
            raise Problem("malformed", "terms: is not an object", "send the terms as one JSON object")
        terms = cast(Json, given)
        if "salt" in terms:
            raise Problem("malformed", "terms: have a field salt", "pass the salt beside the terms")
        return canonical_json({**terms, "salt": self.salt})


@dataclass(frozen=True)
class Submission:
    """What an operation asks to be done: the request, and how to make its steps if it is new. What is `routine` is
    delivered after all that is not."""

    name: str
    subject: str
    body: Json
    steps: Callable[[], Sequence[Step]]
    keep: Callable[[], None] | None = None
    routine: bool = False


def of_facts(declared: Command) -> Operation:
    """The operation of a command on the facts."""

    async def handle(call: Call, wanted: Any, beside: PrivateTerms | None) -> JSONResponse:
        return await submit_fact(call, declared.name, getattr(wanted, declared.id_field), stated(wanted), beside)

    return _operation(
        declared,
        f"{PREFIX}{declared.path}",
        SCOPES.get(declared.on, access.FACTS),
        handle,
        beside=PrivateTerms if declared.transient else None,
    )


def of_obligations(declared: Obligation) -> Operation:
    """The operation of a command on the obligations."""
    said = declared.command

    async def handle(call: Call, wanted: Any, _: None) -> JSONResponse:
        making = FromNode(call.node, call.principal, asyncio.get_running_loop())
        chain = call.node.act_as(call.principal).chain.name
        subject = str(getattr(wanted, said.id_field, call.organisation))

        def steps() -> list[Step]:
            return [Step(chain, said.name, {"args": declared.make(making, wanted)})]

        return await submit(call, Submission(said.name, subject, stated(wanted), steps))

    return _operation(said, f"{PREFIX}{said.path}", access.CREDIT, handle, of_circle=True)


async def submit_fact(
    call: Call, name: str, subject: str, arguments: Json, private: PrivateTerms | None = None
) -> JSONResponse:
    """One function of the chaincode as one transaction."""
    terms = None if private is None else private.sealed()
    step = Step(commands.FACTS, name, arguments, {} if terms is None else {"terms": terms})
    # Of private terms only the hash is compared on a repeat: the body's hash stays in local.db when they are wiped.
    body = arguments | ({} if terms is None else {"terms": hashlib.sha256(terms).hexdigest()})
    return await submit(call, Submission(name, subject, body, lambda: [step]))


async def submit(call: Call, wanted: Submission) -> JSONResponse:
    """Accept a command once, deliver it, and answer with its transactions."""
    key, wait_s = idempotency_key(call), wait_of(call.request.headers.getlist("prefer"))
    made = await asyncio.to_thread(_accept, call, key, wanted)
    first = made.transactions[0]
    if first["status"] == commands.PENDING:
        place = (first["organisation"], first["ledger"], first["id"])
        call.node.delivery.enqueue(*place, routine=wanted.routine)
        if wait_s:
            first = await call.node.commands.wait(first["id"], wait_s) or first
    headers = {"Location": f"{PREFIX}/transactions/{first['id']}", **applied(wait_s)}
    if made.replayed:
        headers["Idempotency-Replayed"] = "true"
    status = 202 if first["status"] == commands.PENDING else 200
    content = {"transaction": first, "transactions": [first, *made.transactions[1:]]}
    return JSONResponse(content, status_code=status, headers={**headers, "Content-Language": ENGLISH})


def idempotency_key(call: Call) -> str:
    """The command's key. Raises ``malformed``."""
    key = call.request.headers.get("idempotency-key", "")
    if KEY_PATTERN.fullmatch(key) is None:
        raise Problem(
            "malformed",
            "the header Idempotency-Key is missing or not 1 to 128 printable ASCII characters",
            "send a fresh UUID for a new command, and the same one when you repeat it",
        )
    return key


def applied(wait_s: int | None) -> dict[str, str]:
    """The header that says which wait was honoured (RFC 7240)."""
    return {} if wait_s is None else {"Preference-Applied": f"wait={wait_s}"}


def stated(wanted: Any) -> Json:
    """Arguments as JSON; optional fields that were not given are left out."""
    fields = cast(Json, plain(wanted))
    return {name: value for name, value in fields.items() if value is not None}


def _accept(call: Call, key: str, wanted: Submission) -> commands.Accepted:
    request = commands.Request(
        call.organisation, call.principal.key_name, key, wanted.name, wanted.subject, wanted.body, wanted.routine
    )
    # Before the steps are made: a repeat must not fail because the state has moved on since.
    earlier = call.node.commands.replayed(request)
    if earlier is not None:
        return earlier
    steps = wanted.steps()
    # Evidence is durable before the command is: a node that dies in between has evidence too many, never too little.
    if wanted.keep is not None:
        wanted.keep()
    return call.node.commands.accept(request, steps, now_ms=call.node.clock.now_ms())


def _operation(
    said: Command,
    path: str,
    scope: str,
    handle: Any,
    *,
    beside: type[Any] | None = None,
    of_circle: bool = False,
) -> Operation:
    return Operation(
        name=said.name,
        method="POST",
        path=path,
        tag=path.split("/")[2],
        en=said.en,
        zh=said.zh,
        scopes=frozenset({scope}),
        roles=said.roles,
        party=said.party,
        takes=said.argument,
        gives=CommandAnswer,
        handle=handle,
        problems=tuple(sorted(said.all_problems)),
        events=said.events,
        beside=beside,
        of_circle=of_circle,
        waits=True,
    )
