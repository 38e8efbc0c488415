"""kill -9 of the node under load: what it acknowledged is done, nothing is done twice, what was pending goes on.

Four callers send commands to both ledgers as fast as they are answered. The process is killed in the middle, three
times. Afterwards every command is repeated under its own key, as a caller would who knows nothing of its fate.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from node.demo.founding import found
from node.machine.homes import api_key
from node.machine.processes import Processes
from tests.node.conftest import running
from tests.node.story import FACILITY, Story

LIVES, CALLERS, COMMANDS_A_CALLER = 3, 4, 12
ACKNOWLEDGED_BEFORE_THE_KILL = 20
DRAW_MINOR, MINT_MINOR = 1_000, 7
FINAL_WITHIN_S = 60.0
WAREHOUSE_USCC = "91310115MA3WUX3W6R"


@dataclass(frozen=True)
class Command:
    """A request under its own key; `kind` is slot, draw or mint."""

    kind: str
    number: int

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.number}"

    @property
    def request(self) -> tuple[str, str, dict[str, Any]]:
        """Organisation, path, body."""
        if self.kind == "slot":
            return "warehouse", "/v1/slots", {"slot_id": slot_of(self.number)}
        if self.kind == "draw":
            return "manufacturer", f"/v1/facilities/{FACILITY}/draw", {"amount_minor": DRAW_MINOR}
        return "bank", "/v1/deposits/mint", {"organisation": "manufacturer", "amount_minor": MINT_MINOR}


def slot_of(number: int) -> str:
    return f"{WAREHOUSE_USCC}/LOAD-{number}"


@dataclass
class Caller:
    """Talks to a node that may die; remembers what was acknowledged."""

    home: Path
    acknowledged: dict[str, str] = field(default_factory=dict[str, str])
    enough: threading.Event = field(default_factory=threading.Event)
    wanted: int = ACKNOWLEDGED_BEFORE_THE_KILL
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=FINAL_WITHIN_S))

    def send(self, api: str, command: Command) -> str | None:
        """The transaction's id, None without an answer."""
        organisation, path, body = command.request
        headers = {"Authorization": f"Bearer {api_key(self.home, organisation)}", "Idempotency-Key": command.key}
        try:
            answer = self.http.post(api + path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 202), answer.text
        identifier = answer.json()["transaction"]["id"]
        assert self.acknowledged.setdefault(command.key, identifier) == identifier, "a repeat is the same transaction"
        if len(self.acknowledged) >= self.wanted:
            self.enough.set()
        return identifier

    def get(self, api: str, organisation: str, path: str, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {api_key(self.home, organisation)}"}
        answer = self.http.get(api + path, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def serving(home: Path) -> Iterator[tuple[Processes, str]]:
    """A node process over the home, and its address."""
    processes = Processes(home)
    try:
        yield processes, processes.start_shared_node()
    finally:
        processes.down()


async def lend(home: Path) -> None:
    async with running(home) as node:
        await Story(node).lend()


async def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(found, home)
    await lend(home)
    await asyncio.to_thread(kill_and_check, home)


def kill_and_check(home: Path) -> None:
    caller, sent = Caller(home), list[Command]()
    for life in range(LIVES):
        caller.enough.clear()
        caller.wanted = len(caller.acknowledged) + ACKNOWLEDGED_BEFORE_THE_KILL
        sent += die_under_load(caller, life)
    before = dict(caller.acknowledged)
    assert len(before) >= LIVES * ACKNOWLEDGED_BEFORE_THE_KILL
    assert len(before) < len(sent), "the kill came after everything was answered: nothing was shown"
    with serving(home) as (_, api):
        resumed = [final(caller, api, sent_as(key), identifier) for key, identifier in before.items()]
        assert {each["status"] for each in resumed} == {"committed"}, [r for r in resumed if r["code"]]
        repeated = [caller.send(api, command) for command in sent]
        assert all(repeated)
        done = [final(caller, api, command, str(caller.acknowledged[command.key])) for command in sent]
        assert {each["status"] for each in done} == {"committed"}, [each for each in done if each["code"]]
        check_effects(caller, api, sent)


def die_under_load(caller: Caller, life: int) -> list[Command]:
    kinds = ("slot", "draw", "slot", "mint")
    lists = [
        [Command(kinds[who], 1000 * life + 100 * who + number) for number in range(COMMANDS_A_CALLER)]
        for who in range(CALLERS)
    ]
    with serving(caller.home) as (processes, api), ThreadPoolExecutor(CALLERS) as callers:
        futures = [callers.submit(lambda each=each: [caller.send(api, command) for command in each]) for each in lists]
        assert caller.enough.wait(FINAL_WITHIN_S), "the node does not answer"
        os.kill(processes.pids["node"], signal.SIGKILL)
        processes.end("node")
        for future in futures:
            future.result(timeout=FINAL_WITHIN_S)
    return [command for each in lists for command in each]


def sent_as(key: str) -> Command:
    kind, _, number = key.partition("-")
    return Command(kind, int(number))


def final(caller: Caller, api: str, command: Command, identifier: str) -> Any:
    return caller.get(api, command.request[0], f"/v1/transactions/{identifier}", wait=30)


def check_effects(caller: Caller, api: str, sent: list[Command]) -> None:
    """Each slot was registered once, each amount moved once."""
    registered: list[str] = []
    after: str | None = None
    while True:
        query = {"limit": 500} | ({"after": after} if after else {})
        page = caller.get(api, "bank", "/v1/events", **query)
        registered += [each["subject_id"] for each in page["items"] if each["type"] == "slot_registered"]
        after = page["cursor"]
        if not page["items"]:
            break
    ours = sorted(slot_of(command.number) for command in sent if command.kind == "slot")
    assert sorted(each for each in registered if "LOAD" in each) == ours
    draws = sum(command.kind == "draw" for command in sent)
    mints = sum(command.kind == "mint" for command in sent)
    facility = caller.get(api, "bank", f"/v1/facilities/{FACILITY}")
    assert facility["drawn_total_minor"] == draws * DRAW_MINOR
    held = caller.get(api, "bank", "/v1/deposits/manufacturer")
    assert held["balance_minor"] == draws * DRAW_MINOR + mints * MINT_MINOR
