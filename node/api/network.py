"""The consortium and this node: who takes part, which committee signs, how far the node is, what is half done, what a
receipt is worth, and the evidence for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from sqlalchemy import func, select
from starlette.responses import Response

from chaincode.world.bounds import Described, ReceiptId, Text
from network.ports import PortError
from node.api import answers
from node.api.context import Node
from node.api.facts import Everything
from node.api.listing import cut, page
from node.api.operation import PREFIX, ZIP, Call, Operation
from node.api.reading import Json, listing, note_read, reading
from node.commands.commands import PENDING
from node.evidence.bundles import Uploads, make_bundle
from node.gate import access
from node.gate.problems import Problem
from node.lending import collateral, duties, facilities
from node.projection import records, tables
from node.projection.facts import LEDGER as FACTS_LEDGER
from node.projection.follow import checkpoint_of
from node.stores.local_tables import command

LOOK_S = 5.0  # for a ledger to say its height; who asks for the status wants to know what does not answer

DUTY_PLACE = (int, str, str, str, int)


@dataclass(frozen=True)
class CollateralWanted:
    """The collateral answer of a receipt."""

    receipt_id: Annotated[ReceiptId, Described("The receipt.", example="receipt-1")]


@dataclass(frozen=True)
class EvidenceWanted:
    """An evidence bundle."""

    evidence_id: Annotated[
        str,
        Text(64, 66, r"(0x)?[0-9a-f]{64}", "a digest or a transaction id, 32 bytes in lower-case hex"),
        Described("The digest of an attestation, or the transaction that recorded or accepted it.", example="cd" * 32),
    ]


def _organisations(call: Call, _: Everything) -> Json:
    node = call.node
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
    return {"consortium_id": node.consortium.consortium_id.hex(), "items": items, "next": None, "previous": None}


def _committee(call: Call, _: Everything) -> Json:
    node = call.node
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


async def _status(call: Call, _: Everything, __: None) -> Json:
    node, own = call.node, call.node.act_as(call.principal)
    answer: Json = {
        "consortium_id": node.consortium.consortium_id.hex(),
        "clock": node.consortium.statement()["clock"],
        "now_s": node.clock.now_ms() // 1000,
        "organisation": call.organisation,
        "serves": sorted(node.seats),
        "pending": await asyncio.to_thread(_pending, node, call.organisation),
    }
    facts, chain = await asyncio.gather(
        _ledger(node, FACTS_LEDGER, own.ledger.height), _ledger(node, own.chain.name, own.chain.height)
    )
    return {**answer, "facts": {**facts, "name": "facts"}, "obligations": chain}


def _duties(call: Call, wanted: Any) -> Json:
    node = call.node
    if not node.act_as(call.principal).in_circle:
        return page("list_duties", wanted, DUTY_PLACE, lambda _: []).as_json([])
    now_s = node.clock.now_ms() // 1000
    with node.read_model.read() as connection:
        found = duties.all_duties(connection, now_s)
    items = [
        (
            (duty.since_s, receipt_id, pledge_id, duty.code, place),
            duty.since_s,
            {"receipt_id": receipt_id, "pledge_id": pledge_id, **asdict(duty), "overdue": now_s > duty.deadline_s},
        )
        for place, (receipt_id, pledge_id, duty) in enumerate(found)
    ]
    shown = page("list_duties", wanted, DUTY_PLACE, lambda part: cut(items, part))
    return shown.as_json(shown.items)


def _collateral(call: Call, wanted: CollateralWanted) -> Json:
    """One answer out of both ledgers; `as_of` says how far each had come."""
    node = call.node
    now_s, circle = node.clock.now_ms() // 1000, node.lending_circle(call.principal)
    shown: Json | None = None
    with node.read_model.read() as connection:
        situation = collateral.situation_of(connection, wanted.receipt_id)
        answer = collateral.answer(situation, now_s, circle.currency)
        receipt, pledge, facility = situation.receipt, situation.pledge, situation.facility
        if facility is not None:
            known = facilities.names_in(pledge, facility, circle)
            shown = facilities.summary(facility, known, wanted.receipt_id, now_s)
            pack = circle.pack_of(facility)
            shown["reasons"] = [facilities.show_reason(connection, each, pack) for each in situation.reasons]
            shown |= {name: answer[name] for name in ("limit_minor", "headroom_minor")}
    pledgee = None if pledge is None else str(pledge["pledgee"])
    note_read(call, COLLATERAL, [receipt["owner"], receipt["beneficiary"], pledgee])
    return {**answer, "facility": shown}


async def _evidence(call: Call, wanted: EvidenceWanted, _: None) -> Response:
    """The bundle of an attestation. Reading evidence is always noted."""
    await asyncio.to_thread(note_read, call, EVIDENCE, [])
    uploads = Uploads(call.node.local, call.node.pack_seals)
    own = call.node.act_as(call.principal)
    raw = await make_bundle(
        wanted.evidence_id, uploads, call.node.read_model, own, call.node.consortium, call.node.home
    )
    name = f"wuxin-evidence-{wanted.evidence_id.removeprefix('0x')[:16]}.zip"
    return Response(raw, media_type=ZIP, headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def _ledger(node: Node, ledger: str, height: Callable[[], Awaitable[int]]) -> Json:
    """How far a ledger is and was read. The read model is asked, because another process may be ahead of this one."""
    found, detail = None, None
    try:
        async with asyncio.timeout(LOOK_S):
            found = await height()
    except PortError as error:
        detail = error.detail
    except TimeoutError:
        detail = f"no answer within {LOOK_S:g} s"
    block, place = await asyncio.to_thread(checkpoint_of, node.read_model, ledger)
    return {
        "name": ledger,
        "available": found is not None,
        "height": found,
        "detail": detail,
        "trouble": node.position.trouble(ledger),
        "read_block": None if block < 0 else block,
        "read_place": None if block < 0 else place,
    }


def _pending(node: Node, organisation: str) -> int:
    with node.local.read() as connection:
        counted = select(func.count()).where(command.c.organisation == organisation, command.c.status == PENDING)
        return int(connection.execute(counted).scalar_one())


COLLATERAL = reading(
    "get_collateral", "/collateral/{receipt_id}", _collateral, takes=CollateralWanted, gives=answers.Collateral,
    problems=("not_found", "unsupported_action"), of_circle=True,
    en="Can it be lent on now, and if not, who has to do what.", zh="该仓单现在能否放款；不能时由谁做什么。",
)  # fmt: skip
EVIDENCE = Operation(
    name="get_evidence", method="GET", path=f"{PREFIX}/evidence/{{evidence_id}}", tag="evidence",
    en="An evidence bundle, a zip that `wuxin verify` checks offline.", zh="可离线验证的证据包。",
    scopes=frozenset({access.READ}), takes=EvidenceWanted, gives=None, media=ZIP, handle=_evidence,
    problems=("not_found", "profile_mismatch"),
)  # fmt: skip

OPERATIONS = [
    COLLATERAL,
    EVIDENCE,
    listing(
        "list_duties", "/duties", _duties, filters=Everything, item=answers.Duty,
        en="List half-done states between the ledgers, the newest first.", zh="列出两账本之间未完成的事项。",
    ),
    reading(
        "list_organisations", "/organisations", _organisations, takes=Everything, gives=answers.Organisations,
        en="The consortium file, with addresses on the chains.", zh="联盟成员及其链上地址。",
    ),
    reading(
        "get_committee", "/committee", _committee, takes=Everything, gives=answers.Committees, problems=("not_found",),
        en="The oracle committee in force; apart from it `previous` and `next`, or null.", zh="当前的预言机委员会。",
    ),
    Operation(
        name="get_status", method="GET", path=f"{PREFIX}/status", tag="status",
        en="How far the read model and the ledgers are, and what stops the reading.", zh="读模型与账本的进度。",
        scopes=frozenset({access.READ}), takes=Everything, gives=answers.Status, handle=_status,
    ),
]  # fmt: skip
