"""One stream between a peer and the server: registration, many transactions at once, and all that the protocol has."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import grpc.aio
import pytest

from chaincode.contract import Response
from chaincode.server import messages
from chaincode.server.calls import FACTS, Program
from chaincode.server.serving import METHOD, SERVICE
from chaincode.server.stub import PeerStub
from chaincode.server.work import Limits
from chaincode.world.composite_keys import composite_key
from chaincode.world.errors import Refusal
from tests.chaincode.peer_player import (
    BATCHES,
    CHAINCODE_ID,
    ONE_BY_ONE,
    Answer,
    Ledger,
    Open,
    Peer,
    Simulation,
    connected,
    proposal_of,
    serving,
)
from wuxin_evidence.fabric import PROPOSAL, parse_signed_proposal

Run = Callable[[PeerStub], Any]


def program(run: Run, *, submitting: bool = True) -> Program:
    """A program of one function, which answers with JSON."""

    def invoke(stub: Any, args: Sequence[bytes]) -> Response:
        try:
            return Response(200, "", json.dumps(run(stub)).encode())
        except Refusal as refusal:
            return Response(refusal.status, json.dumps({"code": refusal.code}), b"")

    return Program(invoke, lambda _function: submitting)


def opened(ledger: Ledger, signed: bytes) -> Simulation:
    return Simulation(ledger.simulate(parse_signed_proposal(signed), for_ledger=False))


async def once(run: Run, abilities: Any = BATCHES, ledger: Ledger | None = None) -> tuple[Answer, Simulation]:
    """Serve this one function, run it once, and show what the peer was asked."""
    signed = proposal_of([b"run", b"{}"], transient={"secret": b"s"})
    simulation = opened(ledger or Ledger(), signed)
    async with serving(program(run, submitting=False)) as (_, address), connected(address, abilities) as peer:
        return await peer.transact(signed, simulation), simulation


async def test_the_server_registers_as_its_package() -> None:
    async with serving() as (_, address), connected(address) as peer:
        assert peer.registered_as == CHAINCODE_ID


async def test_a_peer_that_does_not_know_the_package_is_told_and_named(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(limits=Limits(register_s=0.2)) as (_, address), grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=messages.Message.SerializeToString,
            response_deserializer=messages.Message.FromString,
        )()
        assert (await call.read()).type == messages.REGISTER
        assert await call.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert f"does not take {CHAINCODE_ID}" in caplog.text


async def test_a_transaction_before_registration_ends_the_stream() -> None:
    async with serving() as (_, address), grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=messages.Message.SerializeToString,
            response_deserializer=messages.Message.FromString,
        )()
        await call.write(messages.Message(type=messages.TRANSACTION, txid="t"))
        assert (await call.read()).type == messages.REGISTER
        assert await call.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_keepalive_is_echoed_also_while_a_transaction_waits() -> None:
    async with serving(program(lambda stub: stub.get("k"))) as (_, address), connected(address) as peer:
        held = Held(peer)
        signed = proposal_of([b"run"])
        begun = await peer.begin(signed, opened(Ledger(), signed))
        await held.asked.wait()
        await peer.send(messages.Message(type=messages.KEEPALIVE))
        await asyncio.wait_for(peer.kept_alive.get(), 5)
        held.go_on.set()
        assert (await begun.ended).status == 200


class Held:
    """A peer that answers nothing until it is let go on."""

    def __init__(self, peer: Peer) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        peer.pace = self._wait

    async def _wait(self, _kind: str) -> None:
        self.asked.set()
        await self.go_on.wait()


async def test_sixty_four_transactions_interleave_on_one_stream() -> None:
    def run(stub: PeerStub) -> str:
        values = [stub.get(f"{stub.tx_id}/{number}") for number in range(5)]
        stub.put(f"done/{stub.tx_id}", b"x")
        assert values == [None] * 5
        return stub.tx_id

    ledger, arrived = Ledger(), 0

    async def out_of_order(_kind: str) -> None:
        nonlocal arrived
        arrived += 1
        for _ in range(arrived * 7 % 11):
            await asyncio.sleep(0)

    async with serving(program(run)) as (_, address), connected(address) as peer:
        peer.pace = out_of_order
        signed = [proposal_of([b"run"]) for _ in range(256)]
        begun: list[Open] = []
        for each in signed:
            begun.append(await peer.begin(each, opened(ledger, each)))
        answers = await asyncio.wait_for(asyncio.gather(*(each.ended for each in begun)), 60)
    for each, answer, one in zip(signed, answers, begun, strict=True):
        assert json.loads(answer.payload) == parse_signed_proposal(each).tx_id
        assert one.simulation.asked == ["GET_STATE"] * 5 + ["WRITE_BATCH_STATE"]


async def test_the_next_request_waits_for_the_answer_to_the_last() -> None:
    async with (
        serving(program(lambda stub: [stub.get("a"), stub.get("b")])) as (_, address),
        connected(address) as peer,
    ):
        held = Held(peer)
        signed = proposal_of([b"run"])
        begun = await peer.begin(signed, opened(Ledger(), signed))
        await held.asked.wait()
        await peer.send(messages.Message(type=messages.KEEPALIVE))
        await asyncio.wait_for(peer.kept_alive.get(), 5)
        assert begun.outstanding
        assert begun.simulation.asked == []
        held.go_on.set()
        assert json.loads((await begun.ended).payload) == [None, None]


async def test_a_transaction_that_already_runs_is_not_begun_again() -> None:
    async with serving(program(lambda stub: stub.get("k"))) as (_, address), connected(address) as peer:
        held = Held(peer)
        signed = proposal_of([b"run"])
        begun = await peer.begin(signed, opened(Ledger(), signed))
        await held.asked.wait()
        again = await peer.begin(signed, begun.simulation)
        held.go_on.set()
        assert (await again.ended).status == 200
        assert begun.simulation.asked == ["GET_STATE"]
        answer = await peer.transact(signed, opened(Ledger(), signed))
        assert answer.status == 200


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_another() -> None:
    begun_here, go_on = threading.Event(), threading.Event()

    def run(stub: PeerStub) -> str:
        begun_here.set()
        go_on.wait(10)
        return (stub.get("k") or b"").decode()

    async with serving(program(run)) as (_, address), connected(address) as peer:
        signed = proposal_of([b"run"])
        proposal = parse_signed_proposal(signed)
        begun = await peer.begin(signed, opened(Ledger(), signed))
        assert await asyncio.to_thread(begun_here.wait, 10)
        place = messages.Place(proposal.channel, proposal.tx_id)
        await peer.send(messages.request(place, messages.RESPONSE, b"stray"))
        await peer.send(messages.Message(type=messages.KEEPALIVE))
        await asyncio.wait_for(peer.kept_alive.get(), 5)
        go_on.set()
        assert json.loads((await begun.ended).payload) == ""


async def test_a_range_in_a_submitting_function_is_refused_before_the_peer_is_asked() -> None:
    signed = proposal_of([b"list"])
    simulation = opened(Ledger(), signed)
    ranges: list[Run] = [
        lambda stub: stub.range("a", "b", 1, "").bookmark,
        lambda stub: stub.composite_range("kind", (), 1, "").bookmark,
    ]
    for run in ranges:
        async with serving(program(run)) as (_, address), connected(address) as peer:
            answer = await peer.transact(signed, simulation)
        assert (answer.status, json.loads(answer.message)["code"]) == (400, "unsupported_action")
    assert simulation.asked == []


def test_only_the_evaluating_functions_of_the_facts_may_read_ranges() -> None:
    assert not FACTS.is_submitting("list")
    assert FACTS.is_submitting("issue_receipt")
    assert FACTS.is_submitting("no_such_function")


async def test_the_event_goes_with_the_response_and_only_with_an_agreed_one() -> None:
    def run(stub: PeerStub) -> None:
        stub.emit("wuxin", b"[1]")

    def refuse(stub: PeerStub) -> None:
        stub.emit("wuxin", b"[1]")
        stub.put("k", b"v")
        raise Refusal("conflict", "no", "ask")

    answer, _ = await once(run)
    assert answer.event == ("wuxin", b"[1]")
    answer, simulation = await once(refuse)
    assert (answer.kind, answer.status, answer.event) == ("COMPLETED", 409, ("", b""))
    assert simulation.asked == [], "a refusal writes nothing"


def write_seven(stub: PeerStub) -> None:
    stub.put("a", b"old")
    stub.put("a", b"new")
    stub.set_key_policy("a", ("BankMSP",))
    stub.delete("b")
    stub.put_private("_implicit_org_BankMSP", "p", b"value")
    stub.delete_private("_implicit_org_BankMSP", "q")
    stub.purge_private("_implicit_org_BankMSP", "r")
    stub.put(composite_key("kind", ("x",)).replace("\x00", "-"), b"plain")
    assert stub.get("a") is None


SEVEN_WRITES = [
    "PUT_STATE",
    "PUT_STATE_METADATA",
    "DEL_STATE",
    "PUT_STATE",
    "DEL_STATE",
    "PURGE_PRIVATE_DATA",
    "PUT_STATE",
]


@pytest.mark.parametrize(
    ("abilities", "asked"),
    [
        (BATCHES, ["GET_STATE", *["WRITE_BATCH_STATE"] * 3]),
        (
            ONE_BY_ONE,
            ["GET_STATE", *SEVEN_WRITES],
        ),
    ],
    ids=["batches", "one-by-one"],
)
async def test_writes_go_together_where_the_peer_takes_batches(abilities: Any, asked: list[str]) -> None:
    answer, simulation = await once(write_seven, abilities)
    assert answer.status == 200
    assert simulation.asked == asked
    changes = simulation.simulator.changes()
    assert {write.key: write.value for write in changes.writes} == {"a": b"new", "b": None, "-kind-x-": b"plain"}
    assert simulation.purged == [("_implicit_org_BankMSP", "r")]
    private = simulation.simulator.private_writes["_implicit_org_BankMSP"]
    assert private == {"p": b"value", "q": None, "r": None}


@pytest.mark.parametrize(
    ("abilities", "asked"),
    [(BATCHES, ["GET_STATE_MULTIPLE"] * 3), (ONE_BY_ONE, ["GET_STATE"] * 5)],
    ids=["together", "one-by-one"],
)
async def test_several_keys_are_read_together_where_the_peer_can(abilities: Any, asked: list[str]) -> None:
    answer, simulation = await once(lambda stub: stub.get_many(["a", "b", "c", "d", "e"]), abilities)
    assert json.loads(answer.payload) == [None] * 5
    assert simulation.asked == asked
    assert [read.key for read in simulation.simulator.changes().reads] == ["a", "b", "c", "d", "e"]


async def test_another_chaincode_is_called_within_the_transaction() -> None:
    answer, simulation = await once(lambda stub: list(stub.call_chaincode("other", [b"f", b"x"]))[:2])
    assert json.loads(answer.payload) == [200, "well"]
    await once(lambda stub: stub.call_chaincode("other", [], "channel-2").status, ledger=Ledger())
    assert simulation.called == [("other", (b"f", b"x"))]


@pytest.mark.parametrize("name", ["absent", "broken"])
async def test_a_chaincode_that_cannot_be_called_is_a_named_failure(name: str) -> None:
    answer, _ = await once(lambda stub: stub.call_chaincode(name, []).status)
    assert answer.status == 500
    assert json.loads(answer.message)["code"] == "unavailable"
    assert "the peer refused INVOKE_CHAINCODE" in json.loads(answer.message)["detail"]


async def test_an_error_of_the_peer_is_a_named_failure_and_a_forbidden_value_a_refusal() -> None:
    answer, _ = await once(lambda stub: len(stub.range("a", "", 5, "").entries) and stub.history("k", 1))
    assert answer.status == 200

    def bad(stub: PeerStub) -> None:
        stub._ask(messages.GET_STATE_BY_RANGE, messages.get_page("a", "", 5000))

    answer, _ = await once(bad)
    problem = json.loads(answer.message)
    assert (answer.kind, answer.status, problem["code"]) == ("COMPLETED", 500, "unavailable")
    assert problem["detail"] == "the peer refused GET_STATE_BY_RANGE: a page of 5000 entries"


async def test_init_runs_the_program_and_refuses_with_error() -> None:
    async with serving() as (_, address), connected(address) as peer:
        signed = proposal_of([b"no_such_function", b"{}"])
        answer = await peer.transact(signed, opened(Ledger(), signed), messages.INIT)
        assert answer.kind == "ERROR"
        assert json.loads(answer.message)["code"] == "not_found"


async def test_a_call_without_a_readable_proposal_is_answered() -> None:
    async with serving() as (_, address), connected(address) as peer:
        signed = proposal_of([b"get", b"{}"])
        proposal = parse_signed_proposal(signed)
        place = messages.Place(proposal.channel, proposal.tx_id)
        ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        peer.open[place] = Open(opened(Ledger(), signed), ended)
        broken = PROPOSAL.SignedProposal(proposal_bytes=b"\xff")
        await peer.send(
            messages.Message(type=messages.TRANSACTION, txid=place.tx_id, channel_id=place.channel, proposal=broken)
        )
        answer = await asyncio.wait_for(ended, 5)
        assert answer.status == 400
        assert json.loads(answer.message)["code"] == "malformed"
