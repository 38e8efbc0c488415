"""What goes wrong between client, gateway, orderers and endorsers, and what the caller of the port sees of it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import grpc
import pytest

from chaincode.contract import Response
from chaincode.world.stub import Stub
from network.facts.embedded.endorser import Answer
from network.facts.embedded.state import State
from network.facts.fabric import ledger as fabric_ledger
from network.facts.fabric import retry
from network.facts.fabric.ledger import FabricLedger
from network.ports import EndorsementMismatch, Rejected, Unavailable
from tests.network import toy_chaincode
from tests.network.fabric.fake_peers import NO_QUORUM, TOO_MANY, FakeNetwork, FakePeer, Fault
from wuxin_evidence.fabric import parse_block

NONCE = b"f" * 24
DEADLINE = grpc.StatusCode.DEADLINE_EXCEEDED

LedgerOf = Callable[[str], FabricLedger]


def wrong(stub: Stub, args: Sequence[bytes]) -> Response:
    """Writes a record too many."""
    answer = toy_chaincode.invoke(stub, args)
    if answer.status == 200:
        stub.put("altered", b"x")
    return answer


def refusing(stub: Stub, args: Sequence[bytes]) -> Response:
    return Response(409, json.dumps({"code": "moody", "detail": "not today", "hint": "tomorrow"}), b"")


async def endorsers_of(bank: FabricLedger, block: int) -> set[str]:
    async for raw in bank.blocks(block - 1):
        endorsements = parse_block(raw).transactions[0].endorsements
        return {
            name
            for name in ("Bank", "Insurer", "Manufacturer", "Warehouse", "Regulator")
            for each in endorsements
            if f"{name}MSP".encode() in each.endorser
        }
    raise AssertionError


async def test_a_submit_that_the_orderers_did_not_acknowledge_is_found_in_its_block(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    network.peers["bank"].faults["Submit"] = [Fault(message=NO_QUORUM, after=True)]
    commit = await bank.submit("claim", {"key": "a"})
    assert commit.result == {"claimed": "a"}
    assert await bank.height() == 2
    assert network.peers["bank"].calls["Submit"] == 1


async def test_a_submit_that_was_not_ordered_is_sent_again_as_the_same_transaction(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric_ledger, "UNACKNOWLEDGED_SLICE_S", 0.1)
    network.peers["bank"].faults["Submit"] = [Fault(message=NO_QUORUM)]
    commit = await bank.submit("claim", {"key": "a"}, nonce=NONCE)
    assert (commit.block, network.peers["bank"].calls["Submit"], network.peers["bank"].calls["Endorse"]) == (1, 2, 1)


async def test_an_acknowledged_transaction_that_was_lost_is_sent_again(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric_ledger, "COMMIT_SLICE_S", 0.2)
    network.losing = 1
    commit = await bank.submit("claim", {"key": "a"})
    assert (commit.block, network.peers["bank"].calls["Submit"]) == (1, 2)


async def test_an_outcome_that_stays_open_names_the_transaction(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric_ledger, "COMMIT_SLICE_S", 0.1)
    monkeypatch.setattr(fabric_ledger, "OUTCOME_S", 0.3)
    network.losing = 100
    with pytest.raises(Unavailable, match="outcome") as unknown:
        await bank.submit("claim", {"key": "a"}, nonce=NONCE)
    network.losing = 0
    assert await bank.status(unknown.value.tx_id) is None
    commit = await bank.submit("claim", {"key": "a"}, nonce=NONCE)
    assert commit.tx_id == unknown.value.tx_id
    assert await bank.status(unknown.value.tx_id) == commit


async def test_a_lost_question_for_the_status_is_asked_of_another_peer(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    network.peers["bank"].faults["CommitStatus"] = [Fault(message="Socket closed")]
    commit = await bank.submit("claim", {"key": "a"})
    assert commit.block == 1
    assert network.peers["insurer"].calls["CommitStatus"] == 1


async def test_too_many_requests_are_asked_again_later(network: FakeNetwork, bank: FabricLedger) -> None:
    busy = Fault(grpc.StatusCode.UNKNOWN, TOO_MANY)
    faults = network.peers["bank"].faults
    for method in ("Endorse", "Submit", "CommitStatus", "Evaluate"):
        faults[method] = [busy, busy]
    assert (await bank.submit("claim", {"key": "a"})).block == 1
    assert await bank.evaluate("read", {"key": "a"}) == "x"
    assert not any(faults.values())
    assert network.peers["insurer"].calls.total() == 0


async def test_when_the_own_peer_is_gone_the_next_one_serves(network: FakeNetwork, bank: FabricLedger) -> None:
    first = await bank.submit("claim", {"key": "a"})
    await network.peers["bank"].stop()
    second = await bank.submit("claim", {"key": "b"})
    assert second.block == first.block + 1
    assert await bank.evaluate("read", {"key": "a"}) == "x"
    assert await bank.height() == 3
    assert await bank.status(first.tx_id) == first


async def test_a_peer_that_came_back_serves_again(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "AWAY_S", 0.2)
    await network.peers["bank"].stop()
    await bank.submit("claim", {"key": "a"})
    await network.peers["bank"].start()
    async with asyncio.timeout(10):
        while network.peers["bank"].calls["Evaluate"] == 0:
            assert await bank.evaluate("read", {"key": "a"}) == "x"
            await asyncio.sleep(0.05)


async def test_without_any_peer_the_ledger_is_unavailable(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("network.facts.fabric.gateway.EVALUATE_S", 0.3)
    await network.stop()
    with pytest.raises(Unavailable) as unavailable:
        await bank.evaluate("read", {"key": "a"})
    assert "doctor" in unavailable.value.hint


async def test_an_endorsement_that_takes_too_long_is_gathered_directly(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    network.peers["bank"].faults["Endorse"] = [Fault(DEADLINE, "endorsement timeout expired")]
    network.peers["insurer"].faults["ProcessProposal"] = [Fault(hang_s=30.0), Fault(hang_s=30.0)]
    async with asyncio.timeout(5):
        commit = await bank.submit("claim", {"key": "a"})
    assert "Insurer" not in await endorsers_of(bank, commit.block)
    async with asyncio.timeout(5):
        await bank.submit("claim", {"key": "b"})
    assert network.peers["bank"].calls["Endorse"] == 1, "for a while the gateway's plan is not trusted"


class TestOneEndorserComputesSomethingElse:
    @pytest.fixture
    def altered(self) -> dict[str, toy_chaincode.Invoke]:
        return {"bank": wrong}

    async def test_the_others_agree_without_it(self, network: FakeNetwork, bank: FabricLedger) -> None:
        """The bank's own peer is the wrong one, so its gateway finds nobody who agrees."""
        commit = await bank.submit("claim", {"key": "a"})
        endorsers = await endorsers_of(bank, commit.block)
        assert "Bank" not in endorsers and len(endorsers) >= 3

    async def test_it_is_named_when_it_is_needed(self, ledger_of: LedgerOf) -> None:
        insurer = ledger_of("insurer")
        await insurer.submit("blind", {"key": "k", "value": "v"})
        await insurer.submit("guard", {"key": "k", "msps": ["BankMSP"]})
        height = await insurer.height()
        with pytest.raises(EndorsementMismatch) as mismatch:
            await ledger_of("bank").submit("blind", {"key": "k", "value": "w"})
        assert mismatch.value.organisations == ("bank",)
        assert mismatch.value.tx_id and "bank answered 200 with another read-write set" in mismatch.value.detail
        assert await insurer.height() == height


