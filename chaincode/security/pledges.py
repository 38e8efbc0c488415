"""Pledges 质押: a receipt as security, from the owner's proposal to the pledgee's release.

    propose  by the owner: receipt.lien = proposed, the pledgor's terms are stored; until it is answered, receipt and
             pledge change only under AND(warehouse, owner, pledgee): nobody writes the pledgee's answer without it
    accept   by the pledgee, naming the facility, over the very same terms: receipt.lien = active, and from now on the
             receipt changes only under AND(warehouse, pledgee)
    release  by the pledgee: receipt.lien = none, the key policy goes back to AND(warehouse, owner)
    lapse    by the owner, when the pledgee let the proposal's deadline pass; the policy goes back, too

Endorsement is simulation; consent is the caller. Accepting and releasing therefore ask who is calling.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from chaincode.access import ANYONE, require_party
from chaincode.declaration import command
from chaincode.parties.members import Member, guard, member, require_endorser
from chaincode.security import private_terms
from chaincode.security.receipts import Lien, Receipt, require_active, require_free_of_lien, require_receipt
from chaincode.world import state
from chaincode.world.bounds import Described, FacilityId, Organisation, PledgeId, ReceiptId, Seconds, one_of, readable
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, pledge_key, receipt_key

PROPOSAL_S_MAX: Final = 366 * 24 * 3600
"""A forgotten proposal blocks a receipt for at most a year."""

PROPOSED: Final = "proposed"
ACTIVE: Final = "active"
RELEASED: Final = "released"
LAPSED: Final = "lapsed"

PledgeStatus = Annotated[
    str,
    one_of(PROPOSED, ACTIVE, RELEASED, LAPSED),
    Described("`proposed`, then `active` or `lapsed`; `released` after `active`.", ACTIVE),
]
ThePledge = Annotated[PledgeId, Described("The pledge, by the id under which it was proposed.", "pledge-1")]


@dataclass(frozen=True)
class ProposePledge:
    """A pledge as the owner of a receipt proposes it; the commercial terms are private and stand beside it."""

    pledge_id: Annotated[PledgeId, Described("Id of the new pledge, made by the owner.", "pledge-1")]
    receipt_id: Annotated[ReceiptId, Described("The active receipt that is pledged.", "receipt-1")]
    pledgee: Annotated[Organisation, Described("Bank to which the goods are pledged, 质权人.", "bank")]
    registration_number: Annotated[
        str,
        readable(64),
        Described("Number in the 动产和权利担保统一登记; stored, never checked live.", "01234567890123456789"),
    ]
    accept_until_s: Annotated[
        Seconds, Described("Until when the pledgee may accept; at most a year ahead.", 1_641_200_400)
    ]


@dataclass(frozen=True)
class AcceptPledge:
    """The argument of `accept_pledge`."""

    pledge_id: ThePledge
    facility_id: Annotated[FacilityId, Described("The facility that the pledge secures, 授信.", "facility-1")]


@dataclass(frozen=True)
class PledgeReference:
    """The argument of `release_pledge`, `lapse_pledge` and `terms`."""

    pledge_id: ThePledge


@dataclass(frozen=True, kw_only=True)
class Pledge(Stamped, ProposePledge):
    """A pledge 质押 in the state: as it was proposed, and what became of it."""

    pledgor: Annotated[Organisation, Described("Organisation that pledged its receipt, 出质人.", "manufacturer")]
    warehouse: Annotated[Organisation, Described("Organisation that keeps the goods.", "warehouse")]
    status: PledgeStatus
    facility_id: Annotated[
        FacilityId | None, Described("The facility that the pledgee named on accepting; null before.", "facility-1")
    ]
    since_s: Annotated[Seconds, Described("Ledger time at which this status began.", 1_641_200_000)]


@command(
    "propose_pledge",
    on="pledge",
    creates=True,
    roles=ANYONE,
    party="owner",
    transient=("terms",),
    events=("pledge_proposed",),
    problems=("not_found", "not_owner", "receipt_not_active", "receipt_pledged", "conflict", "forbidden"),
    en="Offer a receipt as security to a bank.",
    zh="以仓单向银行提出质押。",
)
def propose(stub: Stub, caller: Member, wanted: ProposePledge) -> Pledge:
    """The owner offers a receipt as security to a bank, and so takes back its request for delivery, if it made one.

    Transient `terms` is the pledgor's copy.

    Errors: malformed, too_large, not_found, not_owner, receipt_not_active, receipt_pledged, conflict (id taken, or the
    pledgee has no peer), forbidden (the pledgee is no bank).
    """
    terms = private_terms.require_terms(stub)

    receipt = require_receipt(stub, wanted.receipt_id)
    require_party(propose, caller, receipt.owner)
    _require_pledgeable(stub, receipt)
    state.require_absent(stub, pledge_key(wanted.pledge_id))
    pledgee = _require_pledgee(stub, wanted.pledgee, caller)
    # A proposal already blocks every other pledge of the receipt, so it has to end by itself.
    if not stub.timestamp_s < wanted.accept_until_s <= stub.timestamp_s + PROPOSAL_S_MAX:
        raise malformed("accept_until_s", "is not within a year from now", "pass a later second, at most a year ahead")
    warehouse = member(stub, receipt.warehouse)

    pledge = Pledge(
        **vars(wanted),
        pledgor=receipt.owner,
        warehouse=receipt.warehouse,
        status=PROPOSED,
        facility_id=None,
        since_s=stub.timestamp_s,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )
    pledged = replace(_with_lien(stub, receipt, _lien(pledge)), delivery_requested_s=None)

    _write(stub, pledge, pledged, (warehouse, caller, pledgee))
    private_terms.write_copy(stub, terms, pledge.pledge_id, caller)

    emit(stub, _event("pledge_proposed", pledge))
    return pledge


@command(
    "accept_pledge",
    on="pledge",
    roles=ANYONE,
    party="pledgee",
    transient=("terms",),
    events=("pledge_accepted",),
    problems=("not_found", "not_pledgee", "pledge_not_active", "receipt_not_active", "conflict"),
    en="Accept a pledge over the same private terms, naming the facility.",
    zh="质权人以相同条款接受质押并指明授信。",
)
def accept(stub: Stub, caller: Member, wanted: AcceptPledge) -> Pledge:
    """The pledgee accepts, naming the facility; transient `terms` must equal the pledgor's copy.

    Errors: malformed, too_large, not_found, not_pledgee, pledge_not_active (not proposed, or past its deadline),
    receipt_not_active, conflict (other terms).
    """
    terms = private_terms.require_terms(stub)

    pledge = require_pledge(stub, wanted.pledge_id)
    require_party(accept, caller, pledge.pledgee)
    _require_status(pledge, PROPOSED)
    if stub.timestamp_s > pledge.accept_until_s:
        hint = "have the owner lapse it and propose again"
        raise Refusal("pledge_not_active", f"the proposal ended at {pledge.accept_until_s}", hint)
    receipt = require_receipt(stub, pledge.receipt_id)
    require_active(receipt)
    private_terms.require_same(stub, terms, pledge.pledge_id, member(stub, pledge.pledgor))
    warehouse = member(stub, pledge.warehouse)

    accepted = _moved(stub, replace(pledge, facility_id=wanted.facility_id), ACTIVE)
    pledged = _with_lien(stub, receipt, _lien(accepted))

    _write(stub, accepted, pledged, (warehouse, caller))
    private_terms.write_copy(stub, terms, accepted.pledge_id, caller)

    emit(stub, _event("pledge_accepted", accepted))
    return accepted


@command(
    "release_pledge",
    on="pledge",
    roles=ANYONE,
    party="pledgee",
    events=("pledge_released",),
    problems=("not_found", "not_pledgee", "pledge_not_active"),
    en="Give the security back.",
    zh="质权人解除质押。",
)
def release(stub: Stub, caller: Member, wanted: PledgeReference) -> Pledge:
    """The pledgee gives the security back. Errors: malformed, not_found, not_pledgee, pledge_not_active."""
    pledge = require_pledge(stub, wanted.pledge_id)
    require_party(release, caller, pledge.pledgee)
    _require_status(pledge, ACTIVE)
    receipt = require_receipt(stub, pledge.receipt_id)
    warehouse, owner = member(stub, pledge.warehouse), member(stub, receipt.owner)

    released = _moved(stub, pledge, RELEASED)
    free = _with_lien(stub, receipt, None)

    _write(stub, released, free, (warehouse, owner))

    emit(stub, _event("pledge_released", released))
    return released


@command(
    "lapse_pledge",
    on="pledge",
    roles=ANYONE,
    party="owner",
    events=("pledge_lapsed",),
    problems=("not_found", "not_owner", "pledge_not_active", "conflict"),
    en="Take back a proposal that nobody accepted in time.",
    zh="撤回逾期未被接受的质押申请。",
)
def lapse(stub: Stub, caller: Member, wanted: PledgeReference) -> Pledge:
    """The pledgor takes back a proposal whose deadline has passed.

    Errors: malformed, not_found, not_owner, pledge_not_active (accepted, or over), conflict (still open).
    """
    pledge = require_pledge(stub, wanted.pledge_id)
    require_party(lapse, caller, pledge.pledgor)
    _require_status(pledge, PROPOSED)
    if stub.timestamp_s <= pledge.accept_until_s:
        hint = f"wait until after {pledge.accept_until_s}"
        raise Refusal("conflict", f"{pledge.pledgee} may still accept pledge {pledge.pledge_id}", hint)
    receipt = require_receipt(stub, pledge.receipt_id)
    warehouse, owner = member(stub, pledge.warehouse), member(stub, receipt.owner)

    lapsed = _moved(stub, pledge, LAPSED)
    free = _with_lien(stub, receipt, None)

    _write(stub, lapsed, free, (warehouse, owner))

    emit(stub, _event("pledge_lapsed", lapsed))
    return lapsed


@command(
    "terms",
    on="pledge",
    submitting=False,
    roles=ANYONE,
    party="party to the pledge",
    problems=("not_found", "forbidden"),
    en="The caller's own copy of a pledge's private terms.",
    zh="查询本方持有的质押保密条款。",
)
def terms(stub: Stub, caller: Member, query: PledgeReference) -> object:
    """A party's own copy of the private terms. Errors: malformed, not_found, forbidden (no party to the pledge)."""
    pledge = require_pledge(stub, query.pledge_id)
    require_party(terms, caller, pledge.pledgor, pledge.pledgee)
    return private_terms.read_copy(stub, pledge.pledge_id, caller)


