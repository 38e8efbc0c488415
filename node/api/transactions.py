"""Transactions: where a command stands, and cancelling one. An organisation sees its own and no other's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import Row, Select
from starlette.responses import JSONResponse

from chaincode.contract import FUNCTIONS
from chaincode.world.bounds import Described, Text, Whole, one_of
from node.api.answers import CommandAnswer, Transaction
from node.api.listing import Place, Slice, page, placed, sliced
from node.api.operation import PREFIX, Call, Operation
from node.api.preferences import WAIT_S_MAX, wait_of
from node.api.reading import Json, listing
from node.api.sending import SCOPES, applied, idempotency_key
from node.commands.commands import FACTS, PENDING, STATUSES, resource
from node.commands.delivery import RELAY
from node.gate import access
from node.gate.problems import ENGLISH
from node.projection.records import missing
from node.stores.local_tables import command

TransactionId = Annotated[
    str,
    Text(8, 80, r"[0-9a-fx-]+", "a transaction's id, of this node or of its ledger"),
    Described("The transaction, by its own id or by its ledger's.", example="018f2a6c-0000-7000-8000-000000000000"),
]


@dataclass(frozen=True)
class TransactionsWanted:
    """Transactions of the caller."""

    status: Annotated[
        Annotated[str, one_of(*STATUSES)] | None, Described("Only those of this status.", example="pending")
    ] = None


@dataclass(frozen=True)
class TransactionWanted:
    """A transaction; `wait` holds the answer until it is final."""

    transaction_id: TransactionId
    wait: Annotated[
        int,
        Whole(0, WAIT_S_MAX),
        Described("Hold the answer for so long at most, until it is final.", example=10, unit="s"),
    ] = 0


@dataclass(frozen=True)
class CancelTransaction:
    """A transaction to cancel, with all the others of its command."""

    transaction_id: TransactionId


def _list(call: Call, wanted: Any) -> Json:
    place = (command.c.created_at_ms, command.c.id)

    def fetch(part: Slice) -> list[tuple[Place, Row[Any]]]:
        def narrowed(own: Select[Any]) -> Select[Any]:
            of_status = own if wanted.status is None else own.where(command.c.status == wanted.status)
            return sliced(of_status, part, place, command.c.created_at_ms, per_s=1000)

        return placed(call.node.commands.listed(narrowed, call.organisation), place)

    found = page("list_transactions", wanted, (int, str), fetch, owner=call.organisation)
    return found.as_json([resource(row) for row in found.items])


async def _get(call: Call, wanted: TransactionWanted, _: None) -> JSONResponse:
    commands = call.node.commands
    found = await asyncio.to_thread(commands.find, call.organisation, wanted.transaction_id)
    if found is None:
        raise missing("transaction of your organisation", wanted.transaction_id)
    preferred = wait_of(call.request.headers.getlist("prefer"))
    # `wait` is for a browser or curl, which send no Prefer as easily.
    wait_s = max(wanted.wait, preferred or 0)
    if wait_s > 0 and found["status"] == PENDING:
        found = await commands.wait(found["id"], wait_s) or found
    return JSONResponse(found, headers={**applied(preferred), "Content-Language": ENGLISH})


async def _cancel(call: Call, wanted: CancelTransaction, _: None) -> Json:
    """The same scope as the command's own is asked for: a key that may not order may not countermand."""
    idempotency_key(call)
    commands = call.node.commands
    found = await asyncio.to_thread(commands.find, call.organisation, wanted.transaction_id)
    if found is None:
        raise missing("transaction of your organisation", wanted.transaction_id)
    access.decide(call.principal, f"cancelling {found['command']}", frozenset({_scope_of(found)}), frozenset())
    now_ms = call.node.clock.now_ms()
    steps = await asyncio.to_thread(commands.cancel, call.organisation, found["id"], call.principal.key_name, now_ms)
    for step in steps:
        commands.announce(step["id"])
    return {"transaction": steps[0], "transactions": steps}


def _scope_of(transaction: Json) -> str:
    if transaction["command"] == RELAY:
        return access.ORACLE
    if transaction["ledger"] != FACTS:
        return access.CREDIT
    declared = FUNCTIONS.get(transaction["command"])
    return SCOPES.get(declared.on if declared else "", access.FACTS)


OPERATIONS = [
    listing(
        "list_transactions", "/transactions", _list, filters=TransactionsWanted, item=Transaction,
        en="List your own commands.", zh="列出本机构的指令。",
    ),
    Operation(
        name="get_transaction", method="GET", path=f"{PREFIX}/transactions/{{transaction_id}}", tag="transactions",
        en="One of your own, by its id or its ledger's.", zh="按编号查询本机构的一笔交易。",
        scopes=frozenset({access.READ}), takes=TransactionWanted, gives=Transaction, handle=_get,
        problems=("not_found",), waits=True,
    ),
    Operation(
        name="cancel_transaction", method="POST", path=f"{PREFIX}/transactions/{{transaction_id}}/cancel",
        tag="transactions", en="Cancel a command of which nothing may have been sent yet.",
        zh="撤销尚未发送的指令。", scopes=frozenset({access.FACTS, access.CREDIT, access.ORACLE, access.ACKNOWLEDGE}),
        takes=CancelTransaction, gives=CommandAnswer, handle=_cancel, problems=("not_found", "conflict"),
    ),
]  # fmt: skip
