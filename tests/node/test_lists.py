"""Lists end where they end: every row is reached, newest first, both ways, whatever the list."""

import base64
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Table, insert, update

from contracts.mirror.terms import Terms
from contracts.structs import camel
from node.api.listing import LIMIT_MAX
from node.api.operation import Operation, Page
from node.api.operations import OPERATIONS
from node.lending.duties import Duty
from node.projection import tables
from node.stores import local_tables
from tests.node.conftest import Running
from tests.node.story import FACILITY, Story
from wuxin_evidence.ids import facility_key

ROWS = 1_150
LISTS = [each for each in OPERATIONS if isinstance(each.gives, Page)]
KEY = facility_key(FACILITY).hex()

Json = dict[str, Any]


def fact(number: int, record: Json, **columns: Any) -> Json:
    place = {
        "block": 1,
        "tx_index": 0,
        "tx_id": "aa" * 32,
        "made_block": 0,
        "made_index": number,
        "made_s": 1000 + number,
    }
    return {"id": f"seeded-{number:05}", "record": record, **place, **columns}


def facility(number: int, key: str | None = None) -> Json:
    terms = {camel(each.name): "0x" + "00" * 32 if each.type == "bytes" else 1 for each in dataclasses.fields(Terms)}
    amounts = ("line_minor", "principal_minor", "interest_minor", "fees_minor", "interest_fraction")
    return {
        "id": key or f"{number:064x}", "state": "active", "since_s": 1, "lender": "aa", "borrower": "bb",
        "lien_subject": "cc", "quantity_subject": "dd", "price_subject": "ee", "terms": terms, "accrued_day": 0,
        **dict.fromkeys(amounts, 0), "drawn_total_minor": 0, "repaid_total_minor": 0, "standing_reasons": 0,
        "block": 0, "tx_id": "0x01", "made_block": 0, "made_log": number, "made_s": 1000 + number,
    }  # fmt: skip


def movement(number: int) -> Json:
    amounts = dict.fromkeys(("amount_minor", "fees_minor", "interest_minor", "principal_minor", "debt_minor"), 0)
    return {
        "block": 0, "log_index": number, "facility": KEY, "kind": "draw", **amounts,
        "at_s": 1000 + number, "tx_id": "0x01",
    }  # fmt: skip


def reason(number: int) -> Json:
    return {
        "facility": KEY, "reason_key": f"{number:064x}", "since_block": 0, "since_log": number, "standing": False,
        "cause": "00" * 32, "version": 1, "subject": "aa", "role": 0, "opening_sequence": 1, "since_s": 1000 + number,
        "opened_at_s": 1, "opened_block": 0, "opened_log": number, "cleared_at_s": 2, "tx_id": "0x01",
    }  # fmt: skip


def mined(number: int) -> Json:
    return {"tx_id": f"0x{number:064x}", "block": 0, "facility": KEY, "events": ["drawn"], "at_s": 1000 + number}


def command(number: int) -> Json:
    return {
        "id": f"{number:08x}-0000", "organisation": "bank", "idempotency_key": f"k{number}", "body_hash": b"",
        "command": "draw", "subject": FACILITY, "ledger": "e1", "function": "draw",
        "arguments": {"args": ["0x" + KEY, 1]}, "routine": False, "status": "failed", "attempt": 1,
        "tx_id": f"0x{number:064x}", "block": 0, "code": "facility_frozen",
        "created_at_ms": 1_000_000 + number * 1000, "updated_at_ms": 1_000_000 + number * 1000,
    }  # fmt: skip


def seed(node: Running, name: str, path: str, rows: int = ROWS) -> Table | None:
    """Rows for a list: as many as its pages do not hold. Gives their table; duties have none."""
    many = range(1, rows + 1)
    seeds: dict[str, tuple[Any, Callable[[int], Json]]] = {
        "list_devices": (tables.device, lambda n: fact(n, {"device_id": str(n), "enroller": "bank"}, status="active")),
        "list_oracle_devices": (tables.device, lambda n: fact(n, {"device_id": str(n)}, status="active")),
        "list_assets": (tables.asset, lambda n: fact(n, {"owner": "bank"}, status="active")),
        "list_asset_events": (tables.asset_event, lambda n: fact(n, {}, asset_id="turbine-7")),
        "list_slots": (tables.slot, lambda n: fact(n, {})),
        "list_receipts": (tables.receipt, lambda n: fact(n, {"owner": "bank"}, status="active", owner="bank")),
        "list_pledges": (tables.pledge, lambda n: fact(n, {"pledgee": "bank"}, status="active", receipt_id="r-1")),
        "list_anchors": (tables.anchor, lambda n: fact(n, {}, origin="wuxin/1/x/logs/bank")),
        "list_attestations": (
            tables.attestation, lambda n: fact(n, dict(ATTESTED), digest="aa", subject="bb", kind=0, sequence=n)
        ),
        "list_facilities": (tables.facility, facility),
        "list_movements": (tables.movement, movement),
        "list_reasons": (tables.freeze_reason, reason),
        "list_facility_transactions": (tables.obligation_transaction, mined),
        "list_transactions": (local_tables.command, command),
    }  # fmt: skip
    if "{asset_id}" in path:
        with node.node.read_model.write() as connection:
            connection.execute(insert(tables.asset), [fact(1, {}, status="active") | {"id": "turbine-7"}])
    if "{facility_id}" in path:
        with node.node.read_model.write() as connection:
            connection.execute(insert(tables.facility), [facility(1, KEY)])
    if name == "list_duties":
        return None
    table, make = seeds[name]
    store = node.node.local if table is local_tables.command else node.node.read_model
    with store.write() as connection:
        connection.execute(insert(table), [make(number) for number in many])
    return table


