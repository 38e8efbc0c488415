"""`python -m node.cli.broker`: the demo's broker as a process; prints `ready {"mqtt": "host:port"}`."""

import asyncio
import json
import signal

from oracle.broker import LOOPBACK, embedded_broker


async def _serve() -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with embedded_broker() as port:
        print("ready " + json.dumps({"mqtt": f"{LOOPBACK}:{port}"}), flush=True)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
