"""Attestations: what k of n oracle members signed becomes a fact, whoever brings it.

Authority is in the signatures, so any member may relay. Before counting them, the chaincode finds out from its own
state whose signature does not count for this subject, because that organisation stores, owns or borrows against it:

    slot       the warehouse of the slot, and the owner of the receipt that claims it
    pledge     the pledgor and the warehouse; the pledgee may sign, it gains nothing from a lien that is not there
    commodity  nobody

Sequences rise per subject and kind. The same sequence and digest again has no effect; the same sequence with another
digest is an `equivocation`. Within one epoch a subject keeps its profile; a new profile comes with a new epoch.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from chaincode.access import ANYONE
from chaincode.declaration import command
from chaincode.parties import committee
from chaincode.parties.committee import COMMITTEE_MEMBERS_MAX, Epoch
from chaincode.parties.consortium import require_consortium
from chaincode.parties.members import Member
from chaincode.security.pledges import require_pledge
from chaincode.security.receipts import require_receipt
from chaincode.things import slots
from chaincode.things.slots import SLOT_EXAMPLE, Slot
from chaincode.world import state
from chaincode.world.bounds import (
    Count,
    Described,
    Hash,
    Organisation,
    PledgeId,
    Seconds,
    SlotId,
    Text,
    Whole,
    hex_bytes,
    one_of,
)
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, attestation_head_key, attestation_key, slot_key
from wuxin_evidence import attestation as evidence
from wuxin_evidence import ids

ATTESTATION_BYTES_MAX: Final = 8192
"""16 indicators of 32 + 17 + 3 + 1 bytes, and the head, take about 1 KiB."""

CLOCK_SKEW_S_MAX: Final = 900
"""As far as a proposal's own time may be from the ledger's."""

KINDS_OF_SUBJECT: Final = {
    "slot": (evidence.SCHEDULED, evidence.ALARM),
    "pledge": (evidence.LIEN,),
    "commodity": (evidence.PRICE,),
}
"""What may be said about which subject."""

SubjectKind = Annotated[str, one_of(*KINDS_OF_SUBJECT), Described("Kind of thing that the statement is about.", "slot")]
Kind = Annotated[int, Whole(evidence.SCHEDULED, evidence.PRICE), Described("0 scheduled, 1 alarm, 2 lien, 3 price.", 0)]
Sequence = Annotated[int, Whole(0), Described("Window index × 2^16 + n (FORMATS §6).", 119_521_279)]
Digest = Annotated[Hash, Described("The digest that the members signed (EIP-712).", "7d" * 32)]
TheEpoch = Annotated[Epoch, Described("Term of the committee whose members signed.", 1)]
WindowEnd = Annotated[Seconds, Described("End of the window that the statement is about.", 1_641_200_400)]


@dataclass(frozen=True)
class Signature:
    """A member's SM2 signature over the digest; a secp256k1 one that travels with it is of no use here."""

    organisation: Annotated[Organisation, Described("The member that signed.", "bank")]
    sm2: Annotated[str, hex_bytes(64, 64), Described("SM2 signature r‖s over the digest.", "3a" * 64)]


Signatures = Annotated[tuple[Signature, ...], Count(1, COMMITTEE_MEMBERS_MAX)]


@dataclass(frozen=True)
class RecordAttestation:
    """A statement that oracle members signed, and their signatures."""

    subject_kind: SubjectKind
    subject_id: Annotated[
        str,
        Text(1, 128, r"[A-Za-z0-9][A-Za-z0-9:._/-]*", "the id of the slot, pledge or commodity"),
        Described("Id of the slot, pledge or commodity.", SLOT_EXAMPLE),
    ]
    attestation: Annotated[
        str, hex_bytes(1, ATTESTATION_BYTES_MAX), Described("Canonical CBOR of the signed statement, in hex.", "8c5820")
    ]
    signatures: Annotated[Signatures, Described("At least as many as the committee's threshold.")]


@dataclass(frozen=True, kw_only=True)
class AttestationRecord(Stamped, RecordAttestation):
    """An attestation 存证声明 in the state: the signed statement and the signatures that counted."""

    digest: Digest
    epoch: TheEpoch
    kind: Kind
    sequence: Sequence
    window_start_s: Annotated[Seconds, Described("Beginning of the window.", 1_641_199_500)]
    window_end_s: WindowEnd


