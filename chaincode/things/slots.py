"""Slots 货位: the places where goods lie, and the claim that makes a receipt over them exclusive.

A slot is registered once, by the warehouse whose 统一社会信用代码 its id begins with. A receipt claims all its slots at
once: the key `slot-claim/<slot>` is read and written by the issuing transaction, so that of two that were simulated on
the same state only one commits. Cancelling or delivering the receipt deletes the claim.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.access import WAREHOUSE
from chaincode.declaration import command
from chaincode.parties.members import Member
from chaincode.world import state
from chaincode.world.bounds import Described, Organisation, ReceiptId, SlotId
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, slot_claim_key, slot_key

SLOT_EXAMPLE: Final = "91310115MA3WUX3W6R/BIN-16"


@dataclass(frozen=True)
class RegisterSlot:
    """The argument of `register_slot`."""

    slot_id: Annotated[SlotId, Described("The warehouse's 统一社会信用代码, a slash, its own name.", SLOT_EXAMPLE)]


@dataclass(frozen=True, kw_only=True)
class Slot(Stamped, RegisterSlot):
    """A slot 货位 in the state: a registered place for goods."""

    warehouse: Annotated[Organisation, Described("Organisation that keeps the slot.", "warehouse")]


@dataclass(frozen=True)
class Claim:
    """Which receipt holds a slot."""

    receipt_id: Annotated[ReceiptId, Described("The active receipt over the slot.", "receipt-1")]


@command(
    "register_slot",
    on="slot",
    creates=True,
    roles={WAREHOUSE},
    events=("slot_registered",),
    problems=("forbidden", "conflict"),
    en="Register a place for goods under the warehouse's own code.",
    zh="登记本仓库的货位。",
)
def register(stub: Stub, caller: Member, wanted: RegisterSlot) -> Slot:
    """A warehouse registers one of its own slots. Errors: malformed, forbidden (another's uscc), conflict (taken)."""
    if wanted.slot_id.split("/")[0] != caller.uscc:
        raise Refusal(
            "forbidden",
            f"slot {wanted.slot_id} does not begin with the uscc of {caller.organisation}",
            f"register slots as {caller.uscc}/…",
        )
    state.require_absent(stub, slot_key(wanted.slot_id))

    slot = Slot(
        slot_id=wanted.slot_id, warehouse=caller.organisation, created_at_s=stub.timestamp_s, updated_tx=stub.tx_id
    )

    state.write(stub, slot_key(slot.slot_id), slot)

    emit(stub, Event("slot_registered", "slot", slot.slot_id, {"warehouse": slot.warehouse}))
    return slot


def require_own(stub: Stub, slot_id: SlotId, caller: Member) -> Slot:
    """The slot, kept by the caller; `not_found` or `forbidden`."""
    slot = state.require(stub, slot_key(slot_id), Slot)
    if slot.warehouse != caller.organisation:
        raise Refusal("forbidden", f"slot {slot_id} is kept by {slot.warehouse}", "name slots of your own")
    return slot


def require_unclaimed(stub: Stub, slot_id: SlotId) -> None:
    """Refuse (`slot_claimed`) a slot that a receipt holds. The read is what makes a concurrent claim conflict."""
    claim = claim_on(stub, slot_id)
    if claim is not None:
        raise Refusal(
            "slot_claimed",
            f"slot {slot_id} is held by receipt {claim.receipt_id}",
            "choose a free slot, or have that receipt delivered or cancelled first",
        )


def claim_on(stub: Stub, slot_id: SlotId) -> Claim | None:
    """The claim of the receipt that holds the slot, or None."""
    return state.find(stub, slot_claim_key(slot_id), Claim)
