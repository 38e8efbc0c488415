"""Each endorser computes for itself, checks who proposes, and is named when it deviates."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chaincode.contract import Response
from chaincode.world.stub import Stub
from network.clock import SystemClock
from network.facts.embedded.endorser import Answer
from network.facts.embedded.engine import LocalFacts, open_endorser
from network.facts.embedded.ledger import LocalLedger, bind
from network.facts.embedded.proposal import agree
from network.facts.embedded.state import State
from network.facts.proposal import Prepared, prepare
from network.membership.consortium import Consortium, ConsortiumError
from network.membership.endorsers import start_endorser, stop_endorser, stopped_endorsers
from network.membership.seats import Seat, open_peer
from network.ports import EndorsementMismatch, Rejected, Unavailable
from tests.network import toy_chaincode
from tests.network.conftest import OpenFacts
from wuxin_evidence.fabric import parse_block

NOW_MS = SystemClock().now_ms()


def altered(stub: Stub, args: Sequence[bytes]) -> Response:
    """One organisation's code writes another value and otherwise looks the same."""
    response = toy_chaincode.invoke(stub, args)
    stub.put("slot/a", b"altered")
    return response


def refusing(stub: Stub, args: Sequence[bytes]) -> Response:
    return Response(409, json.dumps({"code": "conflict", "detail": "not here", "hint": ""}), b"")


def breaking(stub: Stub, args: Sequence[bytes]) -> Response:
    raise ZeroDivisionError


@pytest.mark.parametrize("code", [altered, refusing, breaking])
async def test_an_endorser_with_other_code_is_named_and_nothing_is_ordered(
    open_facts: OpenFacts, seats: dict[str, Seat], code: toy_chaincode.Invoke
) -> None:
    ledger = bind(open_facts({"insurer": code}), seats["bank"])
    with pytest.raises(EndorsementMismatch) as found:
        await ledger.submit("claim", {"key": "slot/a"})
    assert found.value.organisation == "insurer"
    assert found.value.organisations == ("insurer",)
    assert found.value.code == "endorsement_mismatch"
    assert await ledger.height() == 1


