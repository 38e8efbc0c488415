"""Operations: what the API offers, one declaration each, and the route that is built from it.

    declaration of a command, or Read/Listing ─▶ Operation ─▶ route: let in, read strictly, handle, answer
                                                          └─▶ openapi.json, docs/reference/api.md, `wuxin call`

`takes` is a frozen dataclass of described fields; `chaincode.world.fields.parse` reads it, for facts and obligations
alike. Fields that the path names come from the path; the others from the query of a GET, from the body of a POST.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_type_hints

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chaincode.world.description import value_of
from chaincode.world.fields import malformed, parse
from node.api.context import Node
from node.gate import access, audit
from node.gate.access import Principal
from node.gate.problems import ENGLISH, Problem

Json = dict[str, Any]
T = TypeVar("T")

PREFIX = "/v1"
JSON, ZIP = "application/json", "application/zip"
EVERYWHERE = ("malformed", "unauthenticated", "forbidden", "unsupported_action", "unavailable", "internal")
"""Problems of every operation: what HTTP, the key and the node itself can refuse with."""
SHOWN_CHARS_MAX = 64


@dataclass(frozen=True)
class Call:
    """A request that was let in: the node, who calls, and the request for what is in its headers."""

    node: Node
    principal: Principal
    request: Request

    @property
    def organisation(self) -> str:
        """The organisation whose key the caller holds."""
        return self.principal.organisation


Handle = Callable[[Call, Any, Any], Awaitable[Any]]
"""From the call, the arguments and what comes beside them to JSON, or to a whole response."""


@dataclass(frozen=True)
class Page:
    """An answer of many: a page of these, newest first."""

    item: Any


@dataclass(frozen=True)
class Recorded:
    """A record of the facts, with the block and the transaction of its last change."""

    record: type[Any]


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    name: str
    """The operation's id, as command line and clients call it."""
    method: str
    path: str
    tag: str
    en: str
    zh: str
    scopes: frozenset[str]
    takes: type[Any]
    gives: Any
    """A described dataclass, `Recorded`, `Page`; None where the answer is no JSON."""
    handle: Handle
    roles: frozenset[str] = frozenset()
    """One of these; empty for any."""
    party: str | None = None
    problems: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    beside: type[Any] | None = None
    """Described fields of the body that stay private: they never enter a transaction in the clear."""
    of_circle: bool = False
    """Whether it reads or writes obligations, which belong to the members of their lending circle."""
    media: str = JSON
    waits: bool = False
    """Whether `Prefer: wait` holds the answer."""

    @property
    def is_command(self) -> bool:
        """Whether the operation changes something; all others read."""
        return self.method == "POST"

    @property
    def all_problems(self) -> tuple[str, ...]:
        """Every code with which it can be refused, over HTTP or as a failed transaction."""
        own = ("idempotency_mismatch", "too_large", "conflict", "cancelled") if self.is_command else ()
        return tuple(dict.fromkeys((*EVERYWHERE, *own, *self.problems)))

    @property
    def path_fields(self) -> tuple[str, ...]:
        """Fields of `takes` that the path carries."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))


async def respond(operation: Operation, request: Request) -> Response:
    """Let a request in, read it, carry it out, answer."""
    node, principal = await let_in(request, operation)
    body = await request.body() if operation.is_command else b""
    wanted, beside = read(operation, request.path_params, request.query_params.multi_items(), body)
    answer = await operation.handle(Call(node, principal, request), wanted, beside)
    if isinstance(answer, Response):
        return answer
    return JSONResponse(answer, headers={"Content-Language": ENGLISH})


def read(
    operation: Operation, path: Mapping[str, str], query: Sequence[tuple[str, str]], body: bytes
) -> tuple[Any, Any]:
    """The arguments of a request, and what comes beside them. Raises ``malformed`` naming the field."""
    given = _queried(operation, query)
    if operation.is_command:
        given |= _stated(operation, body)
    beside = None
    if operation.beside is not None:
        names = {field.name for field in dataclasses.fields(operation.beside)}
        beside = parse(operation.beside, {name: value for name, value in given.items() if name in names})
        given = {name: value for name, value in given.items() if name not in names}
    return parse(operation.takes, {**given, **path}), beside


def _queried(operation: Operation, query: Sequence[tuple[str, str]]) -> Json:
    """The query's values, whole numbers read; each name at most once, and none that is not declared."""
    declared: Json = {} if operation.is_command else get_type_hints(operation.takes, include_extras=True)
    allowed = [name for name in declared if name not in operation.path_fields]
    found: Json = {}
    for name, text in query:
        # A misspelt filter that were passed over would answer with everything, and look like an answer.
        if name not in allowed:
            hint = f"parameters here are {', '.join(allowed)}" if allowed else "there are no parameters here"
            raise malformed(name[:SHOWN_CHARS_MAX], "is not a parameter of this route", hint)
        if name in found:
            raise malformed(name, "is given more than once", "give each parameter once")
        found[name] = _typed(value_of(declared[name]).kind, text)
    return found


def _typed(kind: str, text: str) -> object:
    """A query's text as the field's kind; what is no such value stays a text, and is refused as one."""
    if kind == "integer" and re.fullmatch(r"0|-?[1-9][0-9]{0,15}", text):
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _stated(operation: Operation, body: bytes) -> Json:
    """The body's fields; an empty body is an empty object. `BodyLimits` has refused what is no sound JSON."""
    stated = json.loads(body or b"{}")
    if not isinstance(stated, dict):
        raise malformed("the body", "is not an object", "send one JSON object")
    for name in operation.path_fields:
        # Two places for one id could name two things; then which of them was meant is a guess.
        if name in stated:
            raise malformed(name, "stands in the path and in the body", "leave it out of the body")
    return cast(Json, stated)


async def let_in(request: Request, operation: Operation) -> tuple[Node, Principal]:
    """The node and the caller, or the refusal of the request; runs before every operation and is the only way to a
    ``Principal``. A refusal goes into the audit log. Raises ``unauthenticated``, ``forbidden``."""
    node = cast(Node, request.app.state.node)
    authorization = request.headers.get("authorization")
    # Who is known for a moment already costs no thread and no query; a revoked key is forgotten as soon.
    principal = node.authenticator.remembered(authorization)
    if principal is None:
        principal = await asyncio.to_thread(node.authenticator.identify, authorization)
    try:
        access.decide(principal, operation.name, operation.scopes, operation.roles)
        if operation.of_circle and not node.seats[principal.organisation].in_circle:
            raise Problem(
                "forbidden",
                f"{principal.organisation} is not in the lending circle",
                "obligations are read and written by members of their circle",
            )
    except Problem as problem:
        await asyncio.to_thread(record, node, principal, operation, request.url.path, "refused", problem.detail)
        raise
    return node, principal


def record(node: Node, principal: Principal, operation: Operation, subject: str, decision: str, detail: str) -> None:
    """Append to the audit log what was decided about a request."""
    action = f"{operation.method} {operation.path}"
    entry = audit.Entry(
        node.clock.now_ms(), principal.organisation, principal.key_name, action, subject, decision, detail
    )
    with node.local.write() as connection:
        audit.append(connection, entry)
