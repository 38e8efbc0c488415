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
from chaincode.things.slots import SLOT_EXAMPLE, Claim
from chaincode.world import state
from chaincode.world.bounds import (
    Amount,
    BasisPoints,
    Count,
    Currency,
    Described,
    Ident,
    Organisation,
    PledgeId,
    PositiveAmount,
    ReceiptId,
    Seconds,
    SlotId,
    Words,
    one_of,
)
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, receipt_key, slot_claim_key

SLOTS_MAX: Final = 64
"""A receipt writes one claim per slot."""

CLOCK_SKEW_S_MAX: Final = 900
"""As far as a proposal's own time may be from the ledger's."""

ACTIVE: Final = "active"
CANCELLED: Final = "cancelled"
DELIVERED: Final = "delivered"

Slots = Annotated[tuple[SlotId, ...], Count(1, SLOTS_MAX)]
ReceiptStatus = Annotated[
    str,
    one_of(ACTIVE, CANCELLED, DELIVERED),
    Described("`active` until the receipt is cancelled or its goods are delivered.", ACTIVE),
]
LienStatus = Annotated[str, one_of("proposed", "active")]
TheReceipt = Annotated[ReceiptId, Described("The receipt, by the id under which it was issued.", "receipt-1")]
Owner = Annotated[Organisation, Described("Organisation that owns the goods, 存货人 or its successor.", "manufacturer")]
Quantity = Annotated[PositiveAmount, Described("Mass of the goods.", 25_000_000, source="民法典 §909(2)")]


@dataclass(frozen=True)
class Depositor:
    """存货人, as the paper receipt names it (民法典 §909(1))."""

    name: Annotated[Words, Described("Name of the depositor.", "江铜国际贸易有限公司", source="民法典 §909(1)")]
    address: Annotated[Words, Described("Address of the depositor.", "上海市浦东新区", source="民法典 §909(1)")]


@dataclass(frozen=True)
class Goods:
    """仓储物: kind, quality, packaging, pieces and marks; the quantity stands on the receipt, in grams."""

    name: Annotated[Words, Described("Kind of goods, 品种.", "阴极铜", source="民法典 §909(2)")]
    quality: Annotated[Words, Described("Grade or quality, 质量.", "Cu-CATH-1", source="民法典 §909(2)")]
    packaging: Annotated[Words, Described("How the goods are packed, 包装.", "捆扎", source="民法典 §909(2)")]
    pieces: Annotated[PositiveAmount, Described("Number of pieces, 件数.", 10, source="民法典 §909(2)", unit="pieces")]
    marks: Annotated[Words, Described("Marks on the goods, such as the lot, 标记.", "LOT-7", source="民法典 §909(2)")]


@dataclass(frozen=True)
class Insurance:
    """仓储物的保险: sum, period and insurer (民法典 §909(7))."""

    amount_minor: Annotated[Amount, Described("Sum insured.", 180_000_000, source="民法典 §909(7)")]
    currency: Annotated[Currency, Described("Currency of the sum insured, by ISO 4217.", "CNY")]
    from_s: Annotated[Seconds, Described("Beginning of the insured period.", 1_641_100_000, source="民法典 §909(7)")]
    until_s: Annotated[
        Seconds, Described("End of the insured period, after its beginning.", 1_672_636_000, source="民法典 §909(7)")
    ]
    insurer: Annotated[Words, Described("Name of the insurer.", "财产保险股份有限公司", source="民法典 §909(7)")]


@dataclass(frozen=True)
class Lien:
    """The pledge on a receipt: `proposed` by the owner or `active` since the pledgee accepted."""

    pledge_id: Annotated[PledgeId, Described("The pledge that rests on the receipt.", "pledge-1")]
    pledgee: Annotated[Organisation, Described("Bank to which the goods are pledged, 质权人.", "bank")]
    status: Annotated[LienStatus, Described("`proposed` until the pledgee accepts, then `active`.", "active")]
    since_s: Annotated[Seconds, Described("Ledger time at which this status began.", 1_641_200_000)]


