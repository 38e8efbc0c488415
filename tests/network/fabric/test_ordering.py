"""Handing a transaction to four orderers of which some are dead, late or against it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from network.bringup.fabric.layout import block_quorum
from network.bringup.fabric.ordering import broadcast, height_at, order
from network.bringup.fabric.refusals import AdminError
from network.membership.connections import FabricNode
from network.membership.identities import Authority, FabricSigner, Validity, new_key
from tests.network.fabric.fake_peers import make_certificate
from wuxin_evidence.fabric import COMMON, ORDERING, serialize

TRANSACTION = b"an envelope"
TAKEN = ORDERING.BroadcastResponse(status=COMMON.SUCCESS)
KNOWN = ORDERING.BroadcastResponse(status=COMMON.SERVICE_UNAVAILABLE, info="request already exists")
NO_LEADER = ORDERING.BroadcastResponse(status=COMMON.SERVICE_UNAVAILABLE, info="no leader")
BLOCK = ORDERING.DeliverResponse(block=COMMON.Block(header=COMMON.BlockHeader(number=41)))
NOT_JOINED = ORDERING.DeliverResponse(status=COMMON.NOT_FOUND)


class FakeOrderer:
    """Answers every stream with what it is told to; None: with nothing, for ever."""

    def __init__(self, name: str, tls: tuple[bytes, bytes]) -> None:
        self.answer: Any = TAKEN
        self.received: list[bytes] = []
        self.asked_again = asyncio.Event()
        self._name, self._tls = name, tls
        self._server = grpc.aio.server()

    async def start(self) -> FabricNode:
        handler = grpc.stream_stream_rpc_method_handler(self._serve)
        methods = {"Broadcast": handler, "Deliver": handler}
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("orderer.AtomicBroadcast", methods)]
        )
        port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([self._tls]))
        await self._server.start()
        return FabricNode(self._name, f"{self._name}MSP", f"127.0.0.1:{port}", self._tls[1].decode())

    async def stop(self) -> None:
        await self._server.stop(None)

    async def _serve(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            self.received.append(request)
            if len(self.received) > 1 and self.answer is TAKEN:
                self.asked_again.set()
            if self.answer is None:
                await asyncio.Event().wait()
            yield serialize(self.answer)


class Service:
    """Four orderers."""

    def __init__(self, orderers: list[FakeOrderer], nodes: list[FabricNode]) -> None:
        self.orderers = orderers
        self.nodes = nodes

    def answering(self, *answers: Any) -> list[FabricNode]:
        for orderer, answer in zip(self.orderers, answers, strict=True):
            orderer.answer = answer
        return self.nodes


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    tls = make_certificate()
    orderers = [FakeOrderer(name, tls) for name in ("a", "b", "c", "d")]
    yield Service(orderers, [await orderer.start() for orderer in orderers])
    for orderer in orderers:
        await orderer.stop()


async def test_every_orderer_gets_the_transaction(service: Service) -> None:
    await broadcast(service.answering(TAKEN, TAKEN, TAKEN, TAKEN), TRANSACTION)

    assert sum(orderer.received == [TRANSACTION] for orderer in service.orderers) >= 3


async def test_a_quorum_is_enough_and_the_late_one_is_not_waited_for(service: Service) -> None:
    await asyncio.wait_for(broadcast(service.answering(None, TAKEN, KNOWN, TAKEN), TRANSACTION), 5)


async def test_less_than_a_quorum_is_left_to_the_commit_to_decide(service: Service) -> None:
    await broadcast(service.answering(NO_LEADER, NO_LEADER, NO_LEADER, TAKEN), TRANSACTION)


async def test_a_transaction_that_nobody_took_is_refused_with_their_reason(service: Service) -> None:
    with pytest.raises(AdminError) as refused:
        await broadcast(service.answering(NO_LEADER, NO_LEADER, NO_LEADER, NO_LEADER), TRANSACTION)

    assert refused.value.stage == "order"
    assert refused.value.message == "no leader"


async def test_orderers_that_do_not_run_are_unavailable(service: Service) -> None:
    for orderer in service.orderers:
        await orderer.stop()

    with pytest.raises(AdminError) as refused:
        await broadcast(service.nodes, TRANSACTION)

    assert refused.value.code == "unavailable"


async def test_ordering_goes_on_until_a_leader_is_there(service: Service) -> None:
    """As in the first second of a network: nobody takes it, then they do, then it is in block 7."""
    nodes = service.answering(NO_LEADER, NO_LEADER, NO_LEADER, NO_LEADER)
    first = service.orderers[0]

    async def commit() -> int:
        await asyncio.sleep(0.1)
        service.answering(TAKEN, TAKEN, TAKEN, TAKEN)
        await first.asked_again.wait()
        return 7

    assert await asyncio.wait_for(order(nodes, TRANSACTION, commit()), 10) == 7


async def test_when_the_commit_does_not_come_the_orderers_reason_is_told(service: Service) -> None:
    nodes = service.answering(NO_LEADER, NO_LEADER, NO_LEADER, NO_LEADER)

    async def commit() -> int:
        await asyncio.sleep(0.3)
        raise AdminError("unavailable", "commit", nodes[0], "nothing for 0 s", "")

    with pytest.raises(AdminError) as refused:
        await order(nodes, TRANSACTION, commit())

    assert refused.value.message == "no leader"


async def test_an_orderer_says_how_many_blocks_it_has(service: Service, bank_signer: FabricSigner) -> None:
    node, *_ = service.answering(BLOCK, BLOCK, BLOCK, BLOCK)

    assert await height_at(node, "wuxin", bank_signer) == 42


async def test_an_orderer_that_has_not_joined_says_so(service: Service, bank_signer: FabricSigner) -> None:
    node, *_ = service.answering(NOT_JOINED, BLOCK, BLOCK, BLOCK)

    with pytest.raises(AdminError) as refused:
        await height_at(node, "wuxin", bank_signer)

    assert refused.value.code == "not_found"
    assert "has not joined wuxin" in refused.value.message


@pytest.fixture
def bank_signer() -> FabricSigner:
    key = new_key()
    certificate = Authority.create("BankMSP", Validity()).issue("bank", "client", key.public_key(), Validity())
    return FabricSigner.of("bank", "BankMSP", certificate, key)


@pytest.mark.parametrize(("orderers", "quorum"), [(1, 1), (4, 3), (5, 4), (7, 5), (10, 7)])
def test_the_quorum_is_that_of_bft(orderers: int, quorum: int) -> None:
    assert block_quorum(orderers) == quorum
