"""One route of FastAPI that answers the bytes it was given: what an answer costs when nothing is looked up.

python -m tests.bench.bare FILE         prints `ready {"api": …}`
"""

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

LOOPBACK = "127.0.0.1"


async def serve(answer: dict[str, Any]) -> None:
    app = FastAPI()

    @app.get("/v1/collateral/{receipt_id}")
    def collateral(receipt_id: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction] -- FastAPI calls it
        return answer

    listener = socket.create_server((LOOPBACK, 0), backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready " + json.dumps({"api": f"http://{LOOPBACK}:{listener.getsockname()[1]}"}), flush=True)
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener])


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
