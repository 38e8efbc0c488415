"""Attestations that must move nothing: relayed through the node, and sent raw to both ledgers, which decide alone.

Each case is tried three ways. Its code must be the one expected, and afterwards facts, credit and read model must stand
exactly as before: what a contract refuses is mined, and leaves no trace but its own transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from network.membership.published import public_keys
from network.ports import Rejected, TxResult
from node.demo.founding import found
from node.ledgers.seat_ledgers import SeatLedgers
from node.projection.rebuild import _all_rows
from tests.node.conftest import Running, running
from tests.node.story import COMMODITY, FACILITY, Story
from tests.scenarios.ledger_story import feed_arguments, record_arguments
from wuxin_evidence.attestation import ALARM, PRICE, SCHEDULED, Attestation, MemberSignature, SignedAttestation
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.ids import command_id, facility_key, keccak256, subject

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOSS = {"quantity_g": 1_000_000, "unexplained_loss_g": 19_000_000, "gap_s": 0, "run_length": 0}
"""Would freeze the facility at once."""
OWNED_BY_A_MEMBER = "receipt-of-the-bank"
APPOINTED_S = 6
"""From now until a committee is in force: a busy machine needs seconds for a block of each ledger."""


@dataclass
class Target:
    """A node with a drawn facility on slot 16; the goods on the other slot belong to the bank, an oracle member."""

    node: Running
    story: Story
    other_slot: str

    @property
    def bank(self) -> SeatLedgers:
        return self.node.node.seats["bank"]

    def breach(self, *, back: int = 1, slot: str | None = None, kind: int = SCHEDULED) -> dict[str, Any]:
        return self.story.statement("slot", slot or self.story.slot, kind, LOSS, back=back)

    async def standing(self) -> dict[str, Any]:
        """Everything that an attestation could move."""
        chain, key = self.bank.chain, facility_key(FACILITY)
        feed: dict[str, Any] = {}
        for about in (
            subject("slot", self.story.slot),
            subject("slot", self.other_slot),
            subject("commodity", COMMODITY),
        ):
            for kind in (SCHEDULED, ALARM, PRICE):
                feed[f"{about.hex()} {kind}"] = await chain.call("AttestationFeed", "head", [about, kind])
        rows = await asyncio.to_thread(_all_rows, self.node.node.read_model)
        return {
            "feed": feed,
            "facility": await chain.call("CreditFacility", "facility", [key]),
            "position": await chain.call("CreditFacility", "position", [key]),
            "reasons": await chain.call("CreditFacility", "reasons", [key]),
            "height of the facts": await self.bank.ledger.height(),
            "read model": {name: each for name, each in rows.items() if name != "checkpoint"},
        }

    async def relayed(self, body: dict[str, Any]) -> tuple[str, str]:
        """Through POST /v1/attestations: the code of each ledger, or twice that of the door."""
        answer = (await self.node.post("bank", "/v1/attestations", body, name="oracle")).json()
        if "transaction" not in answer:
            return answer["code"], answer["code"]
        codes: list[str] = []
        for each in answer["transactions"]:
            final = await self.node.get("bank", f"/v1/transactions/{each['id']}", wait=20)
            codes.append(final.json()["code"])
        return codes[0], codes[1]

    async def raw_to_the_chain(self, body: dict[str, Any]) -> TxResult:
        signed = SignedAttestation.from_json(body["attestation"])
        return await self.bank.chain.transact("AttestationFeed", "submit", feed_arguments(signed))

    async def raw_to_the_facts(self, body: dict[str, Any]) -> str:
        signed = SignedAttestation.from_json(body["attestation"])
        arguments = record_arguments(signed, body["subject_kind"], body["subject_id"])
        with pytest.raises(Rejected) as refused:
            await self.bank.ledger.submit("record_attestation", arguments)
        return refused.value.code


def signed_again(body: dict[str, Any], sign: Callable[[SignedAttestation], SignedAttestation]) -> dict[str, Any]:
    return body | {"attestation": sign(SignedAttestation.from_json(body["attestation"])).to_json()}


def with_signatures(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """Only these members' signatures, in this number."""

    def sign(signed: SignedAttestation) -> SignedAttestation:
        by_name = {each.organisation: each for each in signed.signatures}
        return replace(signed, signatures=tuple(by_name[name] for name in names))

    return signed_again(body, sign)


def with_a_stranger(body: dict[str, Any]) -> dict[str, Any]:
    """The bank, and keys of nobody under the insurer's name."""

    def sign(signed: SignedAttestation) -> SignedAttestation:
        digest = signed.attestation.digest()
        stranger = MemberSignature(
            "insurer", SigningKey.generate("sm2-sm3").sign(digest), EvmKey.generate().sign_digest(digest)
        )
        return replace(signed, signatures=(signed.signatures[0], stranger))

    return signed_again(body, sign)