@dataclass(frozen=True)
class AttestationHead:
    """The latest attestation of a subject and kind."""

    sequence: Sequence
    digest: Digest
    epoch: TheEpoch
    profile: Annotated[Hash, Described("Hash of the profile by which the members measured.", "9e" * 32)]
    window_end_s: WindowEnd
    updated_tx: Annotated[str, Text(), Described("Id of the transaction that wrote the record last.", "9c" * 32)]


@dataclass(frozen=True)
class Recorded:
    """The answer of `record_attestation`."""

    digest: Digest
    sequence: Sequence
    recorded: Annotated[bool, Described("Whether it is new; false for a repeat.", True)]


@command(
    "record_attestation",
    on="attestation",
    creates=True,
    id_field="subject_id",
    roles=ANYONE,
    events=("attestation_recorded",),
    problems=(
        "not_found",
        "clock_skew",
        "wrong_epoch",
        "quorum_not_met",
        "conflicted_signer",
        "equivocation",
        "sequence_regressed",
        "profile_mismatch",
    ),
    en="Record what the oracle members signed, whoever brings it.",
    zh="登记预言机成员共同签署的存证声明。",
)
def record(stub: Stub, caller: Member, wanted: RecordAttestation) -> Recorded:
    """Record an attestation once; the same again has no effect.

    Errors: malformed, not_found (subject), clock_skew, wrong_epoch, quorum_not_met, conflicted_signer, equivocation,
    sequence_regressed, profile_mismatch.
    """
    said = evidence.Attestation.from_cbor(bytes.fromhex(wanted.attestation))
    digest = said.digest()

    _require_meant(stub, wanted, said)
    earlier = state.find(stub, attestation_key(said.subject.hex(), said.kind, said.sequence), AttestationRecord)
    if earlier is not None and earlier.digest == digest.hex():
        return Recorded(earlier.digest, earlier.sequence, recorded=False)
    members = committee.require_in_force(stub, said.epoch, said.window_end)
    votes = _one_each(wanted.signatures)
    signatures = tuple(evidence.MemberSignature(one.organisation, bytes.fromhex(one.sm2)) for one in votes)
    quorum = evidence.check_quorum(digest, signatures, members.evidence(), _conflicted(stub, wanted))
    quorum.require()
    _require_no_other(earlier, digest.hex())
    _require_next(stub, said)

    counted = tuple(one for one in votes if one.organisation in quorum.signed)
    recorded = _recorded(stub, wanted, said, digest.hex(), counted)
    head = AttestationHead(said.sequence, digest.hex(), said.epoch, said.profile.hex(), said.window_end, stub.tx_id)

    state.write(stub, attestation_key(said.subject.hex(), said.kind, said.sequence), recorded)
    state.write(stub, attestation_head_key(said.subject.hex(), said.kind), head)

    emit(stub, _event(wanted, said, recorded))
    return Recorded(recorded.digest, recorded.sequence, recorded=True)


def _require_meant(stub: Stub, wanted: RecordAttestation, said: evidence.Attestation) -> None:
    """Is it of this consortium, about this subject, of a kind that fits it, and about the past?"""
    if said.consortium_id.hex() != require_consortium(stub).consortium_id:
        raise malformed(
            "attestation.consortium_id", "is of another consortium", "relay it to the ledger it was made for"
        )
    if said.subject != ids.subject(wanted.subject_kind, wanted.subject_id):
        hint = "name the subject that the members signed: keccak256 of wuxin/1/<kind>/<id>"
        raise malformed("attestation.subject", f"is not {wanted.subject_kind} {wanted.subject_id}", hint)
    if said.kind not in KINDS_OF_SUBJECT[wanted.subject_kind]:
        names = ", ".join(evidence.KIND_NAMES[kind] for kind in KINDS_OF_SUBJECT[wanted.subject_kind])
        raise malformed("attestation.kind", f"does not fit a {wanted.subject_kind}", f"kinds that fit: {names}")
    if max(said.sequence, said.epoch) >= 2**53:
        raise malformed("attestation.sequence", "or epoch is beyond 2^53−1", "number windows as FORMATS §6 says")
    _require_sequence(said, require_consortium(stub).day_offset_s)
    if said.window_end > stub.timestamp_s + CLOCK_SKEW_S_MAX:
        raise Refusal("clock_skew", "the window ends in the future", "relay the attestation when its window is over")


