"""A home with a history on both ledgers, and what somebody who holds its files can do to them."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from network.clock import SystemClock
from network.facts.embedded.engine import LEDGER_FILE, LocalFacts, open_endorsers
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from node.cli import audit, exit_status
from node.demo.founding import found
from tests.network.test_validation import Client, keeping
from tests.node.conftest import running
from tests.node.story import FACILITY, Story

CHAIN_FILE = "ledger/obligations-e1.db"

_made: dict[Path, Path] = {}


def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once per run: a story up to the first draw, and four transactions that became nothing."""
    base = tmp_path_factory.getbasetemp()
    if base not in _made:
        home = tmp_path_factory.mktemp("lived-in") / "home"
        found(home)
        asyncio.run(_live(home))
        _send_what_is_refused(home)
        _made[base] = home
    return _made[base]


def copy_of(home: Path, to: Path) -> Path:
    shutil.copytree(home, to)
    return to


async def _live(home: Path) -> None:
    async with running(home) as node:
        await Story(node).lend()
        await node.done("manufacturer", f"/v1/facilities/{FACILITY}/draw", {"amount_minor": 10_000_000})


def _send_what_is_refused(home: Path) -> None:
    """Two endorsements for three, a read that is not current, an id used twice, a foreign creator."""
    consortium = Consortium.load(home)
    warehouse, bank = open_seat(home, "warehouse"), open_seat(home, "bank")
    facts = LocalFacts(home, consortium, open_endorsers(home, consortium), SystemClock())
    client, slot = Client(facts, warehouse), f"{consortium.organisation('warehouse').uscc}/AUDIT"
    late = Client(facts, warehouse)
    stale = late.endorsed("register_slot", {"slot_id": f"{slot}-1"})
    client.order(keeping(client.endorsed("register_slot", {"slot_id": f"{slot}-2"}), 0, 1))
    twice = client.endorsed("register_slot", {"slot_id": f"{slot}-1"})
    client.order(twice)
    client.order(twice)
    late.order(stale)
    client.order(client.endorsed("register_slot", {"slot_id": f"{slot}-3"}), bank.fabric_signer)
    facts.close()


def audited(home: Path, capsys: pytest.CaptureFixture[str], trust: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Exit status and report of `wuxin audit --json`."""
    status = audit.run(home, trust or home / "trust.json", as_json=True)
    return status, json.loads(capsys.readouterr().out)


def failures(home: Path, capsys: pytest.CaptureFixture[str], trust: Path | None = None) -> list[str]:
    """The failed checks of an audit that must fail, as `check: detail`."""
    status, report = audited(home, capsys, trust)
    assert status == report["exit_status"] == exit_status.REFUSED, report
    return [f"{each['check']}: {each['detail']}" for each in report["findings"] if not each["ok"]]


def alter(file: Path, sql: str, values: Iterable[Any] = ()) -> None:
    """Change exactly one row."""
    connection = sqlite3.connect(file)
    with connection:
        assert connection.execute(sql, tuple(values)).rowcount == 1
    connection.close()


def one(file: Path, sql: str, values: Iterable[Any] = ()) -> Any:
    connection = sqlite3.connect(file)
    row = connection.execute(sql, tuple(values)).fetchone()
    connection.close()
    return row[0] if len(row) == 1 else row


def facts_file(home: Path) -> Path:
    return home / LEDGER_FILE


def chain_file(home: Path) -> Path:
    return home / CHAIN_FILE