async def test_an_endorser_that_alone_accepts_is_named(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    others = dict.fromkeys(("bank", "manufacturer", "warehouse", "regulator"), refusing)
    ledger = bind(open_facts(others), seats["bank"])
    with pytest.raises(EndorsementMismatch) as found:
        await ledger.submit("claim", {"key": "slot/a"})
    assert found.value.organisation == "insurer"


async def test_every_endorser_simulates_for_itself(open_facts: OpenFacts, seats: dict[str, Seat]) -> None:
    calls: list[str] = []

    def counting(name: str) -> toy_chaincode.Invoke:
        def invoke(stub: Stub, args: Sequence[bytes]) -> Response:
            calls.append(name)
            return toy_chaincode.invoke(stub, args)

        return invoke

    names = ["bank", "insurer", "manufacturer", "warehouse", "regulator"]
    ledger = bind(open_facts({name: counting(name) for name in names}), seats["bank"])
    await ledger.submit("claim", {"key": "slot/a"})
    assert calls == names


async def test_three_of_five_endorsers_suffice_and_two_do_not(
    open_facts: OpenFacts, seats: dict[str, Seat], home: Path
) -> None:
    ledger = bind(open_facts(), seats["bank"])
    stop_endorser(home, "insurer")
    stop_endorser(home, "regulator")
    commit = await ledger.submit("claim", {"key": "slot/a"})
    async for raw in ledger.blocks(commit.block - 1):
        assert len(parse_block(raw).transactions[0].endorsements) == 3
        break
    stop_endorser(home, "warehouse")
    with pytest.raises(Unavailable, match="insurer, warehouse, regulator"):
        await ledger.submit("claim", {"key": "slot/b"})
    start_endorser(home, "warehouse")
    await ledger.submit("claim", {"key": "slot/b"})


async def test_a_stopped_endorser_that_a_key_needs_is_named_before_anything_is_ordered(
    open_facts: OpenFacts, seats: dict[str, Seat], home: Path
) -> None:
    ledger = bind(open_facts(), seats["bank"])
    await ledger.submit("claim", {"key": "receipt/1"})
    await ledger.submit("guard", {"key": "receipt/1", "msps": ["WarehouseMSP", "BankMSP"]})
    stop_endorser(home, "warehouse")
    with pytest.raises(Unavailable, match=r"WarehouseMSP\.PEER"):
        await ledger.submit("blind", {"key": "receipt/1", "value": "v"})
    assert await ledger.height() == 3


async def test_an_evaluation_answers_while_one_endorser_runs(
    open_facts: OpenFacts, seats: dict[str, Seat], consortium: Consortium, home: Path
) -> None:
    ledger = bind(open_facts(), seats["bank"])
    for member in consortium.endorsers[:-1]:
        stop_endorser(home, member.name)
    assert await ledger.evaluate("read", {"key": "k"}) is None
    stop_endorser(home, consortium.endorsers[-1].name)
    with pytest.raises(Unavailable):
        await ledger.evaluate("read", {"key": "k"})


class Proposing:
    """A hand-made proposal, put to one endorser."""

    def __init__(self, facts: LocalFacts, home: Path, consortium: Consortium, seat: Seat) -> None:
        self.facts = facts
        self.endorser = open_endorser(home, consortium, "insurer", toy_chaincode.invoke)
        self.consortium = consortium
        self.seat = seat

    def prepared(self, now_ms: int = NOW_MS) -> Prepared:
        return prepare(
            self.seat.fabric_signer, self.consortium.facts, "claim", {"key": "a"},
            private={}, nonce=None, now_ms=now_ms,
        )  # fmt: skip

    def put(self, raw: bytes) -> Answer:
        with self.facts._storage.snapshot() as connection:
            return self.endorser.endorse(raw, State(connection), NOW_MS)


@pytest.fixture
def proposing(open_facts: OpenFacts, home: Path, consortium: Consortium, seats: dict[str, Seat]) -> Proposing:
    return Proposing(open_facts(), home, consortium, seats["bank"])


def test_a_proposal_16_minutes_off_is_clock_skew(proposing: Proposing) -> None:
    for minutes in (-16, 16):
        with pytest.raises(Rejected) as refused:
            proposing.put(proposing.prepared(NOW_MS + minutes * 60_000).signed)
        assert refused.value.code == "clock_skew"
    assert proposing.put(proposing.prepared(NOW_MS + 14 * 60_000).signed).status == 200


def test_a_proposal_with_a_changed_byte_is_refused(proposing: Proposing) -> None:
    raw = proposing.prepared().signed
    place = raw.index(b"claim")
    with pytest.raises(Rejected) as refused:
        proposing.put(raw[:place] + b"drops" + raw[place + 5 :])
    assert refused.value.code == "bad_signature"


def test_a_proposal_signed_by_another_key_is_refused(proposing: Proposing, seats: dict[str, Seat]) -> None:
    thief = replace(seats["bank"].fabric_signer, key=seats["insurer"].fabric_signer.key)
    proposing.seat = replace(seats["bank"], fabric_signer=thief)
    with pytest.raises(Rejected) as refused:
        proposing.put(proposing.prepared().signed)
    assert refused.value.code == "bad_signature"


def test_a_peers_certificate_does_not_propose(proposing: Proposing, seats: dict[str, Seat]) -> None:
    proposing.seat = replace(seats["bank"], fabric_signer=seats["bank"].peer_signer)
    with pytest.raises(Rejected) as refused:
        proposing.put(proposing.prepared().signed)
    assert refused.value.code == "forbidden"


def test_a_proposal_for_another_chaincode_is_not_found(proposing: Proposing) -> None:
    facts = replace(proposing.consortium.facts, chaincode="other")
    proposing.consortium = replace(proposing.consortium, facts=facts)
    with pytest.raises(Rejected) as refused:
        proposing.put(proposing.prepared().signed)
    assert refused.value.code == "not_found"


def test_garbage_is_malformed(proposing: Proposing) -> None:
    with pytest.raises(Rejected) as refused:
        proposing.put(b"\xff" * 50)
    assert refused.value.code == "malformed"


def test_endorsers_agree_byte_for_byte_and_sign_apart(proposing: Proposing, home: Path, consortium: Consortium) -> None:
    prepared = proposing.prepared()
    answers = []
    for member in consortium.endorsers:
        proposing.endorser = open_endorser(home, consortium, member.name, toy_chaincode.invoke)
        answers.append(proposing.put(prepared.signed))
    agreed = agree(answers, prepared.tx_id)
    assert len({each.signature for each in agreed.endorsements}) == 5
    assert len({each.endorser for each in agreed.endorsements}) == 5


def test_an_endorser_opens_its_own_peer_key_and_no_other(home: Path, consortium: Consortium) -> None:
    for name in ("seat", "authority", "oracle"):
        for member in consortium.organisations:
            (home / "orgs" / member.name / "keys" / f"{name}.json").unlink(missing_ok=True)
    signer, _ = open_peer(home, consortium.organisation("warehouse"))
    assert signer.msp_id == "WarehouseMSP"


async def test_a_tie_names_those_who_differ_from_the_first(
    open_facts: OpenFacts, seats: dict[str, Seat], home: Path
) -> None:
    stop_endorser(home, "regulator")
    ledger: LocalLedger = bind(open_facts({"insurer": refusing, "warehouse": refusing}), seats["bank"])
    with pytest.raises(EndorsementMismatch) as found:
        await ledger.submit("claim", {"key": "slot/a"})
    assert found.value.organisations == ("insurer", "warehouse")


@pytest.mark.parametrize("name", ["inspector", "pirate", "../bank"])
def test_only_an_organisation_that_endorses_can_be_stopped(home: Path, name: str) -> None:
    with pytest.raises(ConsortiumError):
        stop_endorser(home, name)
    assert stopped_endorsers(home) == []


def test_stopped_endorsers_are_listed_until_they_start(home: Path) -> None:
    stop_endorser(home, "warehouse")
    stop_endorser(home, "bank")
    stop_endorser(home, "bank")
    assert stopped_endorsers(home) == ["bank", "warehouse"]
    start_endorser(home, "bank")
    start_endorser(home, "bank")
    assert stopped_endorsers(home) == ["warehouse"]
