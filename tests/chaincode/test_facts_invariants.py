"""Whatever members try, in whatever order: goods are receipted once, pledged once, and every lien has its pledge.

A simulation by seed: members with and without the right to it issue, pledge, accept, release, lapse, cancel and
deliver; after each step the whole state is checked. A failing seed replays the same story.
"""

import json
from collections import Counter
from random import Random
from typing import Any

from tests.chaincode.facts_world import TERMS, World, msp, pledge, receipt, slot
from wuxin_evidence.encoding.canonical import canonical_json

STEPS = 250
SEEDS = range(12)
SLOTS = [slot(number) for number in (1, 2, 3)]
ANYBODY = ["warehouse", "other-warehouse", "manufacturer", "other-manufacturer", "bank", "other-bank", "regulator"]
KNOWN_REFUSALS = {
    "conflict",
    "forbidden",
    "not_found",
    "not_owner",
    "not_pledgee",
    "pledge_not_active",
    "receipt_not_active",
    "receipt_pledged",
    "slot_claimed",
}
Call = tuple[str, str, dict[str, Any]]


class Story:
    """One seed's sequence of attempts, and what became of them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World().found()
        for place in SLOTS:
            self.world.call("warehouse", "register_slot", slot_id=place)
        self.outcomes: Counter[tuple[str, str]] = Counter()

    def step(self) -> None:
        self.world.now_s += 400 if self.random.random() < 0.05 else 1
        right, function, arguments = self.random.choice(
            [self.issue, self.close, self.propose, self.answer, self.answer]
        )()
        who = right if self.random.random() < 0.7 else self.random.choice(ANYBODY)
        response = self.world.respond(msp(who), [function.encode(), canonical_json(arguments)], {"terms": TERMS})
        code = "ok" if response.status == 200 else json.loads(response.message)["code"]
        assert code in KNOWN_REFUSALS | {"ok"}, response.message
        assert code != "ok" or who == right, f"{who} did {function}"
        self.outcomes[function, code] += 1

    def issue(self) -> Call:
        places = self.random.sample(SLOTS, self.random.randint(1, 2))
        owner = self.random.choice(["manufacturer", "other-manufacturer"])
        return "warehouse", "issue_receipt", receipt(self.new("receipt"), slots=places, owner=owner)

    def close(self) -> Call:
        receipt_id = self.some("receipt")
        if self.random.random() < 0.5:
            owner = self.records("receipt").get(receipt_id, {}).get("owner", "manufacturer")
            return owner, "request_delivery", {"receipt_id": receipt_id}
        if self.random.random() < 0.5:
            return "warehouse", "cancel_receipt", {"receipt_id": receipt_id, "reason": "at random"}
        return "warehouse", "deliver_receipt", {"receipt_id": receipt_id}

    def propose(self) -> Call:
        receipt_id = self.some("receipt")
        owner = self.records("receipt").get(receipt_id, {}).get("owner", "manufacturer")
        pledgee = self.random.choice(["bank", "other-bank"])
        terms = {"receipt_id": receipt_id, "pledgee": pledgee, "accept_until_s": self.world.now_s + 300}
        return owner, "propose_pledge", pledge(self.new("pledge"), **terms)

    def answer(self) -> Call:
        pledge_id = self.some("pledge")
        standing = self.records("pledge").get(pledge_id, {"pledgor": "manufacturer", "pledgee": "bank"})
        function = self.random.choice(["accept_pledge", "release_pledge", "lapse_pledge"])
        facility = {"facility_id": "facility-1"} if function == "accept_pledge" else {}
        right = standing["pledgor" if function == "lapse_pledge" else "pledgee"]
        return right, function, {"pledge_id": pledge_id, **facility}

    def new(self, kind: str) -> str:
        """Mostly a new id, sometimes one that is taken."""
        return f"{kind}-{len(self.records(kind))}" if self.random.random() < 0.8 else self.some(kind)

    def some(self, kind: str) -> str:
        """Mostly something that stands, sometimes something that is over, or never was."""
        records = self.records(kind)
        standing = sorted(name for name, one in records.items() if one["status"] in ("proposed", "active"))
        return self.random.choice(standing if standing and self.random.random() < 0.8 else [*records, "ghost"])

    def records(self, kind: str) -> dict[str, Any]:
        prefix = f"{kind}/"
        values = self.world.ledger.values
        return {key[len(prefix) :]: json.loads(values[key]) for key in values if key.startswith(prefix)}

    def check(self) -> None:
        receipts, pledges = self.records("receipt"), self.records("pledge")
        claims = {place: claim["receipt_id"] for place, claim in self.records("slot-claim").items()}
        active = [one for one in receipts.values() if one["status"] == "active"]
        assert claims == {place: one["receipt_id"] for one in active for place in one["slots"]}
        assert len(claims) == sum(len(one["slots"]) for one in active), "a slot is receipted once"

        liens = {one["lien"]["pledge_id"]: (receipt_id, one) for receipt_id, one in receipts.items() if one["lien"]}
        standing = {name: one for name, one in pledges.items() if one["status"] in ("proposed", "active")}
        assert liens.keys() == standing.keys(), "a lien has its pledge and a pledge its lien"
        for name, (receipt_id, one) in liens.items():
            assert one["status"] == "active", "a pledged receipt is neither cancelled nor delivered"
            assert standing[name]["receipt_id"] == receipt_id
            assert one["lien"] == {"pledge_id": name} | {
                field: standing[name][field] for field in ("pledgee", "status", "since_s")
            }

        for receipt_id, one in receipts.items():
            lien = one["lien"]
            guardians = [one["owner"]] if lien is None or lien["status"] == "proposed" else []
            guardians += [lien["pledgee"]] if lien is not None else []
            named = ("warehouse", *guardians)
            assert self.world.ledger.policies[f"receipt/{receipt_id}"] == tuple(msp(each) for each in named)
            assert lien is None or one["delivery_requested_s"] is None, "a pledge takes the request back"
            assert one["status"] == "active" or one["delivery_requested_s"], "nothing leaves unless its owner asked"


def test_no_order_of_attempts_breaks_exclusivity() -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    for seed in SEEDS:
        print(f"seed {seed}")
        story = Story(seed)
        for _ in range(STEPS):
            story.step()
            story.check()
        outcomes += story.outcomes
    done = {function for function, code in outcomes if code == "ok"}
    assert done == {
        "issue_receipt",
        "request_delivery",
        "cancel_receipt",
        "deliver_receipt",
        "propose_pledge",
        "accept_pledge",
        "release_pledge",
        "lapse_pledge",
    }
    assert {code for _, code in outcomes} == KNOWN_REFUSALS | {"ok"}
