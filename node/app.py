"""The application: a checked home becomes a running node.

    check settings ─▶ take the organisations' locks ─▶ open stores, ledgers, seats
                   ─▶ followers (read model) and delivery (pending commands of before come first) ─▶ serve

    uvicorn.run(create_app(Path("home"), ["bank"]))

On shutdown delivery stops at once: what was under way is pending in ``local.db`` and is taken up at the next start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from network.clock import Clock, ScenarioClock, open_clock
from network.membership.published import public_keys
from network.ports import PortError
from node.api.context import Node
from node.api.description import TITLE, VERSION, described
from node.api.limits import BodyLimits
from node.api.operation import JSON, Operation, respond
from node.api.operations import OPERATIONS
from node.api.preferences import has_tag, language_of
from node.commands.commands import Commands
from node.commands.delivery import Delivery
from node.commands.seals import PACKS, Seals
from node.gate.access import Authenticator
from node.gate.kept_keys import restore_api_keys
from node.gate.problems import problem_response
from node.health import FOLLOWED, Health, healthz
from node.ledgers.engine import Engine, HomeEngine
from node.ledgers.seat_ledgers import SeatLedgers
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.facts import Channel
from node.projection.follow import Position, follow_facts, follow_obligations
from node.projection.tables import open_read_model
from node.settings import ServingLocks, Settings, check
from node.stores.databases import Store
from node.stores.local_tables import LOCAL
from wuxin_evidence.errors import NamedError

CATCH_UP_S = 30.0  # a longer history is followed while the node already answers

_log = logging.getLogger(__name__)

MakeEngine = Callable[[Settings, Clock], Engine]


def create_app(
    home: Path,
    orgs: Sequence[str] | None = None,
    *,
    engine: MakeEngine = HomeEngine,
    operations: Sequence[Operation] = OPERATIONS,
) -> FastAPI:
    """The API of the organisations ``orgs`` (None: all of the home). Raises SettingsError.

    ``engine`` opens the ledgers and ``operations`` are what the API offers; tests pass others.
    """
    settings = check(home, orgs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with run_node(settings, engine) as node:
            app.state.node, app.state.health = node, Health(node)
            yield

    # The page at /docs brings its own scripts: a node in a closed network has no one to fetch them from.
    app = FastAPIOffline(title=TITLE, version=VERSION, lifespan=lifespan, redirect_slashes=False)
    _describe(app, operations)
    for operation in operations:
        app.router.routes.append(_route(operation))
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_middleware(BodyLimits)
    _handle_errors(app)
    return app


def _route(operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        return await respond(operation, request)

    route = Route(operation.path, endpoint, methods=[operation.method], name=operation.name)
    route.methods = {operation.method}  # no HEAD: an answer without its body says nothing here
    return route


def _describe(app: FastAPI, operations: Sequence[Operation]) -> None:
    """Serve the API's description. It is made once: anybody may ask for it, and to make it takes 0.15 s."""

    @cache
    def document() -> tuple[bytes, str]:
        made = json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()
        return made, f'"{hashlib.sha256(made).hexdigest()[:16]}"'

    async def endpoint(request: Request) -> Response:
        made, tag = document()
        if has_tag(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers={"ETag": tag})
        return Response(made, media_type=JSON, headers={"ETag": tag})

    app.openapi = cache(lambda: described(operations))
    app.router.routes[:] = [each for each in app.routes if getattr(each, "path", None) != app.openapi_url]
    app.router.routes.append(Route(str(app.openapi_url), endpoint))


@asynccontextmanager
async def run_node(settings: Settings, engine: MakeEngine) -> AsyncGenerator[Node]:
    """Open everything, run followers and delivery, close everything."""
    async with AsyncExitStack() as stack:
        locks = ServingLocks(settings)
        stack.callback(locks.release)
        clock = open_clock(settings.consortium, settings.home)
        if isinstance(clock, ScenarioClock):
            ScenarioClock.resume(settings.home)
        ledgers = await asyncio.to_thread(engine, settings, clock)
        stack.push_async_callback(ledgers.aclose)
        node = await asyncio.to_thread(_assemble, settings, clock, ledgers)
        stack.callback(node.local.close)
        stack.callback(node.read_model.close)
        first = node.seats[settings.organisations[0]]
        tasks = [
            asyncio.create_task(
                follow_facts(node.read_model, first.ledger, node.position, Channel.of(settings.consortium)),
                name="follow facts",
            ),
            asyncio.create_task(follow_obligations(node.read_model, first.chain, node.position), name="follow chain"),
        ]
        node.followers.update(zip(FOLLOWED, tasks, strict=True))
        stack.push_async_callback(_cancel, tasks)
        await _catch_up(node, first)
        node.delivery.start()
        stack.push_async_callback(node.delivery.stop)
        yield node


