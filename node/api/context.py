"""What every route works with: the node, and the caller that the doorkeeper let in.

``authorise`` runs before every route of the API and is the only way to a ``Principal``. ``command`` is the one path
from a request to a pending transaction; ``answer`` decides between 202 and a finished one.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from network.clock import Clock
from network.membership.consortium import Consortium
from node.api.fields import Body, Json
from node.commands import commands
from node.commands.commands import Commands, Step
from node.commands.delivery import Delivery
from node.commands.seals import Seals
from node.gate import access, audit
from node.gate.access import Doorkeeper, Principal
from node.gate.problems import Problem
from node.ledgers.served import Served
from node.projection.follow import Position
from node.stores.databases import Store

PREFIX = "/v1"
WAIT_S_MAX = 60.0  # longer waits are asked for again; a proxy in between gives up sooner
LIMIT_MAX = 500
LIMIT_DEFAULT = 100
BEARER = HTTPBearer(auto_error=False, description="A key of your organisation, wx_…")
KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass
class Node:
    """A running node: its stores, its organisations, its delivery. Made by ``node.app``."""

    home: Path
    consortium: Consortium
    clock: Clock
    local: Store
    read_model: Store
    served: dict[str, Served]
    commands: Commands
    delivery: Delivery
    position: Position
    doorkeeper: Doorkeeper
    addresses: dict[str, str]
    pack_seals: Seals

    def act_as(self, principal: Principal) -> Served:
        """The seat and ledgers of the caller's own organisation, and of no other."""
        return self.served[principal.organisation]

    def organisation_at(self, address: str) -> str:
        """The organisation behind an EVM address (hex without 0x), or the address itself."""
        return self.addresses.get(address, "0x" + address)

    def address_of(self, organisation: str) -> str:
        """The EVM address of an organisation, 0x hex. Raises ``not_found``."""
        for address, name in self.addresses.items():
            if name == organisation:
                return "0x" + address
        raise Problem("not_found", f"no organisation is named {organisation!r}", "see GET /v1/organisations")


def node_of(request: Request) -> Node:
    return cast(Node, request.app.state.node)


async def authorise(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]) -> None:
    """Let the request in or refuse it; runs before every route of the API."""
    node = node_of(request)
    authorization = request.headers.get("authorization")
    principal = node.doorkeeper.remembered(authorization)
    if principal is None:
        principal = await asyncio.to_thread(node.doorkeeper.identify, authorization)
    request.state.principal = principal
    template = cast(str, request.scope["route"].path)
    try:
        access.decide(principal, request.method, template)
        if access.needs_circle(template) and not node.served[principal.organisation].in_circle:
            raise Problem(
                "forbidden",
                f"{principal.organisation} is not in the lending circle",
                "obligations are read and written by members of their circle",
            )
    except Problem as problem:
        await asyncio.to_thread(_record, node, principal, request, "refused", problem.detail)
        raise


def principal_of(request: Request) -> Principal:
    return cast(Principal, request.state.principal)


def idempotency_key(
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="1 to 128 printable characters")] = None,
) -> str:
    if key is None or KEY_PATTERN.fullmatch(key) is None:
        raise Problem(
            "malformed",
            "the header Idempotency-Key is missing or not 1 to 128 printable ASCII characters",
            "send a fresh UUID for a new command, and the same one when you repeat it",
        )
    return key


def preferred_wait(prefer: Annotated[str | None, Header(description="wait=N, seconds")] = None) -> float:
    found = re.search(r"\bwait=(\d{1,4})\b", prefer or "")
    return min(float(found.group(1)), WAIT_S_MAX) if found else 0.0


def page_limit(limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT) -> int:
    return limit


Here = Annotated[Node, Depends(node_of)]
Caller = Annotated[Principal, Depends(principal_of)]
Key = Annotated[str, Depends(idempotency_key)]
Wait = Annotated[float, Depends(preferred_wait)]
Limit = Annotated[int, Depends(page_limit)]


@dataclass(frozen=True)
class Order:
    """What a route asks to be done: the request, and how to make its steps if it is new. What is `routine` is delivered
    after all that is not."""

    name: str
    subject: str
    body: Json
    steps: Callable[[], Sequence[Step]]
    keep: Callable[[], None] | None = None
    routine: bool = False


