"""A node, as one organisation sees it.

    from wuxin_client import Client

    with Client("http://127.0.0.1:8080", api_key) as node:
        tx = node.pledges.release("0192…")
        node.wait(tx)                                   # returns it committed, or raises what refused it
        for event in node.events():                     # every event so far, in order
            print(event.id, event.type)

Commands return a `Transaction` at once. `wait` follows it to its end. A command takes an
`idempotency_key` where the caller keeps its own; otherwise one is made for that call and kept through its repeats.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Self
from urllib.parse import quote

import httpx

from wuxin_client import models
from wuxin_client.errors import Conflict, NotFound, Unanswered
from wuxin_client.models import Collateral, Event, Json, Page, Reason, Transaction
from wuxin_client.requests import Requests

WAIT_S_MAX = 60.0
"""The longest that one request asks a node to hold its answer."""
PAGE_LIMIT = 200


class Client:
    """One node over one API key. `transport` is for tests and for callers with a proxy of their own."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float = 90.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._requests = Requests(url, api_key, timeout_s=timeout_s, transport=transport, sleep=sleep)
        self.devices = Devices(self._requests)
        self.assets = Assets(self._requests)
        self.slots = Slots(self._requests)
        self.receipts = Receipts(self._requests)
        self.pledges = Pledges(self._requests)
        self.facilities = Facilities(self._requests)
        self.attestations = Attestations(self._requests)
        self.anchors = Anchors(self._requests)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._requests.close()

    def status(self) -> Json:
        return self._requests.get("/v1/status")

    def committee(self) -> Json:
        return self._requests.get("/v1/committee")

    def duties(self) -> Json:
        """The half-done states by name, each with since, next actor and deadline."""
        return self._requests.get("/v1/duties")

    def collateral(self, receipt_id: str) -> Collateral:
        """Whether this receipt can be lent on now, and if not, each reason why."""
        return Collateral.read(self._requests.get(f"/v1/collateral/{_segment(receipt_id)}"))

    def evidence(self, identifier: str) -> bytes:
        """The bundle of an attestation digest or a transaction id, as the bytes of a zip."""
        return self._requests.get_bytes(f"/v1/evidence/{_segment(identifier)}")

    def transaction(self, identifier: str) -> Transaction:
        return Transaction.read(self._requests.get(f"/v1/transactions/{_segment(identifier)}"))

    def wait(self, tx: Transaction, timeout_s: float = 60.0) -> Transaction:
        """The transaction once it is committed. Raises `Conflict` with its code if a ledger refused it, and
        `Unanswered` if it is still pending at the end of `timeout_s`; it may yet be committed then."""
        until = time.monotonic() + timeout_s
        pause_s = 0.01
        while not tx.final:
            if time.monotonic() > until:
                raise Unanswered("unavailable", f"transaction {tx.id} is still pending", "ask for it again", tx.id)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.5)
            tx = self.transaction(tx.id)
        if not tx.committed:
            raise Conflict(
                tx.code or "conflict", tx.detail or "the ledger refused it", tx.hint or "", tx.tx_id or tx.id
            )
        return tx

    def events(self, after: str | None = None, *, wait_s: float | None = None) -> Iterator[Event]:
        """Every event after a cursor, in the order of its ledger, to the newest; then ends."""
        while True:
            items, cursor = self.events_page(after, wait_s=wait_s)
            yield from items
            if not items:
                return
            after = cursor

    def events_page(
        self, after: str | None = None, *, limit: int = PAGE_LIMIT, wait_s: float | None = None
    ) -> tuple[tuple[Event, ...], str]:
        """One page of events and the cursor after it; `wait_s` holds the request until there is one."""
        answer = self._requests.get("/v1/events", after=after, limit=limit, wait=wait_s)
        return tuple(Event.read(item) for item in answer["items"]), answer["cursor"]

    def event(self, event_id: str) -> Json:
        """One event with its content hash and who has acknowledged it."""
        return self._requests.get(f"/v1/events/{_segment(event_id)}")

    def acknowledge(self, event_id: str, **options: Any) -> Transaction:
        """Says on the ledger of facts that this organisation has received an event."""
        return _command(self._requests, "/v1/events/acknowledge", {"event_id": event_id}, **options)


class _Resource:
    path = ""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def get(self, identifier: str) -> Json:
        return self._requests.get(f"{self.path}/{_segment(identifier)}")

    def page(self, after: str | None = None, limit: int = PAGE_LIMIT, **filters: Any) -> Page[Json]:
        answer = self._requests.get(self.path, after=after, limit=limit, **filters)
        return Page(tuple(answer["items"]), answer.get("next"))

    def all(self, **filters: Any) -> Iterator[Json]:
        """Every record, page by page."""
        after: str | None = None
        while True:
            page = self.page(after, **filters)
            yield from page.items
            if page.next is None:
                return
            after = page.next

    def _create(self, body: Json, options: Json) -> Transaction:
        return _command(self._requests, self.path, body, **options)

    def _act(self, identifier: str, action: str, body: Json, options: Json) -> Transaction:
        return _command(self._requests, f"{self.path}/{_segment(identifier)}/{action}", body, **options)


class Devices(_Resource):
    path = "/v1/devices"

    def enrol(self, device: models.EnrolDevice, **options: Any) -> Transaction:
        return self._create(device, options)

    def bind(self, device_id: str, *, slot_id: str, **options: Any) -> Transaction:
        return self._act(device_id, "bind", {"slot_id": slot_id}, options)

    def suspend(self, device_id: str, *, reason: str, **options: Any) -> Transaction:
        return self._act(device_id, "suspend", {"reason": reason}, options)

    def resume(self, device_id: str, **options: Any) -> Transaction:
        return self._act(device_id, "resume", {}, options)


