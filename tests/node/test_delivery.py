"""Delivery on its own, over ports that fail on purpose; and the two ledgers when one runs ahead."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from network.clock import SystemClock
from network.membership.seats import open_seat
from network.ports import Invalid, TxResult
from node.commands import delivery as delivering
from node.commands.commands import Commands, Request, Step
from node.commands.delivery import ATTEMPTS_MAX, Delivery
from node.ledgers.facts import OVERTAKEN, nonce_of
from node.ledgers.seat_ledgers import SeatLedgers
from node.projection.follow import Position
from node.projection.tables import open_read_model
from node.stores.databases import Store
from node.stores.local_tables import LOCAL
from tests.node.conftest import Running
from tests.node.fakes import FakeChain, FakeLedger, no_answer, read_conflict
from tests.node.story import FACILITY, RECEIPT, Story
from wuxin_evidence.attestation import ALARM, SignedAttestation
from wuxin_evidence.ids import command_id

KEY = "0x" + "11" * 32


class Bench:
    """A delivery over fake ports, and one command at a time."""

    def __init__(self, home: Path, ledger: FakeLedger, chain: FakeChain) -> None:
        seat = open_seat(home, "bank")
        self.local = Store(home / "bench.db", LOCAL, durable=False)
        self.commands = Commands(self.local, {"bank": seat.command_secret})
        seats = {"bank": SeatLedgers(seat=seat, ledger=ledger, chain=chain, in_circle=True)}
        read_model = open_read_model(home / "bench-model.db")
        self.delivery = Delivery(self.commands, seats, read_model, Position(), SystemClock())

    async def run(self, *steps: Step, wait_s: float = 10) -> list[dict[str, Any]]:
        request = Request("bank", "operator", "key-1", "test", "subject", {})
        made = self.commands.accept(request, steps, now_ms=1).transactions
        self.delivery.start()
        try:
            return [await self.commands.wait(each["id"], wait_s) or {} for each in made]
        finally:
            await self.delivery.stop()


FACT = Step("facts", "release_pledge", {"pledge_id": "p"}, {"terms": b"secret"})
DRAW = Step("e1", "draw", {"args": [KEY, 5]})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "SWEEP_S", 0.05)
    monkeypatch.setattr(delivering, "PROJECTED_WAIT_S", 0.1)


@pytest.mark.parametrize("code", sorted(OVERTAKEN))
async def test_only_being_overtaken_raises_the_attempt(home: Path, code: str) -> None:
    ledger = FakeLedger(Invalid("aa", code, 3), Invalid("aa", code, 4))
    (final,) = await Bench(home, ledger, FakeChain()).run(FACT)
    assert (final["status"], final["attempt"]) == ("committed", 3)
    assert len(set(ledger.nonces)) == 3


async def test_a_ledger_that_does_not_answer_is_asked_again_under_the_same_nonce(home: Path) -> None:
    ledger = FakeLedger(no_answer(), no_answer())
    (final,) = await Bench(home, ledger, FakeChain()).run(FACT)
    assert (final["status"], final["attempt"]) == ("committed", 1)
    assert len(ledger.nonces) == 3 and len(set(ledger.nonces)) == 1


async def test_a_pending_command_says_why_it_waits_and_a_committed_one_no_longer(home: Path) -> None:
    bench = Bench(home, FakeLedger(no_answer()), FakeChain())
    made = bench.commands.accept(
        Request("bank", "operator", "key-1", "test", "subject", {}), [FACT], now_ms=1
    ).transactions
    bench.commands.hold(made[0]["id"], code="unavailable", detail="too few endorsers", hint="start one", now_ms=2)
    waiting = bench.commands.find("bank", made[0]["id"]) or {}
    assert (waiting["status"], waiting["code"], waiting["hint"]) == ("pending", "unavailable", "start one")
    (final,) = await bench.run(FACT)
    assert (final["status"], final["code"], final["hint"]) == ("committed", None, None)


async def test_a_key_that_always_conflicts_is_given_up_with_its_code(home: Path) -> None:
    ledger = FakeLedger(*[read_conflict() for _ in range(ATTEMPTS_MAX)])
    (final,) = await Bench(home, ledger, FakeChain()).run(FACT)
    assert (final["status"], final["code"], len(ledger.nonces)) == ("failed", "conflict", ATTEMPTS_MAX)


async def test_another_invalidity_is_final_at_once(home: Path) -> None:
    ledger = FakeLedger(Invalid("aa", "BAD_CREATOR_SIGNATURE", 3))
    (final,) = await Bench(home, ledger, FakeChain()).run(FACT)
    assert (final["status"], len(ledger.nonces)) == ("failed", 1)


async def test_an_obligation_carries_the_command_id_of_organisation_and_key(home: Path) -> None:
    chain = FakeChain(TxResult("0xab", 9, 0, "facility_frozen", "frozen"))
    (final,) = await Bench(home, FakeLedger(), chain).run(DRAW)
    assert (final["status"], final["code"], final["tx_id"]) == ("failed", "facility_frozen", "0xab")
    assert chain.sent == [("CreditFacility", "draw", [command_id("bank", "key-1"), bytes.fromhex("11" * 32), 5])]


async def test_the_facts_follow_the_obligations_and_do_not_wait_for_a_silent_chain(home: Path) -> None:
    chain = FakeChain(*[no_answer() for _ in range(1_000)])
    first, second = await Bench(home, FakeLedger(), chain).run(DRAW, FACT, wait_s=1)
    assert (first["status"], second["status"]) == ("pending", "committed")


async def test_what_a_person_or_an_alarm_asks_passes_the_routine_that_waits(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "WORKERS", 1)
    ledger = FakeLedger()
    bench = Bench(home, ledger, FakeChain())
    waiting = [Request("bank", "oracle", f"window {n}", "test", "subject", {}, routine=True) for n in range(5)]
    for request in (*waiting, Request("bank", "officer", "now", "test", "subject", {})):
        [last] = bench.commands.accept(request, [FACT], now_ms=1).transactions
    bench.delivery.start()
    try:
        await bench.commands.wait(last["id"], 10)
    finally:
        await bench.delivery.stop()
    secret = open_seat(home, "bank").command_secret
    assert ledger.nonces[0] == nonce_of(secret, "bank", "now", 1)


async def test_a_draw_that_was_mined_before_a_crash_is_found_and_not_repeated(node: Running) -> None:
    story = Story(node)
    await story.lend()
    inside = node.node
    enqueue, inside.delivery.enqueue = inside.delivery.enqueue, lambda *_, **__: None
    path, body = f"/v1/facilities/{FACILITY}/draw", {"amount_minor": 1_000_000}
    answer = await node.post("manufacturer", path, body, key="crash", wait=0)
    identifier = answer.json()["transaction"]["id"]
    chain = inside.seats["manufacturer"].chain
    row = inside.commands.load(identifier)
    assert row is not None and row.status == "pending"
    inside.commands.set_attempt(identifier, 1, 0, sent_after=await chain.height())
    args = [command_id("manufacturer", "crash"), bytes.fromhex(row.arguments["args"][0][2:]), 1_000_000]
    mined = await chain.transact("CreditFacility", "draw", args)
    inside.delivery.enqueue = enqueue
    final = (await node.get("manufacturer", f"/v1/transactions/{identifier}", wait=20)).json()
    assert (final["status"], final["tx_id"], final["block"]) == ("committed", mined.tx_hash, mined.block)
    facility = (await node.get("bank", f"/v1/facilities/{FACILITY}")).json()
    assert facility["drawn_total_minor"] == 1_000_000


async def test_a_ledger_that_runs_ahead_is_named_and_blocks_lending(node: Running) -> None:
    story = Story(node)
    await story.lend()
    body = story.statement("slot", story.slot, ALARM, {"quantity_g": 20_000_000, "unexplained_loss_g": 0})
    signed = SignedAttestation.from_json(body["attestation"])
    own = node.node.seats["bank"]
    arguments = {
        "subject_kind": "slot",
        "subject_id": story.slot,
        "attestation": signed.attestation.to_cbor().hex(),
        "signatures": [{"organisation": each.organisation, "sm2": each.sm2.hex()} for each in signed.signatures],
    }
    await own.ledger.submit("record_attestation", arguments)
    await story.until_recorded(body)
    answer = (await node.get("bank", f"/v1/collateral/{RECEIPT}")).json()
    assert [blocker["code"] for blocker in answer["blockers"]] == ["facts_ahead"]
    await node.done("bank", "/v1/attestations", body, name="oracle")
    deadline = time.monotonic() + 5
    while not (await node.get("bank", f"/v1/collateral/{RECEIPT}")).json()["lendable"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_an_attestation_that_every_member_brings_is_mined_and_recorded_once(node: Running) -> None:
    story = Story(node)
    await story.issue()
    body = story.statement("slot", story.slot, ALARM, {"quantity_g": 1})
    answers = await asyncio.gather(
        *(node.post(each, "/v1/attestations", body, name="oracle") for each in ("bank", "insurer", "inspector"))
    )
    assert {answer.json()["transaction"]["status"] for answer in answers} == {"committed"}
    brought = {(answer.json()["transaction"]["ledger"], answer.json()["transaction"]["tx_id"]) for answer in answers}
    assert sorted(ledger for ledger, _ in brought) == ["e1", "facts"], "the inspector is not in the circle"
    await story.until_recorded(body)
    events = (await node.get("bank", "/v1/events", limit=500)).json()["items"]
    assert [event["type"] for event in events].count("attestation_accepted") == 1


async def test_waiting_facts_hide_no_younger_obligation(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "QUEUE_MAX", 5)
    chain = FakeChain()
    bench = Bench(home, FakeLedger(*[no_answer() for _ in range(10_000)]), chain)
    for n in range(8):
        request = Request("bank", "operator", f"waits-{n}", "test", "subject", {})
        bench.commands.accept(request, [FACT], now_ms=1)
    (final,) = await bench.run(DRAW)
    assert (final["status"], len(chain.sent)) == ("committed", 1)


async def test_a_second_step_is_swept_once_its_first_is_final_or_unanswered(home: Path) -> None:
    bench = Bench(home, FakeLedger(), FakeChain())
    made = [
        bench.commands.accept(
            Request("bank", "operator", key, "test", "subject", {}), [DRAW, FACT], now_ms=1
        ).transactions
        for key in ("a", "b", "c")
    ]
    (first_a, second_a), (first_b, second_b), _ = [[each["id"] for each in steps] for steps in made]
    assert bench.commands.pending("bank", "facts", 10) == []
    bench.commands.succeed(first_a, tx_id="0x01", block=1, result=None, now_ms=2)
    assert [row.id for row in bench.commands.pending("bank", "facts", 10)] == [second_a]
    assert [row.id for row in bench.commands.pending("bank", "facts", 10, {first_b})] == [second_a, second_b]
