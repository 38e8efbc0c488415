"""Anchors: a committee member's evidence log, pinned to the ledger by its checkpoints.

A checkpoint says how long the log was and what its root was. Each new one must prove that it continues the one before
it (RFC 9162 consistency), so that nothing already anchored can be taken out or changed. A log's origin is
`wuxin/1/<consortium_id>/logs/<organisation>`, or begins with that and a slash; the note is signed under the
organisation's name with the SM2 key that the committee names for it.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.access import ANYONE, require_party
from chaincode.declaration import command
from chaincode.parties import committee
from chaincode.parties.committee import CommitteeMember
from chaincode.parties.consortium import require_consortium
from chaincode.parties.members import Member
from chaincode.world import state
from chaincode.world.bounds import Count, Described, Hash, Organisation, Text, Whole
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, anchor_head_key, anchor_key
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Checkpoint, Verifier, open_checkpoint
from wuxin_evidence.log.tree import verify_consistency

NOTE_CHARS_MAX: Final = 4096
"""Three lines and a signature line take about 400."""

PROOF_HASHES_MAX: Final = 64
"""A consistency proof grows with the logarithm of the log; 2^53 leaves need no more."""

ORIGIN_EXAMPLE: Final = f"wuxin/1/{'5c' * 32}/logs/bank"
NOTE_EXAMPLE: Final = f"{ORIGIN_EXAMPLE}\n4096\nsbGx…\n\n— bank AbCd…\n"

Origin = Annotated[str, Text(1, 200, r"[A-Za-z0-9][A-Za-z0-9:._/-]*", "the name of a log, without spaces")]


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint of a log as it was signed."""

    origin: Annotated[
        Origin, Described("Name of the log, `wuxin/1/<consortium id>/logs/<organisation>`.", ORIGIN_EXAMPLE)
    ]
    note: Annotated[
        str,
        Text(1, NOTE_CHARS_MAX),
        Described("Origin, size, root and signature, one a line (C2SP tlog-checkpoint).", NOTE_EXAMPLE),
    ]


@dataclass(frozen=True)
class AnchorCheckpoint(SignedCheckpoint):
    """The argument of `anchor_checkpoint`."""

    consistency: Annotated[
        tuple[Hash, ...],
        Count(0, PROOF_HASHES_MAX),
        Described(
            "Proof from the anchored size to this one; empty for the first.", ["ab" * 32], source="RFC 9162 §2.1.4"
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Anchor(Stamped, SignedCheckpoint):
    """A checkpoint in the state."""

    organisation: Annotated[Organisation, Described("Whose evidence log this is.", "bank")]
    size: Annotated[int, Whole(0), Described("How long the log was.", 4096, unit="entries")]
    root: Annotated[Hash, Described("Head of its tree at that length.", "b1" * 32, source="RFC 9162 §2.1.1")]


@command(
    "anchor_checkpoint",
    on="anchor",
    creates=True,
    id_field="origin",
    roles=ANYONE,
    party="committee member",
    events=("checkpoint_anchored",),
    problems=("forbidden", "bad_signature", "sequence_regressed", "equivocation", "conflict"),
    en="Pin the caller's own evidence log to the ledger.",
    zh="将本方证据日志的检查点锚定到账本。",
)
def anchor(stub: Stub, caller: Member, wanted: AnchorCheckpoint) -> Anchor:
    """Anchor a checkpoint; the same one again has no effect.

    Errors: malformed, forbidden (no committee member, or another's origin), bad_signature, sequence_regressed (a
    shorter log), equivocation (the same size, another root), conflict (the proof does not hold).
    """
    signer = _require_signer(stub, caller)
    _require_own_origin(stub, wanted.origin, caller)
    checkpoint = _opened(wanted, signer)
    head = state.find(stub, anchor_head_key(wanted.origin), Anchor)
    if head is not None:
        if (checkpoint.size, checkpoint.root.hex()) == (head.size, head.root):
            return head
        _require_growth(head, checkpoint)
    _require_continued(head, checkpoint, wanted.consistency)

    anchored = Anchor(
        origin=wanted.origin,
        organisation=caller.organisation,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        note=wanted.note,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )

    state.write(stub, anchor_key(anchored.origin, anchored.size), anchored)
    state.write(stub, anchor_head_key(anchored.origin), anchored)

    body = {"organisation": anchored.organisation, "size": anchored.size, "root": anchored.root}
    emit(stub, Event("checkpoint_anchored", "log", anchored.origin, body))
    return anchored


def _require_signer(stub: Stub, caller: Member) -> CommitteeMember:
    members = committee.in_force_at(stub, stub.timestamp_s)
    require_party(anchor, caller, *(one.organisation for one in members.members))
    return next(one for one in members.members if one.organisation == caller.organisation)


def _opened(wanted: AnchorCheckpoint, signer: CommitteeMember) -> Checkpoint:
    verifier = Verifier(signer.organisation, "sm2-sm3", bytes.fromhex(signer.sm2_public_key))
    checkpoint = open_checkpoint(wanted.note.encode(), [verifier])
    if checkpoint.origin != wanted.origin:
        raise malformed("origin", "is not the origin of the note", "pass the first line of the note as origin")
    if checkpoint.size >= 2**53:
        raise malformed("note", "has a size beyond 2^53−1", "anchor a log of this world")
    return checkpoint


def _require_own_origin(stub: Stub, origin: str, caller: Member) -> None:
    own = f"wuxin/1/{require_consortium(stub).consortium_id}/logs/{caller.organisation}"
    # Else a member could sign a short log under another's origin, and that member's own checkpoints would be refused.
    if origin != own and not origin.startswith(own + "/"):
        raise Refusal(
            "forbidden", f"{origin} does not name a log of {caller.organisation}", f"anchor {own}, or a log below it"
        )


def _require_growth(head: Anchor, checkpoint: Checkpoint) -> None:
    if checkpoint.size < head.size:
        raise Refusal(
            "sequence_regressed",
            f"a log of {checkpoint.size} entries cannot follow one of {head.size}",
            "anchor the latest checkpoint",
        )
    if checkpoint.size == head.size:
        raise Refusal(
            "equivocation",
            f"size {head.size} of {head.origin} stands with root {head.root}",
            "keep both notes and bring them to the regulator: one log was signed with two contents",
        )


def _require_continued(head: Anchor | None, checkpoint: Checkpoint, proof: tuple[str, ...]) -> None:
    if head is None:
        if proof:
            raise malformed("consistency", "is not empty", "the first checkpoint of an origin continues nothing")
        return
    try:
        verify_consistency(
            head.size,
            checkpoint.size,
            [bytes.fromhex(one) for one in proof],
            bytes.fromhex(head.root),
            checkpoint.root,
        )
    except EvidenceError as error:
        raise Refusal(
            "conflict",
            f"size {checkpoint.size} does not continue size {head.size}: {error.detail}",
            "pass the consistency proof from the anchored size; if there is none, the log was rewritten",
        ) from error
