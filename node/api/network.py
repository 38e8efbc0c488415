"""The consortium and this node: who takes part, which committee signs, how far the node is, what is half done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from fastapi import APIRouter
from sqlalchemy import func, select

from network.ports import PortError
from node.api.context import PREFIX, Caller, Here, Node
from node.api.fields import Json
from node.commands.commands import PENDING
from node.gate.problems import Problem
from node.lending import duties
from node.projection import records, tables
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.stores.local_tables import command

LOOK_S = 5.0  # for a ledger to say its height; who asks for the status wants to know what does not answer

router = APIRouter(prefix=PREFIX, tags=["network"])


@router.get("/organisations")
def list_organisations(node: Here) -> Json:
    """The consortium file, with each organisation's EVM address."""
    items = [
        {
            "name": each.name,
            "msp_id": each.msp_id,
            "uscc": each.uscc,
            "roles": list(each.roles),
            "endorses": each.endorses,
            "oracle": each.oracle,
            "evm_address": node.address_of(each.name),
            "circles": [circle.chain for circle in node.consortium.circles if each.name in circle.members],
        }
        for each in node.consortium.organisations
    ]
    return {"consortium_id": node.consortium.consortium_id.hex(), "items": items, "next": None}


@router.get("/committee")
def get_committee(node: Here) -> Json:
    """The oracle committee in force now; apart from it `previous`, which still signs windows that ended before, and
    `next`, which is appointed. Each is null where there is none."""
    now_s = node.clock.now_ms() // 1000
    with node.read_model.read() as connection:
        rows = connection.execute(select(tables.committee)).all()
    known = sorted((records.as_json(row) for row in rows), key=lambda each: int(each["epoch"]))
    begun = [each for each in known if each["active_from_s"] < now_s]
    if not begun:
        raise Problem("not_found", "no committee is in force yet", "see GET /v1/status for the node's clock")
    coming = known[len(begun) :]
    return {
        **begun[-1],
        "previous": begun[-2] if len(begun) > 1 else None,
        "next": coming[0] if coming else None,
    }


@router.get("/status")
async def get_status(node: Here, caller: Caller) -> Json:
    """How far the read model is, how far each ledger is, by what `trouble` it is not being followed, and what waits to
    be delivered."""
    served = node.act_as(caller)
    positions = await asyncio.to_thread(_positions, node)
    answer: Json = {
        "consortium_id": node.consortium.consortium_id.hex(),
        "clock": node.consortium.statement()["clock"],
        "now_s": node.clock.now_ms() // 1000,
        "organisation": caller.organisation,
        "serves": sorted(node.served),
        "read_model": positions,
        "pending": await asyncio.to_thread(_pending, node, caller.organisation),
    }
    facts, chain = await asyncio.gather(_look(served.ledger.height), _look(served.chain.height))
    answer["facts"] = {**facts, "trouble": node.position.trouble(FACTS_LEDGER)}
    answer[served.chain.name] = {**chain, "trouble": node.position.trouble(served.chain.name)}
    return answer


@router.get("/duties")
def list_duties(node: Here, caller: Caller) -> Json:
    """The half-done states by name, each with since, next actor and deadline."""
    if not node.act_as(caller).in_circle:
        return {"items": [], "next": None}
    now_s = node.clock.now_ms() // 1000
    with node.read_model.read() as connection:
        found = duties.all_duties(connection, now_s)
    items = [
        {"receipt_id": receipt_id, "pledge_id": pledge_id, **asdict(duty), "overdue": now_s > duty.deadline_s}
        for receipt_id, pledge_id, duty in found
    ]
    return {"items": items, "next": None}


async def _look(height: Callable[[], Awaitable[int]]) -> Json:
    try:
        async with asyncio.timeout(LOOK_S):
            return {"height": await height(), "available": True}
    except PortError as error:
        return {"height": None, "available": False, "detail": error.detail}
    except TimeoutError:
        return {"height": None, "available": False, "detail": f"no answer within {LOOK_S:g} s"}


def _positions(node: Node) -> Json:
    with node.read_model.read() as connection:
        rows = connection.execute(select(tables.checkpoint)).all()
    return {
        "facts" if row.ledger == FACTS_LEDGER else row.ledger: {"block": row.block, "place": row.place} for row in rows
    }


def _pending(node: Node, organisation: str) -> int:
    with node.local.read() as connection:
        counted = select(func.count()).where(command.c.organisation == organisation, command.c.status == PENDING)
        return int(connection.execute(counted).scalar_one())
