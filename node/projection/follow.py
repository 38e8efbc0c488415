"""Following: two endless readers, one per ledger, each applying what comes next and telling who waits.

A reader starts at the checkpoint of the read model, so a crash loses nothing and repeats nothing. When a ledger is
not available it waits and starts again; when another process applied a block first, it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import select

from network.ports import Chain, Ledger, Log, PortError
from node.projection import facts, obligations, tables
from node.stores.databases import Store

RETRY_S = 0.5
TROUBLE_S = 30.0  # an endpoint that does not answer is given up sooner, so that a trouble that lasts is said all along
_log = logging.getLogger(__name__)

Place = tuple[int, int]
START: Place = (-1, 0)


class Position:
    """How far the read model has come, per ledger, and a way to wait until it has come further."""

    def __init__(self) -> None:
        self._troubles: dict[str, tuple[str, float]] = {}
        self._at: dict[str, Place] = {}
        self._read_to: dict[str, int] = {}
        self._moved = asyncio.Condition()

    def at(self, ledger: str) -> Place:
        """Tell how far a ledger has been read."""
        return self._at.get(ledger, START)

    def read_to(self, ledger: str) -> int:
        """Tell up to which block a ledger has been read; beyond `at` the blocks held nothing to apply."""
        return max(self._read_to.get(ledger, -1), self.at(ledger)[0])

    def empty_to(self, ledger: str, block: int) -> None:
        """Note that a ledger was read up to a block, and all of it was applied."""
        self._read_to[ledger] = block

    async def move(self, ledger: str, place: Place) -> None:
        """Note how far a ledger has been read, and wake who waits for it."""
        async with self._moved:
            self._at[ledger] = max(place, self.at(ledger))
            self._moved.notify_all()

    def stopped(self, ledger: str, trouble: str) -> bool:
        """Following ended by this; whether that is news."""
        known = self.trouble(ledger)
        self._troubles[ledger] = trouble, time.monotonic()
        return known != trouble

    def trouble(self, ledger: str) -> str | None:
        """Why a ledger is not being followed; what did not come back for a while is over."""
        trouble, since = self._troubles.get(ledger, (None, 0.0))
        return trouble if time.monotonic() - since < TROUBLE_S else None

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


async def follow_facts(store: Store, ledger: Ledger, position: Position, channel: facts.Channel) -> None:
    """Apply every block of facts, for ever."""

    async def read() -> None:
        start = await asyncio.to_thread(checkpoint_of, store, facts.LEDGER)
        await position.move(facts.LEDGER, start)
        async for raw in ledger.blocks(start[0]):
            number = await asyncio.to_thread(apply_facts, store, raw, channel)
            await position.move(facts.LEDGER, (number, 0))

    await _for_ever(read, facts.LEDGER, position)


async def follow_obligations(store: Store, chain: Chain, position: Position) -> None:
    """Apply every log of a chain, for ever."""

    async def read() -> None:
        start = await asyncio.to_thread(checkpoint_of, store, chain.name)
        await position.move(chain.name, start)
        async for log in chain.logs(start, lambda block: position.empty_to(chain.name, block)):
            await apply_obligation(store, chain, log)
            await position.move(chain.name, (log.block, log.log_index))

    await _for_ever(read, chain.name, position)


def apply_facts(store: Store, raw: bytes, channel: facts.Channel) -> int:
    """Apply one block in one database transaction; gives its number, also when another process was first."""
    with store.write() as connection:
        return facts.apply_block(connection, raw, channel).number


async def apply_obligation(store: Store, chain: Chain, log: Log) -> bool:
    """Apply one log in one database transaction; asks the chain for the terms of a facility that is new."""
    terms = None
    if log.event == "FacilityProposed":
        terms = (await chain.call("CreditFacility", "facility", [log.args["facilityId"]]))["terms"]

    def apply() -> bool:
        with store.write() as connection:
            return obligations.apply_log(connection, log, terms)

    return await asyncio.to_thread(apply)


async def _for_ever(read: Callable[[], Awaitable[None]], ledger: str, position: Position) -> None:
    """Read again whenever reading ends; what it ended by is logged once, however long it lasts."""
    while True:
        try:
            await read()
        except (PortError, facts.Gap, facts.Foreign) as error:
            if position.stopped(ledger, str(error)):
                _log.warning("following %s stopped: %s; starting again from the checkpoint", ledger, error)
        except Exception as error:  # noqa: BLE001 -- a follower that dies silently would show old facts as new ones
            _log.exception("following %s failed; starting again from the checkpoint", ledger)
            position.stopped(ledger, f"internal: {error!r}")
        await asyncio.sleep(RETRY_S)
