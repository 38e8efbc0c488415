"""Connections that ask nothing, slowly, or do not read: they are closed, and nobody else is kept out for long."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn

from node import connections
from node.__main__ import CONCURRENCY_MAX
from node.connections import PIPELINED_MAX, REQUEST_HEAD_S, BoundedConnection, ToldSometimes

IDLE = 600
"""More than a node serves at once."""
UP_S = 60.0
MIDDLING_BYTES = 50_000
"""Less than a connection keeps before it holds its application up, more than the system takes for it."""
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


@pytest.mark.parametrize("asked", [b"", b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 20], ids=["idle", "unread"])
def test_six_hundred_connections_keep_nobody_out_for_more_than_some_seconds(home: Path, asked: bytes):
    assert CONCURRENCY_MAX < IDLE
    with node_process(home) as address, ExitStack() as held:
        url = f"http://{address[0]}:{address[1]}/openapi.json"
        for _ in range(IDLE):
            client = held.enter_context(closing(socket.create_connection(address, timeout=UP_S)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.sendall(asked)
        began = time.monotonic()
        if not asked:  # of the others the first may be gone before the last has come
            assert httpx.get(url, timeout=UP_S).status_code == 503, "they did not fill the node: nothing is shown"
        while (status := httpx.get(url, timeout=UP_S).status_code) == 503:
            assert time.monotonic() - began < 3 * REQUEST_HEAD_S, "the connections keep others out"
            time.sleep(0.2)
        assert status == 200


def test_who_has_asked_much_ahead_and_reads_nothing_slows_nobody(home: Path):
    """Sixty connections, six thousand requests, no key: each connection is worth one answer that nobody reads."""
    ahead = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 100
    with node_process(home) as address, ExitStack() as held:
        for _ in range(60):
            client = held.enter_context(closing(socket.create_connection(address, timeout=UP_S)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.sendall(ahead)
        began = time.monotonic()
        answer = httpx.get(f"http://{address[0]}:{address[1]}/healthz", timeout=UP_S)
        assert answer.status_code == 200 and time.monotonic() - began < REQUEST_HEAD_S


ASKED: Counter[str] = Counter()


async def answer(scope: dict[str, object], receive: object, send: object) -> None:
    """An application whose answer to `/long` is more than any buffer takes; to `/late` it comes after a while."""
    assert callable(send) and callable(receive)
    ASKED[str(scope["path"])] += 1
    if scope["path"] == "/late":
        await asyncio.sleep(0.8)
    if scope["path"] == "/body":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/middling":
        await send({"type": "http.response.body", "body": b"x" * MIDDLING_BYTES, "more_body": True})
    for _ in range(LONG_BYTES // 65_536 if scope["path"] == "/long" else 0):
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port of a server with our connections, whose system buffers are small."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    server = uvicorn.Server(uvicorn.Config(answer, http=BoundedConnection, lifespan="off", log_config=None))
    ASKED.clear()
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
    monkeypatch.setattr(connections, "READ_STALL_S", 0.3)


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


@contextmanager
def reads_little(port: int) -> Iterator[socket.socket]:
    with closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", port))
        client.settimeout(5)
        yield client


def get(path: str, times: int = 1) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * times


async def test_who_reads_slowly_but_reads_is_not_let_go():
    async with serving() as port:
        with reads_little(port) as client:
            client.sendall(get("/long"))
            for _ in range(20):
                await asyncio.to_thread(client.recv, 4_096)
                await asyncio.sleep(0.1)
            client.sendall(b"")


async def test_a_closed_connection_does_not_wait_for_what_its_peer_never_reads():
    async with serving() as port:
        with reads_little(port) as client:
            client.sendall(get("/middling"))
            await asyncio.sleep(1.5)
            assert await asyncio.to_thread(read_all, client) < MIDDLING_BYTES, "it holds its place"


async def test_requests_ahead_are_answered_up_to_a_bound_then_the_connection_ends():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/", PIPELINED_MAX + 12))
        answers = await asyncio.wait_for(reader.read(), 5)
        assert answers.count(b"HTTP/1.1 200") == ASKED["/"] == PIPELINED_MAX
        writer.close()


async def test_as_many_requests_ahead_as_are_allowed_leave_the_connection_open():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(get("/", PIPELINED_MAX))
            for _ in range(PIPELINED_MAX):
                assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_what_is_asked_ahead_begins_when_the_last_answer_is_read():
    async with serving() as port:
        with reads_little(port) as client:
            client.sendall(get("/long") + get("/behind", 5))
            await asyncio.sleep(0.2)
            assert ASKED == {"/long": 1}
        with reads_little(port) as client:
            client.sendall(get("/middling", 5))
            await asyncio.sleep(0.2)
            assert ASKED["/middling"] <= 2, "answers that nobody reads are made one after the other"


async def test_an_answer_that_takes_longer_than_a_head_may_is_not_cut_off_behind_another():
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/") + get("/late"))
        for _ in range(2):
            assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()


HEAD = b"POST /body HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Content-Length: +3\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nonsense", "two lengths", "no length", "no chunk"],
)
async def test_what_is_no_http_is_told_so_in_a_problem(request_bytes: bytes, caplog: pytest.LogCaptureFixture):
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 400") and b"application/problem+json" in head
    assert json.loads(body)["code"] == "malformed" and json.loads(body)["hint"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_body_that_breaks_behind_its_answer_ends_the_connection_and_leaves_no_trace(
    caplog: pytest.LogCaptureFixture,
):
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"zz\r\n")
        assert await closed_after_s(reader) < 0.25
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_warning_that_strangers_cause_is_told_once_with_how_often_it_was_left_out(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr("node.connections.time.monotonic", lambda: now[0])
    sometimes, told = ToldSometimes(), list[str]()
    for second in range(25):
        now[0] = 100.0 + second / 2
        for message, level in (("Exceeded.", logging.WARNING), ("Failed.", logging.ERROR)):
            record = logging.LogRecord("uvicorn.error", level, "", 0, message, None, None)
            if sometimes.filter(record):
                told.append(record.getMessage())
    assert [line for line in told if line.startswith("Exceeded")] == [
        "Exceeded.",
        "Exceeded. And 19 times more since it was told last.",
    ]
    assert told.count("Failed.") == 25, "an error is told each time"
