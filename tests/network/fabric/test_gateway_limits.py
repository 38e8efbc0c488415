"""How many calls are on their way at once, and how long nodes that were away are left alone."""

import asyncio

import pytest

from network.facts.fabric import retry
from network.facts.fabric.connection import PeerLink, RpcFailure
from network.facts.fabric.failures import Failure
from network.facts.fabric.gateway import IN_FLIGHT_MAX, Gateway
from network.facts.fabric.retry import Away, Backoff
from network.membership.connections import FabricNode
from network.membership.seats import Seat

SERVERS_LIMIT = 500


class SlowLink(PeerLink):
    """Answers after a while and notes how many it serves at once."""

    at_once = most = 0

    async def call(self, method: str, request: bytes, timeout_s: float) -> bytes:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.002)
        self.at_once -= 1
        return b""


class DeadLink(PeerLink):
    calls = 0

    async def call(self, method: str, request: bytes, timeout_s: float) -> bytes:
        self.calls += 1
        raise RpcFailure(self.node, "UNAVAILABLE", "Socket closed", b"")


def node(number: int) -> FabricNode:
    return FabricNode("bank", "BankMSP", f"127.0.0.1:{number}", "")


async def test_calls_stay_below_the_limit(seats: dict[str, Seat]) -> None:
    link = SlowLink(node(1))
    gateway = Gateway([link], seats["bank"].fabric_signer, "wuxin", in_flight_max=7)
    await asyncio.gather(*(gateway.submit("ab", b"") for _ in range(50)))
    assert link.most == 7
    assert IN_FLIGHT_MAX < SERVERS_LIMIT


async def test_a_dead_gateway_is_asked_once_while_another_serves(seats: dict[str, Seat]) -> None:
    dead, alive = DeadLink(node(1)), SlowLink(node(2))
    gateway = Gateway([dead, alive], seats["bank"].fabric_signer, "wuxin")
    for _ in range(10):
        await gateway.ask_anyone("evaluate", "/m", b"", 1.0)
    assert (dead.calls, alive.most) == (1, 1)


async def test_an_outcome_that_is_open_is_left_to_the_caller(seats: dict[str, Seat]) -> None:
    dead, alive = DeadLink(node(1)), SlowLink(node(2))
    gateway = Gateway([dead, alive], seats["bank"].fabric_signer, "wuxin")
    with pytest.raises(Failure) as failure:
        await gateway.submit("ab", b"")
    assert (failure.value.stage, failure.value.ordering_refusal("ab"), alive.most) == ("submit", None, 0)


async def test_a_node_that_stays_away_is_left_alone_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = asyncio.get_running_loop().time()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    away, spans = Away(), []
    for _ in range(6):
        began = now
        away.mark("a")
        while away.is_away("a"):
            now += 0.5
        spans.append(now - began)
    assert spans == [5.0, 10.0, 20.0, 40.0, 40.0, 40.0]
    away.clear("a")
    assert not away.is_away("a")


async def test_pauses_double_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(retry.asyncio, "sleep", sleep)
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: high)
    backoff = Backoff()
    for _ in range(8):
        await backoff.pause()
    assert slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6])
