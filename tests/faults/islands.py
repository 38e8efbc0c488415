"""Network namespaces: a process of the consortium on an island of its own, from which it can be cut off.

    network namespace                        │ everybody else
    orderer ─▶ 127.0.0.1:others' ports ──────┼─ relay ─▶ the others
    orderer ◀─ 127.0.0.1:its own ports ──────┼─ relay ◀─ peers and the other orderers

The island's loopback is the bridge. Taken down, nothing passes in either direction and nobody is told: connections stay
open and silent, as when a cable is cut. Brought up again, what was on its way arrives.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from network import supervisor
from network.fabric.layout import OrdererPlace
from network.fabric.nodes import orderer_program
from network.listeners import LOOPBACK

CHUNK_BYTES = 64 * 1024
CLONE_NEWNET = 0x40000000
COMMAND_TIMEOUT_S = 10.0

Made = TypeVar("Made")


@dataclass
class Island:
    """A namespace and the relays over its loopback."""

    name: str
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])

    def cut(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "down")

    def heal(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")

    async def carry(self, port: int, *, inwards: bool) -> None:
        """Listen on one side and pass on to the same port of the other."""
        if inwards:
            listener, there = _listening(port), self._socket
        else:
            listener, there = await asyncio.to_thread(_inside, self.name, lambda: _listening(port)), _stream
        self.servers.append(
            await asyncio.start_server(lambda reader, writer: self._relay(reader, writer, port, there), sock=listener)
        )

    def _socket(self) -> socket.socket:
        return _inside(self.name, _stream)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, there: Callable[[], socket.socket]
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                other = await asyncio.to_thread(there)
                await asyncio.get_running_loop().sock_connect(other, (LOOPBACK, port))
                back, forth = await asyncio.open_connection(sock=other)
                await asyncio.gather(_pump(reader, forth), _pump(back, writer))
        finally:
            self.tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        for server in self.servers:
            server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        with suppress(subprocess.CalledProcessError):
            await asyncio.to_thread(_ip, "netns", "del", self.name)


def can_be_made() -> str | None:
    """None where this machine lets us make namespaces, else what it said."""
    name = f"wuxin-{secrets.token_hex(3)}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.SubprocessError) as refused:
        return f"ip netns add: {refused}"
    return None


@asynccontextmanager
async def islands(
    home: Path, chosen: Sequence[OrdererPlace], all_of_them: Sequence[OrdererPlace]
) -> AsyncIterator[list[Island]]:
    """These orderers run on an island each until the block ends; restarted there, and afterwards restarted here."""
    made: list[Island] = []
    programs = {place.name: orderer_program(place) for place in chosen}
    try:
        for place in chosen:
            island = Island(f"wuxin-{secrets.token_hex(3)}")
            await asyncio.to_thread(_ip, "netns", "add", island.name)
            made.append(island)
            island.heal()
            program = programs[place.name]
            await asyncio.to_thread(supervisor.stop, home, [place.name])
            for port in (place.port, place.admin_port, place.operations_port):
                await island.carry(port, inwards=True)
            for other in all_of_them:
                if other.name != place.name:
                    await island.carry(other.port, inwards=False)
            moved = replace(program, argv=("ip", "netns", "exec", island.name, *program.argv))
            await asyncio.to_thread(supervisor.start, home, [moved])
        yield made
    finally:
        for island in made:
            island.heal()
        await asyncio.to_thread(supervisor.stop, home, list(programs))
        for island in made:
            await island.close()
        await asyncio.to_thread(supervisor.start, home, list(programs.values()))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _listening(port: int) -> socket.socket:
    return socket.create_server((LOOPBACK, port), backlog=128)


def _stream() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def _inside(name: str, make: Callable[[], Made]) -> Made:
    """What `make` makes in the namespace: a socket stays where it was made. A thread of its own goes there."""
    found: list[Made] = []

    def there() -> None:
        handle = os.open(f"/var/run/netns/{name}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {name}")
        finally:
            os.close(handle)
        found.append(make())

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if not found:
        raise OSError(f"nothing was made in {name}")
    return found[0]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S)
