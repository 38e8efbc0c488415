"""Following events: in order, none skipped, none twice but the one that was in hand; killed and cut off on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.client.twins import Twin, problem
from wuxin_client import FilePlace, Rejected, Unreadable
from wuxin_client.places import FILE_BYTES_MAX, after_event, parse_cursor

Make = Callable[..., Twin]
SUBJECT = {"subject_kind": "slot", "subject_id": "s"}


def event(ident: str) -> dict[str, object]:
    ledger = "facts" if ident.startswith("f:") else ident.partition(":")[0]
    return {"id": ident, "ledger": ledger, "type": "t", "at_s": 1, "tx_id": "a", "body": {}} | SUBJECT


LOG = [f"f:{n}.0.0" if n % 3 else f"e1:{n}.2" for n in range(1, 30)]
"""Two ledgers, one log; a cursor names a place in each."""


def read_log(after: str | None, limit: int = 4) -> dict[str, object]:
    """The page of a faithful node: what is behind the cursor in each ledger, and the cursor after that."""
    places = parse_cursor(after)
    left = [each for each in LOG if all(place > places.get(name, ()) for name, place in parse_cursor(each).items())]
    cursor = after
    for each in left[:limit]:
        cursor = after_event(cursor, each)
    return {"items": [event(each) for each in left[:limit]], "cursor": cursor}


def faithful(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=read_log(request.url.params.get("after")))


class Memory:
    """A place that is kept in a list, to see each step."""

    def __init__(self, kept: str | None = None) -> None:
        self.kept = [kept] if kept else []

    def load(self) -> str | None:
        return self.kept[-1] if self.kept else None

    def save(self, cursor: str) -> None:
        self.kept.append(cursor)


async def test_every_event_of_both_ledgers_comes_once_and_in_order(twin: Make) -> None:
    node = twin(faithful)
    events = await node.first(len(LOG) - 1, node.client.follow_events(Memory()))
    assert [each.id for each in events] == LOG[:-1]


async def test_the_place_is_kept_when_the_next_event_is_asked_for_and_not_before(twin: Make) -> None:
    node, place = twin(faithful), Memory()
    iterator = node.client.follow_events(place)
    await node.first(0, iterator)
    assert place.kept == [], "an event that was handed out is not yet handled"
    await node.first(3, node.client.follow_events(place))
    assert place.load() == "f:2.0.0~e1:3.2"


@pytest.mark.parametrize("crash_at", range(1, 8))
async def test_after_a_crash_the_event_in_hand_comes_again_and_no_other(twin: Make, crash_at: int) -> None:
    node, place = twin(faithful), Memory()
    seen = [each.id for each in await node.first(crash_at, node.client.follow_events(place))]
    again = [each.id for each in await node.first(3, node.client.follow_events(place))]
    assert seen + again == LOG[: crash_at + 3]


async def test_a_node_that_is_away_is_asked_again_with_growing_pauses_and_nothing_is_lost(twin: Make) -> None:
    dice = Random(7)

    def faulty(request: httpx.Request) -> httpx.Response:
        fate = dice.random()
        if fate < 0.3:
            raise httpx.ReadTimeout("cut", request=request)
        return problem(503, "unavailable") if fate < 0.6 else faithful(request)

    node = twin(faulty)
    events = await node.first(len(LOG) - 1, node.client.follow_events(Memory()))
    assert [each.id for each in events] == LOG[:-1]


async def test_pauses_have_a_longest_one(twin: Make) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        if len(node.sent) < 100:
            raise httpx.ConnectError("away", request=request)
        return faithful(request)

    node = twin(away)
    await node.first(1, node.client.follow_events(Memory()))
    assert max(node.time.slept) == 30.0


async def test_events_that_a_node_repeats_are_not_handled_again(twin: Make) -> None:
    def repeating(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [event(each) for each in LOG], "cursor": "f:1.0.0"})

    node = twin(repeating)
    events = await node.first(len(LOG) - 1, node.client.follow_events(Memory()))
    assert [each.id for each in events] == LOG[:-1]


async def test_a_node_that_does_not_hold_the_request_is_not_asked_in_a_tight_circle(twin: Make) -> None:
    def nothing_for_a_while(request: httpx.Request) -> httpx.Response:
        return faithful(request) if len(node.sent) > 20 else httpx.Response(200, json={"items": [], "cursor": None})

    node = twin(nothing_for_a_while)
    await node.first(1, node.client.follow_events(Memory()))
    assert node.time.now >= 1.9


@pytest.mark.parametrize(("status", "code"), [(401, "unauthenticated"), (409, "cursor_ahead"), (400, "malformed")])
async def test_a_refusal_is_raised_and_never_skipped_over(twin: Make, status: int, code: str) -> None:
    node, place = twin(lambda _: problem(status, code)), Memory("f:9.0.0")
    with pytest.raises(Rejected) as refused:
        await node.first(1, node.client.follow_events(place))
    assert refused.value.code == code and place.kept == ["f:9.0.0"]


async def test_a_place_that_cannot_be_kept_stops_the_follower(twin: Make, tmp_path: Path) -> None:
    node = twin(faithful)
    with pytest.raises(OSError, match="gone"):
        await node.first(1, node.client.follow_events(tmp_path / "gone" / "place"))


async def test_a_file_keeps_the_place_between_lives(twin: Make, tmp_path: Path) -> None:
    node, file = twin(faithful), tmp_path / "place"
    first = await node.first(5, node.client.follow_events(file))
    second = await node.first(5, node.client.follow_events(str(file)))
    assert [each.id for each in first + second] == LOG[:10]
    assert not file.with_name("place.new").exists()


@pytest.mark.parametrize("content", ["rubbish", "f:1", "f:1.0.0~f:2.0.0", "", "f:1.0.0 " * 200])
def test_a_file_that_holds_no_place_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "place").write_text(content)
    with pytest.raises(Unreadable):
        FilePlace(tmp_path / "place").load()


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "place").open("wb") as file:
        file.truncate(1024**4)
    with pytest.raises(Unreadable):
        FilePlace(tmp_path / "place").load()
    assert FILE_BYTES_MAX < 10_000


def test_a_half_written_file_leaves_the_old_place(tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "place")
    place.save("f:1.0.0")
    (tmp_path / "place.new").write_text("f:2.")
    assert place.load() == "f:1.0.0"
    place.save("f:2.0.0")
    assert place.load() == "f:2.0.0"


@pytest.mark.parametrize(
    ("cursor", "ident", "moved"),
    [
        (None, "f:1.0.0", "f:1.0.0"),
        ("f:1.0.0", "e1:5.2", "f:1.0.0~e1:5.2"),
        ("e1:5.2", "f:1.0.0", "f:1.0.0~e1:5.2"),
        ("f:9.0.0", "f:10.0.0", "f:10.0.0"),
        ("f:10.0.0", "f:9.9.9", None),
        ("f:10.0.0~e1:5.2", "e1:5.2", None),
    ],
)
def test_a_cursor_moves_past_an_event_and_never_back(cursor: str | None, ident: str, moved: str | None) -> None:
    assert after_event(cursor, ident) == moved


class _Node(BaseHTTPRequestHandler):
    """A faithful node over a socket, for followers that are processes."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        content = httpx.Response(200, json=read_log(query.get("after", [None])[0], limit=3)).content
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on standard error."""


@contextmanager
def served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Node)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


FOLLOWER = """
import os, sys, time
from wuxin_client import Client

