"""JSON-RPC of the embedded chain over HTTP, for development tools on the same machine (`serve --dev-rpc`).

Loopback only: it binds 127.0.0.1, and a request must name a loopback host and send application/json, so that a
web page in the operator's browser cannot reach it by rebinding a name. There is no other access control: whoever
can open the port can read the circle's chain; what may be written is decided by signatures and contracts.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import uvicorn

from network.obligations.embedded.methods import METHOD, PARSE, EmbeddedEndpoint, RpcError
from network.obligations.embedded.node import EvmNode
from wuxin_evidence.encoding.canonical import require_shallow
from wuxin_evidence.errors import EvidenceError

BODY_BYTES_MAX = 1024 * 1024
"""A batch of the largest transactions; a deployment needs about 100 KiB of hex."""

BATCH_MAX = 100
LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _HttpRefusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RpcApp:
    """An ASGI application that answers POST / with JSON-RPC 2.0, single requests and batches."""

    def __init__(self, node: EvmNode) -> None:
        self._endpoint = EmbeddedEndpoint(node)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            _require_local_json(scope)
            body = await _body(receive)
        except _HttpRefusal as refusal:
            await _respond(send, refusal.status, {"error": str(refusal)})
            return
        await _respond(send, 200, await asyncio.to_thread(self._answer, body))

    def _answer(self, body: bytes) -> Any:
        try:
            require_shallow(body)
            request: Any = json.loads(body)
        except (ValueError, EvidenceError):
            return _failed(None, RpcError(PARSE, "the body is not JSON"))
        if isinstance(request, list):
            batch = cast("list[Any]", request)
            if not 0 < len(batch) <= BATCH_MAX:
                return _failed(None, RpcError(METHOD + 1, f"a batch has 1 to {BATCH_MAX} requests"))
            return [self._answer_one(each) for each in batch]
        return self._answer_one(request)

    def _answer_one(self, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(cast("dict[str, Any]", request).get("method"), str):
            return _failed(None, RpcError(METHOD + 1, "a request is an object with a method"))
        fields = cast("dict[str, Any]", request)
        answer = self._endpoint.make_request(fields["method"], fields.get("params", []))
        return {**answer, "id": fields.get("id")}


class _Server(uvicorn.Server):
    """Leaves the process's signal handlers alone: this server is a guest beside the node's own."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serve_rpc(node: EvmNode, port: int = 0) -> AsyncGenerator[int, None]:
    """Serve on loopback while the context is open; gives the port (0 picks a free one). Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen()
    config = uvicorn.Config(cast(Any, RpcApp(node)), log_level="warning", lifespan="off", ws="none")
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield cast(int, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listener.close()


def _require_local_json(scope: Scope) -> None:
    if scope["type"] != "http":
        raise _HttpRefusal(404, "HTTP only")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if headers.get("host", "").rsplit(":", 1)[0] not in LOOPBACK_NAMES:
        raise _HttpRefusal(403, "the Host header must name this machine's loopback")
    if scope["method"] != "POST" or scope["path"] != "/":
        raise _HttpRefusal(404, "POST JSON-RPC to /")
    if headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise _HttpRefusal(415, "send application/json")


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise _HttpRefusal(413, f"a request has at most {BODY_BYTES_MAX} bytes")
        if not message.get("more_body"):
            return bytes(body)


def _failed(request_id: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": error.to_json()}


async def _respond(send: Send, status: int, content: Any) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
