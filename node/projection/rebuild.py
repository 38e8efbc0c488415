"""Rebuild: the read model made again from the ledgers, and compared with the one in use.

    rebuild(home)              read model deleted ─▶ every block, every log ─▶ a new one in its place
    rebuild(home, check=True)  the same into a file beside it ─▶ table by table, row by row ─▶ differences

A check compares at the checkpoints of the copy in use: what happened since is not a difference. A check of nothing
would always be equal, so it refuses where there is no read model that has read a block. Rebuilding refuses while a
process serves from the home.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from network.clock import open_clock
from network.membership.connections import Connections
from network.ports import Chain, Ledger, Log, Unavailable
from node.ledgers.engine import HomeEngine
from node.projection import facts, tables
from node.projection.follow import START, Place, apply_facts, apply_obligation, checkpoint_of
from node.settings import ServingLocks, Settings, SettingsError
from node.settings import check as check_home
from node.stores.databases import Store

DIFFERENCES_MAX = 100  # enough to see what is wrong; a read model that differs is thrown away
CHECK_FILE = "readmodel-check.db"
QUIET_S = 2.0  # a chain that has a further log at hand gives it well within this time
DUE_S = 120.0  # a log that the read model has comes again; a real chain may have 100,000 blocks to look through for it


@dataclass(frozen=True)
class Report:
    """Rows made, and those of the read model in use that differ, as ``table: key what``; true when none does."""

    rows: int
    differences: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the two read models have the same rows."""
        return not self.differences

    def __bool__(self) -> bool:
        return self.equal

    def as_dict(self) -> dict[str, Any]:
        """Give the report as it is printed."""
        return {"equal": self.equal, **asdict(self)}


def rebuild(home: Path, *, check: bool = False) -> Report:
    """Rebuild the read model of a home, or compare it with what the ledgers give.

    Raises SettingsError: `conflict` when a process serves from the home and the read model would be replaced,
    `not_found` when there is nothing to compare. Raises PortError.
    """
    return asyncio.run(_rebuild(home, check))


async def _rebuild(home: Path, only_check: bool) -> Report:
    settings = check_home(home, None)
    if only_check:
        _require_something(settings)
    locks = None if only_check else ServingLocks(settings)
    engine = HomeEngine(settings, open_clock(settings.consortium, home))
    try:
        own = engine.serve(settings.organisations[0])
        path, channel = settings.read_model_db, facts.Channel.of(settings.consortium)
        if only_check:
            return await compare_with_ledgers(path, own.ledger, own.chain, channel)
        return await make_again(path, own.ledger, own.chain, channel)
    finally:
        await engine.aclose()
        if locks is not None:
            locks.release()


def _require_something(settings: Settings) -> None:
    """Refuse a check before a ledger is opened: an embedded one that is not there would be made, empty."""
    _require_read_model(settings.read_model_db)
    connections = Connections.load(settings.home)
    named = {} if connections.facts is not None else {"facts": "facts.db"}
    if settings.chain not in connections.obligations:
        named[settings.chain] = f"obligations-{settings.chain}.db"
    for name, file in named.items():
        if not (settings.home / "ledger" / file).is_file():
            hint = f"copy the ledgers of this home back; a new home is founded by wuxin serve --home {settings.home}"
            told = f"there is nothing to compare with: {name} has no ledger/{file}"
            raise SettingsError("not_found", told, hint)


def _require_read_model(path: Path) -> None:
    if not tables.is_read_model(path):
        raise _nothing_to_compare(path, "is no read model of this version")


async def make_again(path: Path, ledger: Ledger, chain: Chain, channel: facts.Channel) -> Report:
    """Make the read model at ``path`` from nothing; no process may be using it."""
    tables.remove(path)
    store = tables.open_read_model(path)
    try:
        await replay_facts(store, ledger, await ledger.height() - 1, channel)
        await replay_obligations(store, chain, None)
        return Report(sum(len(_rows(store, table)) for table in tables.READ_MODEL.sorted_tables))
    finally:
        store.close()