class Assets(_Resource):
    path = "/v1/assets"

    def register(self, asset: models.RegisterAsset, **options: Any) -> Transaction:
        return self._create(asset, options)

    def append_event(self, asset_id: str, event: models.AssetEvent, **options: Any) -> Transaction:
        return self._act(asset_id, "events", event, options)


class Slots(_Resource):
    path = "/v1/slots"

    def register(self, slot_id: str, **options: Any) -> Transaction:
        return self._create({"slot_id": slot_id}, options)

    def get(self, identifier: str) -> Json:
        return self._requests.get(f"{self.path}/by-id", slot_id=identifier)


class Receipts(_Resource):
    path = "/v1/receipts"

    def issue(self, receipt: models.IssueReceipt, **options: Any) -> Transaction:
        return self._create(receipt, options)

    def request_delivery(self, receipt_id: str, **options: Any) -> Transaction:
        """The owner's word: without it the warehouse neither delivers nor cancels."""
        return self._act(receipt_id, "request-delivery", {}, options)

    def cancel(self, receipt_id: str, *, reason: str, **options: Any) -> Transaction:
        return self._act(receipt_id, "cancel", {"reason": reason}, options)

    def deliver(self, receipt_id: str, **options: Any) -> Transaction:
        return self._act(receipt_id, "deliver", {}, options)


class Pledges(_Resource):
    path = "/v1/pledges"

    def propose(self, pledge: models.ProposePledge, **options: Any) -> Transaction:
        return self._create(pledge, options)

    def accept(self, pledge_id: str, *, facility_id: str, terms: Json, salt: str, **options: Any) -> Transaction:
        return self._act(pledge_id, "accept", {"facility_id": facility_id, "terms": terms, "salt": salt}, options)

    def release(self, pledge_id: str, **options: Any) -> Transaction:
        return self._act(pledge_id, "release", {}, options)

    def lapse(self, pledge_id: str, **options: Any) -> Transaction:
        return self._act(pledge_id, "lapse", {}, options)


class Facilities(_Resource):
    path = "/v1/facilities"

    def propose(self, facility: models.ProposeFacility, **options: Any) -> Transaction:
        return self._create(facility, options)

    def activate(self, facility_id: str, **options: Any) -> Transaction:
        return self._act(facility_id, "activate", {}, options)

    def draw(self, facility_id: str, *, amount_minor: int, **options: Any) -> Transaction:
        return self._act(facility_id, "draw", {"amount_minor": amount_minor}, options)

    def repay(self, facility_id: str, *, amount_minor: int, **options: Any) -> Transaction:
        return self._act(facility_id, "repay", {"amount_minor": amount_minor}, options)

    def freeze(self, facility_id: str, *, reason: str, **options: Any) -> Transaction:
        return self._act(facility_id, "freeze", {"reason": reason}, options)

    def lift(self, facility_id: str, *, reason_key: str, **options: Any) -> Transaction:
        return self._act(facility_id, "lift", {"reason_key": reason_key}, options)

    def approve(self, facility_id: str, *, reason_key: str, **options: Any) -> Transaction:
        return self._act(facility_id, "approve", {"reason_key": reason_key}, options)

    def unfreeze(self, facility_id: str, *, reason_key: str, **options: Any) -> Transaction:
        return self._act(facility_id, "unfreeze", {"reason_key": reason_key}, options)

    def start_closing(self, facility_id: str, **options: Any) -> Transaction:
        return self._act(facility_id, "start-closing", {}, options)

    def close(self, facility_id: str, **options: Any) -> Transaction:
        return self._act(facility_id, "close", {}, options)

    def reasons(self, facility_id: str) -> tuple[Reason, ...]:
        """Why it is frozen: the reasons that stand and those that were cleared."""
        answer = self._requests.get(f"{self.path}/{_segment(facility_id)}/reasons")
        return tuple(Reason.read(item) for item in answer["items"])


class Attestations(_Resource):
    path = "/v1/attestations"

    def relay(self, attestation: models.RelayAttestation, **options: Any) -> Transaction:
        """Hands a signed attestation to the node; its authority is in its signatures, not in the caller."""
        return self._create(attestation, options)


class Anchors(_Resource):
    path = "/v1/anchors"

    def post(self, checkpoint: models.AnchorCheckpoint, **options: Any) -> Transaction:
        """Pins the caller's own evidence log to the facts, at the size and root of a signed checkpoint."""
        return self._create(checkpoint, options)

    def newest(self, origin: str) -> Json | None:
        """The longest anchored checkpoint of a log; None when there is none yet."""
        items = self.page(origin=origin, limit=1).items
        return items[0] if items else None

    def get(self, identifier: str) -> Json:
        """The same, by the log's origin. Raises `NotFound`."""
        found = self.newest(identifier)
        if found is None:
            raise NotFound("not_found", f"no checkpoint of {identifier} is anchored", "see GET /v1/anchors")
        return found


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")


def _command(
    requests: Requests,
    path: str,
    body: Json,
    *,
    idempotency_key: str | None = None,
    wait_s: float | None = None,
) -> Transaction:
    answer = requests.post(path, body, idempotency_key=idempotency_key, wait_s=wait_s)
    return Transaction.read(answer["transaction"])
