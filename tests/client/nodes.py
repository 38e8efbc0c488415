"""A real node over embedded ledgers, served on a socket of this machine by this process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from node.app import create_app
from node.demo.founding import found

UP_S = 60.0


@dataclass(frozen=True)
class Serving:
    """A node that answers at `url` for every organisation of its home."""

    url: str
    home: Path
    warehouse_uscc: str

    def key(self, organisation: str, name: str = "operator") -> str:
        """An API key of an organisation."""
        keys = json.loads((self.home / "orgs" / organisation / "api-keys.json").read_text("utf-8"))
        return str(keys["keys"][name]["key"])


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    """Founds a home and serves it until the block ends."""
    consortium = found(home)
    config = uvicorn.Config(create_app(home), host="127.0.0.1", port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="node under test", daemon=True)
    thread.start()
    until = time.monotonic() + UP_S
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until, "the node does not come up"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Serving(f"http://127.0.0.1:{port}", home, consortium.organisation("warehouse").uscc)
    finally:
        server.should_exit = True
        thread.join(UP_S)
