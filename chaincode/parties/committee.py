"""The oracle committee, by epoch: whose signatures make an attestation a fact.

Epochs follow one another without gaps. An epoch answers for the windows that end after its `active_from_s` and not
after that of the next epoch, as in the contracts; an attestation signed late is still judged by the committee of its
window.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.access import ANYONE, REGULATOR
from chaincode.declaration import command
from chaincode.parties.members import Member, member
from chaincode.world import state
from chaincode.world.bounds import Count, Described, Organisation, Seconds, Whole, hex_bytes
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import COMMITTEE_HEAD_KEY, Stub, committee_key
from wuxin_evidence.attestation import MEMBERS_MAX
from wuxin_evidence.attestation import Committee as EvidenceCommittee
from wuxin_evidence.attestation import CommitteeMember as EvidenceMember
from wuxin_evidence.crypto.suites import suite

COMMITTEE_MEMBERS_MAX: Final = MEMBERS_MAX
"""Each signature costs every endorser an SM2 verification."""

Epoch = Annotated[int, Whole(1)]
Threshold = Annotated[int, Whole(1, COMMITTEE_MEMBERS_MAX)]
TheEpoch = Annotated[Epoch, Described("Number of the committee's term, from 1 on without gaps.", 2)]


@dataclass(frozen=True)
class CommitteeMember:
    """An organisation whose oracle signs, with its two public keys: SM2 for the facts, an address for the contracts."""

    organisation: Annotated[Organisation, Described("Member of the consortium that runs the oracle.", "bank")]
    sm2_public_key: Annotated[
        str, hex_bytes(65, 65), Described("SM2 key under which it signs for the facts, 04‖x‖y.", "04" + "ab" * 64)
    ]
    evm_address: Annotated[
        str,
        hex_bytes(20, 20),
        Described("Address of the secp256k1 key that it signs with for the contracts.", "cd" * 20),
    ]


@dataclass(frozen=True)
class SetCommittee:
    """A committee as it is proposed: `threshold` of `members` must sign."""

    epoch: TheEpoch
    threshold: Annotated[Threshold, Described("How many must sign; more than half.", 2, unit="members")]
    active_from_s: Annotated[
        Seconds, Described("Windows that end after this second are this committee's.", 1_641_200_000)
    ]
    members: Annotated[
        tuple[CommitteeMember, ...], Count(1, COMMITTEE_MEMBERS_MAX), Described("Who signs, each organisation once.")
    ]


@dataclass(frozen=True, kw_only=True)
class Committee(Stamped, SetCommittee):
    """A committee in the state."""

    def find(self, organisation: str) -> CommitteeMember | None:
        """The organisation's entry, or None."""
        return next((one for one in self.members if one.organisation == organisation), None)

    def evidence(self) -> EvidenceCommittee:
        """The same committee as the verifying code outside the ledger knows it."""
        members = tuple(
            EvidenceMember(one.organisation, bytes.fromhex(one.sm2_public_key), bytes.fromhex(one.evm_address))
            for one in self.members
        )
        return EvidenceCommittee(self.epoch, self.threshold, members, self.active_from_s)


@dataclass(frozen=True)
class CommitteeHead:
    """The latest epoch, in force or still to come."""

    epoch: TheEpoch


@dataclass(frozen=True)
class CommitteeQuery:
    """The argument of `committee`."""

    epoch: Annotated[Epoch | None, Described("Which term; the latest one where none is named.", 2)] = None


