"""Commands are accepted once, survive a crash, and are final once."""

import asyncio
import hashlib
import hmac
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from node.gate import audit
from node.ledgers.facts import nonce_of
from tests.node.conftest import Running, running
from tests.node.story import FACILITY, RECEIPT, SALT, TERMS, Story


async def test_the_same_key_and_body_give_the_same_transaction(node: Running) -> None:
    story = Story(node)
    body = {"slot_id": story.slot}
    first = await node.done("warehouse", "/v1/slots", body, key="once")
    again = await node.done("warehouse", "/v1/slots", body, key="once")
    assert again == first
    assert await node.refused("warehouse", "/v1/slots", body, key="twice") == "conflict"


async def test_the_same_key_with_another_body_is_a_mismatch_and_changes_nothing(node: Running) -> None:
    story = Story(node)
    await node.done("warehouse", "/v1/slots", {"slot_id": story.slot}, key="once")
    other = await node.post("warehouse", "/v1/slots", {"slot_id": story.slot + "-B"}, key="once")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    assert other.json()["transaction_id"]
    assert (await node.get("warehouse", "/v1/slots")).json()["items"][0]["slot_id"] == story.slot


async def test_keys_of_two_organisations_never_meet(node: Running) -> None:
    story = Story(node)
    await story.issue()
    await node.done("manufacturer", "/v1/pledges", story.pledge(), key="k")
    await node.done("bank", "/v1/facilities", story.facility(), key="k")


async def test_a_hundred_repeats_at_once_are_one_transaction(node: Running) -> None:
    body = {"slot_id": Story(node).slot}
    answers = await asyncio.gather(*(node.post("warehouse", "/v1/slots", body, key="once") for _ in range(30)))
    assert {answer.json()["transaction"]["tx_id"] for answer in answers} == {answers[0].json()["transaction"]["tx_id"]}


async def test_a_command_without_waiting_answers_202_and_its_place(node: Running) -> None:
    answer = await node.post("warehouse", "/v1/slots", {"slot_id": Story(node).slot}, wait=0)
    transaction = answer.json()["transaction"]
    assert answer.status_code == 202 and transaction["status"] == "pending"
    final = await node.get("warehouse", answer.headers["location"], wait=20)
    assert final.json()["status"] == "committed"
    by_ledger_id = await node.get("warehouse", f"/v1/transactions/{final.json()['tx_id']}")
    assert by_ledger_id.json() == final.json()
    assert (await node.get("bank", answer.headers["location"])).json()["code"] == "not_found"


async def test_a_refusal_of_the_chaincode_is_the_transactions_code(node: Running) -> None:
    assert await node.refused("warehouse", "/v1/slots", {"slot_id": "91310000MA1WUX0B1E/A"}) == "forbidden"
    assert await node.refused("bank", "/v1/pledges/none/release", {}) == "not_found"


async def test_whoever_proposed_cannot_accept(node: Running) -> None:
    story = Story(node)
    await story.issue()
    await node.done("manufacturer", "/v1/pledges", story.pledge())
    body = {"facility_id": FACILITY, "terms": TERMS, "salt": SALT}
    assert await node.refused("manufacturer", "/v1/pledges/pledge-1/accept", body) == "not_pledgee"
    assert await node.refused("bank", "/v1/pledges/pledge-1/accept", body | {"salt": "00" * 16}) == "conflict"


async def test_goods_leave_once_their_owner_has_requested_them(node: Running) -> None:
    await Story(node).issue()
    receipt = f"/v1/receipts/{RECEIPT}"
    assert await node.refused("warehouse", f"{receipt}/deliver", {}) == "conflict"
    assert await node.refused("warehouse", f"{receipt}/request-delivery", {}) == "not_owner"
    await node.done("manufacturer", f"{receipt}/request-delivery", {})
    assert (await node.get("bank", receipt)).json()["delivery_requested_s"]
    await node.done("warehouse", f"{receipt}/deliver", {})
    assert (await node.get("bank", receipt)).json()["status"] == "delivered"


async def test_a_receipt_over_two_slots_backs_no_facility(node: Running) -> None:
    story = Story(node)
    slots = [story.slot, story.slot + "-B"]
    for slot in slots:
        await node.done("warehouse", "/v1/slots", {"slot_id": slot})
    await node.done("warehouse", "/v1/receipts", story.receipt() | {"slots": slots})
    await node.done("manufacturer", "/v1/pledges", story.pledge())
    answer = await node.post("bank", "/v1/facilities", story.facility())
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_action")


async def test_private_terms_wait_encrypted_and_are_wiped(home: Path) -> None:
    async with running(home) as node:
        story = Story(node)
        await story.issue()
        await node.done("manufacturer", "/v1/pledges", story.pledge())
        with node.node.local.read() as connection:
            rows = connection.exec_driver_sql("SELECT private_sealed, arguments FROM command").all()
        assert all(row[0] is None for row in rows)
        assert not any(SALT in str(row[1]) for row in rows)


def test_the_nonce_is_a_function_of_seat_organisation_key_and_attempt() -> None:
    expected = hmac.new(b"s", b"bank\x00k\x001", hashlib.sha256).digest()[:24]
    assert nonce_of(b"s", "bank", "k", 1) == expected
    assert len({nonce_of(b"s", "bank", "k", attempt) for attempt in range(1, 9)}) == 8


KILLED = """
    import asyncio, os, sys
    from pathlib import Path
    from tests.node.conftest import running

    async def main():
        async with running(Path(sys.argv[1])) as node:
            node.node.delivery.enqueue = lambda *a, **k: None   # accepted and durable, not yet delivered
            body = {"slot_id": sys.argv[2]}
            answer = await node.post("warehouse", "/v1/slots", body, key="before-the-crash", wait=0)
            assert answer.status_code == 202, answer.text
            if sys.argv[3] == "delivered":
                own = node.node.seats["warehouse"]
                from node.ledgers.facts import nonce_of
                node.node.commands.set_attempt(answer.json()["transaction"]["id"], 1, 0)
                nonce = nonce_of(own.seat.command_secret, "warehouse", "before-the-crash", 1)
                await own.ledger.submit("register_slot", body, nonce=nonce)
            print(answer.json()["transaction"]["id"], flush=True)
            os._exit(9)

    asyncio.run(main())
"""


@pytest.mark.parametrize("killed_at", ["accepted", "delivered"])
async def test_a_pending_command_is_finished_once_after_a_kill(home: Path, killed_at: str) -> None:
    slot = "91310115MA3WUX3W6R/BIN-1"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(KILLED), str(home), slot, killed_at, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 9
    async with running(home) as node:
        path = f"/v1/transactions/{out.decode().strip()}"
        final = (await node.get("warehouse", path, wait=20)).json()
        assert final["status"] == "committed", final
        events = (await node.get("warehouse", "/v1/events", limit=500)).json()["items"]
        assert [event["type"] for event in events].count("slot_registered") == 1


async def test_an_altered_audit_log_is_found(node: Running) -> None:
    story = Story(node)
    await story.issue()
    await node.get("insurer", "/v1/receipts/receipt-1")
    assert audit.verify_chain(node.node.local) is None
    with node.node.local.read() as connection:
        rows = connection.exec_driver_sql("SELECT decision, organisation FROM audit").all()
    assert ("read", "insurer") in rows and ("accepted", "warehouse") in rows
    with node.node.local.write() as connection:
        connection.exec_driver_sql("UPDATE audit SET subject = 'x' WHERE sequence = 2")
    assert audit.verify_chain(node.node.local) == 2
