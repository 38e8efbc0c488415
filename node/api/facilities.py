"""The obligations over HTTP: facilities 授信 and deposits, the commands on them and what can be read of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from sqlalchemy import Row, Select, select

from chaincode.world.bounds import Described, Organisation, one_of
from network.ports import PortError
from node.api import answers
from node.api.listing import Place, Slice, cut, page, placed, sliced, with_span
from node.api.operation import PREFIX, Call, Operation, Page
from node.api.reading import Json, chain_read_to, listing, note_page, note_read, reading
from node.api.sending import of_obligations
from node.commands.commands import FACTS, FAILED
from node.commands.facility_arguments import FacilityReference
from node.commands.obligations import OBLIGATIONS, key_of
from node.gate import access
from node.ledgers.obligations import deposit_account, reversal_progress
from node.lending import facilities
from node.projection import tables
from node.stores.local_tables import command

UNKNOWN: Json = dict.fromkeys(("clean_windows", "cure_windows", "required_roles", "approved_roles"))
FacilityStatus = Annotated[str, one_of("proposed", "active", "closing", "closed")]


@dataclass(frozen=True)
class FacilitiesWanted:
    """Facilities."""

    status: Annotated[FacilityStatus | None, Described("Only those of this status.", example="active")] = None


@dataclass(frozen=True)
class DepositsWanted:
    """An organisation's deposits."""

    organisation: Annotated[Organisation, Described("Whose.", example="bank")]


def _list_facilities(call: Call, wanted: Any) -> Json:
    node, table = call.node, tables.facility
    place = (table.c.made_block, table.c.made_log)
    statement = select(table) if wanted.status is None else select(table).where(table.c.state == wanted.status)

    def fetch(part: Slice) -> list[tuple[Place, Row[Any]]]:
        with node.read_model.read() as connection:
            return placed(connection.execute(sliced(statement, part, place, table.c.made_s)).all(), place)

    found = page("list_facilities", wanted, (int, int), fetch, read_to=chain_read_to(call))
    now_s = node.clock.now_ms() // 1000
    with node.read_model.read() as connection:
        named = {each for row in found.items for each in facilities.subjects_of(row)}
        known = facilities.names(connection, named, node.lending_circle(call.principal))
        shown = [facilities.show(connection, row, known, now_s) for row in found.items]
    note_page(call, LIST, shown, lambda facility: [facility["lender"], facility["borrower"]])
    return found.as_json(shown)