@dataclass(frozen=True)
class IssueReceipt:
    """A receipt as its warehouse issues it: every field that 民法典 §909 names is required."""

    receipt_id: Annotated[ReceiptId, Described("Id of the new receipt, made by the warehouse.", "receipt-1")]
    slots: Annotated[Slots, Described("Free slots of the warehouse that hold the goods.", [SLOT_EXAMPLE])]
    owner: Owner
    beneficiary: Annotated[
        Organisation, Described("Organisation for whose account the goods are kept.", "manufacturer")
    ]
    commodity: Annotated[Ident, Described("Commodity whose price values the goods.", "copper-cathode")]
    quantity_g: Quantity
    depositor: Annotated[Depositor, Described("Who deposited the goods, 存货人.", source="民法典 §909(1)")]
    goods: Annotated[Goods, Described("What is stored, 仓储物.", source="民法典 §909(2)")]
    loss_standard_bp: Annotated[
        BasisPoints, Described("Loss that is normal while the goods are stored, 损耗标准.", 5, source="民法典 §909(3)")
    ]
    storage_place: Annotated[
        Words, Described("Where the goods are stored, 储存场所.", "上海一号库", source="民法典 §909(4)")
    ]
    storage_until_s: Annotated[
        Seconds, Described("End of the storage period, after the issue.", 1_656_652_000, source="民法典 §909(5)")
    ]
    storage_fee_minor: Annotated[Amount, Described("Storage fee, 仓储费.", 120_000, source="民法典 §909(6)")]
    storage_fee_currency: Annotated[Currency, Described("Currency of the storage fee, by ISO 4217.", "CNY")]
    insurance: Annotated[Insurance, Described("Insurance of the goods.", source="民法典 §909(7)")]
    issued_place: Annotated[Words, Described("Where the receipt is issued, 填发地.", "上海", source="民法典 §909(8)")]
    issued_at_s: Annotated[
        Seconds,
        Described(
            "When the receipt is issued; not ahead of the ledger's time.", 1_641_100_000, source="民法典 §909(8)"
        ),
    ]
    keeper: Annotated[Words, Described("Who signs for the warehouse, 保管人.", "张三", source="民法典 §909(8)")]


@dataclass(frozen=True, kw_only=True)
class Receipt(Stamped, IssueReceipt):
    """A receipt 仓单 in the state: as it was issued, and what became of it."""

    warehouse: Annotated[Organisation, Described("Organisation that issued it and keeps the goods.", "warehouse")]
    status: ReceiptStatus
    lien: Annotated[Lien | None, Described("The pledge that rests on the receipt; null while there is none.")]
    closing_reason: Annotated[
        Words | None, Described("Why the warehouse cancelled it; null while it did not.", "issued twice by mistake")
    ]
    delivery_requested_s: Annotated[
        Seconds | None, Described("When the owner asked for delivery; null while it did not.", 1_641_300_000)
    ] = None


@dataclass(frozen=True)
class RequestDelivery:
    """The argument of `request_delivery`."""

    receipt_id: TheReceipt


@dataclass(frozen=True)
class CancelReceipt:
    """The argument of `cancel_receipt`."""

    receipt_id: TheReceipt
    reason: Annotated[Words, Described("Why the receipt is cancelled.", "issued twice by mistake")]


@dataclass(frozen=True)
class DeliverReceipt:
    """The argument of `deliver_receipt`."""

    receipt_id: TheReceipt


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

    receipt = Receipt(
        **vars(wanted),
        warehouse=caller.organisation,
        status=ACTIVE,
        lien=None,
        closing_reason=None,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )

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


def require_receipt(stub: Stub, receipt_id: ReceiptId) -> Receipt:
    """The receipt, or `not_found`."""
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


def _require_closable(stub: Stub, caller: Member, closing: Command, receipt_id: ReceiptId) -> Receipt:
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
