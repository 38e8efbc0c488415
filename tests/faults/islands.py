"""Network namespaces: processes of the consortium on an island of their own, from which they can be cut off.

    island (namespace)                  strait (namespace)                 mainland
    others' ports ───────────── relay ─▶ others' ports ───────────── relay ─▶ everybody else
    its own ports ◀───────────── relay ─ its own ports ◀───────────── relay ─ everybody else

The strait's loopback is the only way across. Taken down, nothing passes in either direction and nobody is told: open
connections fall silent, new ones get no answer, as when a cable is cut. Brought up again, what was on its way arrives.
On the island itself everything goes on, and `aboard` runs a command there: it sees what the cut off organisation sees.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from network.bringup import supervisor
from network.bringup.listeners import LOOPBACK, NETWORK_FILE
from network.bringup.supervisor import Program

CHUNK_BYTES = 64 * 1024
CLONE_NEWNET = 0x40000000
COMMAND_TIMEOUT_S = 10.0
OWN_ADDRESS = "192.0.2.1/32"
"""For documentation only, and used by nobody: a peer does not start where it finds no address but the loopback's."""
MAINLAND = ""
"""Where no namespace is entered."""

ORDERERS, PEERS, VALIDATORS = ("orderer",), ("peer", "chaincode"), ("evm",)
"""Kinds of processes that live together; a peer and its chaincode server stand on one machine."""

Made = TypeVar("Made")


@dataclass
class Island:
    """A namespace, the strait before it, and the relays over both."""

    name: str
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])
    joined: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def strait(self) -> str:
        return f"{self.name}-strait"

    async def rise(self, own_ports: Collection[int], others_ports: Collection[int]) -> None:
        for namespace in (self.name, self.strait):
            await asyncio.to_thread(_ip, "netns", "add", namespace)
            await asyncio.to_thread(_ip, "-n", namespace, "link", "set", "lo", "up")
        await asyncio.to_thread(_ip, "-n", self.name, "address", "add", OWN_ADDRESS, "dev", "lo")
        self.joined.set()
        for listening, dialled in ((MAINLAND, self.strait), (self.strait, self.name)):
            await self._carry(own_ports, listening, dialled)
            await self._carry(others_ports, dialled, listening)

    def cut(self) -> None:
        self.joined.clear()
        _ip("-n", self.strait, "link", "set", "lo", "down")

    def heal(self) -> None:
        _ip("-n", self.strait, "link", "set", "lo", "up")
        self.joined.set()

    def aboard(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The command as it is run on the island."""
        return ("ip", "netns", "exec", self.name, *argv)

    async def sink(self) -> None:
        for server in self.servers:
            server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for namespace in (self.name, self.strait):
            with suppress(subprocess.CalledProcessError):
                await asyncio.to_thread(_ip, "netns", "del", namespace)

    async def _carry(self, ports: Collection[int], listening: str, dialled: str) -> None:
        """Listen in one place, and pass on to the same port of the other."""
        for listener in await asyncio.to_thread(_inside, listening, lambda: [_listening(port) for port in ports]):
            self.servers.append(
                await asyncio.start_server(lambda reader, writer: self._relay(reader, writer, dialled), sock=listener)
            )

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dialled: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        port = int(writer.get_extra_info("sockname")[1])
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self.joined.wait()
                other = await asyncio.to_thread(_inside, dialled, _stream)
                await asyncio.get_running_loop().sock_connect(other, (LOOPBACK, port))
                back, forth = await asyncio.open_connection(sock=other)
                await asyncio.gather(_pump(reader, forth), _pump(back, writer))
        finally:
            self.tasks.discard(task)
            writer.close()


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
async def islands(home: Path, kinds: Collection[str], organisations: Sequence[str]) -> AsyncIterator[list[Island]]:
    """These organisations' processes of these kinds run on an island each until the block ends; restarted there, and
    afterwards restarted here."""
    programs = list[Program]()
    made = {organisation: Island(f"wuxin-{secrets.token_hex(3)}") for organisation in organisations}
    try:
        for organisation, island in made.items():
            household = programs_of(home, kinds, organisation)
            programs += household
            await asyncio.to_thread(supervisor.stop, home, [each.name for each in household])
            await island.rise(*_ports(home, kinds, organisation))
            moved = [replace(each, argv=island.aboard(each.argv)) for each in household]
            await asyncio.to_thread(supervisor.start, home, moved)
        yield list(made.values())
    finally:
        for island in made.values():
            with suppress(subprocess.CalledProcessError):
                island.heal()
        await asyncio.to_thread(supervisor.stop, home, [each.name for each in programs])
        for island in made.values():
            await island.sink()
        await asyncio.to_thread(supervisor.start, home, programs)


def programs_of(home: Path, kinds: Collection[str], organisation: str) -> list[Program]:
    """What the home's supervisor runs of an organisation, by the first two words of its name."""
    wanted = {(kind, organisation) for kind in kinds}
    found = [each for name, each in supervisor.listed(home).items() if tuple(name.split(".")[:2]) in wanted]
    assert found, f"{organisation} runs no {' or '.join(kinds)}"
    return found


def _ports(home: Path, kinds: Collection[str], organisation: str) -> tuple[set[int], set[int]]:
    """Where these listen, and where everybody else does: the ports of the home's network.json, which are named
    fabric/<organisation>/<kind>… and <organisation>/evm/…"""
    own, others = set[int](), set[int]()
    for name, port in json.loads((home / NETWORK_FILE).read_text("utf-8"))["ports"].items():
        words = name.split("/")
        kind, owner = (words[2], words[1]) if words[0] == "fabric" else (words[1], words[0])
        (own if owner == organisation and kind in kinds else others).add(port)
    return own, others


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


def _inside(namespace: str, make: Callable[[], Made]) -> Made:
    """What `make` makes in the namespace: a socket stays where it was made. A thread of its own goes there."""
    if namespace == MAINLAND:
        return make()
    found: list[Made] = []

    def there() -> None:
        handle = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
        finally:
            os.close(handle)
        found.append(make())

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if not found:
        raise OSError(f"nothing was made in {namespace}")
    return found[0]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S)