def _get_facility(call: Call, wanted: FacilityReference) -> Json:
    node = call.node
    with node.read_model.read() as connection:
        row = facilities.find(connection, wanted.facility_id)
        known = facilities.names(connection, facilities.subjects_of(row), node.lending_circle(call.principal))
        shown = facilities.show(connection, row, known, node.clock.now_ms() // 1000)
    note_read(call, GET, [shown["lender"], shown["borrower"]])
    # The debt grows by the day without a transaction, so an ETag of the last one would lie.
    return {**shown, "facility_id": wanted.facility_id}


def _list_movements(call: Call, wanted: Any) -> Json:
    table = tables.movement
    place = (table.c.block, table.c.log_index)
    statement = select(table).where(table.c.facility == facilities.key_of(wanted.facility_id))

    def fetch(part: Slice) -> list[tuple[Place, Row[Any]]]:
        with call.node.read_model.read() as connection:
            facilities.find(connection, wanted.facility_id)
            return placed(connection.execute(sliced(statement, part, place, table.c.at_s)).all(), place)

    found = page("list_movements", wanted, (int, int), fetch, read_to=chain_read_to(call))
    shown = [{name: getattr(row, name) for name in answers.Movement.__dataclass_fields__} for row in found.items]
    return found.as_json(shown)


def _list_transactions(call: Call, wanted: Any) -> Json:
    """What was mined about a facility, and the caller's own refused commands, which are mined too."""
    key = key_of(wanted.facility_id)

    def fetch(part: Slice) -> list[tuple[Place, Json]]:
        # Each source gives as many as the page takes, so the merged page lacks none of either.
        mined = [(_tx_place(each), each) for each in _mined(call, wanted.facility_id, key, part)]
        refused = [(_tx_place(each), each) for each in _refused(call, key, part)]
        return sorted([*mined, *refused], key=lambda each: each[0], reverse=not part.newer)[: part.limit]

    found = page(
        "list_facility_transactions", wanted, (int, str), fetch, read_to=chain_read_to(call), owner=call.organisation
    )
    return found.as_json(found.items)


def _mined(call: Call, facility_id: str, key: str, part: Slice) -> Sequence[Json]:
    table = tables.obligation_transaction
    statement = select(table).where(table.c.facility.in_((key, key[2:])))
    place = (table.c.block, table.c.tx_id)
    with call.node.read_model.read() as connection:
        facilities.find(connection, facility_id)
        rows = connection.execute(sliced(statement, part, place, table.c.at_s)).all()
    return [
        {"tx_id": row.tx_id, "block": row.block, "status": 1, "code": None, "events": row.events, "at_s": row.at_s}
        for row in rows
    ]


def _refused(call: Call, key: str, part: Slice) -> Sequence[Json]:
    place = (command.c.block, command.c.tx_id)

    def of_facility(own: Select[Any]) -> Select[Any]:
        refused = own.where(command.c.status == FAILED, command.c.ledger != FACTS, command.c.block.is_not(None))
        on_it = refused.where(command.c.arguments["args"][0].as_string() == key)
        return sliced(on_it, part, place, command.c.updated_at_ms, per_s=1000)

    return [
        {
            "tx_id": row.tx_id,
            "block": row.block,
            "status": 0,
            "code": row.code,
            "events": [],
            "at_s": row.updated_at_ms // 1000,
        }
        for row in call.node.commands.listed(of_facility, call.organisation)
    ]


def _tx_place(transaction: Json) -> Place:
    return int(transaction["block"]), str(transaction["tx_id"])


async def _list_reasons(call: Call, wanted: Any, _: None) -> Json:
    """Each reason with how far its undoing is, asked of the chain where the reason stands."""
    found = await asyncio.to_thread(_reasons, call, wanted)
    shown: list[Json] = []
    for reason in found.items:
        standing = reason["cleared_at_s"] is None and not reason["manual"]
        shown.append({**reason, **(await _reversal(call, wanted, reason["reason_key"]) if standing else UNKNOWN)})
    return found.as_json(shown)


def _reasons(call: Call, wanted: Any) -> Any:
    def fetch(part: Slice) -> list[tuple[Place, Json]]:
        with call.node.read_model.read() as connection:
            row = facilities.find(connection, wanted.facility_id)
            pack = call.node.lending_circle(call.principal).pack_of(row)
            every = [
                ((each.since_block, each.since_log), int(each.since_s), facilities.show_reason(connection, each, pack))
                for each in facilities.reasons(connection, row.id)
            ]
        return cut(every, part)

    return page("list_reasons", wanted, (int, int), fetch, read_to=chain_read_to(call))


async def _reversal(call: Call, wanted: Any, reason_key: str) -> Json:
    """What the chain says of an undoing; null where it does not answer."""
    chain = call.node.act_as(call.principal).chain
    try:
        progress = await reversal_progress(chain, key_of(wanted.facility_id), "0x" + reason_key)
    except PortError:
        return UNKNOWN
    return {
        "clean_windows": progress.clean_windows,
        "cure_windows": progress.cure_windows,
        "required_roles": _roles(progress.required_roles),
        "approved_roles": _roles(progress.approved_roles),
    }


def _roles(bits: int) -> list[str]:
    return [name for role, name in facilities.ROLE_NAMES.items() if bits & (1 << role)]


async def _get_deposits(call: Call, wanted: DepositsWanted, _: None) -> Json:
    address = call.node.address_of(wanted.organisation)
    account = await deposit_account(call.node.act_as(call.principal).chain, address)
    return {"organisation": wanted.organisation, "address": address, **asdict(account)}


LIST = listing(
    "list_facilities", "/facilities", _list_facilities, filters=FacilitiesWanted, item=answers.Facility,
    of_circle=True, en="List facilities.", zh="列出授信。",
)  # fmt: skip
GET = reading(
    "get_facility", "/facilities/{facility_id}", _get_facility, takes=FacilityReference, gives=answers.Facility,
    problems=("not_found",), of_circle=True, en="One facility, with its debt as of today.", zh="一项授信及今日债务。",
)  # fmt: skip
MOVEMENTS = listing(
    "list_movements", "/facilities/{facility_id}/movements", _list_movements, filters=FacilityReference,
    item=answers.Movement, problems=("not_found",), of_circle=True, en="List draws and repayments.",
    zh="列出支用与还款。",
)  # fmt: skip
TRANSACTIONS = listing(
    "list_facility_transactions", "/facilities/{facility_id}/transactions", _list_transactions,
    filters=FacilityReference, item=answers.FacilityTransaction, problems=("not_found",), of_circle=True,
    en="List what was mined about a facility, and your own refused commands.",
    zh="列出与授信有关的上链交易及本方被拒绝的指令。",
)  # fmt: skip


def _asked_of_the_chain(name: str, path: str, handle: Any, **more: Any) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=PREFIX + path,
        tag=path.split("/")[1],
        scopes=frozenset({access.READ}),
        handle=handle,
        of_circle=True,
        **more,
    )


REASONS = _asked_of_the_chain(
    "list_reasons", "/facilities/{facility_id}/reasons", _list_reasons, takes=with_span(FacilityReference),
    gives=Page(answers.ReasonProgress), problems=("not_found", "cursor_ahead"),
    en="List why a facility is or was frozen, and how far the undoing is.", zh="列出冻结原因及解除进度。",
)  # fmt: skip
DEPOSITS = _asked_of_the_chain(
    "get_deposits", "/deposits/{organisation}", _get_deposits, takes=DepositsWanted, gives=answers.Deposits,
    problems=("not_found",), en="Balance, allowance, and whether the account is listed.",
    zh="余额、授权额度及是否在册。",
)  # fmt: skip

OPERATIONS = [*map(of_obligations, OBLIGATIONS.values()), LIST, GET, MOVEMENTS, TRANSACTIONS, REASONS, DEPOSITS]
