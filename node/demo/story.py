"""The acts of the demo, in the words of the people who do them. Each submits one command, or looks at one result."""

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from node.demo.acts import Act, Programme, UnexpectedResultError, utc
from node.demo.founding import demo_product
from node.demo.world import World
from wuxin_client import NotFound
from wuxin_client.models import Depositor, Event, Goods, Insurance, ReasonProgress, Transaction
from wuxin_evidence.attestation import Attestation
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import verify_bundle
from wuxin_evidence.ids import indicator_id

FIRST_WINDOW_S = 18 * 60 + 30
"""The window 16:15-16:30 is attested once its grace of two minutes has passed; the scenario begins at 16:14."""
BREACH_S = 54 * 60 + 35
"""17:08:35: the scale shows 33.8 where the visit before had left 39.1."""
CLEAN_S = 108 * 60 + 30
"""18:02:30: three windows after that of the breach, 17:15 to 18:00, are attested clean."""
CURE_WINDOWS = 3
"""Of the rule pack."""
WAIT_S = 30.0
YEAR_S = 365 * 24 * 3600
SubjectKind = Literal["slot", "pledge", "commodity"]


@dataclass
class Bin:
    """One bin of the series and what is made of it: slot, device, receipt, pledge, facility."""

    number: str
    receipt_t: int
    draw_minor: int
    device_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    receipt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    pledge_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    facility_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    slot_id: str = ""

    @classmethod
    def named(cls, number: str, *, receipt_t: int, draw_minor: int) -> "Bin":
        """A bin whose ids are names, so that a reader can go on with what a demo left."""
        ids = {f"{each}_id": f"bin-{number}-{each}" for each in ("receipt", "pledge", "facility")}
        return cls(number, receipt_t, draw_minor, device_id=f"bin-{number}-scale", **ids)

    @property
    def name(self) -> str:
        """What the demo calls the bin."""
        return f"bin {self.number}"


