"""The demo's broker, in this process: MQTT 3.1.1 on the loopback, open to every program of this machine.

It has no TLS, no passwords and no rights per topic, and it forgets everything when it ends. It is there so that the
demo needs nothing installation. Anything else uses mosquitto (or another MQTT 5 broker) with TLS 1.3 and client
certificates.

    async with embedded_broker(port) as port: …
    python -m oracle.sources.broker [--port N]              prints `ready {"mqtt": "127.0.0.1:N"}`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from amqtt.broker import Broker  # pyright: ignore[reportMissingTypeStubs] -- typed, but ships no py.typed

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 10.0
CONNECTIONS_MAX = 200


@asynccontextmanager
async def embedded_broker(port: int = 0) -> AsyncGenerator[int]:
    """Serve on 127.0.0.1 in the running event loop; yields the port (a free one for 0)."""
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    chosen = port or free_port()
    broker = Broker(_settings(chosen))
    await broker.start()
    try:
        yield chosen
    finally:
        await broker.shutdown()


@contextmanager
def broker_thread(port: int = 0) -> Generator[int]:
    """The same broker in a thread with an event loop of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()
    found: list[int] = []

    async def serve() -> None:
        async with embedded_broker(port) as chosen:
            found.append(chosen)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="broker", daemon=True)
    thread.start()
    if not ready.wait(START_TIMEOUT_S):
        raise TimeoutError("the embedded broker did not start; is its port taken?")
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(START_TIMEOUT_S)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _settings(port: int) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}", "max_connections": CONNECTIONS_MAX}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


async def _serve(port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with embedded_broker(port) as chosen:
        print("ready " + json.dumps({"mqtt": f"{LOOPBACK}:{chosen}"}), flush=True)
        await ended.wait()


def main() -> None:
    """Run the broker until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m oracle.sources.broker", description="The demo's broker.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
