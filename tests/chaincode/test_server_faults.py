"""What the server does when a program breaks, a peer vanishes or stalls, or it is told to stop."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from chaincode.server import conversation as peer_conversation
from chaincode.server import messages
from chaincode.server import messages as peer_messages
from chaincode.server.calls import FACTS
from chaincode.server.serving import ChaincodeServer
from chaincode.server.stub import PeerFailure, PeerGone, PeerStub
from chaincode.server.work import Limits
from tests.chaincode.facts_world import TERMS, World, pledge, receipt, slot
from tests.chaincode.peer_player import BATCHES, Ledger, connected, proposal_of, serving
from tests.chaincode.test_server_stream import Held, opened, program
from wuxin_evidence.encoding.canonical import canonical_json

SECRET = "SECRET-5c1d"


async def idle(server: ChaincodeServer) -> None:
    """Until no program runs any more."""
    await until(lambda: not server.runs_a_program(), "no program runs")


async def until(holds: Callable[[], bool], what: str) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came true: {what}")


async def test_an_exception_is_answered_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def run(stub: PeerStub) -> Any:
        raise ZeroDivisionError(SECRET)

    async with serving(program(run)) as (_, address), connected(address) as peer:
        signed = proposal_of([b"run", SECRET.encode()])
        answer = await peer.transact(signed, opened(Ledger(), signed))
    problem = json.loads(answer.message)
    assert (answer.kind, answer.status, problem["code"]) == ("COMPLETED", 500, "unavailable")
    assert SECRET not in answer.message
    assert "ZeroDivisionError" not in answer.message
    assert "ZeroDivisionError at test_server_faults:" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, RecursionError, MemoryError])
async def test_nothing_that_a_program_raises_leaves_the_peer_waiting(raised: type[BaseException]) -> None:
    def run(stub: PeerStub) -> Any:
        raise raised

    async with serving(program(run)) as (_, address), connected(address) as peer:
        for _ in range(2):
            signed = proposal_of([b"run"])
            assert (await peer.transact(signed, opened(Ledger(), signed))).status == 500


async def test_what_no_message_can_hold_ends_the_transaction_and_not_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (peer_messages, peer_conversation):
        monkeypatch.setattr(module, "MESSAGE_BYTES_MAX", 1000)

    def run(stub: PeerStub) -> str:
        if stub.transient:
            stub.put("k", b"v" * 1000)
        return "a" * (0 if stub.transient else 1000)

    async with serving(program(run)) as (_, address), connected(address) as peer:
        for transient in ({}, {"write": b"1"}):
            signed = proposal_of([b"run"], transient=transient)
            answer = await peer.transact(signed, opened(Ledger(), signed))
            assert answer.status == 500
            assert "exceeds 100 MiB and was not sent" in answer.message


async def test_a_program_whose_peer_vanished_ends() -> None:
    ended: list[type[PeerFailure]] = []

    def run(stub: PeerStub) -> Any:
        for _ in range(2):
            try:
                stub.get("k")
            except PeerFailure as error:
                ended.append(type(error))
        raise PeerGone("", "")

    async with serving(program(run)) as (server, address):
        async with connected(address) as peer:
            held = Held(peer)
            for _ in range(3):
                signed = proposal_of([b"run"])
                await peer.begin(signed, opened(Ledger(), signed))
            await held.asked.wait()
            peer.stream.cancel()
        await idle(server)
        assert ended == [PeerGone] * 6, "also the question after the end is refused"
        await until(lambda: not server.streams, "the stream is over")
        async with connected(address) as peer:
            signed = proposal_of([b"run"])
            assert (await peer.transact(signed, opened(Ledger(), signed))).status == 503


async def test_a_peer_that_does_not_answer_hears_why_before_its_own_time_is_up() -> None:
    run = program(lambda stub: stub.get("k"))
    async with serving(run, Limits(transaction_s=0.2)) as (server, address), connected(address) as peer:
        held = Held(peer)
        signed = proposal_of([b"run"])
        answer = await peer.transact(signed, opened(Ledger(), signed))
        problem = json.loads(answer.message)
        assert (answer.kind, answer.status, problem["code"]) == ("COMPLETED", 503, "unavailable")
        assert "within 0.2 s" in problem["detail"]
        held.go_on.set()
        await idle(server)
        signed = proposal_of([b"run"])
        assert (await peer.transact(signed, opened(Ledger(), signed))).status == 200


async def test_a_program_that_hangs_is_answered_for_and_others_run_beside_it() -> None:
    hang = threading.Event()

    def run(stub: PeerStub) -> Any:
        if stub.transient:
            hang.wait(20)
            stub.put("k", b"late")

    limits = Limits(transaction_s=0.3, threads=2)
    async with serving(program(run), limits) as (server, address), connected(address) as peer:
        signed = proposal_of([b"run"], transient={"hang": b"1"})
        hanging = opened(Ledger(), signed)
        begun = await peer.begin(signed, hanging)
        quick = proposal_of([b"run"])
        assert (await peer.transact(quick, opened(Ledger(), quick))).status == 200
        assert (await begun.ended).status == 503
        hang.set()
        await idle(server)
        assert hanging.asked == [], "nothing is written after the end"


async def test_more_transactions_than_the_bound_are_turned_away_at_once() -> None:
    run = program(lambda stub: stub.get("k"))
    async with serving(run, Limits(threads=1, transactions=2)) as (_, address), connected(address) as peer:
        held = Held(peer)
        begun = []
        for _ in range(2):
            signed = proposal_of([b"run"])
            begun.append(await peer.begin(signed, opened(Ledger(), signed)))
        await held.asked.wait()
        signed = proposal_of([b"run"])
        answer = await peer.transact(signed, opened(Ledger(), signed))
        assert answer.status == 503
        assert "2 transactions run or wait here" in answer.message
        held.go_on.set()
        assert [(await each.ended).status for each in begun] == [200, 200]


async def test_a_server_told_to_stop_ends_what_runs_and_begins_nothing() -> None:
    async with serving(program(lambda stub: stub.get("k"))) as (server, address), connected(address) as peer:
        held = Held(peer)
        signed = proposal_of([b"run"])
        begun = await peer.begin(signed, opened(Ledger(), signed))
        await held.asked.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        late = proposal_of([b"run"])
        answer = await peer.transact(late, opened(Ledger(), late))
        assert answer.status == 503
        assert "is stopping" in answer.message
        assert not stopping.done()
        held.go_on.set()
        assert (await begun.ended).status == 200
        assert await asyncio.wait_for(stopping, 5) is True
        assert await peer.stream.code() is not None


async def test_draining_is_bounded_and_what_still_runs_is_answered() -> None:
    run = program(lambda stub: stub.get("k"))
    async with serving(run, Limits(drain_s=0.2)) as (server, address), connected(address) as peer:
        held = Held(peer)
        signed = proposal_of([b"run"])
        begun = await peer.begin(signed, opened(Ledger(), signed))
        await held.asked.wait()
        assert await asyncio.wait_for(server.stop(), 5) is True
        assert (await begun.ended).status == 503


async def test_an_idle_server_stops_at_once() -> None:
    async with serving() as (server, address), connected(address):
        assert await asyncio.wait_for(server.stop(), 1) is True


async def test_no_log_line_holds_anything_that_a_peer_sent(caplog: pytest.LogCaptureFixture) -> None:
    """At the finest level, over calls that succeed, are refused, break and time out."""
    caplog.set_level(logging.DEBUG)
    world = World().found()
    world.call("warehouse", "register_slot", slot_id=slot())
    given = receipt(keeper=SECRET)
    calls = [
        ([b"issue_receipt", canonical_json(given)], {}),
        ([b"propose_pledge", canonical_json(pledge())], {"terms": TERMS}),
        ([SECRET.encode()], {"terms": SECRET.encode()}),
        ([b"get", SECRET.encode()], {}),
    ]
    async with serving(FACTS) as (_, address), connected(address, BATCHES) as peer:
        for args, transient in calls:
            signed = proposal_of(args, "WarehouseMSP", transient)
            assert (await peer.transact(signed, opened(Ledger(), signed))).status >= 400
        await peer.send(messages.Message(type=99, payload=SECRET.encode(), txid=SECRET))
        await peer.send(messages.Message(type=messages.KEEPALIVE))
        await asyncio.wait_for(peer.kept_alive.get(), 5)
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("chaincode"))
    assert "TYPE_99" in ours
    for told in (SECRET, TERMS.decode(), "HT-2022-001", "issue_receipt", "BEGIN CERTIFICATE"):
        assert told not in caplog.text