class Cast:
    """The six organisations, each acting through its own key."""

    def __init__(self, world: World, programme: Programme) -> None:
        self._world = world
        self._programme = programme
        self._freeze_event: Event | None = None
        self._told = demo_product().story

    def enrol(self, story: Bin) -> None:
        """The warehouse registers the slot, enrols the scale and binds it."""
        warehouse = self._world.node("warehouse")
        story.slot_id = f"{self._world.organisation('warehouse').uscc}/BIN-{story.number}"
        self._did(f"{story.name}: register slot", warehouse.register_slot(slot_id=story.slot_id, wait_s=WAIT_S))
        enrolled = warehouse.enrol_device(
            device_id=story.device_id,
            suite="sm2-sm3",
            public_key=self._world.make_device(story.device_id).public_key.hex(),
            firmware_hash="11" * 32,
            wait_s=WAIT_S,
        )
        self._did(f"{story.name}: enrol device", enrolled)
        bound = warehouse.bind_device(story.device_id, slot_id=story.slot_id, wait_s=WAIT_S)
        self._did(f"{story.name}: bind device", bound)

    def lend(self, story: Bin) -> None:
        """Receipt, pledge and facility, until the facility is active."""
        self._issue(story)
        self._pledge(story)
        self._activate(story)

    def draw(self, story: Bin, *, again: bool = False) -> None:
        """The manufacturer draws; the second time a tenth."""
        name = f"{story.name}: draw{' again' if again else ''}"
        amount_minor = story.draw_minor // 10 if again else story.draw_minor
        manufacturer = self._world.node("manufacturer")
        self._did(name, manufacturer.draw(story.facility_id, amount_minor=amount_minor, wait_s=WAIT_S))

    def newest_event(self) -> str | None:
        """The cursor after everything that the ledgers have said so far."""
        cursor: str | None = None
        while True:
            page = self._world.node("insurer").list_events(after=cursor)
            cursor = page.next
            if not page.items:
                return cursor

    def wait_frozen(self, story: Bin, after: str | None, timeout_s: float) -> None:
        """Follows the events until this facility is frozen."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            page = self._world.node("insurer").list_events(after=after, wait=1)
            after = page.next
            for event in page.items:
                if event.type == "freeze_opened" and event.subject_id == story.facility_id:
                    self._freeze_event = event
                    return
        raise UnexpectedResultError(f"{story.name} was not frozen within {timeout_s:g} s: see {self._world.home}/run")

    def show_freeze(self, story: Bin) -> None:
        """Show the freeze that the events told of."""
        event = self._frozen()
        at = utc(event.at_s * 1000)
        self._programme.show(
            Act(f"{story.name}: breach freezes the line", event.ledger, event.tx_id, "frozen", None, at)
        )

    def draw_is_refused(self, story: Bin) -> None:
        """The manufacturer draws while the line is frozen, and is refused on the chain."""
        manufacturer = self._world.node("manufacturer")
        tx = manufacturer.draw(story.facility_id, amount_minor=100, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{story.name}: draw while frozen", tx, "facility_frozen")

    def acknowledge(self, story: Bin) -> None:
        """Insurer and regulator acknowledge the freeze on the ledger of facts."""
        event = self._frozen()
        for organisation in ("insurer", "regulator"):
            tx = self._world.node(organisation).acknowledge_event(event_id=event.id, wait_s=WAIT_S)
            self._did(f"{story.name}: {organisation} acknowledges", tx)

    def approvals_come_too_early(self, story: Bin) -> None:
        """What is approved is an opening of the freeze. The alarm's gives way to that of its whole window, which a slow
        machine may attest at this very moment; then the bank looks again."""
        bank = self._world.node("bank")

        def approve() -> Transaction:
            key = self._reason(story).reason_key
            return bank.approve_unfreeze(story.facility_id, reason_key=key, wait_s=WAIT_S, raise_on_failure=False)

        tx = approve()
        if tx.code == "conflict":
            tx = approve()
        self._refused(f"{story.name}: bank approves too early", tx, "not_clean")

    def unfreeze(self, story: Bin) -> None:
        """The bank is refused without approvals, gets both, and unfreezes."""
        reason = self._clean_reason(story)
        nodes = {name: self._world.node(name) for name in ("bank", "insurer")}
        key = reason.reason_key
        tx = nodes["bank"].unfreeze_facility(story.facility_id, reason_key=key, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{story.name}: unfreeze unapproved", tx, "approval_missing")
        for name, node in nodes.items():
            tx = node.approve_unfreeze(story.facility_id, reason_key=key, wait_s=WAIT_S)
            self._did(f"{story.name}: {name} approves", tx)
        tx = nodes["bank"].unfreeze_facility(story.facility_id, reason_key=key, wait_s=WAIT_S)
        self._did(f"{story.name}: unfreeze", tx)

    def settle(self, story: Bin) -> None:
        """Repays, closes, and gives the goods back their freedom."""
        bank, manufacturer = self._world.node("bank"), self._world.node("manufacturer")
        repaid = manufacturer.repay(story.facility_id, amount_minor=2 * story.draw_minor, wait_s=WAIT_S)
        self._did(f"{story.name}: repay", repaid)
        closing = manufacturer.start_closing(story.facility_id, wait_s=WAIT_S)
        self._did(f"{story.name}: start closing", closing)
        self._did(f"{story.name}: release pledge", bank.release_pledge(story.pledge_id, wait_s=WAIT_S))
        self._attested(f"{story.name}: lien zero attested", "pledge", story.pledge_id, 2, _says_released)
        self._did(f"{story.name}: close", bank.close_facility(story.facility_id, wait_s=WAIT_S))

    def stays_lendable(self, story: Bin) -> None:
        """The bank asks whether it may lend on; the answer has no blocker."""
        answer, until = self._world.node("bank").get_collateral(story.receipt_id), time.monotonic() + WAIT_S
        while not answer.lendable and time.monotonic() < until:
            time.sleep(0.2)  # its newest window is attested within seconds
            answer = self._world.node("bank").get_collateral(story.receipt_id)
        result = "lendable" if answer.lendable else "not_lendable"
        at = utc(self._world.clock.now_ms())
        self._programme.show(Act(f"{story.name}: collateral", "none", story.receipt_id, result, None, at))
        if not answer.lendable:
            raise UnexpectedResultError(f"{story.name} is not lendable: {[each.code for each in answer.blockers]}")

    def verify_evidence(self, story: Bin) -> None:
        """The insurer hands out a bundle of the alarm that its own member attested; anyone verifies it offline, and
        with one byte changed it is refused."""
        digest = self._attestations("slot", story.slot_id, 1)[0]["digest"]
        bundle = self._world.node("insurer").get_evidence(digest)
        file = self._world.home / f"alarm-bin{story.number}.zip"
        file.write_bytes(bundle)
        trust = Trust.parse((self._world.home / "trust.json").read_bytes())
        changed = bytearray(bundle)
        changed[len(changed) // 2] ^= 1
        for name, raw, expected in (("bundle verified", bundle, 0), ("one byte changed", bytes(changed), 1)):
            verdict = verify_bundle(raw, trust)
            result = "valid" if verdict.exit_status == 0 else "refused"
            at = utc(self._world.clock.now_ms())
            self._programme.show(Act(f"{story.name}: {name}", "none", digest, result, None, at))
            if (verdict.exit_status == 0) != (expected == 0):
                raise UnexpectedResultError(f"{name}: {verdict.failed or verdict.missing}")
        self._programme.say(f"wuxin verify {file} --trust {self._world.home}/trust.json")

    def _issue(self, story: Bin) -> None:
        warehouse = self._world.node("warehouse")
        self._did(f"{story.name}: issue receipt", warehouse.issue_receipt(**self._receipt(story), wait_s=WAIT_S))
        twice = self._receipt(story) | {"receipt_id": str(uuid.uuid4())}
        tx = warehouse.issue_receipt(**twice, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{story.name}: second receipt on the slot", tx, "slot_claimed")

    def _receipt(self, story: Bin) -> Any:
        now_s = self._world.clock.now_ms() // 1000
        owner, goods = self._world.organisation("manufacturer").name, self._told["goods"]
        return {
            **self._told["receipt"],
            "receipt_id": story.receipt_id,
            "slots": [story.slot_id],
            "owner": owner,
            "beneficiary": owner,
            "quantity_g": story.receipt_t * demo_product().valuation.quantity_per_price_unit,
            "depositor": Depositor(**self._told["receipt"]["depositor"]),
            "goods": Goods(**goods | {"pieces": story.receipt_t, "marks": f"{goods['marks']}-{story.number}"}),
            "storage_until_s": now_s + YEAR_S,
            "insurance": Insurance(
                **self._told["insurance"],
                from_s=now_s,
                until_s=now_s + YEAR_S,
                insurer=self._world.organisation("insurer").name,
            ),
            "issued_at_s": now_s,
        }

    def _pledge(self, story: Bin) -> None:
        manufacturer, bank = self._world.node("manufacturer"), self._world.node("bank")
        told = self._told["pledge"]
        terms = {"purpose": told["purpose"], "contract": f"{told['contract']}-{story.number}"}
        salt = secrets.token_hex(32)
        pledge: Any = {
            "pledge_id": story.pledge_id,
            "receipt_id": story.receipt_id,
            "pledgee": self._world.organisation("bank").name,
            "registration_number": f"{told['register']}-{story.number}-2026",
            "accept_until_s": self._world.clock.now_ms() // 1000 + 86_400,
            "terms": terms,
            "salt": salt,
        }
        self._did(f"{story.name}: propose pledge", manufacturer.propose_pledge(**pledge, wait_s=WAIT_S))
        again = pledge | {"pledge_id": str(uuid.uuid4())}
        tx = manufacturer.propose_pledge(**again, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{story.name}: second pledge", tx, "receipt_pledged")
        _until_there(lambda: bank.get_pledge(story.pledge_id))
        self._did(f"{story.name}: propose facility", bank.propose_facility(**self._facility(story), wait_s=WAIT_S))
        accepted = bank.accept_pledge(
            story.pledge_id,
            facility_id=story.facility_id,
            terms=terms,
            salt=salt,
            wait_s=WAIT_S,
        )
        self._did(f"{story.name}: accept pledge", accepted)

    def _facility(self, story: Bin) -> Any:
        told = self._told["facility"]
        return {
            **told,
            "facility_id": story.facility_id,
            "receipt_id": story.receipt_id,
            "pledge_id": story.pledge_id,
            "borrower": self._world.organisation("manufacturer").name,
            "maturity_s": self._world.clock.now_ms() // 1000 + YEAR_S,
            "max_quantity_age_s": self._world.timeline.interval_s(told["max_quantity_age_s"]),
            "rule_pack": demo_product().pack.id,
        }

    def _activate(self, story: Bin) -> None:
        self._attested(f"{story.name}: lien attested", "pledge", story.pledge_id, 2)
        activated = self._world.node("bank").activate_facility(story.facility_id, wait_s=WAIT_S)
        self._did(f"{story.name}: facility active", activated)
        self._attested(f"{story.name}: price attested", "commodity", self._told["receipt"]["commodity"], 3)
        self._attested(f"{story.name}: quantity attested", "slot", story.slot_id, 0)

    def _attested(
        self,
        name: str,
        kind: SubjectKind,
        identifier: str,
        code: int,
        says: Callable[[Attestation], bool] = lambda _: True,
    ) -> None:
        """Waits for an attestation of this subject and kind that both ledgers have taken, and that `says` it."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            taken = [each for each in self._attestations(kind, identifier, code) if says(each["attestation"])]
            if taken:
                now_ms = self._world.clock.now_ms()
                self._programme.show(Act(name, "e1", taken[-1]["tx_id"], "attested", None, utc(now_ms)))
                return
            time.sleep(0.05)
        raise UnexpectedResultError(f"{name}: nothing within {WAIT_S:g} s: see {self._world.home}/run/oracle-*.log")

    def _attestations(self, kind: SubjectKind, identifier: str, code: int) -> list[dict[str, Any]]:
        """Digest, content and obligations transaction of each attestation that both ledgers have, oldest first."""
        node = self._world.node("regulator")
        recorded = node.list_attestations(subject_kind=kind, subject_id=identifier, kind=code).items
        whole = [node.get_attestation(each.digest) for each in reversed(recorded)]
        return [
            {
                "digest": each.digest,
                "attestation": Attestation.from_json(each.attestation),
                "tx_id": each.obligations.tx_id,
            }
            for each in whole
            if each.obligations is not None
        ]

    def _reason(self, story: Bin) -> ReasonProgress:
        reasons = self._world.node("bank").list_reasons(story.facility_id).items
        standing = [each for each in reasons if each.cleared_at_s is None]
        if not standing:
            raise UnexpectedResultError(f"{story.name} has no standing reason")
        return standing[0]

    def _clean_reason(self, story: Bin) -> ReasonProgress:
        until = time.monotonic() + WAIT_S
        while ((reason := self._reason(story)).clean_windows or 0) < CURE_WINDOWS and time.monotonic() < until:
            time.sleep(0.1)
        last = self._attestations("slot", story.slot_id, 0)[-1]["tx_id"]
        at = utc(self._world.clock.now_ms())
        self._programme.show(Act(f"{story.name}: {CURE_WINDOWS} clean windows", "e1", last, "attested", None, at))
        return reason

    def _frozen(self) -> Event:
        if self._freeze_event is None:
            raise UnexpectedResultError("nothing is frozen")
        return self._freeze_event

    def _did(self, name: str, tx: Transaction) -> None:
        self._programme.transaction(name, tx, self._world.clock.now_ms())

    def _refused(self, name: str, tx: Transaction, code: str) -> None:
        self._programme.transaction(name, tx, self._world.clock.now_ms(), refused_as=code)


def _until_there(get: Callable[[], object]) -> None:
    """Waits for what another organisation has just written: each node follows its own peer."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            get()
            return
        except NotFound:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


def _says_released(lien: Attestation) -> bool:
    return any(each.id == indicator_id("lien_active") and each.value == 0 for each in lien.indicators)