def require_pledge(stub: Stub, pledge_id: PledgeId) -> Pledge:
    """The pledge, or `not_found`."""
    return state.require(stub, pledge_key(pledge_id), Pledge)


def _require_pledgeable(stub: Stub, receipt: Receipt) -> None:
    require_active(receipt)
    require_free_of_lien(receipt)
    if receipt.storage_until_s <= stub.timestamp_s:
        raise Refusal(
            "receipt_not_active",
            f"the storage period of receipt {receipt.receipt_id} ended at {receipt.storage_until_s}",
            "have the goods delivered or a new receipt issued",
        )


def _require_pledgee(stub: Stub, pledgee: str, owner: Member) -> Member:
    bank = member(stub, pledgee)
    require_endorser(bank, "a pledgee")
    if "bank" not in bank.roles or bank.organisation == owner.organisation:
        raise Refusal("forbidden", f"{pledgee} cannot be the pledgee", "name a bank that does not own the receipt")
    return bank


def _require_status(pledge: Pledge, status: str) -> None:
    if pledge.status != status:
        raise Refusal(
            "pledge_not_active",
            f"pledge {pledge.pledge_id} is {pledge.status}, not {status}",
            "ask lien_check what rests on the receipt now",
        )


def _moved(stub: Stub, pledge: Pledge, status: str) -> Pledge:
    return replace(pledge, status=status, since_s=stub.timestamp_s, updated_tx=stub.tx_id)


def _lien(pledge: Pledge) -> Lien:
    return Lien(pledge.pledge_id, pledge.pledgee, pledge.status, pledge.since_s)


def _with_lien(stub: Stub, receipt: Receipt, lien: Lien | None) -> Receipt:
    return replace(receipt, lien=lien, updated_tx=stub.tx_id)


def _write(stub: Stub, pledge: Pledge, receipt: Receipt, guardians: tuple[Member, ...]) -> None:
    """Pledge and receipt move together, under one key policy."""
    for key, record in ((pledge_key(pledge.pledge_id), pledge), (receipt_key(receipt.receipt_id), receipt)):
        state.write(stub, key, record)
        guard(stub, key, *guardians)


def _event(name: str, pledge: Pledge) -> Event:
    body = {
        "receipt_id": pledge.receipt_id,
        "pledgor": pledge.pledgor,
        "pledgee": pledge.pledgee,
        "facility_id": pledge.facility_id,
        "status": pledge.status,
    }
    return Event(name, "pledge", pledge.pledge_id, body)
