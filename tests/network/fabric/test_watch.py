"""An orderer that stands still while the others go on is started again; no other is touched."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from network.bringup import supervisor
from network.bringup.fabric import watch as watching
from network.bringup.fabric.watch import LOOK_EVERY_S, STUCK_S, Watch

BEGIN_S = 1_000.0


def looks(*heights: dict[str, int]) -> list[list[str]]:
    """Who is found stuck at each look."""
    watched = Watch()
    return [watched.stuck(each, BEGIN_S + LOOK_EVERY_S * number) for number, each in enumerate(heights)]


LOOKS = int(STUCK_S / LOOK_EVERY_S) + 1


def test_who_takes_no_block_for_half_a_minute_while_others_do_is_stuck_once():
    told = looks(*({"a": 9, "b": 10 + n, "c": 11 + n} for n in range(LOOKS + 2)))
    assert told == [[]] * (LOOKS - 1) + [["a"], [], []]


def test_who_catches_up_slowly_is_not_stuck():
    assert not any(looks(*({"a": n, "b": 1_000} for n in range(3 * LOOKS))))


def test_a_channel_at_rest_has_nobody_stuck():
    assert not any(looks(*[{"a": 9, "b": 9}] * (3 * LOOKS)))


def test_who_did_not_answer_meanwhile_is_judged_from_then_on():
    away = [{"b": 10}] * 2
    behind = [{"a": 9, "b": 10}] * (LOOKS - 1)
    assert not any(looks(*behind, *away, *behind))


class Metrics(BaseHTTPRequestHandler):
    height: int

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f'ledger_blockchain_height{{channel="wuxin"}} {self.height}\n'.encode())

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def operations(height: int) -> Iterator[str]:
    """The operations listener of an orderer of this height."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfHeight", (Metrics,), {"height": height}))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


async def test_its_process_is_killed_and_its_supervisor_starts_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(watching, "STUCK_S", 0.5)
    sleeping = (sys.executable, "-c", "import time; time.sleep(1000)")
    programs = [
        supervisor.Program(f"orderer.{name}", sleeping, {}, tmp_path, tmp_path / f"{name}.log")
        for name in ("bank", "insurer")
    ]
    supervisor.start(tmp_path, programs)
    try:
        with operations(9) as behind, operations(12) as ahead:
            task = asyncio.create_task(watching.watch(tmp_path, {"orderer.bank": behind, "orderer.insurer": ahead}))
            async with asyncio.timeout(20):
                while supervisor.states(tmp_path)["orderer.bank"].restarts == 0:  # noqa: ASYNC110 -- a file
                    await asyncio.sleep(0.05)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert supervisor.states(tmp_path)["orderer.insurer"].restarts == 0
    finally:
        supervisor.stop(tmp_path)
