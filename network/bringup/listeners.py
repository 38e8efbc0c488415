"""Where the processes of real networks listen: ports of this machine, picked once and kept.

`network.json` in the home names a port for every listener. They stand in the channel block and in the others'
configurations, so that they cannot change from one start to the next; nothing listens beyond 127.0.0.1.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from network.locks import open_lock

NETWORK_FILE = "network.json"
LOOPBACK = "127.0.0.1"

PORTS = range(20_000, 32_000)
"""Below those that an operating system gives to outgoing connections, which could take a stopped node's port."""


class NoPort(Exception):
    """No free port was found."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("no free port")
        self.detail = f"no free port among {PORTS.start} to {PORTS.stop - 1}"
        self.hint = "end what listens there"


def listeners(home: Path, names: Iterable[str]) -> Mapping[str, int]:
    """The ports of these listeners, e.g. `fabric/bank/peer`; one without gets a free one. Raises NoPort."""
    path = home / NETWORK_FILE
    with open_lock(home / f"{NETWORK_FILE}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        document: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        ports: dict[str, int] = document.setdefault("ports", {})
        wanted = list(names)
        lacking = [name for name in wanted if name not in ports]
        if lacking:
            ports.update(zip(lacking, _free(len(lacking), taken=set(ports.values())), strict=True))
            beside = path.with_suffix(f".{os.getpid()}.partial")
            beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
            beside.replace(path)
        return {name: ports[name] for name in wanted}


def free_ports(home: Path, count: int) -> list[int]:
    """Free ports that no listener of the home has, for processes that live as long as one command. Raises NoPort."""
    path = home / NETWORK_FILE
    document: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return _free(count, taken=set(document.get("ports", {}).values()))


def address(port: int) -> str:
    """Give `host:port` of a port of this machine."""
    return f"{LOOPBACK}:{port}"


def _free(count: int, taken: set[int]) -> list[int]:
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            return found
        if port not in taken and _is_free(port):
            found.append(port)
    raise NoPort


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
