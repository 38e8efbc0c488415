"""Nodes of others that lie, or answer what is no answer: one of them stops nobody and fools nobody."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from network.bringup.fabric import operations
from network.bringup.fabric.ordering import broadcast
from network.bringup.fabric.refusals import AdminError
from network.bringup.listeners import LOOPBACK, address
from network.facts.fabric import ledger as fabric_ledger
from network.facts.fabric import query
from network.facts.fabric.ledger import FabricLedger
from network.ports import Unavailable
from tests.network.fabric.conftest import free_ports
from tests.network.fabric.fake_peers import NO_QUORUM, FakeNetwork, FakePeer, Fault
from tests.network.fabric.test_ordering import NO_LEADER, TAKEN, TRANSACTION, Service, service  # noqa: F401
from wuxin_evidence.fabric import COMMON, ORDERING, PROPOSAL_RESPONSE, parse, serialize

UNREADABLE = b"\xff\xff\xff"


class Unreadable:
    """Nonsense that passes for a message where answers are serialised."""

    def SerializeToString(self, **_: object) -> bytes:
        return UNREADABLE


REFUSED = "received unsuccessful response from orderer: status=FORBIDDEN, info=implicit policy"
GIVES_UP = Fault(grpc.StatusCode.ABORTED, "failed to collect enough transaction endorsements")

LedgerOf = Callable[[str], FabricLedger]


def answering(monkeypatch: pytest.MonkeyPatch, method: str, answer: bytes) -> None:
    """Every peer answers this method so from now on."""
    original = FakePeer._faulty

    def faulty(self: FakePeer, path: str, serve: Any) -> Any:
        async def unreadable(request: bytes, context: Any) -> bytes:
            return answer

        return original(self, path, unreadable if path.endswith(method) else serve)

    monkeypatch.setattr(FakePeer, "_faulty", faulty)


async def restarted(network: FakeNetwork) -> None:
    await network.stop()
    await network.start()


# --- a gateway


async def test_a_refusal_after_an_open_attempt_does_not_say_that_nothing_was_ordered(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric_ledger, "UNACKNOWLEDGED_SLICE_S", 0.1)
    monkeypatch.setattr(fabric_ledger, "OUTCOME_S", 0.5)
    refusals = [Fault(grpc.StatusCode.ABORTED, REFUSED)] * 20
    network.peers["bank"].faults["Submit"] = [Fault(message=NO_QUORUM), *refusals]
    with pytest.raises(Unavailable) as unknown:
        await bank.submit("claim", {"key": "a"})
    assert unknown.value.tx_id and "FORBIDDEN" in unknown.value.detail


@pytest.mark.parametrize("method", ["Evaluate", "ProcessProposal", "Endorse", "CommitStatus"])
async def test_an_unreadable_answer_is_an_error_of_the_port(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    answering(monkeypatch, method, UNREADABLE)
    await restarted(network)
    with pytest.raises(Unavailable) as refused:
        if method == "Evaluate":
            await bank.evaluate("read", {"key": "a"})
        elif method == "ProcessProposal":
            await bank.height()
        else:
            await bank.submit("claim", {"key": "a"})
    assert bool(refused.value.tx_id) == (method == "CommitStatus")


async def test_a_peer_that_answers_nonsense_about_its_height_counts_as_silent(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "ProcessProposal", UNREADABLE)
    await restarted(network)
    link = bank._gateway.links()[0]
    assert await query.chain_height(bank._gateway, link, bank._signer, "wuxin", 0) is None


async def test_a_result_that_is_no_json_is_an_error_of_the_port(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nonsense(*_: object) -> bytes:
        return b"{"

    monkeypatch.setattr(bank._gateway, "evaluate", nonsense)
    with pytest.raises(Unavailable):
        await bank.evaluate("read", {"key": "a"})


# --- an endorser


def lying(peer: FakePeer, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None]) -> None:
    """This peer answers first, and its answers are altered."""
    original = FakePeer.process_proposal

    async def altered(self: FakePeer, raw: bytes, context: Any) -> bytes:
        answer = await original(self, raw, context)
        if self is not peer:
            await asyncio.sleep(0.2)
            return answer
        message = parse(PROPOSAL_RESPONSE.ProposalResponse, answer)
        if message.endorsement.signature:
            change(message)
        return serialize(message)

    monkeypatch.setattr(FakePeer, "process_proposal", altered)


def spoil_signature(answer: Any) -> None:
    answer.endorsement.signature = answer.endorsement.signature[:-1] + bytes([answer.endorsement.signature[-1] ^ 1])


def want_nothing(answer: Any) -> None:
    for call in answer.interest.chaincodes:
        call.disregard_namespace_policy = True
        del call.key_policies[:]


@pytest.mark.parametrize("lie", [spoil_signature, want_nothing])
async def test_one_endorser_that_lies_cannot_have_an_invalid_transaction_ordered(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch, lie: Callable[[Any], None]
) -> None:
    network.peers["bank"].faults["Endorse"] = [GIVES_UP]
    lying(network.peers["regulator"], monkeypatch, lie)
    await restarted(network)
    commit = await bank.submit("claim", {"key": "a"})
    assert commit.result == {"claimed": "a"}


# --- an orderer, a stranger on a port, a proxy


async def test_an_orderer_that_answers_nonsense_does_not_stop_the_others(service: Service) -> None:  # noqa: F811
    nodes = service.answering(Unreadable(), TAKEN, TAKEN, TAKEN)
    await broadcast(nodes, TRANSACTION)


async def test_orderers_that_only_answer_nonsense_are_an_error_with_a_name(service: Service) -> None:  # noqa: F811
    nodes = service.answering(*[Unreadable()] * 4)
    with pytest.raises(AdminError) as refused:
        await broadcast(nodes, TRANSACTION)
    assert refused.value.stage == "order"


async def test_a_stranger_on_an_operations_port_is_no_node_and_no_crash() -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-stranger\r\n")
        writer.close()

    server = await asyncio.start_server(stranger, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await operations.metrics_of(address(port)) is None


async def test_what_listens_on_this_machine_is_not_looked_for_through_a_proxy(
    network: FakeNetwork, ledger_of: LedgerOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dead,) = free_ports(1)
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{dead}")
    assert await ledger_of("bank").height() == 1


async def test_metrics_are_not_looked_for_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    (dead,) = free_ports(1)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{dead}")

    async def metrics(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n")
        writer.close()

    server = await asyncio.start_server(metrics, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await operations.metrics_of(address(port))
    assert found is not None and found.samples == {"a": 1.0}


@pytest.mark.parametrize(("refusing", "believed"), [(1, False), (2, True)])
async def test_one_orderers_refusal_is_not_believed_while_the_others_have_no_leader(
    service: Service,  # noqa: F811
    refusing: int,
    believed: bool,
) -> None:
    bad = ORDERING.BroadcastResponse(status=COMMON.BAD_REQUEST, info="malformed envelope")
    nodes = service.answering(*[bad] * refusing, *[NO_LEADER] * (4 - refusing))
    with pytest.raises(AdminError) as refused:
        await broadcast(nodes, TRANSACTION)
    assert (refused.value.code != "unavailable") == believed
