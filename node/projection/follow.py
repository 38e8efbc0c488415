"""Following: two endless readers, one per ledger, each applying what comes next and telling who waits.

A reader starts at the checkpoint of the read model, so a crash loses nothing and repeats nothing. When a ledger is
not available it waits and starts again; when another process applied a block first, it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import select

from network.ports import Chain, Ledger, Log, PortError
from node.projection import facts, obligations, tables
from node.stores import Store

RETRY_S = 0.5
_log = logging.getLogger(__name__)

Place = tuple[int, int]
START: Place = (-1, 0)


class Position:
    """How far the read model has come, per ledger, and a way to wait until it has come further."""

    def __init__(self) -> None:
        self._at: dict[str, Place] = {}
        self._moved = asyncio.Condition()

    def at(self, ledger: str) -> Place:
        return self._at.get(ledger, START)

    async def move(self, ledger: str, place: Place) -> None:
        async with self._moved:
            self._at[ledger] = max(place, self.at(ledger))
            self._moved.notify_all()

    async def reached(self, ledger: str, place: Place, timeout_s: float) -> bool:
        """Wait until the read model of ``ledger`` is at ``place`` (block, log) or beyond."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self.at(ledger) >= place)
        return self.at(ledger) >= place

    async def moved(self, timeout_s: float) -> None:
        """Return at the next move of any ledger, or after ``timeout_s``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait()


def checkpoint_of(store: Store, ledger: str) -> Place:
    """(block, place) up to which the read model has a ledger; (−1, 0) when it has nothing."""
    with store.read() as connection:
        row = connection.execute(select(tables.checkpoint).where(tables.checkpoint.c.ledger == ledger)).first()
    return START if row is None else (int(row.block), int(row.place))


async def follow_facts(store: Store, ledger: Ledger, position: Position, chaincode: str) -> None:
    """Apply every block of facts, for ever; ``chaincode`` is the name of ours."""

    async def read() -> None:
        start = await asyncio.to_thread(checkpoint_of, store, facts.LEDGER)
        await position.move(facts.LEDGER, start)
        async for raw in ledger.blocks(start[0]):
            number = await asyncio.to_thread(apply_facts, store, raw, chaincode)
            await position.move(facts.LEDGER, (number, 0))

    await _for_ever(read, "facts")


async def follow_obligations(store: Store, chain: Chain, position: Position) -> None:
    """Apply every log of a chain, for ever."""

    async def read() -> None:
        start = await asyncio.to_thread(checkpoint_of, store, chain.name)
        await position.move(chain.name, start)
        async for log in chain.logs(start):
            await apply_obligation(store, chain, log)
            await position.move(chain.name, (log.block, log.log_index))

    await _for_ever(read, chain.name)


def apply_facts(store: Store, raw: bytes, chaincode: str) -> int:
    """Apply one block in one database transaction; gives its number, also when another process was first."""
    with store.write() as connection:
        return facts.apply_block(connection, raw, chaincode).number


async def apply_obligation(store: Store, chain: Chain, log: Log) -> bool:
    """Apply one log in one database transaction; asks the chain for the terms of a facility that is new."""
    terms = None
    if log.event == "FacilityProposed":
        terms = (await chain.call("CreditFacility", "facility", [log.args["facilityId"]]))["terms"]

    def apply() -> bool:
        with store.write() as connection:
            return obligations.apply_log(connection, log, terms)

    return await asyncio.to_thread(apply)


async def _for_ever(read: Callable[[], Awaitable[None]], name: str) -> None:
    while True:
        try:
            await read()
        except (PortError, facts.Gap) as error:
            _log.warning("following %s stopped: %s; starting again from the checkpoint", name, error)
        except Exception:  # noqa: BLE001 -- a follower that dies silently would show old facts as new ones
            _log.exception("following %s failed; starting again from the checkpoint", name)
        await asyncio.sleep(RETRY_S)
