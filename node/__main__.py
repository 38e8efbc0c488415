"""One node process: `python -m node --home HOME [--org ORG …] [--port 0] [--dev-rpc]`.

Prints `ready {"api": …}` once it answers. It listens on loopback only: who wants it elsewhere puts a proxy with TLS
before it.
"""

import argparse
import json
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import uvicorn
import uvloop

from network.clock import open_clock
from network.membership.consortium import Consortium
from node.app import create_app
from node.cli.main import tell_errors
from node.connections import REQUEST_HEAD_S, BoundedConnection, ToldSometimes
from node.settings import ServingLocks, check
from wuxin_evidence.printable import LineFormatter

LOOPBACK = "127.0.0.1"
BACKLOG = 512
CONCURRENCY_MAX = 512  # connections at once; beyond it answers are 503 at once instead of late for everybody
SHUTDOWN_S = 8


class _Announcing(uvicorn.Server):
    """A server that says when it is ready, and where."""

    def __init__(self, config: uvicorn.Config, endpoints: dict[str, str]) -> None:
        super().__init__(config)
        self._endpoints = endpoints

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print("ready " + json.dumps(self._endpoints), flush=True)


def main() -> None:
    """Run one node process until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m node", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--org", action="append", help="serve only this organisation; repeat for more")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dev-rpc", action="store_true", help="also serve the embedded chain's JSON-RPC")
    arguments = parser.parse_args()
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("uvicorn.error").addFilter(ToldSometimes())
    tell_errors(lambda: uvloop.run(_serve(arguments)))


async def _serve(arguments: argparse.Namespace) -> None:
    # Said here it is one line; said within the server's start it would be a trace.
    ServingLocks(check(arguments.home, arguments.org)).release()
    listener = socket.create_server((LOOPBACK, arguments.port), backlog=BACKLOG)
    # Connections inherit it. Without it an answer's body waits 40 ms for the peer to confirm the head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    endpoints = {"api": f"http://{LOOPBACK}:{listener.getsockname()[1]}"}
    config = uvicorn.Config(
        create_app(arguments.home, arguments.org),
        log_level="warning",
        log_config=None,  # through the handler above: what a stranger sends may stand in a record
        http=BoundedConnection,
        limit_concurrency=CONCURRENCY_MAX,
        timeout_keep_alive=int(REQUEST_HEAD_S),
        timeout_graceful_shutdown=SHUTDOWN_S,
        lifespan="on",
    )
    async with AsyncExitStack() as stack:
        if arguments.dev_rpc:
            endpoints["rpc"] = await stack.enter_async_context(_rpc(arguments.home))
        await _Announcing(config, endpoints).serve([listener])


@asynccontextmanager
async def _rpc(home: Path) -> AsyncGenerator[str]:
    """The URL of the embedded chain's JSON-RPC, over a session of its own with the chain's file."""
    from network.obligations.embedded.circle import open_circle
    from network.obligations.embedded.rpc import serve_rpc

    consortium = Consortium.load(home)
    node = open_circle(home, consortium, open_clock(consortium, home))
    try:
        async with serve_rpc(node) as port:
            yield f"http://{LOOPBACK}:{port}"
    finally:
        node.close()


if __name__ == "__main__":
    main()
