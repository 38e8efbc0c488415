"""`GET /v1/collateral/{receipt_id}` over kept connections, beside a bare FastAPI route with the same answer.

Both run under uvicorn in a process of their own, and are asked by the same small client in this one, each connection
one question after the other. The node has its two followers running, and no oracle members: the figure is the query's.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from node.demo.stock import Stock
from node.machine.homes import api_key
from node.machine.processes import Processes
from tests.bench.latency import lent
from tests.bench.rows import Row, Show, milliseconds

CONNECTIONS = (1, 16)
SECONDS = 3.0
WARM = 100
START_S = 30.0


@dataclass(frozen=True)
class Question:
    """What is asked again and again: a URL, with an API key or without."""

    url: str
    key: str = ""

    @property
    def raw(self) -> bytes:
        parts = urlsplit(self.url)
        key = f"Authorization: Bearer {self.key}\r\n" if self.key else ""
        return f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{key}\r\n".encode()


def measure(show: Show) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        home, stock = Path(folder) / "home", Stock("100", receipt_t=39, draw_minor=100)
        show("a pledge that can be lent on is made")
        with lent(home, [stock]):
            pass
        processes = Processes(home)
        processes.up(members=False)
        try:
            path = f"/v1/collateral/{stock.receipt_id}"
            show(f"questions over {' and '.join(map(str, CONNECTIONS))} connections, beside a bare route")
            ours = Question(processes.api + path, api_key(home, "bank"))
            answer = _answer(ours)
            with _bare(Path(folder), answer) as api:
                return [_row(ours, Question(api + path), each, len(json.dumps(answer))) for each in CONNECTIONS]
        finally:
            processes.down()


def _row(ours: Question, bare: Question, connections: int, size: int) -> Row:
    asked, limit = (asyncio.run(_ask(each, connections)) for each in (ours, bare))
    return Row(
        f"collateral query, {connections} connection{'s' if connections > 1 else ''}",
        _told(asked),
        f"bare FastAPI route: {_told(limit)}",
        "none needed: a read",
        "1 node; 1 client",
        f"answer of {size} bytes, by API key",
    )


def _told(samples_s: list[float]) -> str:
    return f"{len(samples_s) / SECONDS:.0f}/s, {milliseconds(samples_s)}"


async def _ask(question: Question, connections: int) -> list[float]:
    """Seconds of each answer within SECONDS, over all connections."""
    samples: list[float] = []
    await asyncio.gather(*(_connection(question, samples) for _ in range(connections)))
    return samples


async def _connection(question: Question, samples: list[float]) -> None:
    parts = urlsplit(question.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        for _ in range(WARM):
            await _once(reader, writer, question.raw)
        until = time.perf_counter() + SECONDS
        while (started := time.perf_counter()) < until:
            await _once(reader, writer, question.raw)
            samples.append(time.perf_counter() - started)
    finally:
        writer.close()


async def _once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> None:
    """One question and its whole answer. Raises RuntimeError when it is no 200 with a length."""
    writer.write(raw)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, rest = head.partition(b"content-length: ")
    if not head.startswith(b"http/1.1 200") or not found:
        raise RuntimeError(f"the answer begins {head[:200]!r}")
    await reader.readexactly(int(rest.partition(b"\r\n")[0]))


def _answer(question: Question) -> Any:
    request = urllib.request.Request(question.url, headers={"Authorization": f"Bearer {question.key}"})
    with urllib.request.urlopen(request, timeout=START_S) as response:
        return json.load(response)


@contextmanager
def _bare(folder: Path, answer: Any) -> Iterator[str]:
    """The URL of the bare route's process."""
    file = folder / "answer.json"
    file.write_text(json.dumps(answer), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bare", str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield json.loads(line.removeprefix("ready "))["api"]
    finally:
        process.kill()
        process.wait(START_S)
