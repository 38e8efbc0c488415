"""Warehouse receipts 仓单: the contents that 民法典 §909 asks for, over slots that nobody else can receipt.

    issue            by the warehouse, for an owner; claims the slots; key policy AND(warehouse, owner)
    request_delivery by the owner, while no pledge rests on it: the goods may leave, or the receipt be cancelled
    cancel           by the same warehouse, once the owner has requested it; frees the slots
    deliver          the same, when the goods leave

A warehouse that owns the goods itself need not ask itself. A pledge takes the request back.

The lien is derived state: pledges write it on the receipt, so that `lien_check` is one read.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from chaincode.access import ANYONE, WAREHOUSE, require_party
from chaincode.declaration import Command, command
from chaincode.parties.members import Member, guard, member, require_endorser
from chaincode.things import slots
from chaincode.things.slots import Claim
from chaincode.world import state
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import (
    Amount,
    BasisPoints,
    Count,
    Currency,
    Ident,
    Organisation,
    PositiveAmount,
    Seconds,
    SlotId,
    Text,
    Words,
    malformed,
    one_of,
)
from chaincode.world.stub import Stub, receipt_key, slot_claim_key

SLOTS_MAX: Final = 64
"""A receipt writes one claim per slot."""

CLOCK_SKEW_S_MAX: Final = 900
"""As far as a proposal's own time may be from the ledger's."""

ACTIVE: Final = "active"
CANCELLED: Final = "cancelled"
DELIVERED: Final = "delivered"

Slots = Annotated[tuple[SlotId, ...], Count(1, SLOTS_MAX)]
ReceiptStatus = Annotated[str, one_of(ACTIVE, CANCELLED, DELIVERED)]
LienStatus = Annotated[str, one_of("proposed", "active")]


@dataclass(frozen=True)
class Depositor:
    """存货人名称和住所."""

    name: Words
    address: Words


@dataclass(frozen=True)
class Goods:
    """仓储物的品种、质量、包装、件数和标记; the quantity stands on the receipt, in grams."""

    name: Words
    quality: Words
    packaging: Words
    pieces: PositiveAmount
    marks: Words


@dataclass(frozen=True)
class Insurance:
    """保险金额、期间以及保险人."""

    amount_minor: Amount
    currency: Currency
    from_s: Seconds
    until_s: Seconds
    insurer: Words


@dataclass(frozen=True)
class Lien:
    """The pledge on a receipt: `proposed` by the owner or `active` since the pledgee accepted."""

    pledge_id: Ident
    pledgee: Organisation
    status: LienStatus
    since_s: Seconds


@dataclass(frozen=True)
class IssueReceipt:
    """The argument of `issue_receipt`: every field that 民法典 §909 names is required."""

    receipt_id: Ident
    slots: Slots
    owner: Organisation
    beneficiary: Organisation
    commodity: Ident
    quantity_g: PositiveAmount
    depositor: Depositor
    goods: Goods
    loss_standard_bp: BasisPoints
    storage_place: Words
    storage_until_s: Seconds
    storage_fee_minor: Amount
    insurance: Insurance
    issued_place: Words
    issued_at_s: Seconds
    keeper: Words
    storage_fee_currency: Currency = "CNY"


@dataclass(frozen=True)
class Receipt:
    """A receipt in the state; `warehouse` issued it and keeps the goods, `keeper` signed (保管人签名)."""

    receipt_id: Ident
    warehouse: Organisation
    status: ReceiptStatus
    lien: Lien | None
    slots: Slots
    owner: Organisation
    beneficiary: Organisation
    commodity: Ident
    quantity_g: PositiveAmount
    depositor: Depositor
    goods: Goods
    loss_standard_bp: BasisPoints
    storage_place: Words
    storage_until_s: Seconds
    storage_fee_minor: Amount
    storage_fee_currency: Currency
    insurance: Insurance
    issued_place: Words
    issued_at_s: Seconds
    keeper: Words
    closing_reason: Words | None
    created_at_s: Seconds
    updated_tx: Annotated[str, Text()]
    delivery_requested_s: Seconds | None = None


@dataclass(frozen=True)
class RequestDelivery:
    receipt_id: Ident


@dataclass(frozen=True)
class CancelReceipt:
    receipt_id: Ident
    reason: Words


@dataclass(frozen=True)
class DeliverReceipt:
    receipt_id: Ident


@command(
    "issue_receipt",
    on="receipt",
    creates=True,
    roles={WAREHOUSE},
    events=("receipt_issued",),
    problems=("clock_skew", "conflict", "not_found", "forbidden", "slot_claimed"),
    en="Issue a warehouse receipt over free slots.",
    zh="就空闲货位签发仓单。",
)
def issue(stub: Stub, caller: Member, wanted: IssueReceipt) -> Receipt:
    """A warehouse issues a receipt over free slots of its own.

    Errors: malformed, clock_skew (dated in the future), conflict (id taken, or a party without a peer), not_found
    (slot or organisation), forbidden (another's slot), slot_claimed.
    """
    _require_sound(stub, wanted)
    state.require_absent(stub, receipt_key(wanted.receipt_id))
    owner = member(stub, wanted.owner)
    member(stub, wanted.beneficiary)
    require_endorser(caller, "the warehouse of a receipt")
    require_endorser(owner, "the owner of a receipt")
    for slot_id in wanted.slots:
        slots.require_own(stub, slot_id, caller)
        slots.require_unclaimed(stub, slot_id)

    receipt = _issued(stub, caller, wanted)

    state.write(stub, receipt_key(receipt.receipt_id), receipt)
    for slot_id in receipt.slots:
        state.write(stub, slot_claim_key(slot_id), Claim(receipt.receipt_id))
    guard(stub, receipt_key(receipt.receipt_id), caller, owner)

    body = {"owner": receipt.owner, "slots": receipt.slots, "quantity_g": receipt.quantity_g}
    emit(stub, Event("receipt_issued", "receipt", receipt.receipt_id, body))
    return receipt


@command(
    "request_delivery",
    on="receipt",
    roles=ANYONE,
    party="owner",
    events=("delivery_requested",),
    problems=("not_found", "not_owner", "receipt_not_active", "receipt_pledged"),
    en="Let the goods leave: the owner asks for their delivery.",
    zh="存货人申请提货。",
)
def request_delivery(stub: Stub, caller: Member, wanted: RequestDelivery) -> Receipt:
    """The owner lets its goods leave; the same again has no effect.

    Errors: malformed, not_found, not_owner, receipt_not_active, receipt_pledged.
    """
    receipt = require_receipt(stub, wanted.receipt_id)
    require_party(request_delivery, caller, receipt.owner)
    require_active(receipt)
    require_free_of_lien(receipt)

    if receipt.delivery_requested_s is not None:
        return receipt
    requested = replace(receipt, delivery_requested_s=stub.timestamp_s, updated_tx=stub.tx_id)

    state.write(stub, receipt_key(requested.receipt_id), requested)

    emit(stub, Event("delivery_requested", "receipt", requested.receipt_id, {"owner": requested.owner}))
    return requested


@command(
    "cancel_receipt",
    on="receipt",
    roles={WAREHOUSE},
    party="warehouse",
    events=("receipt_cancelled",),
    problems=("not_found", "forbidden", "receipt_not_active", "receipt_pledged", "conflict"),
    en="Cancel a receipt whose owner requested delivery.",
    zh="注销存货人已申请提货的仓单。",
)
def cancel(stub: Stub, caller: Member, wanted: CancelReceipt) -> Receipt:
    """The issuing warehouse cancels a receipt that is not pledged and whose owner requested delivery.

    Errors: malformed, not_found, forbidden (another warehouse), receipt_not_active, receipt_pledged, conflict (the
    owner has not requested it).
    """
    receipt = _require_closable(stub, caller, cancel, wanted.receipt_id)

    closed = replace(receipt, status=CANCELLED, closing_reason=wanted.reason, updated_tx=stub.tx_id)

    _write_closed(stub, closed)

    emit(stub, Event("receipt_cancelled", "receipt", closed.receipt_id, {"reason": wanted.reason}))
    return closed


@command(
    "deliver_receipt",
    on="receipt",
    roles={WAREHOUSE},
    party="warehouse",
    events=("receipt_delivered",),
    problems=("not_found", "forbidden", "receipt_not_active", "receipt_pledged", "conflict"),
    en="Hand out the goods that their owner requested.",
    zh="向存货人交付其申请提取的货物。",
)
def deliver(stub: Stub, caller: Member, wanted: DeliverReceipt) -> Receipt:
    """The issuing warehouse hands out the goods that their owner requested. Errors as of `cancel`."""
    receipt = _require_closable(stub, caller, deliver, wanted.receipt_id)

    closed = replace(receipt, status=DELIVERED, updated_tx=stub.tx_id)

    _write_closed(stub, closed)

    emit(stub, Event("receipt_delivered", "receipt", closed.receipt_id, {"owner": closed.owner}))
    return closed


def require_receipt(stub: Stub, receipt_id: str) -> Receipt:
    return state.require(stub, receipt_key(receipt_id), Receipt)


def require_active(receipt: Receipt) -> None:
    """Refuse (`receipt_not_active`) a receipt that was cancelled or delivered."""
    if receipt.status != ACTIVE:
        raise Refusal(
            "receipt_not_active", f"receipt {receipt.receipt_id} is {receipt.status}", "use a receipt that is active"
        )


def require_free_of_lien(receipt: Receipt) -> None:
    """Refuse (`receipt_pledged`) a receipt that a pledge rests on, proposed or accepted."""
    if receipt.lien is not None:
        lien = receipt.lien
        raise Refusal(
            "receipt_pledged",
            f"pledge {lien.pledge_id} of {lien.pledgee} on receipt {receipt.receipt_id} is {lien.status}",
            "have the pledge released by its pledgee, or lapsed if it was never accepted",
        )


def _require_sound(stub: Stub, wanted: IssueReceipt) -> None:
    if len(set(wanted.slots)) != len(wanted.slots):
        raise malformed("slots", "repeat a slot", "name each slot once")
    if wanted.issued_at_s > stub.timestamp_s + CLOCK_SKEW_S_MAX:
        raise Refusal("clock_skew", "issued_at_s lies in the future", "pass the time of issue in seconds UTC")
    if wanted.storage_until_s <= wanted.issued_at_s:
        raise malformed("storage_until_s", "is not after issued_at_s", "pass the end of the storage period")
    if wanted.insurance.until_s <= wanted.insurance.from_s:
        raise malformed("insurance.until_s", "is not after insurance.from_s", "pass the end of the insured period")


def _issued(stub: Stub, warehouse: Member, wanted: IssueReceipt) -> Receipt:
    return Receipt(
        receipt_id=wanted.receipt_id,
        warehouse=warehouse.organisation,
        status=ACTIVE,
        lien=None,
        slots=wanted.slots,
        owner=wanted.owner,
        beneficiary=wanted.beneficiary,
        commodity=wanted.commodity,
        quantity_g=wanted.quantity_g,
        depositor=wanted.depositor,
        goods=wanted.goods,
        loss_standard_bp=wanted.loss_standard_bp,
        storage_place=wanted.storage_place,
        storage_until_s=wanted.storage_until_s,
        storage_fee_minor=wanted.storage_fee_minor,
        storage_fee_currency=wanted.storage_fee_currency,
        insurance=wanted.insurance,
        issued_place=wanted.issued_place,
        issued_at_s=wanted.issued_at_s,
        keeper=wanted.keeper,
        closing_reason=None,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )


def _require_closable(stub: Stub, caller: Member, closing: Command, receipt_id: str) -> Receipt:
    receipt = require_receipt(stub, receipt_id)
    require_party(closing, caller, receipt.warehouse)
    require_active(receipt)
    require_free_of_lien(receipt)
    if receipt.delivery_requested_s is None and receipt.owner != caller.organisation:
        raise Refusal(
            "conflict",
            f"{receipt.owner} has not requested delivery of receipt {receipt_id}",
            f"have {receipt.owner} call request_delivery first",
        )
    return receipt


def _write_closed(stub: Stub, receipt: Receipt) -> None:
    state.write(stub, receipt_key(receipt.receipt_id), receipt)
    for slot_id in receipt.slots:
        stub.delete(slot_claim_key(slot_id))
