"""Sending a command: from a request with its Idempotency-Key to a pending transaction, and its answer.

    Sender.fact / .obligation ─▶ Submission ─▶ submit: accepted once, kept, queued ─▶ 202, or 200 when it is final

A repeat under the same key answers the first transaction and says `Idempotency-Replayed: true`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header
from fastapi.responses import JSONResponse

from node.api.context import Caller, Here, Node
from node.api.fields import Body, Json
from node.api.preferences import WAIT_S_MAX, wait_of
from node.commands import commands
from node.commands.commands import Step
from node.gate.access import Principal
from node.gate.problems import LANGUAGE, Problem

KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,128}")


def idempotency_key(
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="1 to 128 printable characters")] = None,
) -> str:
    """The command's key. Raises ``malformed``."""
    if key is None or KEY_PATTERN.fullmatch(key) is None:
        raise Problem(
            "malformed",
            "the header Idempotency-Key is missing or not 1 to 128 printable ASCII characters",
            "send a fresh UUID for a new command, and the same one when you repeat it",
        )
    return key


def preferred_wait(
    prefer: Annotated[
        list[str] | None,
        Header(description=f"`wait=N` (RFC 7240): hold the answer for up to N seconds, at most {WAIT_S_MAX}"),
    ] = None,
) -> int | None:
    return wait_of(prefer or ())


Key = Annotated[str, Depends(idempotency_key)]
Wait = Annotated[int | None, Depends(preferred_wait)]


@dataclass(frozen=True)
class Submission:
    """What a route asks to be done: the request, and how to make its steps if it is new. What is `routine` is delivered
    after all that is not."""

    name: str
    subject: str
    body: Json
    steps: Callable[[], Sequence[Step]]
    keep: Callable[[], None] | None = None
    routine: bool = False


@dataclass(frozen=True)
class Sender:
    """The caller of a command: which organisation, under which key, willing to wait how long."""

    node: Node
    principal: Principal
    key: str
    wait_s: int | None

    async def submit(self, wanted: Submission) -> JSONResponse:
        """Accept a command once, deliver it, and answer with its transaction."""
        made, replayed = await asyncio.to_thread(self._accept, wanted)
        for transaction in made[:1]:
            if transaction["status"] == commands.PENDING:
                place = (transaction["organisation"], transaction["ledger"], transaction["id"])
                self.node.delivery.enqueue(*place, routine=wanted.routine)
        return await self._answer(made, replayed)

    async def fact(self, function: str, subject: str, arguments: Json, private: bytes | None = None) -> JSONResponse:
        """One chaincode function as one transaction; ``private`` is the transient field ``terms``."""
        step = Step(commands.FACTS, function, arguments, {} if private is None else {"terms": private})
        body = arguments | ({} if private is None else {"terms": hashlib.sha256(private).hexdigest()})
        return await self.submit(Submission(function, subject, body, lambda: [step]))

    async def obligation(
        self, name: str, call: str, subject: str, body: Json, args: Callable[[], list[Any]]
    ) -> JSONResponse:
        """One contract action (``Contract.function``) as one transaction on the organisation's chain."""
        chain = self.node.act_as(self.principal).chain.name
        return await self.submit(Submission(name, subject, body, lambda: [Step(chain, call, {"args": args()})]))

    def _accept(self, wanted: Submission) -> tuple[list[Json], bool]:
        """The transactions of a command, and whether an earlier request had made them."""
        caller = self.principal
        request = commands.Request(
            caller.organisation, caller.key_name, self.key, wanted.name, wanted.subject, wanted.body, wanted.routine
        )
        earlier = self.node.commands.replayed(request)
        if earlier is not None:
            return [earlier], True
        steps = wanted.steps()
        if wanted.keep is not None:
            wanted.keep()
        made = self.node.commands.accept(request, steps, now_ms=self.node.clock.now_ms())
        return made.transactions, made.replayed

    async def _answer(self, made: list[Json], replayed: bool) -> JSONResponse:
        first = made[0]
        if self.wait_s and first["status"] == commands.PENDING:
            first = await self.node.commands.wait(first["id"], self.wait_s) or first
        content: Json = {"transaction": first}
        if len(made) > 1:
            content["transactions"] = [first, *made[1:]]
        headers = {"Location": f"/v1/transactions/{first['id']}", "Content-Language": LANGUAGE}
        if self.wait_s is not None:
            headers["Preference-Applied"] = f"wait={self.wait_s}"
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        status = 202 if first["status"] == commands.PENDING else 200
        return JSONResponse(content, status_code=status, headers=headers)


def sender(here: Here, principal: Caller, key: Key, wait_s: Wait) -> Sender:
    return Sender(here, principal, key, wait_s)


Sends = Annotated[Sender, Depends(sender)]


def values(body: Body) -> Json:
    """A body as the chaincode takes it: optional fields that were not given are left out."""
    return body.model_dump(mode="json", exclude_none=True)