ATTESTED: Json = {}


@pytest.fixture
async def attested(node: Running) -> None:
    statement = Story(node).statement("commodity", "copper", 3, {"price_minor_per_t": 1})
    from wuxin_evidence.attestation import SignedAttestation

    signed = SignedAttestation.from_json(statement["attestation"])
    ATTESTED.update({"attestation": signed.attestation.to_cbor().hex(), "signatures": []})


def at(operation: Operation) -> str:
    return operation.path.replace("{facility_id}", FACILITY).replace("{asset_id}", "turbine-7")


def key_of(item: Json) -> str:
    return str(item.get("id") or item.get("facility_key") or sorted(item.items(), key=str))


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.name)
async def test_every_row_of_every_list_is_reached_both_ways(
    node: Running, operation: Operation, attested: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if operation.name == "list_duties":
        duties = [("r", f"p-{n:05}", Duty("conflict", 1000 + n, "bank", 9, "look")) for n in range(1, ROWS + 1)]
        monkeypatch.setattr("node.api.network.duties.all_duties", lambda *_: duties)
    seed(node, operation.name, operation.path)
    pages: list[list[Json]] = []
    query: Json = {"limit": LIMIT_MAX}
    while True:
        answer = await node.get("bank", at(operation), **query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        pages.append(page["items"])
        assert (page["previous"] is None) == (len(pages) == 1)
        if page["next"] is None:
            break
        query = {"limit": LIMIT_MAX, "after": page["next"]}
    forward = [item for page in pages for item in page]
    assert len(forward) >= ROWS and [len(page) for page in pages[:2]] == [LIMIT_MAX, LIMIT_MAX]
    times = [item[name] for item in forward for name in ("at_s", "created_at_ms", "since_s") if name in item]
    if operation.name not in ("list_facilities",):
        assert times == sorted(times, reverse=True), "newest first"
    backward = list(reversed(pages[-1]))
    cursor = page["previous"]
    while cursor is not None:
        page = (await node.get("bank", at(operation), limit=LIMIT_MAX, before=cursor)).json()
        backward += list(reversed(page["items"]))
        cursor = page["previous"]
    assert backward == list(reversed(forward))


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.name)
async def test_what_a_list_does_not_declare_is_malformed_and_named(node: Running, operation: Operation) -> None:
    cases: list[Json] = [
        {"colour": "red"},
        {"status": "bogus"},
        {"limit": 0},
        {"limit": LIMIT_MAX + 1},
        {"limit": "many"},
        {"limit": "05"},
        {"limit": "\uff11"},
        {"limit": "-0"},
        {"after": "garbage"},
        {"after": "WyJ4Il0"},
        {"before": "!"},
        {"since": -1},
        {"until": "yesterday"},
        {"after": ""},
    ]
    for query in cases:
        answer = await node.get("bank", at(operation), **query)
        (name,) = query
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "malformed"), (query, problem)
        assert problem["detail"].startswith(f"{name}: ") and problem["hint"], (query, problem)


def spelled(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.name)
async def test_a_cursor_that_this_list_did_not_write_is_malformed_and_named(
    node: Running, operation: Operation, attested: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if operation.name == "list_duties":
        duties = [("r", f"p-{n}", Duty("conflict", 1000 + n, "bank", 9, "look")) for n in range(3)]
        monkeypatch.setattr("node.api.network.duties.all_duties", lambda *_: duties)
    seed(node, operation.name, operation.path)
    cursor = (await node.get("bank", at(operation), limit=1)).json()["next"]
    binding, *place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert spelled([binding, *place]) == cursor, "the forged ones below would be refused for their spelling"
    others: list[Any] = [None, True, False, {"a": 1}, [1], -1, 2**53, 2**63, 2**70]
    forged = [[], ["x"], *([each] for each in others), place[:-1], [*place, 1], [*place, "x"], [*place] * 2]
    for number, part in enumerate(place):
        wrong = [*others, "x"] if isinstance(part, int) else [None, True, {"a": 1}, ["x"], 1, -1, 2**70]
        forged += [[*place[:number], each, *place[number + 1 :]] for each in wrong]
    whole = [{"a": 1}, None, 7, "x", [[binding, *place]], [None, *place], json.loads("[" * 300 + "]" * 300)]
    for content in [*([binding, *each] for each in forged), *whole]:
        for name in ("after", "before"):
            answer = await node.get("bank", at(operation), **{name: spelled(content)})
            problem = answer.json()
            assert (answer.status_code, problem.get("code")) == (400, "malformed"), (content, problem)
            assert problem["detail"].startswith(f"{name}: ") and problem["hint"], (content, problem)
    assert (await node.get("bank", at(operation), after=cursor)).status_code == 200


async def test_a_cursor_of_ones_own_list_is_of_no_use_to_another_organisation(node: Running) -> None:
    seed(node, "list_transactions", "")
    seed(node, "list_facility_transactions", "{facility_id}")
    with node.node.local.write() as connection:
        theirs = [command(n) | {"id": f"m{n}", "organisation": "manufacturer"} for n in (1, 2)]
        connection.execute(insert(local_tables.command), theirs)
    for path in ("/v1/transactions", f"/v1/facilities/{FACILITY}/transactions"):
        cursor = (await node.get("bank", path, limit=1)).json()["next"]
        answer = await node.get("manufacturer", path, after=cursor)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), path
        assert answer.json()["detail"].startswith("after: ")
        assert (await node.get("bank", path, after=cursor)).status_code == 200