def changed(target: Target, body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Other fields, properly signed by k members."""
    return signed_again(body, lambda signed: target.story.sign(replace(signed.attestation, **fields)))


@dataclass(frozen=True)
class Case:
    """What is sent; the code of the chain and of the facts. Relayed, it gets the same, unless `door` comes first."""

    make: Callable[[Target], dict[str, Any]]
    chain: str
    facts: str
    door: str | None = None

    @property
    def relayed(self) -> tuple[str, str]:
        return (self.door, self.door) if self.door else (self.chain, self.facts)


def same(code: str, make: Callable[[Target], dict[str, Any]]) -> Case:
    return Case(make, code, code)


CASES = {
    "k-1 signers": same("quorum_not_met", lambda t: with_signatures(t.breach(), "bank")),
    "one signer twice": same("quorum_not_met", lambda t: with_signatures(t.breach(), "bank", "bank")),
    "a stranger as second signer": Case(
        lambda t: with_a_stranger(t.breach()), "bad_signature", "quorum_not_met", door="quorum_not_met"
    ),
    "a conflicted signer": same("conflicted_signer", lambda t: t.breach(slot=t.other_slot)),
    "an alarm of k-1": same("quorum_not_met", lambda t: with_signatures(t.breach(kind=ALARM, back=0), "inspector")),
    "an epoch to come": same("wrong_epoch", lambda t: changed(t, t.breach(), epoch=2)),
    "a lower sequence": same("sequence_regressed", lambda t: t.breach(back=4)),
    "another digest for a sequence": same("equivocation", lambda t: t.breach(back=3)),
    "another profile": same("profile_mismatch", lambda t: changed(t, t.breach(), profile=b"\x09" * 32)),
    "a window of the future": same("clock_skew", lambda t: t.breach(back=-2)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    home = tmp_path_factory.mktemp("attestations") / "home"
    await asyncio.to_thread(found, home)
    async with running(home) as node:
        story = Story(node)
        await story.lend_with_window(back=3)
        await node.done("manufacturer", f"/v1/facilities/{FACILITY}/draw", {"amount_minor": 1_000_000})
        target = Target(node, story, story.slot + "-B")
        await entrust_goods_of_a_member(target)
        yield target


async def entrust_goods_of_a_member(target: Target) -> None:
    """Goods of the bank on the other slot, and a facility whose terms name the bank as their keeper."""
    node, story, chain = target.node, target.story, target.bank.chain
    await node.done("warehouse", "/v1/slots", {"slot_id": target.other_slot})
    receipt = story.receipt(OWNED_BY_A_MEMBER) | {"slots": [target.other_slot], "owner": "bank"}
    issued = (await node.post("warehouse", "/v1/receipts", receipt)).json()["transaction"]
    assert issued["status"] == "committed", (issued["code"], issued["detail"])
    terms = (await chain.call("CreditFacility", "facility", [facility_key(FACILITY)]))["terms"] | {
        "quantitySubject": subject("slot", target.other_slot),
        "lienSubject": subject("pledge", "another"),
        "storingOrganisation": keccak256(b"bank"),
    }
    proposed = await chain.transact(
        "CreditFacility", "propose", [command_id("bank", "raw"), facility_key("another"), terms]
    )
    assert proposed.status == 1, proposed


@pytest.mark.parametrize("case", CASES)
async def test_it_is_refused_everywhere_by_its_code_and_changes_nothing(target: Target, case: str) -> None:
    expected = CASES[case]
    body, before = expected.make(target), await target.standing()
    assert await target.relayed(body) == expected.relayed
    mined = await target.raw_to_the_chain(body)
    assert (mined.status, mined.code, mined.logs) == (0, expected.chain, ())
    assert await target.raw_to_the_facts(body) == expected.facts
    assert await target.standing() == before


async def test_one_of_another_consortium_is_refused_at_the_door_and_by_both_ledgers(target: Target) -> None:
    body, before = changed(target, target.breach(), consortium_id=b"\x07" * 32), await target.standing()
    assert await target.relayed(body) == ("wrong_aad", "wrong_aad")
    mined = await target.raw_to_the_chain(body)
    assert (mined.status, mined.code) == (0, "malformed")
    assert await target.raw_to_the_facts(body) == "malformed"
    assert await target.standing() == before


async def test_what_stands_may_be_said_again_without_effect(target: Target) -> None:
    items = (
        await target.node.get("bank", "/v1/attestations", subject_kind="slot", subject_id=target.story.slot)
    ).json()
    said = Attestation.from_json(items["items"][0]["attestation"])
    body = {
        "attestation": target.story.sign(said).to_json(),
        "subject_kind": "slot",
        "subject_id": target.story.slot,
        "packs": [],
    }
    before = await target.standing()
    await target.node.done("insurer", "/v1/attestations", body, name="oracle")
    mined = await target.raw_to_the_chain(body)
    assert (mined.status, mined.logs) == (1, ())
    assert await target.standing() | {"height of the facts": 0} == before | {"height of the facts": 0}


async def test_an_epoch_that_was_replaced_attests_no_later_window(target: Target) -> None:
    await appoint_second_committee(target)
    body, before = (
        target.story.statement("commodity", COMMODITY, PRICE, {"price_minor_per_t": 1}),
        await target.standing(),
    )
    assert await target.relayed(body) == ("wrong_epoch", "wrong_epoch")
    mined = await target.raw_to_the_chain(body)
    assert (mined.status, mined.code) == (0, "wrong_epoch")
    assert await target.raw_to_the_facts(body) == "wrong_epoch"
    assert await target.standing() == before


async def appoint_second_committee(target: Target) -> None:
    """The same members under epoch 2, in force soon; both ledgers must have taken it by then."""
    home, regulator = target.node.home, target.node.node.seats["regulator"]
    committee = await target.bank.ledger.evaluate("committee", {})
    active_from_s = target.story.now_s + APPOINTED_S
    members = sorted(
        (public_keys(home, each["organisation"]).evm_address, keccak256(each["organisation"].encode()))
        for each in committee["members"]
    )
    appointed = await regulator.chain.transact(
        "OracleCommittee", "appoint", [command_id("regulator", "second"), 2, 2, active_from_s, members]
    )
    assert appointed.status == 1, appointed
    named = [
        {name: each[name] for name in ("organisation", "sm2_public_key", "evm_address")}
        for each in committee["members"]
    ]
    await regulator.ledger.submit(
        "set_committee", {"epoch": 2, "threshold": 2, "active_from_s": active_from_s, "members": named}
    )
    await asyncio.sleep(active_from_s + 2 - target.story.now_s)