class TestOneEndorserRefuses:
    @pytest.fixture
    def altered(self) -> dict[str, toy_chaincode.Invoke]:
        return {"bank": refusing}

    async def test_its_refusal_alone_does_not_count(self, bank: FabricLedger) -> None:
        assert (await bank.submit("claim", {"key": "a"})).result == {"claimed": "a"}

    async def test_a_refusal_of_the_others_counts(self, bank: FabricLedger) -> None:
        await bank.submit("claim", {"key": "a"})
        with pytest.raises(Rejected) as refused:
            await bank.submit("claim", {"key": "a"})
        assert (refused.value.code, refused.value.organisation != "bank") == ("slot_claimed", True)


class TestTwoEndorsersDiffer:
    @pytest.fixture
    def altered(self) -> dict[str, toy_chaincode.Invoke]:
        return {"bank": wrong, "insurer": refusing, "regulator": wrong}

    async def test_those_who_deviate_from_the_largest_group_are_named(self, bank: FabricLedger) -> None:
        with pytest.raises(EndorsementMismatch) as mismatch:
            await bank.submit("claim", {"key": "a"})
        assert "insurer" in mismatch.value.organisations
        assert len(mismatch.value.organisations) == 3
        assert await bank.height() == 1


async def test_private_values_reach_no_organisation_that_need_not_endorse(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    where = {"msp": "BankMSP", "key": "terms"}
    await bank.submit("keep", where, private={"secret": b"435 bp"})
    asked = [name for name, peer in network.peers.items() if peer.calls["ProcessProposal"]]
    assert len(asked) == 3 and "bank" in asked
    assert await bank.evaluate("kept", where) == "435 bp"


async def test_private_values_go_to_another_organisation_when_a_needed_one_is_away(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    network.peers["insurer"].faults["ProcessProposal"] = [Fault(message="Socket closed")]
    commit = await bank.submit("keep", {"msp": "BankMSP", "key": "terms"}, private={"secret": b"435 bp"})
    endorsers = await endorsers_of(bank, commit.block)
    assert "Bank" in endorsers and "Insurer" not in endorsers and len(endorsers) == 3


async def test_private_values_for_an_organisation_that_is_away_are_not_ordered(
    network: FakeNetwork, ledger_of: LedgerOf
) -> None:
    await network.peers["insurer"].stop()
    bank = ledger_of("bank")
    with pytest.raises(Unavailable, match="InsurerMSP"):
        await bank.submit("keep", {"msp": "InsurerMSP", "key": "terms"}, private={"secret": b"435 bp"})
    assert await bank.height() == 1


async def test_a_gateway_that_prepares_another_transaction_is_not_signed_for(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    peer = network.peers["bank"]
    honest = peer.endorse
    captured: list[bytes] = []

    async def capturing(raw: bytes, context: object) -> bytes:
        captured.append(await honest(raw, context))
        return captured[0]

    await peer.stop()
    peer.endorse = capturing  # type: ignore[method-assign]
    await peer.start()
    await bank.submit("claim", {"key": "a"})
    with pytest.raises(Unavailable, match="another proposal"):
        await bank.submit("claim", {"key": "b"})
    assert await bank.height() == 2


async def test_an_own_peer_that_hangs_is_passed_over(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("network.facts.fabric.gateway.ATTEMPT_S", 0.3)
    monkeypatch.setattr("network.facts.fabric.query.HEIGHT_S", 0.3)
    hanging = network.peers["bank"].faults
    for method in ("Endorse", "ProcessProposal", "Submit", "CommitStatus", "Evaluate"):
        hanging[method] = [Fault(hang_s=30.0)] * 5
    async with asyncio.timeout(5):
        assert (await bank.submit("claim", {"key": "a"})).result == {"claimed": "a"}
        assert await bank.evaluate("read", {"key": "a"}) == "x"
    assert network.peers["bank"].calls["Submit"] == 0, "it was found away before anything was sent to it"


async def test_a_transaction_that_somebody_else_proposes_at_the_moment_is_proposed_again(
    network: FakeNetwork, bank: FabricLedger
) -> None:
    """Peers simulate one transaction id once at a time."""
    words = "error in simulation: failed to execute transaction 8c8c: error sending: txid: 8c8c(wuxin) exists"
    for peer in network.peers.values():
        peer.faults["ProcessProposal"] = [Fault(grpc.StatusCode.UNKNOWN, words)]
    network.peers["bank"].faults["Endorse"] = [Fault(grpc.StatusCode.ABORTED, words)]
    assert (await bank.submit("claim", {"key": "a"}, nonce=NONCE)).block == 1


async def test_peers_that_are_behind_are_asked_again(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two refuse what they have not seen yet, one more is away: nobody prevails until they have caught up."""
    for name in ("bank", "insurer"):
        behind_once(network.peers[name], monkeypatch)
    network.peers["regulator"].faults["ProcessProposal"] = [Fault(message="Socket closed")] * 9
    network.peers["bank"].faults["Endorse"] = [Fault(grpc.StatusCode.FAILED_PRECONDITION, "no combination of peers")]
    assert (await bank.submit("claim", {"key": "a"})).block == 1


def behind_once(peer: FakePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer's next simulation misses the record that it is about."""
    real, refusal = peer.endorser, json.dumps({"code": "not_found", "detail": "no such record", "hint": ""})

    def endorse(signed: bytes, state: State, now_ms: int) -> Answer:
        monkeypatch.setattr(peer, "endorser", real)
        return Answer(peer.name, 404, refusal, b"")

    monkeypatch.setattr(peer, "endorser", SimpleNamespace(endorse=endorse))