@dataclass(frozen=True)
class Desk:
    """The caller's side of a command: who, under which key, willing to wait how long."""

    node: Node
    principal: Principal
    key: str
    wait_s: float

    async def place(self, order: Order) -> JSONResponse:
        """Accept an order once, deliver it, and answer with its transaction."""
        made = await asyncio.to_thread(self._accept, order)
        for transaction in made[:1]:
            if transaction["status"] == commands.PENDING:
                place = (transaction["organisation"], transaction["ledger"], transaction["id"])
                self.node.delivery.enqueue(*place, routine=order.routine)
        return await self._answer(made)

    async def fact(self, function: str, subject: str, arguments: Json, private: bytes | None = None) -> JSONResponse:
        """One chaincode function as one transaction; ``private`` is the transient field ``terms``."""
        step = Step(commands.FACTS, function, arguments, {} if private is None else {"terms": private})
        body = arguments | ({} if private is None else {"terms": hashlib.sha256(private).hexdigest()})
        return await self.place(Order(function, subject, body, lambda: [step]))

    async def obligation(
        self, name: str, call: str, subject: str, body: Json, args: Callable[[], list[Any]]
    ) -> JSONResponse:
        """One contract action (``Contract.function``) as one transaction on the organisation's chain."""
        chain = self.node.act_as(self.principal).chain.name
        return await self.place(Order(name, subject, body, lambda: [Step(chain, call, {"args": args()})]))

    def _accept(self, order: Order) -> list[Json]:
        caller = self.principal
        request = commands.Request(
            caller.organisation, caller.key_name, self.key, order.name, order.subject, order.body, order.routine
        )
        earlier = self.node.commands.replayed(request)
        if earlier is not None:
            return [earlier]
        steps = order.steps()
        if order.keep is not None:
            order.keep()
        return self.node.commands.accept(request, steps, now_ms=self.node.clock.now_ms())

    async def _answer(self, made: list[Json]) -> JSONResponse:
        first = made[0]
        if self.wait_s > 0 and first["status"] == commands.PENDING:
            first = await self.node.commands.wait(first["id"], self.wait_s) or first
        content: Json = {"transaction": first}
        if len(made) > 1:
            content["transactions"] = [first, *made[1:]]
        status = 202 if first["status"] == commands.PENDING else 200
        return JSONResponse(content, status_code=status, headers={"Location": f"/v1/transactions/{first['id']}"})


def desk(here: Here, principal: Caller, key: Key, wait_s: Wait) -> Desk:
    return Desk(here, principal, key, wait_s)


AtDesk = Annotated[Desk, Depends(desk)]


def values(body: Body) -> Json:
    """A body as the chaincode takes it: optional fields that were not given are left out."""
    return body.model_dump(mode="json", exclude_none=True)


def with_etag(request: Request, response: Response, content: Json) -> Any:
    """The content with an ETag of its last change; 304 when the caller has it."""
    tag = f'"{content.get("block")}-{content.get("tx_id", "")[:16]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return content


def note_read(node: Node, principal: Principal, request: Request, parties: Sequence[str | None]) -> None:
    """Record in the audit log that an organisation read a record that it is no party to."""
    if principal.organisation not in parties:
        _record(node, principal, request, "read", "record of " + ", ".join(sorted({p for p in parties if p})))


def noted_page(
    node: Node, principal: Principal, request: Request, page: Json, parties_of: Callable[[Json], Sequence[str | None]]
) -> Json:
    """The page as it is; one entry in the audit log when it holds records that the organisation is no party to."""
    others = [parties for parties in map(parties_of, page["items"]) if principal.organisation not in parties]
    if others:
        names = sorted({name for parties in others for name in parties if name})
        _record(node, principal, request, "read", f"{len(others)} records of " + ", ".join(names))
    return page


def _record(node: Node, principal: Principal, request: Request, decision: str, detail: str) -> None:
    entry = audit.Entry(
        node.clock.now_ms(),
        principal.organisation,
        principal.key_name,
        f"{request.method} {request.scope['route'].path}",
        request.url.path,
        decision,
        detail,
    )
    with node.local.write() as connection:
        audit.append(connection, entry)
