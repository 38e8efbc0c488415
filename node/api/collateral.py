"""The collateral answer: whether a receipt can be lent on now, and if not, who has to do what."""

from __future__ import annotations

from fastapi import APIRouter, Request

from node.api.context import PREFIX, Caller, Here, note_read
from node.api.fields import Ident, Json
from node.lending import collateral, facilities

router = APIRouter(prefix=PREFIX, tags=["collateral"])


@router.get("/collateral/{receipt_id}")
def get_collateral(node: Here, caller: Caller, request: Request, receipt_id: Ident) -> Json:
    """One answer out of both ledgers; `as_of` says how far each had come."""
    now_s, circle = node.clock.now_ms() // 1000, node.lending_circle(caller)
    shown: Json | None = None
    with node.read_model.read() as connection:
        situation = collateral.situation_of(connection, receipt_id)
        answer = collateral.answer(situation, now_s, circle.currency)
        receipt, pledge, facility = situation.receipt, situation.pledge, situation.facility
        if facility is not None:
            known = facilities.names_in(pledge, facility, circle)
            shown = facilities.summary(facility, known, receipt_id, now_s)
            pack = circle.pack_of(facility)
            shown["reasons"] = [facilities.show_reason(connection, each, pack) for each in situation.reasons]
            shown |= {name: answer[name] for name in ("limit_minor", "headroom_minor")}
    pledgee = None if pledge is None else str(pledge["pledgee"])
    note_read(node, caller, request, [receipt["owner"], receipt["beneficiary"], pledgee])
    return {**answer, "facility": shown}