async def test_a_list_of_what_does_not_exist_is_not_found(node: Running) -> None:
    asked = [each for each in LISTS if each.path_fields]
    assert len(asked) >= 4
    for operation in asked:
        path = re.sub(r"\{\w+\}", "none", operation.path)
        answer = await node.get("bank", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert "none" in answer.json()["detail"] and answer.json()["hint"]
        assert "not_found" in operation.all_problems


async def test_a_cursor_belongs_to_its_list_and_its_filters(node: Running) -> None:
    seed(node, "list_receipts", "")
    seed(node, "list_pledges", "")
    cursor = (await node.get("bank", "/v1/receipts", limit=1)).json()["next"]
    assert (await node.get("bank", "/v1/receipts", after=cursor)).status_code == 200
    for path, query in (
        ("/v1/pledges", {}),
        ("/v1/receipts", {"status": "active"}),
        ("/v1/receipts", {"since": 1}),
        ("/v1/receipts", {"before": cursor}),
    ):
        answer = await node.get("bank", path, after=cursor, **query)
        assert answer.json()["code"] == "malformed" and answer.json()["detail"].startswith("after: "), (path, query)


PLACED_BY = {"list_movements": "block", "list_facility_transactions": "block", "list_reasons": "since_block"}
BY_BLOCK = [each for each in LISTS if each.name not in ("list_transactions", "list_duties")]


@pytest.mark.parametrize("operation", BY_BLOCK, ids=lambda each: each.name)
async def test_a_cursor_of_a_block_that_is_not_read_yet_is_ahead(
    node: Running, operation: Operation, attested: None
) -> None:
    table = seed(node, operation.name, operation.path, rows=3)
    assert table is not None
    with node.node.read_model.write() as connection:
        connection.execute(update(table).values({PLACED_BY.get(operation.name, "made_block"): 9_000_000}))
    cursor = (await node.get("bank", at(operation), limit=1)).json()["next"]
    answer = await node.get("bank", at(operation), after=cursor)
    assert (answer.status_code, answer.json()["code"]) == (409, "cursor_ahead")


async def test_a_cursor_of_events_of_a_block_that_is_not_read_yet_is_ahead(node: Running) -> None:
    for ahead in ("f:9000000.0.0", "e1:9000000.1"):
        answer = await node.get("bank", "/v1/events", after=ahead)
        assert (answer.status_code, answer.json()["code"]) == (409, "cursor_ahead")
    answer = await node.get("warehouse", "/v1/events", after="e1:1.1")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), "not a ledger that it reads"


async def test_a_change_moves_nothing_from_one_page_to_another(node: Running) -> None:
    seed(node, "list_devices", "")
    first = (await node.get("bank", "/v1/devices", limit=2)).json()
    with node.node.read_model.write() as connection:
        connection.exec_driver_sql("UPDATE device SET block = 99, tx_index = 7 WHERE id = 'seeded-00001'")
    second = (await node.get("bank", "/v1/devices", limit=2, after=first["next"])).json()
    shown = [item["device_id"] for page in (first, second) for item in page["items"]]
    assert shown == [str(ROWS - n) for n in range(4)]


async def test_since_and_until_cut_a_list_by_when_things_were_made(node: Running) -> None:
    seed(node, "list_devices", "")
    page = (await node.get("bank", "/v1/devices", since=1010, until=1013)).json()
    assert [item["device_id"] for item in page["items"]] == ["12", "11", "10"]
    assert page["next"] is page["previous"] is None


async def test_refused_commands_stand_among_what_was_mined_by_block(node: Running) -> None:
    seed(node, "list_facility_transactions", "{facility_id}")
    with node.node.local.write() as connection:
        connection.execute(insert(local_tables.command), [command(number) | {"block": number} for number in (1, 2)])
    page = (await node.get("bank", f"/v1/facilities/{FACILITY}/transactions", limit=3)).json()
    assert [(item["block"], item["status"]) for item in page["items"]] == [(2, 0), (1, 0), (0, 1)]
    others = (await node.get("manufacturer", f"/v1/facilities/{FACILITY}/transactions", limit=3)).json()
    assert {item["status"] for item in others["items"]} == {1}, "another's refusals are not shown"