@command(
    "set_committee",
    on="committee",
    creates=True,
    id_field="epoch",
    path="",  # two ledgers' matter, done with the keys of its members: no key of an API does it
    roles={REGULATOR},
    events=("committee_set",),
    problems=("wrong_epoch", "conflict", "not_found"),
    en="Name the next oracle committee, in force from a time to come.",
    zh="任命下一届预言机委员会，自指定时间起生效。",
)
def set_committee(stub: Stub, caller: Member, wanted: SetCommittee) -> Committee:
    """The regulator names the next committee, in force from `active_from_s` on.

    Errors: malformed, wrong_epoch (not the next one), conflict (in force in the past or before its predecessor),
    not_found (an organisation that is no member).
    """
    require_sound(wanted)
    latest = require_head(stub)
    if wanted.epoch != latest.epoch + 1:
        raise Refusal(
            "wrong_epoch", f"epoch {wanted.epoch} does not follow {latest.epoch}", f"pass epoch {latest.epoch + 1}"
        )
    earliest_s = max(latest.active_from_s, stub.timestamp_s) + 1
    if wanted.active_from_s < earliest_s:
        raise Refusal(
            "conflict",
            "a committee cannot take over windows that another one answers for",
            f"pass active_from_s of {earliest_s} or later",
        )
    for one in wanted.members:
        member(stub, one.organisation)

    committee = recorded(stub, wanted)

    write_committee(stub, committee)

    emit(stub, Event("committee_set", "committee", str(committee.epoch), {"active_from_s": committee.active_from_s}))
    return committee


def require_sound(wanted: SetCommittee, path: str = "") -> None:
    """Refuse (`malformed`) repeated organisations or keys, keys off the curve, and any threshold but 2k > n, k ≤ n."""
    size = len(wanted.members)
    for field in ("organisation", "sm2_public_key", "evm_address"):
        if len({getattr(one, field) for one in wanted.members}) != size:
            raise malformed(f"{path}members", f"repeat an {field}", "give each member its own organisation and keys")
    for one in wanted.members:
        suite("sm2-sm3").check_public_key(bytes.fromhex(one.sm2_public_key))
    if not size < 2 * wanted.threshold <= 2 * size:
        hint = f"pass {size // 2 + 1} to {size} for a committee of {size}"
        raise malformed(f"{path}threshold", "is not a majority of the members", hint)


def recorded(stub: Stub, wanted: SetCommittee) -> Committee:
    """The committee as a record of this transaction."""
    return Committee(**vars(wanted), created_at_s=stub.timestamp_s, updated_tx=stub.tx_id)


def write_committee(stub: Stub, committee: Committee) -> None:
    """Write the committee as the latest one."""
    state.write(stub, committee_key(committee.epoch), committee)
    state.write(stub, COMMITTEE_HEAD_KEY, CommitteeHead(committee.epoch))


def require_head(stub: Stub) -> Committee:
    """The latest committee, in force or still to come."""
    head = state.require(stub, COMMITTEE_HEAD_KEY, CommitteeHead)
    return require_epoch(stub, head.epoch)


def require_epoch(stub: Stub, epoch: int) -> Committee:
    """The committee of an epoch, or `wrong_epoch`."""
    committee = state.find(stub, committee_key(epoch), Committee)
    if committee is None:
        raise Refusal("wrong_epoch", f"there is no committee of epoch {epoch}", "ask committee{} for the latest epoch")
    return committee


def require_in_force(stub: Stub, epoch: int, window_end_s: int) -> Committee:
    """The committee of an epoch that answers for a window ending at `window_end_s`, or `wrong_epoch`."""
    committee = require_epoch(stub, epoch)
    successor = state.find(stub, committee_key(epoch + 1), Committee)
    too_late = successor is not None and window_end_s > successor.active_from_s
    if window_end_s <= committee.active_from_s or too_late:
        raise Refusal(
            "wrong_epoch",
            f"the committee of epoch {epoch} does not answer for a window that ends at {window_end_s}",
            "let the committee sign that is in force at the window's end",
        )
    return committee


def in_force_at(stub: Stub, time_s: int) -> Committee:
    """The committee of a window that ends at `time_s`; `wrong_epoch` before the first one is in force."""
    committee = require_head(stub)
    while committee.active_from_s >= time_s:
        committee = require_epoch(stub, committee.epoch - 1)
    return committee


@command(
    "committee",
    on="committee",
    id_field="epoch",
    submitting=False,
    roles=ANYONE,
    problems=("wrong_epoch",),
    en="The oracle committee of an epoch, or the latest one.",
    zh="查询某一任期或最新一届的委员会。",
)
def committee(stub: Stub, caller: Member, query: CommitteeQuery) -> Committee:
    """The committee of an epoch, or the latest one where none is named. Errors: malformed, wrong_epoch."""
    return require_head(stub) if query.epoch is None else require_epoch(stub, query.epoch)
