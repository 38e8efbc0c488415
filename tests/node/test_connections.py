"""Connections that ask nothing, slowly, or do not read: they are closed, and nobody else is kept out for long."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn

from node import connections
from node.__main__ import CONCURRENCY_MAX
from node.connections import REQUEST_HEAD_S, BoundedConnection

IDLE = 600
"""More than a node serves at once."""
UP_S = 60.0
LONG_BYTES = 1_000 * 65_536
"""More than the buffers of both sides take."""


@contextmanager
def node_process(home: Path) -> Iterator[tuple[str, int]]:
    """A node as it is run; its host and port."""
    command = [sys.executable, "-m", "node", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            host, _, port = json.loads(line.removeprefix("ready "))["api"].removeprefix("http://").partition(":")
            yield host, int(port)
        finally:
            process.terminate()


def test_six_hundred_idle_connections_keep_nobody_out_for_more_than_some_seconds(home: Path):
    assert CONCURRENCY_MAX < IDLE
    with node_process(home) as address, ExitStack() as idle:
        for _ in range(IDLE):
            idle.enter_context(closing(socket.create_connection(address, timeout=UP_S)))
        began, url = time.monotonic(), f"http://{address[0]}:{address[1]}/openapi.json"
        assert httpx.get(url, timeout=UP_S).status_code == 503, (
            "the connections did not fill the node: nothing is shown"
        )
        while (status := httpx.get(url, timeout=UP_S).status_code) == 503:
            assert time.monotonic() - began < 2 * REQUEST_HEAD_S, "idle connections keep others out"
            time.sleep(0.2)
        assert status == 200


async def answer(scope: dict[str, object], receive: object, send: object) -> None:
    """An application whose answer to `/long` is more than any buffer takes."""
    assert callable(send)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(LONG_BYTES // 65_536 if scope["path"] == "/long" else 0):
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port of a server with our connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(answer, http=BoundedConnection, lifespan="off", log_level="critical"))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 -- the server sets a flag and no event
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.name.startswith("test_six_hundred"):
        return
    monkeypatch.setattr(connections, "REQUEST_HEAD_S", 0.3)
    monkeypatch.setattr(connections, "WRITE_STALL_S", 0.3)


async def closed_after_s(reader: asyncio.StreamReader) -> float:
    began = time.monotonic()
    async with asyncio.timeout(5):
        assert await reader.read() is not None
    return time.monotonic() - began


async def test_a_connection_that_asks_nothing_is_closed():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert 0.2 < await closed_after_s(reader) < 3
        writer.close()


async def test_a_head_that_comes_a_byte_at_a_time_is_not_waited_for():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ended = asyncio.create_task(closed_after_s(reader))
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"y" * 1_000:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        assert await ended < 3
        writer.close()


async def test_a_connection_that_is_silent_after_an_answer_is_closed():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await closed_after_s(reader) < 3
        writer.close()


async def test_a_connection_that_asks_again_in_time_stays_open():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(4):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.2)
        writer.close()


async def test_who_does_not_read_the_answer_is_let_go():
    async with serving() as port:
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.sendall(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.sleep(1.5)
            client.settimeout(5)
            assert await asyncio.to_thread(read_all, client) < LONG_BYTES, "the answer waited for its reader"


def read_all(client: socket.socket) -> int:
    """How many bytes come before the connection ends."""
    size = 0
    with suppress(ConnectionResetError):
        while part := client.recv(65_536):
            size += len(part)
    return size
