"""What every route works with: the node, and the caller that the authenticator let in.

``authorise`` runs before every route of the API and is the only way to a ``Principal``. It also refuses a query
parameter that the route does not declare.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from network.clock import Clock
from network.membership.consortium import Consortium
from node.api.fields import Json
from node.commands.commands import Commands
from node.commands.delivery import Delivery
from node.commands.seals import Seals
from node.gate import access, audit
from node.gate.access import Authenticator, Principal
from node.gate.problems import LANGUAGE, Problem
from node.ledgers.served import Served
from node.lending.facilities import LendingCircle
from node.products import rule_packs
from node.projection.follow import Position
from node.stores.databases import Store

PREFIX = "/v1"
LIMIT_MAX = 500
LIMIT_DEFAULT = 100
BEARER = HTTPBearer(auto_error=False, description="A key of your organisation, wx_…")


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
    authenticator: Authenticator
    addresses: dict[str, str]
    pack_seals: Seals
    followers: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    def act_as(self, principal: Principal) -> Served:
        """The seat and ledgers of the caller's own organisation, and of no other."""
        return self.served[principal.organisation]

    def lending_circle(self, principal: Principal) -> LendingCircle:
        """The circle of the caller's chain. Raises `not_found`."""
        circle = self.consortium.circle(self.act_as(principal).chain.name)
        return LendingCircle(self.organisation_at, circle.currency, rule_packs(self.home))

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


async def authorise(
    request: Request, response: Response, _: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
) -> None:
    """Let the request in or refuse it; runs before every route of the API."""
    response.headers["Content-Language"] = LANGUAGE
    node = node_of(request)
    authorization = request.headers.get("authorization")
    principal = node.authenticator.remembered(authorization)
    if principal is None:
        principal = await asyncio.to_thread(node.authenticator.identify, authorization)
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
    require_declared_query(request)


def require_declared_query(request: Request) -> None:
    """Refuse (``malformed``) a query parameter that the API's own description does not name, or that comes twice."""
    if not request.query_params:
        return
    published = cast(FastAPI, request.app).openapi()["paths"]
    operation: Json = published[request.scope["route"].path][request.method.lower()]
    declared = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    allowed = f"this route takes {', '.join(declared)}" if declared else "this route takes no query parameter"
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in declared:
            raise Problem("malformed", f"query.{name[:64]}: is not a parameter of this route", allowed)
        if times > 1:
            raise Problem("malformed", f"query.{name}: is given {times} times", "give each parameter once")


def principal_of(request: Request) -> Principal:
    return cast(Principal, request.state.principal)


def page_limit(limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT) -> int:
    return limit


Here = Annotated[Node, Depends(node_of)]
Caller = Annotated[Principal, Depends(principal_of)]
Limit = Annotated[int, Depends(page_limit)]


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
