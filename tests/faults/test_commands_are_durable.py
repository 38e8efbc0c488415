"""No command is acknowledged before it is on the disk, and none is done twice, whichever write of local.db fails.

The n-th write or commit fails, for n in 1..50, once without effect and once with effect but reported as failed. The
caller repeats what it got no acknowledgement for, under the same key.
"""

import asyncio
from pathlib import Path

import pytest

from node.commands.obligations import CALLS
from node.demo.founding import found
from node.gate import audit
from node.ledgers.facts import nonce_of
from node.ledgers.obligations import carry_obligation
from node.stores.databases import Store
from node.stores.local_tables import LOCAL
from tests.faults.faulty_store import Faults
from tests.node.conftest import Running, running
from tests.node.story import FACILITY, Story
from wuxin_evidence.attestation import ALARM, SignedAttestation

N_MAX = 50
WAREHOUSE_USCC = "91310115MA3WUX3W6R"


def slot(n: int, number: int) -> dict[str, str]:
    return {"slot_id": f"{WAREHOUSE_USCC}/N{n}-{number}"}


async def ask(node: Running, body: dict[str, str], wait: int) -> str | None:
    """The transaction's id once it is acknowledged; None where the node said that it could not."""
    answer = await node.post("warehouse", "/v1/slots", body, key=body["slot_id"], wait=wait)
    if answer.status_code in (200, 202):
        return str(answer.json()["transaction"]["id"])
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "unavailable" and answer.json()["hint"]
    return None


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
async def test_no_acknowledgement_leaves_when_the_nth_write_fails(tmp_path: Path, applied: bool) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(found, home)
    faults = Faults()
    acknowledged: dict[str, str] = {}
    bodies: list[dict[str, str]] = []
    async with running(home) as node:
        faults.infect(node.node.local, node.node.local.path)
        for n in range(1, N_MAX + 1):
            faults.arm(n, applied=applied)
            for number in range(2):
                body = slot(n, number)
                bodies.append(body)
                if (identifier := await ask(node, body, wait=0)) is not None:
                    acknowledged[body["slot_id"]] = identifier
                    with Store(node.node.local.path, LOCAL, durable=True).read() as other:
                        row = other.exec_driver_sql("SELECT count(*) FROM command WHERE id = ?", (identifier,)).scalar()
                    assert row == 1, "acknowledged and not on the disk"
        faults.disarm()
        assert {"COMMIT", "BEGIN IMMEDIATE"} <= set(faults.fired), faults.fired
        for body in bodies:
            identifier = await ask(node, body, wait=30)
            assert acknowledged.get(body["slot_id"], identifier) == identifier
            acknowledged[body["slot_id"]] = str(identifier)
        for identifier in acknowledged.values():
            final = (await node.get("warehouse", f"/v1/transactions/{identifier}", wait=30)).json()
            assert final["status"] == "committed", final
        assert await registered(node) == sorted(body["slot_id"] for body in bodies)
        assert audit.verify_chain(node.node.local) is None


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
async def test_an_attestation_is_taken_only_with_its_evidence_on_the_disk(tmp_path: Path, applied: bool) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(found, home)
    faults = Faults()
    async with running(home) as node:
        story = Story(node)
        await story.issue()
        faults.infect(node.node.local, node.node.local.path)
        for n in range(1, 13):
            body = story.statement("slot", story.slot, ALARM, {"quantity_g": n})
            digest = SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()
            faults.arm(n, applied=applied)
            answer = await node.post("bank", "/v1/attestations", body, name="oracle", key=f"a-{n}", wait=0)
            faults.disarm()
            if answer.status_code == 503:
                answer = await node.post("bank", "/v1/attestations", body, name="oracle", key=f"a-{n}", wait=0)
            assert answer.status_code in (200, 202), answer.text
            with Store(node.node.local.path, LOCAL, durable=True).read() as other:
                for table, column in (("attestation_upload", "digest"), ("evidence_pack", "attestation_digest")):
                    row = other.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {column} = ?", (digest,))
                    assert row.scalar() == 1, f"acknowledged without its row in {table}"
    assert len(faults.fired) >= 6, faults.fired


async def registered(node: Running) -> list[str]:
    found_ids: list[str] = []
    after = None
    while True:
        query = {"limit": 500} | ({"after": after} if after else {})
        page = (await node.get("bank", "/v1/events", **query)).json()
        found_ids += [each["subject_id"] for each in page["items"] if each["type"] == "slot_registered"]
        after = page["cursor"]
        if not page["items"]:
            return sorted(found_ids)


@pytest.mark.parametrize("command", ["draw", "mint", "slot"])
async def test_a_command_whose_outcome_was_lost_is_told_as_done_and_not_done_again(
    tmp_path: Path, command: str
) -> None:
    """The ledger has it; the node died before it could write that down."""
    home = tmp_path / "home"
    await asyncio.to_thread(found, home)
    organisation, path, body = {
        "draw": ("manufacturer", f"/v1/facilities/{FACILITY}/draw", {"amount_minor": 1_000}),
        "mint": ("bank", "/v1/deposits/mint", {"organisation": "manufacturer", "amount_minor": 1_000}),
        "slot": ("warehouse", "/v1/slots", slot(0, 0)),
    }[command]
    async with running(home) as node:
        await Story(node).lend()
        node.node.delivery.enqueue = lambda *_, **__: None  # type: ignore[method-assign] -- accepted, durable, not delivered
        accepted = await node.post(organisation, path, body, key="lost", wait=0)
        identifier = accepted.json()["transaction"]["id"]
        await deliver_behind_its_back(node, organisation, identifier)
    async with running(home) as node:
        final = (await node.get(organisation, f"/v1/transactions/{identifier}", wait=30)).json()
        assert (final["status"], final["code"]) == ("committed", None), final
        balance = (await node.get("bank", "/v1/deposits/manufacturer")).json()["balance_minor"]
        assert balance == (0 if command == "slot" else 1_000)


async def deliver_behind_its_back(node: Running, organisation: str, identifier: str) -> None:
    """What delivery does up to the ledger's answer, and not a step further."""
    inside, own = node.node, node.node.seats[organisation]
    row = inside.commands.load(identifier)
    assert row is not None
    if row.ledger == "facts":
        inside.commands.set_attempt(identifier, 1, 0)
        nonce = nonce_of(own.seat.command_secret, organisation, "lost", 1)
        await own.ledger.submit(row.function, row.arguments, nonce=nonce)
        return
    inside.commands.set_attempt(identifier, 1, 0, sent_after=await own.chain.height())
    mined = await carry_obligation(own, CALLS[row.function].function, row.arguments["args"], "lost")
    assert mined.status == 1, mined
