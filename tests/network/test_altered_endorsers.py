"""Endorsers that run code of their own: too few of them write nothing on a receipt or a pledge that is not theirs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaincode import contract
from chaincode.world.stub import Stub, pledge_key, receipt_key
from network.clock import SystemClock
from network.facts.embedded.engine import LocalFacts, open_endorser
from network.facts.embedded.ledger import bind
from network.facts.embedded.proposal import agree, seal
from network.facts.embedded.state import State
from network.facts.proposal import prepare
from network.membership.consortium import Consortium
from network.membership.seats import Seat
from network.ports import Ledger
from tests.chaincode.facts_world import pledge, receipt
from tests.network.test_facts_of_the_house import TERMS, founding
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import validation_code_name

DAY_S = 86_400
Altered = Callable[[Stub, Sequence[bytes]], contract.Response]


def more_goods(stub: Stub, args: Sequence[bytes]) -> contract.Response:
    """Says nothing of consent, and makes a thousand times as much of the goods."""
    held = json.loads(stub.get(receipt_key("receipt-1")) or b"")
    stub.put(receipt_key("receipt-1"), canonical_json(held | {"quantity_g": held["quantity_g"] * 1000}))
    return contract.Response(200, "", b"")


def accepted(stub: Stub, args: Sequence[bytes]) -> contract.Response:
    """The pledgee's acceptance, which it never gave."""
    held = json.loads(stub.get(pledge_key("pledge-1")) or b"")
    stub.put(pledge_key("pledge-1"), canonical_json(held | {"status": "active", "facility_id": "facility-1"}))
    return contract.Response(200, "", b"")


def lien_only(stub: Stub, args: Sequence[bytes]) -> contract.Response:
    """The same on the receipt alone, which is what a lien check reads."""
    held = json.loads(stub.get(receipt_key("receipt-1")) or b"")
    stub.put(receipt_key("receipt-1"), canonical_json(held | {"lien": held["lien"] | {"status": "active"}}))
    return contract.Response(200, "", b"")


@dataclass
class House:
    home: Path
    consortium: Consortium
    seats: dict[str, Seat]
    facts: LocalFacts
    ledgers: dict[str, Ledger]

    async def receipted(self, owner: str) -> None:
        slot = f"{self.consortium.organisation('warehouse').uscc}/A-1"
        await self.ledgers["warehouse"].submit("register_slot", {"slot_id": slot})
        now_s = self.facts.clock.now_ms() // 1000
        wanted = receipt(slots=[slot], owner=owner, issued_at_s=now_s, storage_until_s=now_s + 90 * DAY_S)
        await self.ledgers["warehouse"].submit("issue_receipt", wanted)

    async def proposed(self, owner: str) -> None:
        until_s = self.facts.clock.now_ms() // 1000 + DAY_S
        await self.ledgers[owner].submit("propose_pledge", pledge(accept_until_s=until_s), private=TERMS)

    def lie(self, altered: Altered, *liars: str) -> str:
        """What validation says of a transaction that only these altered endorsers signed."""
        signer, now_ms = self.seats["warehouse"].fabric_signer, self.facts.clock.now_ms()
        arguments = {"pledge_id": "pledge-1", "facility_id": "facility-1"}
        prepared = prepare(
            signer, self.consortium.facts, "accept_pledge", arguments, private={}, nonce=None, now_ms=now_ms
        )
        with self.facts._storage.snapshot() as connection:  # pyright: ignore[reportPrivateUsage]
            state = State(connection)
            peers = [open_endorser(self.home, self.consortium, name, altered) for name in liars]
            answers = [peer.endorse(prepared.signed, state, now_ms) for peer in peers]
        place = self.facts.order(seal(signer, prepared, agree(answers, prepared.tx_id))).result(10)
        return validation_code_name(place.code)


@pytest.fixture
async def house(home: Path, consortium: Consortium, seats: dict[str, Seat]) -> AsyncIterator[House]:
    endorsers = [open_endorser(home, consortium, each.name) for each in consortium.endorsers]
    facts = LocalFacts(home, consortium, endorsers, SystemClock())
    ledgers: dict[str, Ledger] = {name: bind(facts, seat) for name, seat in seats.items()}
    await ledgers["regulator"].submit("init_consortium", founding(home, consortium))
    yield House(home, consortium, seats, facts, ledgers)
    await asyncio.to_thread(facts.close)


async def test_a_warehouse_that_owns_its_goods_makes_no_more_of_them_alone(house: House) -> None:
    await house.receipted("warehouse")
    assert await asyncio.to_thread(house.lie, more_goods, "warehouse") == "ENDORSEMENT_POLICY_FAILURE"
    assert await asyncio.to_thread(house.lie, more_goods, "warehouse", "insurer") == "ENDORSEMENT_POLICY_FAILURE"
    held = await house.ledgers["bank"].evaluate("get", {"kind": "receipt", "id": "receipt-1"})
    assert held["quantity_g"] == receipt()["quantity_g"]


@pytest.mark.parametrize("owner", ["warehouse", "manufacturer"])
@pytest.mark.parametrize("altered", [accepted, lien_only])
async def test_warehouse_and_owner_do_not_write_the_pledgees_acceptance(
    house: House, owner: str, altered: Altered
) -> None:
    await house.receipted(owner)
    await house.proposed(owner)
    liars = tuple(dict.fromkeys(("warehouse", owner, "insurer", "regulator")))
    assert await asyncio.to_thread(house.lie, altered, *liars) == "ENDORSEMENT_POLICY_FAILURE"
    checked = await house.ledgers["bank"].evaluate("lien_check", {"receipt_id": "receipt-1"})
    assert checked["lien"]["status"] == "proposed"


async def test_a_warehouse_pledges_its_own_goods_from_proposal_to_release_and_delivers_them(house: House) -> None:
    await house.receipted("warehouse")
    await house.proposed("warehouse")
    answer = {"pledge_id": "pledge-1", "facility_id": "facility-1"}
    await house.ledgers["bank"].submit("accept_pledge", answer, private=TERMS)
    await house.ledgers["bank"].submit("release_pledge", {"pledge_id": "pledge-1"})
    await house.ledgers["warehouse"].submit("deliver_receipt", {"receipt_id": "receipt-1"})
    held = await house.ledgers["bank"].evaluate("get", {"kind": "receipt", "id": "receipt-1"})
    assert (held["status"], held["lien"]) == ("delivered", None)
