"""One node process: `python -m node --home HOME [--org ORG …] [--port 0] [--dev-rpc]`.

Prints `ready {"api": …}` once it answers. It listens on loopback only: who wants it elsewhere puts a proxy with TLS
before it.
"""

import argparse
import asyncio
import json
import socket
from pathlib import Path

import uvicorn

from node.app import create_app

LOOPBACK = "127.0.0.1"
BACKLOG = 512
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
    parser = argparse.ArgumentParser(prog="python -m node", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--org", action="append", help="serve only this organisation; repeat for more")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dev-rpc", action="store_true", help="also serve the embedded chain's JSON-RPC")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    listener = socket.create_server((LOOPBACK, arguments.port), backlog=BACKLOG)
    endpoints = {"api": f"http://{LOOPBACK}:{listener.getsockname()[1]}"}
    app = create_app(arguments.home, arguments.org)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S, lifespan="on")
    server = _Announcing(config, endpoints)
    if not arguments.dev_rpc:
        await server.serve([listener])
        return
    from network.local.evm_rpc import serve_rpc

    async with serve_rpc(arguments.home) as rpc:
        endpoints["rpc"] = rpc
        await server.serve([listener])


if __name__ == "__main__":
    main()
