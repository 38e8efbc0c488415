"""`local.db` is lost: the keys come back, nothing is done twice, and what docs/operating/home.md says holds."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from node.cli.main import app
from node.gate.access import KEY_LIFETIME_S
from tests.node.conftest import Running, running
from tests.node.story import Story

ORGANISATIONS = ["warehouse", "manufacturer", "bank", "insurer", "inspector", "regulator"]


def lose(home: Path) -> None:
    for file in home.glob("local.db*"):
        file.unlink()


@asynccontextmanager
async def after_a_loss(home: Path) -> AsyncIterator[Running]:
    lose(home)
    async with running(home) as node:
        yield node


def keys_file(home: Path, org: str) -> Path:
    return home / "orgs" / org / "api-keys.json"


async def status_of(node: Running, org: str, name: str = "operator") -> int:
    async with node.client(org, name) as client:
        return (await client.get("/v1/organisations")).status_code


async def test_every_key_works_again_the_oracles_too(home: Path):
    async with after_a_loss(home) as node:
        names = {org: json.loads(keys_file(home, org).read_text())["keys"] for org in ORGANISATIONS}
        assert any("oracle" in each for each in names.values())
        found = {(org, name): await status_of(node, org, name) for org, each in names.items() for name in each}
        assert set(found.values()) == {200}, found


async def test_a_key_comes_back_with_its_own_scopes_only(home: Path):
    async with after_a_loss(home) as node:
        answer = await node.post("warehouse", "/v1/slots", {"slot_id": Story(node).slot}, name="reader")
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": ["read", "everything"]},
        {"expires_at_s": "never"},
        {"key": "of another kind"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_file_that_is_not_as_it_was_issued_gives_back_nothing(home: Path, change: dict[str, object]):
    file = keys_file(home, "bank")
    document = json.loads(file.read_text())
    operator = document["keys"]["operator"]["key"]
    document["keys"]["operator"] |= change
    file.write_text(json.dumps(document))
    async with after_a_loss(home) as node:
        headers = {"Authorization": f"Bearer {operator}"}
        async with node.client(None) as client:
            assert (await client.get("/v1/organisations", headers=headers)).status_code == 401
        assert await status_of(node, "bank", "reader") == 401
        assert await status_of(node, "warehouse") == 200, "the others' files are good"


async def test_a_key_that_would_live_longer_than_any_is_left_out(home: Path):
    file = keys_file(home, "bank")
    document = json.loads(file.read_text())
    document["keys"]["operator"]["expires_at_s"] += KEY_LIFETIME_S
    document["keys"]["reader"]["expires_at_s"] = 1
    file.write_text(json.dumps(document))
    async with after_a_loss(home) as node:
        assert {name: await status_of(node, "bank", name) for name in ("operator", "reader", "oracle")} == {
            "operator": 401,
            "reader": 401,
            "oracle": 200,
        }


@pytest.mark.parametrize("damage", ["of another organisation", "no JSON"])
async def test_a_file_that_is_not_this_organisations_gives_back_nothing(home: Path, damage: str):
    file = keys_file(home, "bank")
    if damage == "of another organisation":
        file.write_text(keys_file(home, "warehouse").read_text())
    else:
        file.write_text("{")
    async with after_a_loss(home) as node:
        with node.node.local.read() as connection:
            known = set(connection.exec_driver_sql("SELECT DISTINCT organisation FROM api_key").scalars())
        assert known == set(ORGANISATIONS) - {"bank"}


async def test_while_the_database_knows_a_key_the_file_adds_none(home: Path):
    file = keys_file(home, "bank")
    document = json.loads(file.read_text())
    document["keys"]["operator"]["key"] = "wx_" + "a" * 43
    file.write_text(json.dumps(document))
    async with running(home) as node:
        assert await status_of(node, "bank") == 401


async def test_new_keys_are_issued_by_a_command_and_those_before_stop(home: Path):
    before = keys_file(home, "bank").read_text()
    others = keys_file(home, "warehouse").read_text()
    done = CliRunner().invoke(app, ["keys", "issue", "--org", "bank", "--home", str(home)])
    assert done.exit_code == 0, done.output
    row = {"organisation": "bank", "file": str(keys_file(home, "bank")), "restarted": False}
    assert json.loads(done.stdout) == row
    assert keys_file(home, "bank").read_text() != before
    assert keys_file(home, "warehouse").read_text() == others
    async with running(home) as node:
        assert await status_of(node, "bank") == 200
        old = json.loads(before)["keys"]["operator"]["key"]
        async with node.client(None) as client:
            answer = await client.get("/v1/organisations", headers={"Authorization": f"Bearer {old}"})
        assert answer.json()["code"] == "unauthenticated"


def test_keys_for_a_stranger_are_refused_and_nobodys_keys_change(home: Path):
    before = {org: keys_file(home, org).read_text() for org in ORGANISATIONS}
    done = CliRunner().invoke(app, ["keys", "issue", "--org", "bank", "--org", "nobody", "--home", str(home)])
    assert getattr(done.exception, "code", "") == "not_found"
    assert {org: keys_file(home, org).read_text() for org in ORGANISATIONS} == before


async def slots(node: Running) -> list[str]:
    return [each["slot_id"] for each in (await node.get("warehouse", "/v1/slots")).json()["items"]]


async def test_a_committed_fact_is_not_done_again_and_another_body_is_still_a_mismatch(home: Path):
    async with running(home) as node:
        slot = Story(node).slot
        first = await node.done("warehouse", "/v1/slots", {"slot_id": slot}, key="once")
    async with after_a_loss(home) as node:
        again = await node.done("warehouse", "/v1/slots", {"slot_id": slot}, key="once")
        assert (again["tx_id"], again["block"]) == (first["tx_id"], first["block"])
    async with after_a_loss(home) as node:
        other = {"slot_id": slot + "-B"}
        assert await node.refused("warehouse", "/v1/slots", other, key="once") == "idempotency_mismatch"
        assert await slots(node) == [slot], "the other body was not done"


async def minted(node: Running) -> int:
    return int((await node.get("bank", "/v1/deposits/manufacturer")).json()["balance_minor"])


MINT = {"organisation": "manufacturer", "amount_minor": 700}


async def test_a_committed_obligation_is_not_done_again_whatever_its_body_is_now(home: Path):
    async with running(home) as node:
        await node.done("bank", "/v1/deposits/mint", MINT, key="once")
        before = await minted(node)
    async with after_a_loss(home) as node:
        assert await node.refused("bank", "/v1/deposits/mint", MINT, key="once") == "command_repeated"
    async with after_a_loss(home) as node:
        other = MINT | {"amount_minor": 9}
        assert await node.refused("bank", "/v1/deposits/mint", other, key="once") == "command_repeated"
        assert await minted(node) == before


async def test_a_refused_command_is_forgotten_and_its_key_free(home: Path):
    async with running(home) as node:
        slot = Story(node).slot
        stranger = {"slot_id": "91310000MA1WUX0B1E/A"}
        assert await node.refused("warehouse", "/v1/slots", stranger, key="once") == "forbidden"
        assert await node.refused("warehouse", "/v1/slots", {"slot_id": slot}, key="once") == "idempotency_mismatch"
    async with after_a_loss(home) as node:
        await node.done("warehouse", "/v1/slots", {"slot_id": slot}, key="once")
        assert await slots(node) == [slot]


UNLISTED = {"organisation": "insurer", "amount_minor": 700}


async def test_what_a_contract_refused_is_forgotten_too_although_its_refusal_is_mined(home: Path):
    async with running(home) as node:
        first = (await node.post("bank", "/v1/deposits/mint", UNLISTED, key="once")).json()["transaction"]
        assert (first["status"], first["block"] > 0) == ("failed", True)
        assert await node.refused("bank", "/v1/deposits/mint", MINT, key="once") == "idempotency_mismatch"
        before = await minted(node)
    async with after_a_loss(home) as node:
        await node.done("bank", "/v1/deposits/mint", MINT, key="once")
        assert await minted(node) == before + 700


async def test_a_refused_command_that_is_repeated_is_judged_anew(home: Path):
    """Before the loss a repeat answers the refusal for ever; after it the ledger says what it says now."""
    async with running(home) as node:
        first = (await node.post("bank", "/v1/deposits/mint", UNLISTED, key="once")).json()["transaction"]
        await node.done("bank", "/v1/deposits/list", {"organisation": "insurer"})
        again = (await node.post("bank", "/v1/deposits/mint", UNLISTED, key="once")).json()["transaction"]
        assert (again["id"], again["status"]) == (first["id"], "failed")
    async with after_a_loss(home) as node:
        await node.done("bank", "/v1/deposits/mint", UNLISTED, key="once")
        assert (await node.get("bank", "/v1/deposits/insurer")).json()["balance_minor"] == 700


async def test_a_pending_command_is_forgotten_and_done_once_when_it_is_repeated(home: Path):
    async with running(home) as node:
        slot = Story(node).slot
        node.node.delivery.enqueue = lambda *_, **__: None  # taken, and never delivered
        answer = await node.post("warehouse", "/v1/slots", {"slot_id": slot}, key="once", wait=0)
        assert answer.json()["transaction"]["status"] == "pending"
    async with after_a_loss(home) as node:
        assert await slots(node) == []
        assert (await node.get("warehouse", answer.headers["location"])).json()["code"] == "not_found"
        for _ in range(2):
            await node.done("warehouse", "/v1/slots", {"slot_id": slot}, key="once")
        assert await slots(node) == [slot]


async def test_a_node_over_a_lost_database_answers_health(home: Path):
    async with after_a_loss(home) as node, node.client(None) as client:
        answer: httpx.Response = await client.get("/healthz")
        assert answer.status_code == 200, answer.text