url, place, handled = sys.argv[1:]
with Client(url, "wx_key") as node, open(handled, "a") as file:
    for event in node.follow_events(place, wait_s=0):
        time.sleep(0.01)
        file.write(event.id + "\\n")
        file.flush()
        os.fsync(file.fileno())
        time.sleep(0.01)
"""


def test_a_follower_that_is_killed_again_and_again_skips_nothing(tmp_path: Path) -> None:
    """kill -9 at any moment: of what was in hand an event may be handled twice, in order, and none is missing."""
    handled = tmp_path / "handled"
    handled.touch()
    dice = Random(11)
    lives = 0

    def lines() -> list[str]:
        return handled.read_text().split()

    with served() as url:
        until = time.monotonic() + 60
        while len(set(lines())) < len(LOG) and time.monotonic() < until:
            lives += 1
            command = [sys.executable, "-c", FOLLOWER, url, str(tmp_path / "place"), str(handled)]
            process = subprocess.Popen(command)
            before = len(lines())
            enough = before + dice.randint(7, 12)
            while len(lines()) < enough and set(lines()) != set(LOG) and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(dice.random() * 0.02)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
    once = list(dict.fromkeys(lines()))
    assert once == LOG
    assert lives > 2
    assert len(lines()) - len(LOG) <= lives, "each death repeats at most the event that was in hand"