def _require_sequence(said: evidence.Attestation, day_offset_s: int) -> None:
    """A sequence far ahead of its window would leave no room for the honest ones after it.

    The length of a window is in the profile, which only the contracts know: a scheduled statement shows it, for every
    other the shortest possible is taken, a second. So this is a bound; the contracts ask for the very window.
    """
    window_s = said.window_end - said.window_start if said.kind == evidence.SCHEDULED else 1
    if said.sequence >> 16 > (said.window_end + day_offset_s) // max(window_s, 1):
        raise malformed("attestation.sequence", "is ahead of its window", "number windows as FORMATS §6 says")
    if said.kind == evidence.SCHEDULED and said.sequence & 0xFFFF != evidence.SCHEDULED_N:
        raise malformed("attestation.sequence", "is no scheduled one", f"end it in {evidence.SCHEDULED_N}")


def _conflicted(stub: Stub, wanted: RecordAttestation) -> frozenset[str]:
    """Organisations whose signature does not count for this subject; `not_found` where there is no such subject."""
    if wanted.subject_kind == "slot":
        slot_id = SlotId(wanted.subject_id)
        slot = state.require(stub, slot_key(slot_id), Slot)
        claim = slots.claim_on(stub, slot_id)
        owners = [] if claim is None else [require_receipt(stub, claim.receipt_id).owner]
        return frozenset({slot.warehouse, *owners})
    if wanted.subject_kind == "pledge":
        pledge = require_pledge(stub, PledgeId(wanted.subject_id))
        return frozenset({pledge.pledgor, pledge.warehouse})
    return frozenset()


def _one_each(signatures: Signatures) -> Signatures:
    """The first signature of each organisation, by name: a second one is no second vote."""
    first = {one.organisation: one for one in reversed(signatures)}
    return tuple(first[organisation] for organisation in sorted(first))


def _require_no_other(earlier: AttestationRecord | None, digest: str) -> None:
    if earlier is not None:
        raise Refusal(
            "equivocation",
            f"sequence {earlier.sequence} stands with digest {earlier.digest}, not {digest}",
            "keep both and bring them to the regulator: members signed two statements for one sequence",
        )


def _require_next(stub: Stub, said: evidence.Attestation) -> None:
    head = state.find(stub, attestation_head_key(said.subject.hex(), said.kind), AttestationHead)
    if head is None:
        return
    if said.sequence <= head.sequence:
        raise Refusal(
            "sequence_regressed",
            f"sequence {said.sequence} does not come after {head.sequence}",
            "relay attestations of a subject and kind in their order",
        )
    # Within an epoch the judge stays the same: k members could else choose the profile after they saw the readings.
    if said.epoch == head.epoch and said.profile.hex() != head.profile:
        raise Refusal(
            "profile_mismatch",
            f"profile {said.profile.hex()} is not the one of epoch {head.epoch}, {head.profile}",
            "let all members run the same profile; change it together with the committee's epoch",
        )


def _recorded(
    stub: Stub, wanted: RecordAttestation, said: evidence.Attestation, digest: str, counted: tuple[Signature, ...]
) -> AttestationRecord:
    return AttestationRecord(
        **vars(replace(wanted, signatures=counted)),
        digest=digest,
        epoch=said.epoch,
        kind=said.kind,
        sequence=said.sequence,
        window_start_s=said.window_start,
        window_end_s=said.window_end,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )


def _event(wanted: RecordAttestation, said: evidence.Attestation, recorded: AttestationRecord) -> Event:
    body = {
        "digest": recorded.digest,
        "kind": recorded.kind,
        "sequence": recorded.sequence,
        "window_end_s": recorded.window_end_s,
        "signed_by": [one.organisation for one in recorded.signatures],
    }
    return Event("attestation_recorded", wanted.subject_kind, wanted.subject_id, body)
