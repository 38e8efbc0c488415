"""Default deny: no route of the table answers without a key, with too little scope, or in another's role."""

import re

import httpx
import pytest
from sqlalchemy import select

from node.api.operations import OPERATIONS
from node.gate import access
from node.stores.local_tables import audit
from tests.node.conftest import Running
from tests.node.story import Story

EVERY_ROUTE = sorted((each.method, each.path) for each in OPERATIONS)


async def ask(node: Running, method: str, template: str, headers: dict[str, str]) -> httpx.Response:
    path = re.sub(r"\{\w+\}", "x" * 8, template)
    async with node.client(None) as client:
        return await client.request(method, path, headers=headers, json={} if method == "POST" else None)


@pytest.fixture(scope="module")
def everyone() -> list[str]:
    return ["bank", "insurer", "manufacturer", "warehouse", "regulator", "inspector"]


async def test_no_route_answers_without_a_key_or_with_a_wrong_one(node: Running) -> None:
    for method, template in EVERY_ROUTE:
        for headers in ({}, {"Authorization": "Bearer wx_unknown"}, {"Authorization": "Basic wx_abc"}):
            answer = await ask(node, method, template, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, template)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_reader_key_commands_nothing(node: Running) -> None:
    headers = {"Authorization": f"Bearer {node.key('bank', 'reader')}", "Idempotency-Key": "k"}
    for method, template in EVERY_ROUTE:
        if method == "POST":
            assert (await ask(node, method, template, headers)).json()["code"] == "forbidden", template


async def test_a_route_of_a_role_refuses_every_other_role(node: Running, everyone: list[str]) -> None:
    roles = {each.name: set(each.roles) for each in node.node.consortium.organisations}
    for operation in OPERATIONS:
        method, template = operation.method, operation.path
        for organisation in everyone:
            if operation.roles and not operation.roles & roles[organisation]:
                headers = {"Authorization": f"Bearer {node.key(organisation)}", "Idempotency-Key": "k"}
                assert (await ask(node, method, template, headers)).json()["code"] == "forbidden"


async def test_obligations_are_read_by_their_circle_only(node: Running) -> None:
    for organisation in ("warehouse", "inspector"):
        for path in ("/v1/facilities", "/v1/collateral/receipt-1", "/v1/deposits/bank"):
            assert (await node.get(organisation, path)).json()["code"] == "forbidden"
        events = (await node.get(organisation, "/v1/events", limit=500)).json()
        assert events["items"] and {item["ledger"] for item in events["items"]} == {"facts"}


async def test_a_revoked_and_an_expired_key_are_refused(node: Running) -> None:
    with node.node.local.write() as connection:
        connection.exec_driver_sql("UPDATE api_key SET revoked = 1 WHERE organisation = 'bank' AND name = 'reader'")
        connection.exec_driver_sql(
            "UPDATE api_key SET expires_at_s = 1 WHERE organisation = 'bank' AND name = 'oracle'"
        )
    for name in ("reader", "oracle"):
        async with node.client("bank", name) as client:
            assert (await client.get("/v1/status")).json()["code"] == "unauthenticated"


async def test_a_key_needs_one_of_the_scopes_and_its_organisation_one_of_the_roles() -> None:
    bank = access.Principal("bank", "k", frozenset({"bank"}), frozenset({"read"}), 2**40)
    access.decide(bank, "list_receipts", frozenset({"read", "facts"}), frozenset())
    for scopes, roles in (({"facts"}, set[str]()), (set[str](), set[str]()), ({"read"}, {"warehouse"})):
        with pytest.raises(access.Problem) as refused:
            access.decide(bank, "issue_receipt", frozenset(scopes), frozenset(roles))
        assert refused.value.code == "forbidden" and "issue_receipt" in refused.value.hint


async def test_what_is_not_declared_does_not_exist(node: Running) -> None:
    headers = {"Authorization": f"Bearer {node.key('regulator')}", "Idempotency-Key": "k"}
    for path in ("/v1/committee", "/v1/members", "/v1/init-consortium"):
        assert (await ask(node, "POST", path, headers)).status_code in (404, 405), path


async def test_keys_are_private_files_and_only_their_hashes_are_stored(node: Running) -> None:
    path = node.home / "orgs" / "bank" / "api-keys.json"
    assert path.stat().st_mode & 0o077 == 0
    assert node.key("bank").encode() not in (node.home / "local.db").read_bytes()


async def test_the_seat_of_a_request_is_that_of_its_key(node: Running) -> None:
    principal = node.node.authenticator.identify(f"Bearer {node.key('insurer')}")
    assert node.node.act_as(principal).seat.organisation.name == "insurer"


async def test_a_page_of_others_records_is_one_entry_of_the_audit_log(node: Running) -> None:
    story = Story(node)
    await story.issue()
    await story.pledge_it()

    async def read_by(organisation: str, path: str) -> list[tuple[str, str]]:
        statement = select(audit.c.action, audit.c.detail).where(
            audit.c.organisation == organisation, audit.c.decision == "read"
        )
        with node.node.local.read() as connection:
            before = len(connection.execute(statement).all())
        answer = await node.get(organisation, path)
        assert answer.status_code == 200 and answer.json()["items"], answer.text
        with node.node.local.read() as connection:
            return [(row.action, row.detail) for row in connection.execute(statement).all()[before:]]

    for path, parties in (
        ("/v1/receipts", "bank, manufacturer, warehouse"),
        ("/v1/pledges", "bank, manufacturer, warehouse"),
        ("/v1/devices", "warehouse"),
        ("/v1/facilities", "bank, manufacturer"),
    ):
        assert await read_by("insurer", path) == [(f"GET {path}", f"1 records of {parties}")]
        assert await read_by("manufacturer" if path == "/v1/facilities" else "warehouse", path) == []
