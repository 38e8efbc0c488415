"""Commands to both ledgers while things break, and the count of what was done.

    caller ─▶ command under its own key ─▶ port ─▶ acknowledged, or repeated under the same key until it is
    afterwards: every block and log read again ─▶ each acknowledged command has its effect, no command has it twice

A caller knows nothing of the fault. What it may rely on is what the ports promise: after `Unavailable` the same nonce,
or the same command id, repeats nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from network.membership.consortium import Consortium
from network.membership.published import public_keys
from network.ports import Chain, Commit, Ledger, Unavailable
from tests.engines import Bound, Ledgers
from wuxin_evidence.fabric import TransactionView, parse_block
from wuxin_evidence.ids import command_id

Side = Literal["facts", "obligations"]

FACTS_CALLERS, CHAIN_CALLERS = 4, 2
MINT_MINOR = 1
PAUSE_S = 0.2
"""Before a command is repeated whose outcome is unknown."""
BEGIN_S = 60.0
"""Until the first command of each kind is acknowledged, on two busy cores."""
ANSWER_S = 90.0
"""A command without an answer for so long counts as lost."""


@dataclass(frozen=True)
class Answered:
    """An acknowledged command: when it was first sent, when it was answered, how many tries it took."""

    key: str
    side: Side
    sent_s: float
    answered_s: float
    tries: int


@dataclass
class Load:
    """Callers over both ledgers of a pair; `tag` marks this run's commands.

    `half_done` are those that were sent and not acknowledged, by key, as the caller was told.
    """

    ledgers: Ledgers
    warehouse: Bound
    bank: Bound
    tag: str
    answered: list[Answered] = field(default_factory=list[Answered])
    commits: dict[str, Commit] = field(default_factory=dict[str, Commit])
    unknown: Counter[str] = field(default_factory=Counter[str])
    half_done: dict[str, Unavailable] = field(default_factory=dict[str, Unavailable])
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def start(self) -> None:
        self.held_before = await self._balance()
        self.height_before = await self.warehouse.ledger.height()
        callers_of: dict[Side, int] = {"facts": FACTS_CALLERS, "obligations": CHAIN_CALLERS}
        for side, callers in callers_of.items():
            numbers = itertools.count()
            self._tasks += [asyncio.create_task(self._call(side, numbers)) for _ in range(callers)]

    async def stop(self) -> None:
        """Let every caller end the command that it is at; raises what went wrong in one."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    def check_callers(self) -> None:
        """Raise what ended a caller."""
        for task in self._tasks:
            if task.done() and not self._stop.is_set():
                task.result()

    async def acknowledged_after(self, side: Side, moment_s: float, timeout_s: float) -> float:
        """Seconds from the moment until a command that was first sent after it is acknowledged."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.check_callers()
            later = [each.answered_s for each in self.answered if each.side == side and each.sent_s >= moment_s]
            if later:
                return min(later) - moment_s
            assert time.monotonic() < deadline, f"{side}: nothing acknowledged within {timeout_s:g} s"
            await asyncio.sleep(0.05)

    def count(self, side: Side) -> int:
        return sum(each.side == side for each in self.answered)

    async def _call(self, side: Side, numbers: Iterator[int]) -> None:
        while not self._stop.is_set():
            await self.command(side, f"{self.tag}-{next(numbers)}")

    async def command(self, side: Side, key: str) -> None:
        """Send what the key stands for until it is acknowledged; from then on it counts."""
        sent_s = time.monotonic()
        tries = await asyncio.wait_for(self._until_done(side, key), ANSWER_S)
        self.answered.append(Answered(key, side, sent_s, time.monotonic(), tries))

    async def _until_done(self, side: Side, key: str) -> int:
        for tries in itertools.count(1):
            try:
                if side == "facts":
                    self.commits[key] = await register(self.warehouse.ledger, self.ledgers.consortium, key)
                else:
                    await mint(self.bank.chain, self.ledgers.home, key)
            except Unavailable as unknown:
                self.unknown[_said(unknown)] += 1
                if unknown.tx_id:
                    self.half_done[key] = unknown
                await asyncio.sleep(PAUSE_S)
            else:
                return tries
        raise AssertionError

    async def _balance(self) -> int:
        return int(await self.bank.chain.call("DepositToken", "balanceOf", [account_of(self.ledgers.home)]))

    async def check(self) -> None:
        """Nothing acknowledged is lost, nothing is doubled: both ledgers are read again from before the load."""
        await self._check_facts()
        await self._check_obligations()

    async def _check_obligations(self) -> None:
        """Each command by itself first: one lost and another done twice would leave the right sum."""
        keys = [each.key for each in self.answered if each.side == "obligations"]
        account, chain = self.bank.seat.evm_key.address, self.bank.chain
        used = [await chain.call("DepositToken", "commandUsed", [account, command_id("bank", key)]) for key in keys]
        lost = [key for key, is_used in zip(keys, used, strict=True) if not is_used]
        assert not lost, f"{len(lost)} acknowledged mints were not done: {lost[:5]}"
        assert await self._balance() == self.held_before + len(keys) * MINT_MINOR

    async def _check_facts(self) -> None:
        wanted = {slot_of(self.ledgers.consortium, key): commit for key, commit in self.commits.items()}
        height = max([await self.warehouse.ledger.height(), *(commit.block + 1 for commit in wanted.values())])
        seen: Counter[str] = Counter()
        async for raw in self.warehouse.ledger.blocks(self.height_before - 1):
            block = parse_block(raw)
            for transaction in block.transactions:
                slot = _registered(transaction)
                if slot in wanted:
                    seen[slot] += 1
                    commit = wanted[slot]
                    place = (transaction.tx_id, block.number, transaction.index)
                    assert place == (commit.tx_id, commit.block, commit.index)
            if block.number + 1 >= height:
                break
        assert set(seen) == set(wanted), f"{len(wanted) - len(seen)} acknowledged registrations are in no block"
        assert set(seen.values()) <= {1}, "a registration was done twice"


@asynccontextmanager
async def loaded(ledgers: Ledgers) -> AsyncIterator[Load]:
    """Commands to both ledgers during the block; then everything is counted."""
    async with ledgers.everybody() as parties:
        load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
        await load.start()
        for side in ("facts", "obligations"):
            await load.acknowledged_after(side, time.monotonic(), BEGIN_S)
        yield load
        await load.stop()
        await load.check()


async def register(ledger: Ledger, consortium: Consortium, key: str) -> Commit:
    """The fact that a key stands for: under one nonce, however often it is sent."""
    nonce = hashlib.sha256(key.encode()).digest()[:24]
    return await ledger.submit("register_slot", {"slot_id": slot_of(consortium, key)}, nonce=nonce)


def slot_of(consortium: Consortium, key: str) -> str:
    return f"{consortium.organisation('warehouse').uscc}/L-{key}"


async def mint(chain: Chain, home: Path, key: str) -> None:
    """The obligation that a key stands for: under one command id; one that was done already is as good."""
    args = [command_id("bank", key), account_of(home), MINT_MINOR]
    result = await chain.transact("DepositToken", "mint", args)
    assert result.status == 1 or result.code == "command_repeated", result


def account_of(home: Path) -> bytes:
    """Who gets what is minted."""
    return public_keys(home, "manufacturer").evm_address


def _registered(transaction: TransactionView) -> str:
    """The slot that a valid transaction registered."""
    if transaction.function != "register_slot" or not transaction.is_valid:
        return ""
    return str(json.loads(transaction.args[0])["slot_id"])


def _said(unknown: Unavailable) -> str:
    return unknown.detail[:100]
