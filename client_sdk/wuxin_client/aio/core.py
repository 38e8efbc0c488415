"""What every route is made of: a question, a page of a list, a list to its end, a command that is followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

from wuxin_client import requests
from wuxin_client.aio.sender import AsyncSender
from wuxin_client.errors import StillPending, TransactionFailed, Unavailable, Unreadable
from wuxin_client.models import Transaction
from wuxin_client.records import Page
from wuxin_client.requests import HOLD_S_MAX, Query, segment

T = TypeVar("T")

PENDING = "pending"
COMMITTED = "committed"
LOOK_S = 0.05
"""Before the first look at a pending transaction; each further pause is twice as long."""
LOOK_S_MAX = 1.0


class AsyncRoutes:
    """The routes of a node, or some of them, over one sender."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def wait(self, transaction: Transaction, wait_s: float, *, raise_on_failure: bool = True) -> Transaction:
        """Follows a transaction to its final state, whatever is not `pending`, for at most `wait_s` seconds.

        A node that is away meanwhile is asked again until the time is over.

        Raises:
            TransactionFailed: the final state is not `committed`, unless `raise_on_failure` is False.
            StillPending: the time is over; the command may still be committed.
        """
        until = self._sender.pace.monotonic() + wait_s
        pause_s = LOOK_S
        while transaction.status == PENDING:
            left_s = until - self._sender.pace.monotonic()
            if left_s <= 0:
                raise StillPending(transaction, wait_s)
            await self._sender.pace.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, LOOK_S_MAX)
            transaction = await self._look(transaction, min(left_s, HOLD_S_MAX))
        if transaction.status != COMMITTED and raise_on_failure:
            raise TransactionFailed(transaction)
        return transaction

    async def _look(self, transaction: Transaction, hold_s: float) -> Transaction:
        path = f"/v1/transactions/{segment(transaction.id)}"
        try:
            content = await self._sender.send(requests.question(path, hold_s=hold_s))
            return requests.answer(Transaction, content, path)
        except Unreadable:
            raise
        except Unavailable:
            return transaction

    async def _ask(self, kind: type[T], path: str, query: Query | None = None) -> T:
        return requests.answer(kind, await self._ask_bytes(path, query), path)

    async def _ask_bytes(self, path: str, query: Query | None = None) -> bytes:
        return await self._sender.send(requests.question(path, query))

    async def _page(self, kind: type[T], path: str, query: Query) -> Page[T]:
        return requests.page(kind, await self._ask_bytes(path, query), path)

    async def _every(self, kind: type[T], path: str, query: Query) -> AsyncIterator[T]:
        """The items of all pages; ends with the page that names no next one, or holds nothing."""
        after = query.get("after")
        while True:
            page = await self._page(kind, path, {**query, "after": after})
            for item in page.items:
                yield item
            if page.next is None or not page.items:
                return
            if page.next == after:
                raise Unreadable(f"{path} gives the cursor {after} again: the list would never end")
            after = page.next

    async def _order(
        self,
        path: str,
        body: Mapping[str, object],
        wait_s: float | None,
        raise_on_failure: bool,
        idempotency_key: str | None,
        done: str = COMMITTED,
    ) -> Transaction:
        """Sends a command once, whatever happens to its answers, and follows all its transactions; gives the first.

        `done` is the state that the command is to lead to.
        """
        started_s = self._sender.pace.monotonic()
        hold_s = min(wait_s or 0.0, HOLD_S_MAX)
        call = requests.command(path, body, key=idempotency_key, hold_s=hold_s)
        made = requests.accepted(await self._sender.send(call), path)
        followed = list(made)
        for place, each in enumerate(made):
            if wait_s is not None:
                left_s = max(0.0, started_s + wait_s - self._sender.pace.monotonic())
                followed[place] = await self.wait(each, left_s, raise_on_failure=False)
            if followed[place].status not in (PENDING, done) and raise_on_failure:
                raise TransactionFailed(followed[place])
        return followed[0]