async def compare_with_ledgers(path: Path, ledger: Ledger, chain: Chain, channel: facts.Channel) -> Report:
    """Replay both ledgers up to the checkpoints of the read model at `path` and compare every row.

    Raises SettingsError `not_found` where `path` is no read model of this version that has read a block.
    """
    _require_read_model(path)
    beside = path.with_name(CHECK_FILE)
    tables.remove(beside)
    used, made = tables.open_read_model(path), tables.open_read_model(beside)
    try:
        facts_until, chain_until = checkpoint_of(used, facts.LEDGER)[0], checkpoint_of(used, chain.name)
        if facts_until < 0:
            raise _nothing_to_compare(path, "has read no block of the facts")
        frozen = await asyncio.to_thread(_all_rows, used)
        await replay_facts(made, ledger, facts_until, channel)
        if chain_until != START:
            await replay_obligations(made, chain, chain_until)
        return await asyncio.to_thread(_compare, frozen, made)
    finally:
        used.close()
        made.close()
        tables.remove(beside)


def _nothing_to_compare(path: Path, what: str) -> SettingsError:
    hint = f"make one: wuxin rebuild --home {path.parent}; then check again"
    return SettingsError("not_found", f"there is nothing to compare: {path.name} {what}", hint)


async def replay_facts(store: Store, ledger: Ledger, last: int, channel: facts.Channel) -> None:
    """Apply blocks up to and including ``last``."""
    number = checkpoint_of(store, facts.LEDGER)[0]
    if number >= last:
        return
    async for raw in ledger.blocks(number):
        await asyncio.to_thread(apply_facts, store, raw, channel)
        number += 1
        if number >= last:
            return


async def replay_obligations(store: Store, chain: Chain, until: Place | None) -> None:
    """Apply logs up to and including ``until``, or all that are there now."""
    async for log in existing_logs(chain, checkpoint_of(store, chain.name), until):
        await apply_obligation(store, chain, log)


async def existing_logs(chain: Chain, after: Place, until: Place | None) -> AsyncIterator[Log]:
    """The logs that exist now, without waiting for more; the one at ``until`` is waited for. Raises Unavailable."""
    height = await chain.height()
    is_due = until is not None and until[0] <= height
    logs = chain.logs(after)
    while True:
        try:
            log = await asyncio.wait_for(anext(logs), DUE_S if is_due else QUIET_S)
        except TimeoutError:
            if is_due:
                raise Unavailable(f"{chain.name} gave no log for {DUE_S:g} s", "see the endpoint's log") from None
            return
        except StopAsyncIteration:
            return
        if log.block > height or (until is not None and (log.block, log.log_index) > until):
            return
        yield log
        if (log.block, log.log_index) == until:
            return


def _compare(used: dict[str, dict[str, bytes]], made: Store) -> Report:
    differences: list[str] = []
    rows = 0
    for table in tables.READ_MODEL.sorted_tables:
        ours, theirs = used[table.name], _rows(made, table)
        rows += len(theirs)
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key) and len(differences) < DIFFERENCES_MAX:
                differences.append(f"{table.name}: {key} {_how(ours.get(key), theirs.get(key))}")
    return Report(rows, tuple(differences))


def _all_rows(store: Store) -> dict[str, dict[str, bytes]]:
    return {table.name: _rows(store, table) for table in tables.READ_MODEL.sorted_tables}


def _rows(store: Store, table: Table) -> dict[str, bytes]:
    """Primary key to a hash of the whole row."""
    keys = [column.name for column in table.primary_key]
    with store.read() as connection:
        return {
            "/".join(str(row[key]) for key in keys): hashlib.sha256(
                json.dumps(dict(row), sort_keys=True, default=str).encode()
            ).digest()
            for row in connection.execute(select(table)).mappings()
        }


def _how(ours: bytes | None, theirs: bytes | None) -> str:
    if ours is None:
        return "is missing in the read model"
    return "is in the read model and not in the ledger" if theirs is None else "differs"
