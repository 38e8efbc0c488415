"""Blocks and events followed through peers that stop, lie, fall silent and come back."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from network.facts.fabric import deliver, retry
from network.facts.fabric.ledger import FabricLedger
from network.facts.fabric.wire import ChaincodeEvent
from network.ports import Unavailable
from tests.network.fabric.fake_peers import FakeNetwork, Fault, altered, orphaned
from tests.network.ledger_contract import take
from wuxin_evidence.fabric import parse_block

CUT = 0
"""In what a mangled delivery sends: the stream ends here."""


async def claims(bank: FabricLedger, count: int) -> list[str]:
    """Transaction ids, one to a block."""
    return [(await bank.submit("claim", {"key": f"slot/{n}"})).tx_id for n in range(count)]


async def numbers(ledger: FabricLedger, count: int) -> list[int]:
    async with asyncio.timeout(20):
        return [parse_block(raw).number for raw in await take(ledger, count)]


async def events(following: AsyncIterator[ChaincodeEvent], count: int) -> list[str]:
    async with asyncio.timeout(20):
        return [(await anext(following)).tx_id for _ in range(count)]


async def test_a_stream_that_is_cut_goes_on_at_the_same_block_elsewhere(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    await claims(bank, 4)
    network.peers["bank"].mangle = lambda number, block: [block] if number < 3 else [CUT]
    assert await numbers(bank, 5) == [0, 1, 2, 3, 4]
    assert network.peers["insurer"].calls["Deliver"] == 1


@pytest.mark.parametrize("fault", ["absent", "repeated", "altered", "renumbered", "orphaned"])
async def test_blocks_that_do_not_follow_are_taken_from_another_peer(
    network: FakeNetwork, bank: FabricLedger, fault: str
) -> None:
    await claims(bank, 4)
    good = await take(bank, 5)
    edits: dict[str, Callable[[bytes], list[bytes | int]]] = {
        "absent": lambda block: [],
        "repeated": lambda block: [block, block],
        "altered": lambda block: [altered(block)],
        "renumbered": lambda block: [good[3]],
        "orphaned": lambda block: [orphaned(block)],
    }
    network.peers["bank"].mangle = lambda number, block: edits[fault](block) if number == 2 else [block]
    async with asyncio.timeout(20):
        assert await take(bank, 5) == good


async def test_a_silent_peer_is_left_when_others_have_more(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "SILENCE_S", 0.1)
    network.peers["bank"].mangle = lambda number, block: [block] if number < 2 else []
    await claims(bank, 3)
    assert await numbers(bank, 4) == [0, 1, 2, 3]


async def test_a_peer_that_is_silent_because_nothing_happens_is_kept(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "SILENCE_S", 0.05)
    following = bank.blocks(0)
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0.5)
    await claims(bank, 1)
    assert parse_block(await asyncio.wait_for(waiting, 5)).number == 1
    assert sum(peer.calls["Deliver"] for peer in network.peers.values()) == 2, "one followed, one to place the claim"


async def test_a_follower_outlives_the_death_and_return_of_its_peer(
    network: FakeNetwork, bank: FabricLedger, ledger_of: Callable[[str], FabricLedger]
) -> None:
    following = bank.blocks(-1)
    await anext(following)
    await network.peers["bank"].stop()
    await claims(ledger_of("insurer"), 1)
    assert parse_block(await asyncio.wait_for(anext(following), 10)).number == 1
    await network.peers["bank"].start()
    await network.peers["insurer"].stop()
    await claims(ledger_of("regulator"), 0)
    await ledger_of("regulator").submit("claim", {"key": "later"})
    assert parse_block(await asyncio.wait_for(anext(following), 10)).number == 2


async def test_without_any_peer_following_ends_as_unavailable(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "GIVE_UP_S", 0.3)
    await network.stop()
    with pytest.raises(Unavailable, match="block 0"):
        await asyncio.wait_for(anext(bank.blocks(-1)), 10)


async def test_a_block_is_read_once_for_all_transactions_in_it(network: FakeNetwork, bank: FabricLedger) -> None:
    commits = await asyncio.gather(*(bank.submit("claim", {"key": f"slot/{n}"}) for n in range(40)))
    assert network.peers["bank"].calls["Deliver"] == len({commit.block for commit in commits})


async def test_events_come_in_order_and_resume_after_a_transaction(bank: FabricLedger) -> None:
    tx_ids = await claims(bank, 4)
    assert await events(bank.events(-1), 4) == tx_ids
    assert await events(bank.events(2, tx_ids[1]), 2) == tx_ids[2:]
    assert await events(bank.events(2), 2) == tx_ids[2:]


async def test_events_of_one_block_resume_between_two_transactions(bank: FabricLedger) -> None:
    await asyncio.gather(*(bank.submit("claim", {"key": f"slot/{n}"}) for n in range(20)))
    height = await bank.height()
    everything = await events(bank.events(-1), 20)
    following = bank.events(-1)
    for expected in everything:
        event = await anext(following)
        assert event.tx_id == expected
        if expected != everything[-1]:
            resumed = bank.events(event.block, event.tx_id)
            assert (await events(resumed, 1))[0] == everything[everything.index(expected) + 1]
    assert height < 21


async def test_events_go_on_after_a_cut_without_repeating_any(network: FakeNetwork, bank: FabricLedger) -> None:
    tx_ids = await claims(bank, 4)
    following = bank.events(-1)
    first = await events(following, 2)
    network.peers["bank"].faults["ChaincodeEvents"] = [Fault(grpc.StatusCode.UNAVAILABLE, "stream cut")]
    assert first + await events(following, 2) == tx_ids


async def test_a_follower_returns_to_its_own_peer(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "RETURN_S", 0.05)
    monkeypatch.setattr(retry, "AWAY_S", 0.05)
    network.peers["bank"].faults["Deliver"] = [Fault()]
    following = bank.blocks(-1)
    await anext(following)
    assert network.peers["insurer"].calls["Deliver"] == 1
    for number in (1, 2, 3):
        await asyncio.sleep(0.1)
        await bank.submit("claim", {"key": f"{number}"})
        assert parse_block(await asyncio.wait_for(anext(following), 5)).number == number
    before = network.peers["insurer"].calls["Deliver"]
    await bank.submit("claim", {"key": "4"})
    assert parse_block(await asyncio.wait_for(anext(following), 5)).number == 4
    assert network.peers["insurer"].calls["Deliver"] == before


async def test_a_cut_after_a_long_silence_is_no_reason_to_give_up(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "GIVE_UP_S", 0.3)
    monkeypatch.setattr(retry, "STEADY_S", 0.2)
    following = bank.blocks(0)
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0.6)
    await network.peers["bank"].stop()
    await bank.submit("claim", {"key": "a"})
    assert parse_block(await asyncio.wait_for(waiting, 10)).number == 1
