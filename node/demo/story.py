"""The steps of the demo, in the words of the people who do them. Each submits one command, or looks at one result."""

import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any, Literal

from node.demo.founding import demo_product
from node.demo.steps import Step, StepLog, UnexpectedResultError, utc
from node.demo.stock import Stock
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


class Organisations:
    """The six organisations, each acting through its own key."""

    def __init__(self, world: World, log: StepLog) -> None:
        self._world = world
        self._log = log
        self._freeze_event: Event | None = None
        self._story = demo_product().story

    def enrol(self, stock: Stock) -> None:
        """The warehouse registers the slot, enrols the scale and binds it."""
        warehouse = self._world.node("warehouse")
        stock.slot_id = f"{self._world.organisation('warehouse').uscc}/BIN-{stock.number}"
        self._committed(f"{stock.name}: register slot", warehouse.register_slot(slot_id=stock.slot_id, wait_s=WAIT_S))
        enrolled = warehouse.enrol_device(
            device_id=stock.device_id,
            suite="sm2-sm3",
            public_key=self._world.make_device(stock.device_id).public_key.hex(),
            firmware_hash="11" * 32,
            wait_s=WAIT_S,
        )
        self._committed(f"{stock.name}: enrol device", enrolled)
        bound = warehouse.bind_device(stock.device_id, slot_id=stock.slot_id, wait_s=WAIT_S)
        self._committed(f"{stock.name}: bind device", bound)

    def lend(self, stock: Stock) -> None:
        """Receipt, pledge and facility, until the facility is active."""
        self._issue(stock)
        self._pledge(stock)
        self._activate(stock)

    def draw(self, stock: Stock, *, again: bool = False) -> None:
        """The manufacturer draws; the second time a tenth."""
        name = f"{stock.name}: draw{' again' if again else ''}"
        amount_minor = stock.draw_minor // 10 if again else stock.draw_minor
        manufacturer = self._world.node("manufacturer")
        self._committed(name, manufacturer.draw(stock.facility_id, amount_minor=amount_minor, wait_s=WAIT_S))

    def newest_event(self) -> str | None:
        """The cursor after everything that the ledgers have said so far."""
        cursor: str | None = None
        while True:
            page = self._world.node("insurer").list_events(after=cursor)
            cursor = page.next
            if not page.items:
                return cursor

    def wait_frozen(self, stock: Stock, after: str | None, timeout_s: float) -> None:
        """Follow the events until this facility is frozen."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            page = self._world.node("insurer").list_events(after=after, wait=1)
            after = page.next
            for event in page.items:
                if event.type == "freeze_opened" and event.subject_id == stock.facility_id:
                    self._freeze_event = event
                    return
        raise UnexpectedResultError(f"{stock.name} was not frozen within {timeout_s:g} s: see {self._world.home}/run")

    def show_freeze(self, stock: Stock) -> None:
        """Show the freeze that the events reported."""
        event = self._frozen()
        at = utc(event.at_s * 1000)
        self._log.show(Step(f"{stock.name}: breach freezes the line", event.ledger, event.tx_id, "frozen", None, at))

    def draw_is_refused(self, stock: Stock) -> None:
        """The manufacturer draws while the line is frozen, and is refused on the chain."""
        manufacturer = self._world.node("manufacturer")
        tx = manufacturer.draw(stock.facility_id, amount_minor=100, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{stock.name}: draw while frozen", tx, "facility_frozen")

    def acknowledge(self, stock: Stock) -> None:
        """Insurer and regulator acknowledge the freeze on the ledger of facts."""
        event = self._frozen()
        for organisation in ("insurer", "regulator"):
            tx = self._world.node(organisation).acknowledge_event(event_id=event.id, wait_s=WAIT_S)
            self._committed(f"{stock.name}: {organisation} acknowledges", tx)

    def approvals_come_too_early(self, stock: Stock) -> None:
        """What is approved is an opening of the freeze. The alarm's gives way to that of its whole window, which a slow
        machine may attest at this very moment; then the bank looks again."""
        bank = self._world.node("bank")

        def approve() -> Transaction:
            key = self._reason(stock).reason_key
            return bank.approve_unfreeze(stock.facility_id, reason_key=key, wait_s=WAIT_S, raise_on_failure=False)

        tx = approve()
        if tx.code == "conflict":
            tx = approve()
        self._refused(f"{stock.name}: bank approves too early", tx, "not_clean")

    def unfreeze(self, stock: Stock) -> None:
        """The bank is refused without approvals, gets both, and unfreezes."""
        reason = self._clean_reason(stock)
        nodes = {name: self._world.node(name) for name in ("bank", "insurer")}
        key = reason.reason_key
        tx = nodes["bank"].unfreeze_facility(stock.facility_id, reason_key=key, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{stock.name}: unfreeze unapproved", tx, "approval_missing")
        for name, node in nodes.items():
            tx = node.approve_unfreeze(stock.facility_id, reason_key=key, wait_s=WAIT_S)
            self._committed(f"{stock.name}: {name} approves", tx)
        tx = nodes["bank"].unfreeze_facility(stock.facility_id, reason_key=key, wait_s=WAIT_S)
        self._committed(f"{stock.name}: unfreeze", tx)

    def settle(self, stock: Stock) -> None:
        """Repay, close, and give the goods back their freedom."""
        bank, manufacturer = self._world.node("bank"), self._world.node("manufacturer")
        repaid = manufacturer.repay(stock.facility_id, amount_minor=2 * stock.draw_minor, wait_s=WAIT_S)
        self._committed(f"{stock.name}: repay", repaid)
        closing = manufacturer.start_closing(stock.facility_id, wait_s=WAIT_S)
        self._committed(f"{stock.name}: start closing", closing)
        self._committed(f"{stock.name}: release pledge", bank.release_pledge(stock.pledge_id, wait_s=WAIT_S))
        self._attested(f"{stock.name}: lien zero attested", "pledge", stock.pledge_id, 2, _is_released)
        self._committed(f"{stock.name}: close", bank.close_facility(stock.facility_id, wait_s=WAIT_S))

    def stays_lendable(self, stock: Stock) -> None:
        """The bank asks whether it may lend on; the answer has no blocker."""
        answer, until = self._world.node("bank").get_collateral(stock.receipt_id), time.monotonic() + WAIT_S
        while not answer.lendable and time.monotonic() < until:
            time.sleep(0.2)  # its newest window is attested within seconds
            answer = self._world.node("bank").get_collateral(stock.receipt_id)
        result = "lendable" if answer.lendable else "not_lendable"
        at = utc(self._world.clock.now_ms())
        self._log.show(Step(f"{stock.name}: collateral", "none", stock.receipt_id, result, None, at))
        if not answer.lendable:
            raise UnexpectedResultError(f"{stock.name} is not lendable: {[each.code for each in answer.blockers]}")

    def verify_evidence(self, stock: Stock) -> None:
        """The insurer hands out a bundle of the alarm that its own member attested; anyone verifies it offline, and
        with one byte changed it is refused."""
        digest = self._attestations("slot", stock.slot_id, 1)[0]["digest"]
        bundle = self._world.node("insurer").get_evidence(digest)
        file = self._world.home / f"alarm-bin{stock.number}.zip"
        file.write_bytes(bundle)
        trust = Trust.parse((self._world.home / "trust.json").read_bytes())
        changed = bytearray(bundle)
        changed[len(changed) // 2] ^= 1
        for name, raw, expected in (("bundle verified", bundle, 0), ("one byte changed", bytes(changed), 1)):
            verdict = verify_bundle(raw, trust)
            result = "valid" if verdict.exit_status == 0 else "refused"
            at = utc(self._world.clock.now_ms())
            self._log.show(Step(f"{stock.name}: {name}", "none", digest, result, None, at))
            if (verdict.exit_status == 0) != (expected == 0):
                raise UnexpectedResultError(f"{name}: {verdict.failed or verdict.missing}")
        self._log.say(f"wuxin verify {file} --trust {self._world.home}/trust.json")

    def _issue(self, stock: Stock) -> None:
        warehouse = self._world.node("warehouse")
        self._committed(f"{stock.name}: issue receipt", warehouse.issue_receipt(**self._receipt(stock), wait_s=WAIT_S))
        twice = self._receipt(stock) | {"receipt_id": str(uuid.uuid4())}
        tx = warehouse.issue_receipt(**twice, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{stock.name}: second receipt on the slot", tx, "slot_claimed")

    def _receipt(self, stock: Stock) -> Any:
        now_s = self._world.clock.now_ms() // 1000
        owner, goods = self._world.organisation("manufacturer").name, self._story["goods"]
        return {
            **self._story["receipt"],
            "receipt_id": stock.receipt_id,
            "slots": [stock.slot_id],
            "owner": owner,
            "beneficiary": owner,
            "quantity_g": stock.receipt_t * demo_product().valuation.quantity_per_price_unit,
            "depositor": Depositor(**self._story["receipt"]["depositor"]),
            "goods": Goods(**goods | {"pieces": stock.receipt_t, "marks": f"{goods['marks']}-{stock.number}"}),
            "storage_until_s": now_s + YEAR_S,
            "insurance": Insurance(
                **self._story["insurance"],
                from_s=now_s,
                until_s=now_s + YEAR_S,
                insurer=self._world.organisation("insurer").name,
            ),
            "issued_at_s": now_s,
        }

    def _pledge(self, stock: Stock) -> None:
        manufacturer, bank = self._world.node("manufacturer"), self._world.node("bank")
        written = self._story["pledge"]
        terms = {"purpose": written["purpose"], "contract": f"{written['contract']}-{stock.number}"}
        salt = secrets.token_hex(32)
        pledge: Any = {
            "pledge_id": stock.pledge_id,
            "receipt_id": stock.receipt_id,
            "pledgee": self._world.organisation("bank").name,
            "registration_number": f"{written['register']}-{stock.number}-2026",
            "accept_until_s": self._world.clock.now_ms() // 1000 + 86_400,
            "terms": terms,
            "salt": salt,
        }
        self._committed(f"{stock.name}: propose pledge", manufacturer.propose_pledge(**pledge, wait_s=WAIT_S))
        again = pledge | {"pledge_id": str(uuid.uuid4())}
        tx = manufacturer.propose_pledge(**again, wait_s=WAIT_S, raise_on_failure=False)
        self._refused(f"{stock.name}: second pledge", tx, "receipt_pledged")
        _wait_found(lambda: bank.get_pledge(stock.pledge_id))
        self._committed(
            f"{stock.name}: propose facility", bank.propose_facility(**self._facility(stock), wait_s=WAIT_S)
        )
        accepted = bank.accept_pledge(
            stock.pledge_id,
            facility_id=stock.facility_id,
            terms=terms,
            salt=salt,
            wait_s=WAIT_S,
        )
        self._committed(f"{stock.name}: accept pledge", accepted)

    def _facility(self, stock: Stock) -> Any:
        written = self._story["facility"]
        return {
            **written,
            "facility_id": stock.facility_id,
            "receipt_id": stock.receipt_id,
            "pledge_id": stock.pledge_id,
            "borrower": self._world.organisation("manufacturer").name,
            "maturity_s": self._world.clock.now_ms() // 1000 + YEAR_S,
            "max_quantity_age_s": self._world.timeline.interval_s(written["max_quantity_age_s"]),
            "rule_pack": demo_product().pack.id,
        }

    def _activate(self, stock: Stock) -> None:
        self._attested(f"{stock.name}: lien attested", "pledge", stock.pledge_id, 2)
        activated = self._world.node("bank").activate_facility(stock.facility_id, wait_s=WAIT_S)
        self._committed(f"{stock.name}: facility active", activated)
        self._attested(f"{stock.name}: price attested", "commodity", self._story["receipt"]["commodity"], 3)
        self._attested(f"{stock.name}: quantity attested", "slot", stock.slot_id, 0)

    def _attested(
        self,
        name: str,
        kind: SubjectKind,
        identifier: str,
        code: int,
        expected: Callable[[Attestation], bool] = lambda _: True,
    ) -> None:
        """Wait for an attestation of this subject and kind that both ledgers have taken and that is as `expected`."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            taken = [each for each in self._attestations(kind, identifier, code) if expected(each["attestation"])]
            if taken:
                now_ms = self._world.clock.now_ms()
                self._log.show(Step(name, "e1", taken[-1]["tx_id"], "attested", None, utc(now_ms)))
                return
            time.sleep(0.05)
        raise UnexpectedResultError(f"{name}: nothing within {WAIT_S:g} s: see {self._world.home}/run/oracle-*.log")

    def _attestations(self, kind: SubjectKind, identifier: str, code: int) -> list[dict[str, Any]]:
        """Digest, content and obligations transaction of each attestation that both ledgers have, oldest first."""
        node = self._world.node("regulator")
        recorded = list(node.iter_attestations(subject_kind=kind, subject_id=identifier, kind=code))
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

    def _reason(self, stock: Stock) -> ReasonProgress:
        reasons = self._world.node("bank").list_reasons(stock.facility_id).items
        standing = [each for each in reasons if each.cleared_at_s is None]
        if not standing:
            raise UnexpectedResultError(f"{stock.name} has no standing reason")
        return standing[0]

    def _clean_reason(self, stock: Stock) -> ReasonProgress:
        until = time.monotonic() + WAIT_S
        while ((reason := self._reason(stock)).clean_windows or 0) < CURE_WINDOWS and time.monotonic() < until:
            time.sleep(0.1)
        last = self._attestations("slot", stock.slot_id, 0)[-1]["tx_id"]
        at = utc(self._world.clock.now_ms())
        self._log.show(Step(f"{stock.name}: {CURE_WINDOWS} clean windows", "e1", last, "attested", None, at))
        return reason

    def _frozen(self) -> Event:
        if self._freeze_event is None:
            raise UnexpectedResultError("nothing is frozen")
        return self._freeze_event

    def _committed(self, name: str, tx: Transaction) -> None:
        self._log.transaction(name, tx, self._world.clock.now_ms())

    def _refused(self, name: str, tx: Transaction, code: str) -> None:
        self._log.transaction(name, tx, self._world.clock.now_ms(), refused_as=code)


def _wait_found(get: Callable[[], object]) -> None:
    """Wait for what another organisation has just written: each node follows its own peer."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            get()
            return
        except NotFound:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


def _is_released(lien: Attestation) -> bool:
    return any(each.id == indicator_id("lien_active") and each.value == 0 for each in lien.indicators)
