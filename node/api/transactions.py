"""Transactions: where a command stands. An organisation sees its own and no other's."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints

from node.api.context import PREFIX, Caller, Here, Limit
from node.api.fields import Json
from node.api.preferences import WAIT_S_MAX
from node.api.sending import Wait
from node.commands.commands import PENDING
from node.projection.records import missing

router = APIRouter(prefix=PREFIX, tags=["transactions"])

TransactionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-fx-]{8,80}$")]
Status = Annotated[str, StringConstraints(pattern="^(pending|committed|failed)$")]


@router.get("/transactions")
def list_transactions(
    node: Here, caller: Caller, limit: Limit, after: TransactionId | None = None, status: Status | None = None
) -> Json:
    items = node.commands.page(caller.organisation, status, after, limit)
    return {"items": items, "next": items[-1]["id"] if len(items) == limit else None}


@router.get("/transactions/{transaction_id}")
async def get_transaction(
    node: Here,
    caller: Caller,
    response: Response,
    transaction_id: TransactionId,
    prefer_wait_s: Wait,
    wait: Annotated[float, Query(ge=0, le=WAIT_S_MAX)] = 0,
) -> Json:
    """By its own id, or by its ledger's transaction id. `wait` holds the answer until it is final."""
    found = await asyncio.to_thread(node.commands.find, caller.organisation, transaction_id)
    if found is None:
        raise missing("transaction of your organisation", transaction_id)
    if prefer_wait_s is not None:
        response.headers["Preference-Applied"] = f"wait={prefer_wait_s}"
    wait_s = max(wait, prefer_wait_s or 0)
    if wait_s > 0 and found["status"] == PENDING:
        found = await node.commands.wait(found["id"], wait_s) or found
    return found