def _assemble(settings: Settings, clock: Clock, ledgers: Engine) -> Node:
    local = Store(settings.local_db, LOCAL, durable=True)
    restore_api_keys(settings.home, local, settings.organisations)
    read_model = open_read_model(settings.read_model_db)
    seats = {name: ledgers.serve(name) for name in settings.organisations}
    secrets = {name: each.seat.command_secret for name, each in seats.items()}
    commands = Commands(local, secrets)
    position = Position()
    addresses = {
        public_keys(settings.home, each.name).evm_address.hex(): each.name for each in settings.consortium.organisations
    }
    relays = [each.name for each in settings.consortium.oracles]
    return Node(
        home=settings.home,
        consortium=settings.consortium,
        clock=clock,
        local=local,
        read_model=read_model,
        seats=seats,
        commands=commands,
        delivery=Delivery(commands, seats, read_model, position, clock, relays, addresses),
        position=position,
        authenticator=Authenticator(local, settings.consortium, settings.organisations),
        addresses=addresses,
        pack_seals=Seals(secrets, PACKS),
    )


async def _catch_up(node: Node, own: SeatLedgers) -> None:
    """Wait until the read model has the facts that stand now, so that the first answers are not old ones."""
    try:
        newest = await own.ledger.height() - 1
    except PortError:
        return  # the followers keep trying, and GET /v1/status says what is not available
    await node.position.reached(FACTS_LEDGER, (newest, 0), CATCH_UP_S)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _handle_errors(app: FastAPI) -> None:
    """Every refusal leaves as a problem: ours, those of the rooms below, and the framework's own."""

    def refusal(request: Request, code: str, detail: str, hint: str, **more: Any) -> JSONResponse:
        language = language_of(request.headers.get("accept-language"))
        return problem_response(code, detail, hint, language=language, **more)

    def named(request: Request, error: Exception) -> JSONResponse:
        known = cast(Any, error)
        transaction_id = getattr(error, "transaction_id", None) or getattr(error, "tx_id", None) or None
        return refusal(
            request, known.code, known.detail, known.hint, transaction_id=transaction_id, instance=request.url.path
        )

    def not_allowed(request: Request) -> JSONResponse:
        path = request.url.path
        routes = [each for each in app.routes if isinstance(each, Route) and each.path_regex.match(path)]
        # The page's own scripts are no route of ours; they are read, and nothing else.
        allowed = ", ".join(sorted({method for each in routes for method in each.methods or ()} or {"GET", "HEAD"}))
        detail = f"{path} takes no {request.method}"
        hint, headers = f"it takes {allowed}; see /docs", {"Allow": allowed}
        return refusal(request, "unsupported_action", detail, hint, status=405, headers=headers)

    def framework(request: Request, error: Exception) -> JSONResponse:
        status = cast(HTTPException, error).status_code
        if status == 405:
            return not_allowed(request)
        code = {404: "not_found", 413: "too_large"}.get(status, "malformed")
        hint = "see /docs for what there is"
        return refusal(request, code, f"{request.method} {request.url.path} is no route", hint)

    def not_stored(request: Request, error: Exception) -> JSONResponse:
        detail = f"the node's database did not take or give what was asked: {cast(DBAPIError, error).orig}"
        hint = "repeat the same request with the same Idempotency-Key; if it persists, look at the node's disk"
        return refusal(request, "unavailable", detail, hint, instance=request.url.path)

    def failed(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        detail = "the node itself failed; what it was doing is in its log"
        hint = "repeat the same request with the same Idempotency-Key; if it persists, tell the node's operator"
        return refusal(request, "internal", detail, hint, instance=request.url.path)

    app.add_exception_handler(Exception, failed)
    app.add_exception_handler(NamedError, named)
    app.add_exception_handler(DBAPIError, not_stored)
    app.add_exception_handler(HTTPException, framework)
