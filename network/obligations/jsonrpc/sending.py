"""From call data to a mined receipt, exactly once: nonces, lost transactions, crashes.

Workflow: take the next nonce → sign here (the key never leaves) → send → wait for the receipt. While it does not come,
look now and then what has become of it:

    the account's nonce is not there yet    it waits, or was lost with a node's memory: send the very same bytes again
    nothing holds a nonce before ours       what held it was lost for good: fill the gap with a transfer of nothing
    the nonce is used, but not by us        another process of this account was faster: take a new one

The same bytes can be mined once, however often they are sent, and bytes whose nonce is used cannot be mined any more.
Only then is a new nonce taken, and the contract is asked first whether the command has been carried out: contracts take
a command id once, and that decides, not the nonce.

A refusal by a second endpoint, after a first one fell silent, counts as sent for that reason: the look decides.

Nonces are counted here, for many transactions in flight. An endpoint that expects another one is believed, since
another process may use the same account, or this one before a crash; the "pending" count is not, some engines leave
out of it what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from network.obligations.jsonrpc.arrivals import Arrivals
from network.obligations.jsonrpc.requests import Refused, Requests, reading, to_int
from network.obligations.jsonrpc.signing import Unsigned
from network.ports import Unavailable
from wuxin_evidence.crypto.secp256k1 import EvmKey

NONCE_ATTEMPTS_MAX = 30
"""Against another process that sends from the same account without pause, each attempt wins about every second time."""

RECEIPT_WAIT_S_MAX = 60.0
LOOK_AFTER_S = 2.0
"""Several blocks of the engines that we run; later looks come after twice and four times as long."""
LOOKS_APART_MAX = 4

Receipt = Mapping[str, Any]
WasDone = Callable[[], Awaitable[bool]]
"""Whether the command that a transaction carries has been carried out."""

_EXPECTED = re.compile(r"expected (\d+)|next nonce (?:of 0x[0-9a-fA-F]+ is )?(\d+)")
"""Where an endpoint says which nonce it waits for: cosmos/evm, go-ethereum, the embedded chain."""

_FILL_GAS = 21_000

_NONCE_TAKEN = ("nonce", "replacement", "sequence")
"""Words with which endpoints say that this nonce is used, held by another pending transaction, or too high."""

_KNOWN = ("already known", "already exists", "already in", "known transaction", "alreadyknown")
"""Words with which they say that they have this very transaction."""

_SEE_ENDPOINT = "see the endpoint's log; nothing was changed"


@dataclass
class _Flight:
    """A transaction on its way: its content, its present nonce and bytes, and every hash that it has had."""

    to: bytes | None
    data: bytes
    gas_limit: int
    nonce: int = -1
    raw: bytes = b""
    hashes: list[str] = field(default_factory=list[str])
    overtaken: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class Sender:
    """Sends from one key. `final_at` gives the newest block that counts."""

    def __init__(
        self,
        requests: Requests,
        chain_id: int,
        key: EvmKey,
        *,
        poll_s: float,
        final_height: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self._requests = requests
        self._chain_id = chain_id
        self._key = key
        self._poll_s = poll_s
        self._final_height = final_height
        self._nonce: int | None = None
        self._turn = asyncio.Lock()
        self._flying: list[_Flight] = []
        self._arrivals = Arrivals(requests, poll_s)

    async def mined(self, to: bytes | None, data: bytes, gas_limit: int, was_done: WasDone | None = None) -> Receipt:
        """Send and wait until it is final in a block. `to` None creates a contract.

        Raises Unavailable: without `tx_id` nothing was sent, with one the outcome is unknown.
        """
        flight = _Flight(to, data, gas_limit)
        async with self._turn:
            await self._send(flight)
        self._flying.append(flight)
        try:
            return await self._landed(flight, was_done)
        finally:
            self._flying.remove(flight)
            for tx_hash in flight.hashes:
                self._arrivals.forget(tx_hash)

    async def next_nonce(self) -> int:
        """The account's count, with what waits to be mined. Raises Unavailable."""
        return await self._count("pending")

    async def _landed(self, flight: _Flight, was_done: WasDone | None) -> Receipt:
        until = time.monotonic() + RECEIPT_WAIT_S_MAX
        pause_s, trouble = LOOK_AFTER_S, ""
        look_at = time.monotonic() + pause_s
        while True:
            now = time.monotonic()
            try:
                receipt = await self._receipt(flight)
                if receipt is not None:
                    return receipt
                if now > look_at:
                    pause_s = min(2 * pause_s, LOOKS_APART_MAX * LOOK_AFTER_S)
                    look_at = now + pause_s
                    async with self._turn:
                        await self._look_after(flight, was_done)
            except Unavailable as failure:  # the transaction is on its way; endpoints come back
                trouble = failure.detail
            if now > until:
                raise Unavailable(
                    f"{flight.hashes[-1]} was sent and is in no block after {RECEIPT_WAIT_S_MAX:.0f} s"
                    + (f": {trouble}" if trouble else ""),
                    "see whether the chain seals blocks; repeating the command is safe",
                    tx_id=flight.hashes[-1],
                )
            await self._pause(flight, min(look_at, until) - time.monotonic())

    async def _pause(self, flight: _Flight, seconds: float) -> None:
        """Until a block holds the transaction, at most so long; then as long as it takes to ask again."""
        if flight.arrived.is_set():
            await asyncio.sleep(self._poll_s)
            return
        for tx_hash in flight.hashes:
            self._arrivals.expect(tx_hash, flight.arrived)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0) + self._poll_s):
                await flight.arrived.wait()

    async def _look_after(self, flight: _Flight, was_done: WasDone | None) -> None:
        """What the module docstring tells, once, for one transaction without a receipt."""
        used = await self._count("latest")
        if used > flight.nonce:
            if not flight.overtaken:
                flight.overtaken = True  # its receipt may come a moment later than the count
            elif not await self._in_a_block(flight) and not (was_done and await was_done()):
                await self._send(flight)
            return
        missing = await self._sent_again(flight)
        if missing is None:
            missing = await self._count("pending")
        if missing < flight.nonce and missing not in {each.nonce for each in self._flying}:
            await self._fill(missing)

    async def _sent_again(self, flight: _Flight) -> int | None:
        """Send the same bytes; the nonce that the endpoint waits for, where it says that it is another."""
        try:
            await self._requests.ask("eth_sendRawTransaction", _hex(flight.raw))
        except Refused as refused:
            return _expected(refused.message)
        return None

    async def _fill(self, nonce: int) -> None:
        """Use a nonce up; an endpoint that has something for it refuses, and that is as good."""
        raw, _ = Unsigned(self._chain_id, nonce, _FILL_GAS, self._key.address, b"").signed(self._key)
        with contextlib.suppress(Refused):
            await self._requests.ask("eth_sendRawTransaction", _hex(raw))

    async def _send(self, flight: _Flight) -> None:
        """Sign with the next nonce and send; the nonce is forgotten until the endpoint took it."""
        nonce, self._nonce = self._nonce, None
        reason = ""
        for _ in range(NONCE_ATTEMPTS_MAX):
            nonce = await self._count("pending") if nonce is None else nonce
            unsigned = Unsigned(self._chain_id, nonce, flight.gas_limit, flight.to, flight.data)
            raw, tx_hash = unsigned.signed(self._key)
            flight.hashes.append(_hex(tx_hash))
            try:
                await self._requests.ask("eth_sendRawTransaction", _hex(raw))
            except Refused as refused:
                reason = refused.message
                if not (refused.second or await self._has(reason, _hex(tx_hash))):
                    flight.hashes.pop()
                    nonce = await self._nonce_after(nonce, reason)
                    continue
            except Unavailable as failure:
                raise Unavailable(failure.detail, failure.hint, tx_id=_hex(tx_hash)) from failure
            flight.nonce, flight.raw, flight.overtaken = nonce, raw, False
            self._nonce = max([nonce, *(each.nonce for each in self._flying)]) + 1
            return
        raise Unavailable(f"no nonce was accepted in {NONCE_ATTEMPTS_MAX} attempts: {reason}", _SEE_ENDPOINT)

    async def _nonce_after(self, refused: int, reason: str) -> int | None:
        """What to try instead of a refused nonce, None to ask. Raises Unavailable when it was not the nonce."""
        if not any(word in reason.lower() for word in _NONCE_TAKEN):
            raise Unavailable(f"the endpoint took no transaction: {reason}", _SEE_ENDPOINT)
        expected = _expected(reason)
        if expected is None:
            await asyncio.sleep(self._poll_s)
            return None
        lacking = [each for each in self._flying if expected <= each.nonce < refused]
        if not any(each.nonce == expected for each in lacking):
            return expected
        for each in sorted(lacking, key=lambda flight: flight.nonce):  # an endpoint that has not heard of them yet
            await self._sent_again(each)
        return refused

    async def _has(self, reason: str, tx_hash: str) -> bool:
        """Whether the endpoint refused because it has this very transaction."""
        return any(words in reason.lower() for words in _KNOWN) or await self.receipt(tx_hash) is not None

    async def _receipt(self, flight: _Flight) -> Receipt | None:
        """The receipt under any hash that the transaction has had, once its block is final."""
        for tx_hash in flight.hashes:
            receipt = await self.receipt(tx_hash)
            if receipt is None:
                continue
            if self._final_height is None or to_int(receipt["blockNumber"]) <= await self._final_height():
                return receipt
        return None

    async def _in_a_block(self, flight: _Flight) -> bool:
        """Whether it was mined under any of its hashes, final or not."""
        return any([await self.receipt(tx_hash) is not None for tx_hash in flight.hashes])

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """None while unknown; some engines answer an unknown hash with an error, some a pending one without block.

        Raises Unavailable for what is no receipt, or another transaction's.
        """
        try:
            receipt = await self._requests.ask("eth_getTransactionReceipt", tx_hash)
        except Refused:
            return None
        with reading(f"transaction {tx_hash}"):
            if not receipt or not receipt.get("blockNumber"):
                return None
            to_int(receipt["blockNumber"])
            # A cache that mixes answers up would tell of a refused draw that it succeeded.
            if receipt["transactionHash"].lower() != tx_hash.lower():
                raise ValueError(f"it is the receipt of {receipt['transactionHash'][:80]}")
        return receipt

    async def _count(self, tag: str) -> int:
        try:
            told = await self._requests.ask("eth_getTransactionCount", _hex(self._key.address), tag)
        except Refused as refused:
            raise Unavailable(f"eth_getTransactionCount was refused: {refused.message}", _SEE_ENDPOINT) from refused
        with reading("the account's count"):
            return to_int(told)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _expected(reason: str) -> int | None:
    found = _EXPECTED.search(reason)
    return int(found[1] or found[2]) if found else None
